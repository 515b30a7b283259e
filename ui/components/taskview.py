"""One task opened: its runs at each provider, and the files it left, looked at in place."""

from __future__ import annotations

import csv
import re

from nicegui import background_tasks, ui
from nicegui.element import Element

from fogchain.api.models import RunView, TaskView
from fogchain.errors import FogchainError
from fogchain.units import show_size
from ui import show
from ui.components.base import Pill, block, icon, icon_button, shown, text
from ui.components.copy import CopyText
from ui.components.logview import LogCard
from ui.components.table import Column, Grid, Row, amount, pill, plain
from ui.feed import NodeFeed
from ui.files import file_path
from ui.jobwatch import JobWatch
from ui.pictures import IMAGES
from ui.tones import RUN, TASK, tone

TEXT_LIMIT = 64 << 10  # bytes of a text file that are shown
IMAGE_LIMIT = 16 << 20
TABLE_ROWS, TABLE_COLUMNS = 40, 12
_NUMBER = re.compile(r"[-+]?\d[\d_]*(\.\d+)?([eE][-+]?\d+)?")
RUN_COLUMNS = (
    Column("Provider"),
    Column("State"),
    Column("For", optional=True),
    Column("Work", end=True, optional=True),
    Column("Cost", end=True),
    Column("Took", end=True),
    Column("Exit", optional=True),
)


def latest(task: TaskView) -> RunView | None:
    """The run whose figures stand for the task: the accepted one, else the newest for work."""
    work = [run for run in task.runs if run.purpose == "work"]
    accepted = [run for run in work if run.state == "accepted"]
    best = accepted or work
    return best[-1] if best else None


def describe(task: TaskView) -> str:
    """A few lines for the tooltip."""
    lines = [f"Task {task.index} · {tone(TASK, task.state).word}"]
    run = latest(task)
    if run is not None:
        lines.append(f"{run.provider_name or show.short(run.provider)} · {show.plural(len(task.runs), 'run')}")
        if run.cost is not None:
            lines.append(f"{show.fuel(run.fuel).text} · {show.fog(run.cost).text}")
    if task.detail:
        lines.append(task.detail)
    return "\n".join(lines)


class TaskSheet:
    """The dialog; it stays fresh while it is open."""

    def __init__(self, feed: NodeFeed, watch: JobWatch) -> None:
        self._feed, self._watch = feed, watch
        self._index: int | None = None
        self._drawn: str | None = None
        with ui.dialog().on("hide", self._closed) as self._dialog, block("fc-sheet", role="dialog", aria_label="Task"):
            with block("fc-row"):
                self._title = text("", "fc-cut", "h2")
                self._pill = Pill()
                block("fc-grow")
                icon_button("chevron-left", "Previous task", lambda: self._step(-1))
                icon_button("chevron-right", "Next task", lambda: self._step(1))
                icon_button("x", "Close", self._dialog.close)
            self._detail = text("", "fc-dim", "p")
            self._args = text("", "fc-mono fc-dim").style("overflow-wrap:anywhere;font-size:12.5px")
            self._run_box = block("fc-card flush").style("box-shadow:none;flex:none")
            with self._run_box:
                self._runs = Grid("Runs of this task", RUN_COLUMNS)
            self._files = block("fc-stack tight")
            self._logs = LogCard(feed)

    def open(self, index: int) -> None:
        self._index, self._drawn = index, None
        self._dialog.open()
        self.update()

    def update(self) -> None:
        task = (self._watch.tasks or {}).get(self._index) if self._index is not None else None
        if task is None:
            return
        self._title.set_text(f"Task {task.index}")
        self._pill.set(tone(TASK, task.state))
        self._detail.set_text(task.detail)
        self._detail.set_visibility(bool(task.detail))
        words = " ".join(task.args)
        self._args.set_text(f"arguments: {words[:600]}{'…' if len(words) > 600 else ''}")
        self._args.set_visibility(bool(words))
        shown(self._run_box, bool(task.runs))
        self._logs.open(self._job_id, task.index)
        self._runs.show([_run_row(run) for run in task.runs])
        key = f"{task.index} {task.result} {task.state}"
        if key != self._drawn:  # files never change once there is a result
            self._drawn = key
            self._draw_files(task)

    def _draw_files(self, task: TaskView) -> None:
        self._files.clear()
        with self._files:
            if not task.files:
                text(_no_files(task), "fc-faint fc-small")
                return
            with block("fc-row fc-small"):
                text("Result", "fc-faint", "span")
                CopyText("Copy the result's hash").set(task.result or "")
            for file in task.files:
                with block("fc-file"):
                    with block("fc-file-head"):
                        icon("image" if file.name.lower().endswith(IMAGES) else "file-text", "fc-faint")
                        text(file.name, "fc-cut").style("font-weight:560")
                        text(show_size(file.size), "fc-faint fc-small fc-num", "span")
                        block("fc-grow")
                        self._download(task.index, file.name)
                    self._preview(task.index, file.name, file.size)

    def _download(self, index: int, name: str) -> None:
        target = file_path(0, self._job_id, index, name)
        with block("fc-btn small", "a", href=target, aria_label=f"Download {name}") as made:
            made.props["download"] = ""
            icon("download")
            text("Download", "fc-narrow-hide", "span")

    def _preview(self, index: int, name: str, size: int) -> None:
        if size == 0 or name in {"stdout", "stderr"}:  # these are shown as the logs
            return
        if name.lower().endswith(IMAGES) and size <= IMAGE_LIMIT:
            block(
                "",
                "img",
                src=file_path(0, self._job_id, index, name, image=True),
                alt=f"{name} of task {index}",
                loading="lazy",
            )
        elif size <= TEXT_LIMIT * 16:
            place = block()
            background_tasks.create(self._load_text(place, index, name), name=f"preview {name}", context=place)

    async def _load_text(self, place: Element, index: int, name: str) -> None:
        try:
            data = await self._feed.ask(lambda client: client.result_file(self._job_id, index, name))
        except FogchainError as error:
            words = f"can't be read now: {error.message}"
        else:
            words = _as_text(data)
        if place.is_deleted:
            return
        with place:
            if name.lower().endswith((".csv", ".tsv")) and (table := read_table(words)):
                _draw_table(name, table)
            else:
                text(words, tag="pre").props["tabindex"] = "0"

    def _step(self, by: int) -> None:
        known = sorted(self._watch.tasks or {})
        if self._index in known:
            self.open(known[(known.index(self._index) + by) % len(known)])

    def _closed(self) -> None:
        self._index = None
        self._files.clear()
        self._logs.close()

    @property
    def _job_id(self) -> str:
        return self._watch.detail.id if self._watch.detail else self._watch.job_id


def read_table(words: str) -> list[list[str]]:
    """The first lines of a CSV or TSV file; empty when it is no table."""
    lines = words.splitlines()[: TABLE_ROWS + 1]
    try:
        kind = csv.Sniffer().sniff("\n".join(lines[:20]), ",;\t")
        rows = [row[:TABLE_COLUMNS] for row in csv.reader(lines, kind)]
    except csv.Error:
        return []
    return rows if rows and all(len(row) == len(rows[0]) > 1 for row in rows) else []


def _draw_table(name: str, rows: list[list[str]]) -> None:
    """With its first line as the heading, if that is one."""
    head, body = (
        (rows[0], rows[1:])
        if not any(map(_is_number, rows[0]))
        else ([str(at) for at in range(1, len(rows[0]) + 1)], rows)
    )
    ends = [bool(body) and all(_is_number(row[at]) for row in body) for at in range(len(head))]
    columns = [Column(label, end=end) for label, end in zip(head, ends, strict=True)]
    with block("fc-preview"):
        cells = [Row(str(at), tuple(plain(cell[:80], cell[:500]) for cell in row)) for at, row in enumerate(body)]
        Grid(f"The beginning of {name}", columns).show(cells)


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell.strip()))


def _no_files(task: TaskView) -> str:
    if task.state in {"failed", "cancelled"}:
        return "This task has no result."
    return (
        "Its files appear here as soon as its result is accepted."
        if task.result is None
        else "Its result holds no files."
    )


def _as_text(data: bytes) -> str:
    """The beginning of a text; for other data a word about what it is."""
    try:
        words = data[:TEXT_LIMIT].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < min(len(data), TEXT_LIMIT) - 4:  # not only cut in the middle of a letter
            return f"{show_size(len(data))} of binary data"
        words = data[: error.start].decode("utf-8")
    if any(ord(letter) < 32 and letter not in "\t\n\r\f\x1b" for letter in words[:4096]):
        return f"{show_size(len(data))} of binary data"
    return words + (f"\n… {show_size(len(data) - TEXT_LIMIT)} more" if len(data) > TEXT_LIMIT else "")


def _marks(run: RunView) -> str:
    """How it kept its agreement, in words."""
    if run.breached:
        return "promised, never delivered"
    return "late: paid less" if run.late else ""


def _run_row(run: RunView) -> Row:
    took = show.span(run.finished - run.sent) if run.finished else show.UNKNOWN
    if run.finished is None and run.seconds is not None:
        took = f"{show.span(run.seconds)} so far"
    return Row(
        f"{run.attempt} {run.purpose} {run.provider}",
        (
            plain(run.provider_name or show.short(run.provider), run.provider),
            pill(tone(RUN, run.state), run.detail, _marks(run)),
            plain(run.purpose, "its answer was sealed before it could see another" if run.sealed else ""),
            amount(show.fuel(run.fuel)),
            amount(show.fog(run.cost)),
            plain(took, f"sent {show.full_moment(run.sent)}"),
            plain(run.exit or show.UNKNOWN, run.detail),
        ),
    )
