"""What each attempt of a task printed: standard output and error, with marks where something was left out."""

from __future__ import annotations

from nicegui import ui

from fogchain.api.data import AttemptLogs, LogView, TaskLogs
from fogchain.errors import FogchainError
from fogchain.units import show_size
from ui import show
from ui.components.base import Pill, block, icon, set_classes, set_prop, shown, text
from ui.components.choice import Choice
from ui.components.copy import copy_script
from ui.feed import NodeFeed
from ui.files import log_path
from ui.tones import RUN, tone

EVERY = 1.5  # s, while an attempt is under way
SHOWN_LOG = "event.currentTarget.closest('.fc-file').querySelector('pre').innerText"
OVER = {"done", "failed", "cancelled"}


class LogCard:
    """Follows the task it was opened for until `close`."""

    def __init__(self, feed: NodeFeed) -> None:
        self._feed = feed
        self._job, self._task = "", -1
        self._found: TaskLogs | None = None
        self._attempt = 0
        self._touched = False  # somebody chose an attempt
        self._told: tuple[object, ...] = ()
        with block("fc-stack tight") as self._box:
            with block("fc-row fc-wrap"):
                text("Logs", tag="h3")
                self._attempts = block("fc-seg", role="group", aria_label="Which attempt")
                block("fc-grow")
                self._stream = Choice("Which stream", {"stdout": "Output", "stderr": "Error output"}, self._draw)
            with block("fc-file"):
                with block("fc-file-head"):
                    self._pill = Pill()
                    self._who = text("", "fc-cut fc-dim")
                    block("fc-grow")
                    self._size = text("", "fc-faint fc-small fc-num", "span")
                    with block(
                        "fc-copybtn", "button", type="button", aria_label="Copy the log", title="Copy the log"
                    ) as copy:
                        icon("copy")
                    copy.on(
                        "click",
                        js_handler=copy_script(
                            "event.currentTarget.closest('.fc-file').querySelector('pre').innerText"
                        ),
                    )
                    with block("fc-btn small", "a", aria_label="Download the log") as self._download:
                        self._download.props["download"] = ""
                        icon("download")
                        text("Download", "fc-narrow-hide", "span")
                self._pre = text("", tag="pre")
                self._pre.props["tabindex"] = "0"
        ui.timer(EVERY, self._again)

    def open(self, job_id: str, task: int) -> None:
        if (job_id, task) == (self._job, self._task):
            return
        self._job, self._task = job_id, task
        self._found, self._touched, self._told = None, False, ()
        shown(self._box, False)
        ui.timer(0, self._load, once=True)

    def close(self) -> None:
        self._job, self._task, self._found = "", -1, None

    async def _again(self) -> None:
        if self._task >= 0 and (self._found is None or self._found.state not in OVER):
            await self._load()

    async def _load(self) -> None:
        job, task = self._job, self._task
        if task < 0:
            return
        try:
            found = await self._feed.ask(lambda client: client.logs(job, task))
        except FogchainError:
            return  # the banner tells; the next look tries again
        if (job, task) != (self._job, self._task):
            return
        first, self._found = self._found is None, found
        if first and found.attempts:
            self._stream.choose("stderr" if _only_errors(_first(found)) else "stdout")
        self._draw()

    def _draw(self) -> None:
        found = self._found
        shown(self._box, found is not None and bool(found.attempts))
        if found is None or not found.attempts:
            return
        known = {one.attempt: one for one in found.attempts}
        if not self._touched or self._attempt not in known:
            self._attempt = _first(found).attempt
        if self._told != (told := (self._attempt, *known)):
            self._told = told
            self._draw_attempts(found.attempts)
        one = known[self._attempt]
        self._pill.set(tone(RUN, one.state))
        who = one.provider_name or show.short(one.provider)
        self._who.set_text(" · ".join(part for part in (who, one.exit or "", one.detail, _standing(one)) if part))
        set_prop(self._who, "title", f"{one.provider} {one.detail}".strip())
        log: LogView | None = getattr(one, self._stream.value)
        self._size.set_text(_size(log))
        self._pre.set_text(_words(one, log))
        set_classes(self._pre, "" if log and log.size else "fc-faint")
        set_prop(self._download, "href", log_path(0, self._job, self._task, one.attempt, self._stream.value))
        shown(self._download, bool(log and log.size))

    def _draw_attempts(self, attempts: list[AttemptLogs]) -> None:
        self._attempts.clear()
        shown(self._attempts, len(attempts) > 1)
        with self._attempts:
            for number, one in enumerate(attempts, 1):
                pressed = "true" if one.attempt == self._attempt else "false"
                with block("", "button", type="button", aria_pressed=pressed) as made:
                    text(f"{number} · {one.provider_name or show.short(one.provider)}", tag="span")
                made.on("click", lambda attempt=one.attempt: self._choose(attempt))

    def _choose(self, attempt: int) -> None:
        self._attempt, self._touched = attempt, True
        self._draw()


def _first(found: TaskLogs) -> AttemptLogs:
    """The attempt to look at: the accepted one, else the newest."""
    return next((one for one in found.attempts if one.state == "accepted"), found.attempts[-1])


def _only_errors(one: AttemptLogs) -> bool:
    return bool(one.stderr and one.stderr.size) and not (one.stdout and one.stdout.size)


def _standing(one: AttemptLogs) -> str:
    """What the log is worth, in words; empty when it is what was accepted."""
    if one.contradicted:
        return "it printed something else than it delivered"
    return "not verified: what its provider says" if one.unverified and (one.stdout or one.stderr) else ""


def _size(log: LogView | None) -> str:
    if log is None or not log.size:
        return ""
    return show_size(log.size) + (f", {show_size(log.left_out)} left out" if log.left_out else "")


def _words(one: AttemptLogs, log: LogView | None) -> str:
    if log is not None and log.size:
        return log.text
    if log is not None:
        return "nothing was printed"
    if one.finished is None and one.state in {"sent", "running"}:
        return "nothing was printed yet"
    return "nothing of it is kept: its provider was lost, or gave no result"
