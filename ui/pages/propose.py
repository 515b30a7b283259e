"""A change of settings, put to the vote."""

from __future__ import annotations

from nicegui import ui

from fogchain.api.commons import DaoView, ProposeRequest, SettingView
from ui import show
from ui.components.action import Action
from ui.components.base import block, card, icon, set_prop, shown, text
from ui.components.empty import alert
from ui.components.fields import Field
from ui.components.table import Waiting
from ui.live import follow
from ui.lookup import Lookup, trouble
from ui.once import Once
from ui.panel import Page, Panel
from ui.settings import GROUPS, words, wrong

TITLE_LENGTH = 120


def build(panel: Panel) -> None:
    ui.page_title("Propose · fogchain")
    dao: Lookup[DaoView] = Lookup(panel.main, lambda client: client.dao(1))
    with block("fc-page"):
        with block("fc-head"):
            with block("fc-iconbtn", "a", href="/governance", aria_label="All proposals", title="All proposals"):
                icon("arrow-left")
            text("Propose a change", tag="h1")
        trouble(dao)
        _Form(dao)


class _Form:
    def __init__(self, dao: Lookup[DaoView]) -> None:
        self._dao, self._once = dao, Once(dao.feed)
        self._inputs: dict[str, ui.input] = {}
        self._now: dict[str, str] = {}
        with block("fc-grid g-21").style("align-items:start"):
            with card("New values", "gauge"):
                text("Write only into those that shall change, with their unit.", "fc-dim fc-small")
                self._waiting = Waiting(8)
            with block("fc-stack"):
                with card("In words", "file-text"):
                    self._title = Field("title", "Title", "Halve the fee", self._check, most=TITLE_LENGTH)
                    self._why = Field("why", "Why", "What it is for, and whom it helps", self._check, rows=4, most=8000)
                with card("Proposal", "landmark"):
                    self._changes = block("fc-stack").style("gap:8px")
                    self._hint, self._hint_words = alert("warn", "vote")
                    self._go = Action("Propose", self._send, icon_name="landmark", classes="primary")
                    self._times = text("", "fc-small fc-faint")
        follow(self._draw, lambda: (dao.rev, dao.feed.live))

    def _draw(self) -> None:
        value = self._dao.value
        self._waiting.set(None if value is None else len(value.settings))
        if value is None:
            return
        if not self._inputs:
            with self._waiting.content, block("fc-stack"):
                for group, title in GROUPS.items():
                    own = [setting for setting in value.settings if setting.name.startswith(f"{group}.")]
                    if own:
                        self._group(title, own)
        self._now = {setting.name: setting.value for setting in value.settings}
        self._check()

    def _group(self, title: str, settings: list[SettingView]) -> None:
        with block("fc-col"):
            text(title, "fc-small fc-faint")
            for setting in settings:
                name = setting.name.replace(".", "-")
                with block("fc-set"):
                    label = text(words(setting.name), "fc-grow", "label")
                    label.props["for"] = name
                    label.props["title"] = setting.name
                    now = setting.value
                    text(show.short(now) if now.startswith("0x") else now, "now fc-num fc-faint").props["title"] = now
                    icon("arrow-right", "fc-faint")
                    self._inputs[setting.name] = (
                        ui.input(placeholder=_example(now), on_change=self._check)
                        .props(f"outlined dense hide-bottom-space for={name}")
                        .classes("new")
                    )

    @property
    def _wanted(self) -> dict[str, str]:
        """What is written and differs from what is."""
        written = {name: str(field.value or "").strip() for name, field in self._inputs.items()}
        return {name: value for name, value in written.items() if value and value != self._now.get(name)}

    def _check(self) -> None:
        value = self._dao.value
        if value is None:
            return
        wanted = self._wanted
        problems = {name: problem for name, new in wanted.items() if (problem := wrong(self._now[name], new))}
        for name, field in self._inputs.items():
            set_prop(field, "error", name in problems)
            set_prop(field, "title", problems.get(name, ""))
        self._changes.clear()
        with self._changes:
            if not wanted:
                text("Nothing would change yet.", "fc-dim")
            for name, new in wanted.items():
                with block("fc-change"):
                    text(words(name), "fc-grow")
                    text(show.short(self._now[name]) if new.startswith("0x") else self._now[name], "old")
                    icon("arrow-right", "fc-faint")
                    text(show.short(new) if new.startswith("0x") else new, "new")
                if name in problems:
                    text(problems[name], "fc-hint bad")
        short = value.votes < value.threshold
        shown(self._hint, short or not value.votes)
        self._hint_words.set_text(
            f"To propose takes {show.fog(value.threshold).text} of votes; this node has {show.fog(value.votes).text}."
            if short and value.votes
            else "This node has no votes: bond FOG and let the bond vote, on the page Staking."
        )
        titled = bool(self._title.value)
        self._go.allow(
            bool(wanted) and not problems and titled and not short and self._dao.feed.live,
            "a title is missing" if wanted and not titled else "",
        )
        self._times.set_text(
            f"The vote begins {show.span(value.voting_delay)} later and lasts {show.span(value.voting_period)}; then "
            f"it waits {show.span(value.timelock_delay)} in the timelock."
        )

    async def _send(self) -> None:
        description = f"{self._title.value}\n\n{self._why.value}".strip()
        request = ProposeRequest(description=description, settings=self._wanted)
        done = await self._once.do(request, lambda client, key: client.propose(request, key))
        ui.notify("The proposal is made", type="positive")
        ui.navigate.to(f"/governance/{done.id}")


def _example(now: str) -> str:
    return "0x…" if now.startswith("0x") else now


PAGE = Page("/governance/propose", "Propose", build)
