"""A job of one's own: written, priced as one writes, and submitted once."""

from __future__ import annotations

import asyncio
import json
import time

from nicegui import ui

from fogchain.errors import BadInput, FogchainError
from ui import show
from ui.components.base import block, icon, set_prop, shown, text
from ui.components.choice import Choice
from ui.components.empty import alert
from ui.components.jobfields import JobFields, JobFile
from ui.components.pricecard import PriceCard, Priced
from ui.drafts import Draft
from ui.feed import NodeFeed
from ui.jobform import WrongField, wrong_fields
from ui.live import follow
from ui.once import Once
from ui.panel import Page, Panel

LOOK = 0.15  # s
DEBOUNCE = 0.35  # s after the last key
REQUOTE = 5.0  # s; the market moves by itself
# The router writes the page's own address after the page is built; then this one takes its place.
KEEP_ADDRESS = """
const kept = %s;
const timer = setInterval(() => {
  if (location.pathname.startsWith("/jobs/new") && location.pathname !== kept)
    history.replaceState({ page: kept }, "", kept);
}, 100);
setTimeout(() => clearInterval(timer), 2000);
"""


def build(panel: Panel) -> None:
    _write(panel, panel.drafts.new())


def build_kept(panel: Panel, draft_id: str) -> None:
    draft = panel.drafts.get(draft_id)
    _write(panel, draft or panel.drafts.new(), gone=draft is None)


def _write(panel: Panel, draft: Draft, *, gone: bool = False) -> None:
    ui.page_title("New job · fogchain")
    ui.run_javascript(KEEP_ADDRESS % json.dumps(f"/jobs/new/{draft.id}"))  # a reload finds it again
    with block("fc-page"):
        with block("fc-head"):
            with block("fc-iconbtn", "a", href="/jobs", aria_label="All jobs", title="All jobs"):
                icon("arrow-left")
            text("New job", tag="h1")
        if gone:
            alert("info", "history", "The job that was written here is gone: drafts are kept until the panel restarts.")
        if draft.job:
            ui.navigate.to(f"/jobs/{draft.job}")
        else:
            _Writing(panel.main, draft)


class _Writing:
    def __init__(self, feed: NodeFeed, draft: Draft) -> None:
        self._feed, self._draft = feed, draft
        self._once = Once(feed)
        self._priced: Priced | None = None
        self._problem = ""  # that stands at no field
        self._wrong: dict[str, str] = {}
        self._stale, self._changed = True, 0.0
        self._asked, self._asking = 0.0, False
        self._left = False
        mode = Choice(
            "How to write it", {"form": "Write it here", "file": "Upload a job file"}, lambda: pick(mode.value)
        )
        with block("fc-grid g-21").style("align-items:start"):
            with block("fc-stack") as self._written:
                by_form = block("fc-stack")
                with by_form:
                    self._fields = JobFields(draft, self._touch)
                by_file = block("fc-stack")
                with by_file:
                    self._file = JobFile(draft, self._touch)
            with block("fc-stack fc-sticky"):
                self._price = PriceCard(lambda price: self._fields.set("max_price", price), self._deposit, self._submit)

        def pick(value: str) -> None:
            draft.values["mode"] = value
            shown(by_form, value == "form")
            shown(by_file, value == "file")
            self._priced, self._problem = None, ""
            self._touch()

        mode.choose(draft.values["mode"])
        follow(self._follow, lambda: (draft.rev, feed.live))
        ui.timer(LOOK, self._look)

    @property
    def _by_file(self) -> bool:
        return self._draft.values["mode"] == "file"

    def _touch(self) -> None:
        self._stale, self._changed = True, time.monotonic()
        if hasattr(self, "_price"):
            self._price.mark(stale=True)

    def _follow(self) -> None:
        """The draft's files or fate have changed."""
        draft = self._draft
        self._fields.update_files()
        self._file.update_files()
        set_prop(self._written, "inert", draft.busy)
        if draft.problem is not None:
            self._complain(draft.problem)
        if draft.job and not self._left:
            self._left = True
            ui.navigate.to(f"/jobs/{draft.job}")
        self._show()

    async def _look(self) -> None:
        """Ask for the price once nobody has typed for a moment, and from time to time."""
        now = time.monotonic()
        due = now - self._changed >= DEBOUNCE if self._stale else now - self._asked >= REQUOTE
        if not due or self._asking or self._draft.busy or self._draft.job or not self._feed.live:
            return
        typed, self._asking, self._stale = self._stale, True, False
        try:
            self._priced = await self._ask()
        except FogchainError as error:
            if typed:
                self._priced = None
            self._complain(error)
        else:
            if typed or self._draft.problem is None:
                self._draft.problem = None
                self._complain(None)
        finally:
            self._asking, self._asked = False, time.monotonic()
        self._show()

    async def _ask(self) -> Priced:
        toml = None if self._by_file else self._fields.toml()
        job = await asyncio.to_thread(self._draft.read, toml)
        one = job.spec.model_copy(update={"tasks": job.spec.tasks[:1]})
        quote, match = await asyncio.gather(
            self._feed.ask(lambda client: client.quote(job.spec)), self._feed.ask(lambda client: client.match(one))
        )
        return Priced(job, quote, match)

    def _complain(self, error: FogchainError | None) -> None:
        wrong: dict[str, str] = {}
        if isinstance(error, WrongField):
            wrong = {error.field: f"{error.message}; {error.hint}" if error.hint else error.message}
        elif isinstance(error, BadInput) and not self._by_file:
            wrong = wrong_fields(error.message)
        self._wrong = wrong
        self._problem = "" if error is None or wrong else show.sentences(error)

    def _blocked(self) -> str:
        if self._by_file:
            return "" if self._draft.job_file else "Add the job file first."
        if self._wrong:
            return "Mend the marked field first." if len(self._wrong) == 1 else "Mend the marked fields first."
        return "" if self._draft.files["program"] else "Add a program first; the price is already that of these fields."

    def _show(self) -> None:
        priced, blocked = self._priced, self._blocked()
        self._fields.complain({**_remarks(priced), **self._wrong})
        self._fields.count(priced.job if priced else None)
        self._file.show(priced.job if priced and self._by_file else None)
        problem = "" if self._by_file and blocked else self._problem
        self._price.show(priced, problem, blocked, self._draft.step if self._draft.busy else "")
        self._price.mark(stale=self._stale)

    def _submit(self) -> None:
        """The draft itself sees to it that this happens once."""
        if self._priced is not None and not self._stale and not self._blocked() and not self._priced.quote.missing:
            self._draft.submit(self._feed, self._priced.job)

    async def _deposit(self, amount: int) -> None:
        self._feed.wallet = await self._once.do(amount, lambda client, key: client.deposit(amount, key))
        self._feed.refresh("wallet")
        self._touch()


def _remarks(priced: Priced | None) -> dict[str, str]:
    """What the quote has against a field that is well written."""
    for reason in priced.quote.reasons if priced else []:
        if reason.startswith("privacy "):
            return {"privacy": reason}
    return {}


PAGE = Page("/jobs/new", "New job", build)
KEPT = Page("/jobs/new/{draft_id}", "New job", build_kept)
