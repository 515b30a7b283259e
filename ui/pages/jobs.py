"""All jobs of this node as a buyer."""

from __future__ import annotations

import time

from nicegui import ui

from fogchain.api.models import JobSummary
from fogchain.errors import FogchainError
from ui import show
from ui.components.bar import in_words, parts
from ui.components.base import block, card, heading, link_button, shown
from ui.components.empty import alert, empty
from ui.components.table import Cell, Column, Grid, Pager, Row, Waiting, amount, link, pill, plain
from ui.live import follow
from ui.pages.overview import ACTIVE
from ui.panel import Page, Panel
from ui.show import plural
from ui.tones import JOB, tone

PAGE_SIZE = 25
COLUMNS = (
    Column("Job"),
    Column("State"),
    Column("Progress", optional=True),
    Column("Spent", end=True),
    Column("Work", end=True, wide=True),
    Column("Settled", wide=True),
    Column("Started", end=True, optional=True),
)


def build(panel: Panel) -> None:
    feed = panel.main
    ui.page_title("Jobs · fogchain")
    cursors: list[str | None] = [None]  # where each page begins; known one page ahead
    older: list[JobSummary] = []  # the page that is shown, when it is not the newest

    with block("fc-page"):
        with heading("Jobs", "Batches of tasks this node has bought"):
            block("fc-grow")
            link_button("New job", "/jobs/new", "plus", "primary")
        problem, problem_words = alert("bad", "circle-alert")
        with card(classes="flush"):
            waiting = Waiting(6)
            with waiting.empty:
                empty(
                    "layers", "No jobs yet",
                    "A job is a WebAssembly module, a list of tasks and a budget, in one TOML file. "
                    "What it will cost is shown before anything is spent. Write one here, or:",
                    feed.address.command("job submit my.toml"),
                )  # fmt: skip
            with waiting.content:
                grid = Grid("Jobs", COLUMNS)
                pager = Pager(PAGE_SIZE, lambda: turn())
    shown(problem, False)

    async def turn() -> None:
        """Older pages are asked for when they are looked at; the newest is always live."""
        number = pager.offset // PAGE_SIZE
        try:
            while len(cursors) <= number:
                page = await feed.ask(lambda client: client.jobs(limit=PAGE_SIZE, cursor=cursors[-1]))
                cursors.append(page.next_cursor)
            older[:] = (
                (await feed.ask(lambda client: client.jobs(limit=PAGE_SIZE, cursor=cursors[number]))).items
                if number
                else []
            )
        except FogchainError as error:
            problem_words.set_text(show.sentences(error))
            shown(problem, True)
            return
        shown(problem, False)
        update()

    def update() -> None:
        waiting.set(None if feed.jobs is None else len(feed.jobs))
        if feed.jobs is None:
            return
        pager.set_total(feed.jobs_total or len(feed.jobs))
        if pager.offset:
            jobs = [feed.jobs.get(job.id, job) for job in older]
        else:
            del cursors[1:]
            jobs = list(feed.jobs.values())[:PAGE_SIZE]
        now = time.time()
        grid.show([_row(job, now) for job in jobs])

    follow(update, lambda: (feed.rev("jobs"), int(time.time())))


def _row(job: JobSummary, now: float) -> Row:
    took = f"took {show.span(job.finished - job.created)}" if job.finished is not None else ""
    note = job.detail if job.state in {"planning", "failed", "cancelled"} else ""
    return Row(
        job.id,
        (
            link(job.name, f"/jobs/{job.id}", note),
            pill(tone(JOB, job.state), job.detail),
            _progress(job),
            amount(show.fog(job.spent), f"of {show.fog(job.budget).text}"),
            amount(show.fuel(job.fuel)),
            plain(
                "yes" if job.paid else "not yet", "every voucher is claimed, every session closed" if job.paid else ""
            ),
            plain(show.ago(job.created, now), show.full_moment(job.created), took, faint=True),
        ),
        f"/jobs/{job.id}",
    )


def _progress(job: JobSummary) -> Cell:
    total = job.tasks.total or 1
    return {
        "text": f"{show.number(job.tasks.done)} of {plural(job.tasks.total, 'task')}",
        "parts": [[name, round(100 * count / total, 2)] for _, name, count in parts(job.tasks) if count],
        "full": in_words(job.tasks),
    }


def _active(panel: Panel) -> int:
    return sum(job.state in ACTIVE for job in (panel.main.jobs or {}).values())


PAGE = Page("/jobs", "Jobs", build, "layers", _active)
