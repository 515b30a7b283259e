"""One job: how far it is, who works on it for how much, what came out, and why it waits or failed."""

from __future__ import annotations

import time
from collections.abc import Collection

from nicegui import ui

from fogchain.api.models import JobDetail, ProviderShare, ReceiptView, TaskView, TransferView
from fogchain.api.models import Page as ApiPage
from fogchain.errors import FogchainError
from fogchain.units import format_duration, format_ratio, show_size
from ui import show
from ui.components.bar import Legend, ProgressBar, in_words
from ui.components.base import Facts, Pill, block, button, card, icon, set_classes, set_prop, shown, text
from ui.components.choice import Choice
from ui.components.confirm import confirm
from ui.components.copy import CopyText, command
from ui.components.empty import alert, empty, skeleton
from ui.components.jobfields import terms_of
from ui.components.listing import PAGE_SIZE, Listing
from ui.components.mosaic import Mosaic
from ui.components.receipts import RECEIPT_COLUMNS, ReceiptSheet, receipt_row
from ui.components.table import Column, Grid, Pager, Row, Waiting, amount, pill, plain
from ui.components.taskview import TaskSheet, describe, latest
from ui.components.thumbnails import Thumbnails
from ui.components.wall import Wall
from ui.feed import NodeFeed
from ui.files import zip_path
from ui.jobform import LEVELS
from ui.jobtotals import JobTotals
from ui.jobwatch import JobWatch
from ui.live import follow
from ui.pages.overview import ACTIVE
from ui.panel import Page, Panel
from ui.tones import JOB, SESSION, TASK, tone

TASKS_PAGE = 25
PROVIDER_COLUMNS = (
    Column("Provider"),
    Column("Tasks", end=True),
    Column("Owed", end=True),
    Column("Claimed", end=True),
    Column("Session", optional=True),
)
TASK_COLUMNS = (
    Column("Task"),
    Column("State"),
    Column("Provider", optional=True),
    Column("Work", end=True, optional=True),
    Column("Cost", end=True),
    Column("Files", end=True, optional=True),
    Column("Arguments", wide=True),
)
FILTERS = {
    "all": None, "open": {"queued", "sent", "running", "checking"}, "done": {"done"}, "failed": {"failed", "cancelled"},
}  # fmt: skip


def build(panel: Panel, job_id: str) -> None:
    feed = panel.main
    watch = feed.watch(job_id)
    ui.page_title("Job · fogchain")
    with block("fc-page"):
        loading = block("fc-stack")
        with loading:
            _first_look(feed, job_id)
            with block("fc-card"):
                skeleton(5)
        missing = block("fc-card fc-hide")
        with missing:
            empty(
                "layers", "No such job", "This node has no job by that id. Its own jobs are these:",
                feed.address.command("job list"),
            )  # fmt: skip
        body = block("fc-stack fc-hide")
    drawn: list[_Body] = []

    def update() -> None:
        feed.hold(watch)
        shown(loading, watch.detail is None and watch.error is None)
        shown(missing, watch.error is not None)
        shown(body, watch.detail is not None and watch.error is None)
        if watch.detail is None or watch.error is not None:
            return
        if not drawn:
            ui.page_title(f"{watch.detail.name} · fogchain")
            loading.clear()
            with body:
                drawn.append(_Body(panel, watch, watch.detail))
        drawn[0].update(watch.detail)

    follow(update, lambda: (watch.rev, int(time.time())))


def _first_look(feed: NodeFeed, job_id: str) -> None:
    """What the list of jobs knows already: a job of many tasks takes a moment to come."""
    known = (feed.jobs or {}).get(job_id)
    if known is None:
        return
    with block("fc-head"):
        text(known.name, "fc-cut", "h1")
        Pill(tone(JOB, known.state))
    with card():
        with block("fc-row fc-between").style("align-items:baseline"):
            text(f"{100 * known.tasks.done // (known.tasks.total or 1)} %", "fc-stat-value")
            text(in_words(known.tasks), "fc-dim fc-num fc-cut")
        ProgressBar("big").set(known.tasks)


class _Body:
    def __init__(self, panel: Panel, watch: JobWatch, detail: JobDetail) -> None:
        self._panel, self._watch = panel, watch
        self._rev = -1
        with block("fc-head"):
            with block("fc-iconbtn", "a", href="/jobs", aria_label="All jobs", title="All jobs"):
                icon("arrow-left")
            text(detail.name, "fc-cut", "h1")
            self._pill = Pill()
            block("fc-grow")
            self._cancel = button("Cancel job", self._ask_cancel, "ban", "danger small")
            self._delete = button("Delete", self._ask_delete, "trash-2", "danger small")
        self._why, self._why_words = alert("info", "info")
        self._sheet = TaskSheet(panel.main, watch)
        self._progress()
        with block("fc-grid g-32"):
            with block("fc-stack"):
                self._mosaic = Mosaic(panel.main, watch, self._sheet.open)
                self._left = block("fc-stack")
                with self._left:
                    self._providers_card = block()
                    with self._providers_card:
                        self._provider_table()
                    self._how_to_fetch(detail)
            with block("fc-stack") as self._right:
                self._facts(detail)
        self._shots = Thumbnails(panel.main, watch, self._sheet.open)
        self._task_table()
        self._receipts(detail)

    # -- parts

    def _progress(self) -> None:
        with card():
            with block("fc-row fc-between").style("align-items:baseline"):
                self._percent = text("–", "fc-stat-value")
                self._words = text("", "fc-dim fc-num fc-cut")
            self._bar = ProgressBar("big")
            with block("fc-row fc-between"):
                self._legend = Legend()
                self._moving = text("", "fc-small fc-dim fc-num")
                text("one cell a task: click to open it", "fc-small fc-faint fc-narrow-hide")
            self._wall_waiting = Waiting(2)
            with self._wall_waiting.content.classes("fc-scroll"):
                self._wall = Wall(self._describe, lambda index: self._sheet.open(index))

    def _how_to_fetch(self, detail: JobDetail) -> None:
        with card("Results", "download") as end:
            with end:
                self._files = text("", "fc-num")
            with block("fc-row fc-wrap fc-between"):
                text("Each file was checked against the hash its provider signed.", "fc-dim fc-small")
                with block("fc-btn small", "a", href=zip_path(0, detail.id)) as self._zip:
                    self._zip.props["download"] = ""
                    icon("download")
                    text("Download all", tag="span")
            command(self._panel.main.address.command(f"job results {detail.id[:12]}"))

    def _facts(self, detail: JobDetail) -> None:
        with card("Job", "info"):
            self._fact = Facts(
                "Spent",
                "Highest price",
                "Work",
                "Checking",
                "Checks",
                "Disagreed",
                "Runs ended",
                "Agreements",
                "Settled",
                "Started",
                "Time taken",
                "Time limit",
                "Limits per task",
            )
            with block("fc-dl"):
                text("Id", "k")
                with block("v"):
                    CopyText("Copy the job's id").set(detail.id)
                text("Module", "k")
                with block("v"):
                    CopyText("Copy the module's hash").set(detail.spec.module.sha256)
            text(f"For each task both sides sign: {terms_of(detail.spec)}.", "fc-small fc-faint")
        limits = detail.spec.limits
        price = (
            show.price(detail.spec.max_price)
            if detail.spec.max_price is not None
            else show.Shown("none", "", "no limit given")
        )
        self._fact.set("Highest price", price.text, price.full)
        self._fact.set("Time limit", format_duration(detail.spec.time_limit))
        self._fact.set(
            "Limits per task",
            f"{show.fuel(limits.fuel).text} · {limits.memory >> 20} MiB",
            f"{show.fuel(limits.fuel).full}, {limits.memory} bytes of memory, {format_duration(limits.time)}",
        )

    def _provider_table(self) -> None:
        with card("Providers", "server", "flush"):
            self._providers_waiting = Waiting(2)
            with self._providers_waiting.empty:
                empty(
                    "server",
                    "No provider yet",
                    "Sessions are opened with providers that match; then they are listed here.",
                )
            with self._providers_waiting.content:
                self._providers = Grid("Providers of this job", PROVIDER_COLUMNS).classes("fc-tight")

    def _task_table(self) -> None:
        with card("All tasks", "file-text", "flush") as end:
            with end:
                self._filter = Choice(
                    "Which tasks", {"all": "All", "open": "Open", "done": "Done", "failed": "Failed"}, self._choose
                )
            self._tasks_waiting = Waiting(5)
            with self._tasks_waiting.empty:
                empty("file-text", "None of these", "No task of this job is in such a state.")
            with self._tasks_waiting.content:
                self._tasks = Grid("Tasks of this job", TASK_COLUMNS, lambda key: self._sheet.open(int(key)))
                self._pager = Pager(TASKS_PAGE, self._show_tasks)

    def _receipts(self, detail: JobDetail) -> None:
        feed, sheet = self._panel.main, ReceiptSheet(self._panel)

        async def ask(cursor: str | None) -> ApiPage[ReceiptView]:
            return await feed.ask(
                lambda client: client.receipts(role="buyer", job=detail.id, limit=PAGE_SIZE, cursor=cursor)
            )

        listing = Listing(
            "Receipts", "receipt-text", RECEIPT_COLUMNS, "No receipts yet",
            "Each run that a provider has signed for appears here; opened, it shows both sides' figures.",
            ask=ask, row=lambda receipt, now: receipt_row(receipt, now, feed.names),
            fresh=lambda: feed.rev("receipts", "link"), on_pick=sheet.open,
        )  # fmt: skip
        with listing.head:
            text("click one to see both sides", tag="span")

    # -- updates

    def update(self, job: JobDetail) -> None:
        now = time.time()
        self._fact.set("Started", show.ago(job.created, now), show.full_moment(job.created))
        if job.finished is not None or self._panel.main.live:  # nobody knows how long it went on in the dark
            self._fact.set("Time taken", show.span((job.finished or now) - job.created), show.full_moment(job.finished))
        if self._watch.rev == self._rev:
            return
        self._rev = self._watch.rev
        self._pill.set(tone(JOB, job.state))
        shown(self._cancel, job.state in ACTIVE)
        shown(self._delete, job.state not in ACTIVE and job.paid)
        self._explain(job)
        self._percent.set_text(f"{100 * job.tasks.done // (job.tasks.total or 1)} %")
        self._words.set_text(in_words(job.tasks))
        self._bar.set(job.tasks)
        self._legend.set(job.tasks)
        spent, budget = show.fog(job.spent), show.fog(job.budget)
        self._fact.set("Spent", f"{spent.value} of {budget.text}", f"{spent.full} of a budget of {budget.full}")
        self._fact.set("Work", show.fuel(job.fuel).text, show.fuel(job.fuel).full)
        self._fact.set("Checking", f"{job.spec.verify.level}: {LEVELS[job.spec.verify.level][0].lower()}")
        self._fact.set("Checks", _checks(job))
        self._fact.set("Agreements", *_agreements(job))
        self._fact.set("Settled", "yes, all paid" if job.paid else "not yet")
        self._providers_waiting.set(len(job.providers))
        self._providers.show(_provider_rows(job))
        tasks = self._watch.tasks
        if tasks is not None:
            totals = self._watch.totals
            self._wall_waiting.set(len(tasks))
            self._wall.show([task.state for task in tasks.values()], in_words(job.tasks))
            files = totals.files
            self._files.set_text(f"{show.plural(files, 'file')}, {show_size(totals.bytes)}" if files else "none yet")
            shown(self._zip, bool(files))
            self._moving.set_text(_moving(totals.moving.values()))
            liars = sorted(totals.name(provider) or show.short(provider) for provider in totals.wrong)
            self._fact.set("Disagreed", ", ".join(liars) if liars else "nobody")
            self._fact.set("Runs ended", *_endings(totals))
            self._mosaic.update()
            if self._mosaic.visible and self._providers_card.parent_slot is not self._right.default_slot:
                self._providers_card.move(self._right, 0)  # the picture takes its place
            self._shots.update()
            self._sheet.update()
        self._show_tasks()

    def _explain(self, job: JobDetail) -> None:
        name, symbol = {"failed": ("bad", "circle-alert"), "cancelled": ("warn", "ban")}.get(
            job.state, ("info", "info")
        )
        shown(self._why, bool(job.detail))
        set_classes(self._why, f"fc-alert t-{name}" + ("" if job.detail else " fc-hide"))
        self._why_words.set_text(job.detail)
        set_prop(self._why, "data-icon", symbol)

    def _show_tasks(self) -> None:
        tasks = self._watch.tasks
        if tasks is None:
            self._tasks_waiting.set(None)
            return
        wanted = FILTERS[self._filter.value]
        chosen = list(tasks) if wanted is None else self._watch.totals.of(wanted)
        self._tasks_waiting.set(len(chosen))
        self._pager.set_total(len(chosen))
        at = self._pager.offset
        self._tasks.show([_task_row(tasks[index]) for index in chosen[at : at + TASKS_PAGE]])

    def _choose(self) -> None:
        self._pager.reset()
        self._show_tasks()

    def _describe(self, index: int) -> str:
        task = (self._watch.tasks or {}).get(index)
        return describe(task) if task is not None else f"Task {index}"

    async def _ask_cancel(self) -> None:
        job = self._watch.detail
        if job is None:
            return
        left = job.tasks.total - job.tasks.done
        sure = await confirm(
            f"Cancel {job.name}?",
            f"{show.plural(left, 'task')} will not be finished. Work that was accepted is still paid: "
            f"{show.fog(job.spent).text} so far. The rest of the budget is freed when the sessions close.",
            "Cancel the job",
            "Keep it running",
        )
        if not sure:
            return
        try:
            await self._panel.main.ask(lambda client: client.cancel(job.id))
        except FogchainError as error:
            ui.notify(f"Not cancelled: {error.message}. {error.hint}", type="negative", timeout=8000)
        else:
            ui.notify("The job is being cancelled", type="positive")
            self._watch.invalidate()
            self._panel.main.refresh("jobs", "wallet")

    async def _ask_delete(self) -> None:
        job = self._watch.detail
        if job is None:
            return
        sure = await confirm(
            f"Delete {job.name}?",
            "Its results, logs and receipts on this node are gone for good. What was paid stays on the chain.",
            "Delete the job",
            "Keep it",
        )
        if not sure:
            return
        try:
            await self._panel.main.ask(lambda client: client.delete_job(job.id))
        except FogchainError as error:
            ui.notify(f"Not deleted: {error.message}. {error.hint}", type="negative", timeout=8000)
        else:
            ui.notify(f"{job.name} is deleted", type="positive")
            self._panel.main.refresh("jobs", "receipts")
            ui.navigate.to("/jobs")


def _moving(transfers: Collection[TransferView]) -> str:
    """Data on its way, in words: `3 results arriving, 2 MiB of 9 MiB`."""
    words = []
    for what, one, many in (
        ("inputs", "input leaving", "inputs leaving"),
        ("result", "result arriving", "results arriving"),
    ):
        moving = [one for one in transfers if one.what == what]
        if moving:
            here, total = sum(one.here for one in moving), sum(one.total for one in moving)
            words.append(f"{show.plural(len(moving), one, many)}, {show_size(here)} of {show_size(total)}")
    return "; ".join(words)


def _endings(totals: JobTotals) -> tuple[str, str]:
    """How runs ended, most frequent first, and at length which of whom did not end well and why."""
    words = ", ".join(f"{show.number(count)} {how}" for how, count in totals.endings.most_common())
    full = "; ".join(
        f"{totals.name(provider) or show.short(provider)}: {show.number(count)} {how}"
        + (f" ({totals.words[provider, how]})" if totals.words[provider, how] else "")
        for (provider, how), count in totals.troubles.most_common(12)
    )
    return words or "none yet", full


def _agreements(job: JobDetail) -> tuple[str, str]:
    """How they were kept, in words and at length."""
    late, broken = sum(share.late for share in job.providers), sum(share.outages for share in job.providers)
    kept = sum(share.penalty for share in job.providers)
    words = [f"{show.number(late)} late"] if late else []
    words += [f"{show.number(broken)} broken"] if broken else []
    words += [f"{show.fog(kept).text} kept as penalty"] if kept else []
    full = "; ".join(
        f"{share.name or show.short(share.address)}: {share.late} late, {share.outages} broken, "
        f"{show.fog(share.penalty).full} kept"
        for share in job.providers
        if share.late or share.outages or share.penalty
    )
    return ", ".join(words) or "all kept", full


def _checks(job: JobDetail) -> str:
    verify = job.spec.verify
    if verify.level == "L0":
        return "none asked for"
    if verify.level != "L1":
        return f"{job.checks_done} done" + (f", {job.checks_failed} failed" if job.checks_failed else "")
    sample = "adaptive sample" if verify.sample is None else f"{format_ratio(verify.sample)} sample"
    failed = f", {job.checks_failed} failed" if job.checks_failed else ""
    return f"{job.checks_done} done{failed} ({sample})"


def _share_note(share: ProviderShare) -> str:
    late = f"{show.number(share.late)} late" if share.late else ""
    broken = f"{show.number(share.outages)} broken" if share.outages else ""
    return " · ".join(part for part in (share.problem, late, broken) if part)


def _provider_rows(job: JobDetail) -> list[Row]:
    return [
        Row(
            share.session or share.address,
            (
                plain(share.name or show.short(share.address), share.address, _share_note(share)),
                plain(show.number(share.tasks), "tasks run", f"{show.plural(share.checks, 'check')}"),
                amount(show.fog(share.owed), show.fuel(share.fuel).text),
                amount(show.fog(share.claimed)),
                pill(tone(SESSION, share.session_state), share.session),
            ),
        )
        for share in job.providers
    ]


def _way(task: TaskView) -> str:
    moving = task.transfer
    if moving is None:
        return ""
    percent = 100 * moving.here // (moving.total or 1)
    return f"{moving.what} {percent} % of {show_size(moving.total)}"


def _task_row(task: TaskView) -> Row:
    run = latest(task)
    return Row(
        str(task.index),
        (
            plain(f"#{task.index}", note=task.detail),
            pill(tone(TASK, task.state), task.detail, _way(task)),
            plain(run.provider_name or show.short(run.provider), run.provider) if run else plain(show.UNKNOWN),
            amount(show.fuel(run.fuel if run else None)),
            amount(show.fog(run.cost if run else None)),
            plain(
                show.number(len(task.files)) if task.result else show.UNKNOWN,
                ", ".join(file.name for file in task.files),
            ),
            plain(" ".join(task.args)[:120], " ".join(task.args)[:1000], mono=True, faint=True),
        ),
    )


PAGE = Page("/jobs/{job_id}", "Job", build)
