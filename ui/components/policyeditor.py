"""The policy: choose a profile or write one, with the linter's answers below. What it objects to is not used."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from fogchain.api.harvest import MAX_POLICY, FindingView, HarvestView, LintView, PolicyView, Profile
from fogchain.errors import FogchainError, Unavailable
from ui import show
from ui.components.action import Action
from ui.components.base import block, button, card, icon, set_prop, shown, text
from ui.components.choice import Choice
from ui.components.confirm import confirm
from ui.components.editor import Editor
from ui.components.empty import alert
from ui.live import follow
from ui.lookup import Lookup
from ui.once import Once
from ui.show import plural

OWN = "yours"


class PolicyEditor:
    """What is written stays while the node says the same; what came into use elsewhere is told, not put over it."""

    def __init__(self, machine: Lookup[HarvestView]) -> None:
        self._machine, self._feed, self._once = machine, machine.feed, Once(machine.feed)
        self.rev = 0  # grows when the text, or what the linter says of it, has changed
        self.used: Lookup[PolicyView] = Lookup(machine.feed, lambda client: client.policy())
        self._start = ""  # the text that was put there, before any edit
        self._used_text: str | None = None  # what was in use when it was put there
        self._linted: tuple[str, LintView | None] = ("", None)  # a text, and what the linter said of it
        with card("Policy", "file-text") as end:
            with end:
                self._in_use = text("", "fc-cut")
            self._tabs = block("fc-row fc-wrap fc-between")
            self._elsewhere, self._elsewhere_words = alert("warn", "history")
            shown(self._elsewhere, False)
            self.editor = Editor("policy", "The policy, in TOML", self._edited, most=MAX_POLICY)
            self._findings = block("fc-findings", id="policy-findings", aria_live="polite")
            with block("fc-row fc-wrap fc-between"):
                self._file = text("", "fc-small fc-faint fc-cut fc-grow")
                with block("fc-row"):
                    self._undo = button("Undo edits", self._take_back)
                    self._use = Action("Use this policy", self._do_use, icon_name="check", classes="primary")
        self._choice: Choice | None = None
        self._drawn: tuple[str, ...] = ()
        follow(self._update, lambda: (self.used.rev, self._feed.live))

    # ---------------------------------------------------------------- what is in it

    @property
    def request(self) -> tuple[str | None, Profile | None]:
        """As the API takes it: a text, or the name of the profile that it is."""
        profile = self._profile_of(self.editor.text)
        return (None, profile) if profile else (self.editor.text, None)

    @property
    def edited(self) -> bool:
        return self.editor.text != self._start

    @property
    def fine(self) -> bool:
        """Whether the linter has nothing against the text as it is now."""
        text_, said = self._linted
        return text_ == self.editor.text and said is not None and not said.findings

    @property
    def differs(self) -> bool:
        """From what is in use."""
        return self.used.value is not None and self.editor.text != _whole(self.used.value)

    def _profile_of(self, toml: str) -> Profile | None:
        policy = self.used.value
        names: list[Profile] = ["desktop", "laptop", "phone", "server", "quiet-night", "dedicated"]
        return next((name for name in names if policy and policy.profiles.get(name) == toml), None)

    # ---------------------------------------------------------------- what the node says

    def _update(self) -> None:
        policy = self.used.value
        if policy is None:
            self._allow()
            return
        whole = _whole(policy)
        self._in_use.set_text(f"in use: {_name(policy)}")
        self._file.set_text(policy.file)
        set_prop(self._file, "title", f"the file of the policy in use: {policy.file}")
        self._draw_tabs(policy)
        if self._used_text is None or (whole != self._used_text and not self.edited):
            self._put(whole)
        elsewhere = whole != self._used_text and self.edited
        self._elsewhere_words.set_text("Another policy came into use meanwhile. What you wrote is kept here.")
        shown(self._elsewhere, elsewhere)
        self._allow()
        if self._feed.live and self._linted[0] != self.editor.text:
            ui.timer(0, self._lint, once=True)

    def _draw_tabs(self, policy: PolicyView) -> None:
        own = _is_own(policy)
        names = ((OWN,) if own else ()) + tuple(policy.profiles)
        if names == self._drawn:
            return
        self._drawn = names
        self._tabs.clear()
        with self._tabs:
            labels = {name: "Yours" if name == OWN else name for name in names}
            self._choice = Choice("Policy or profile", labels, self._chosen)
        self._mark_tab()

    def _put(self, toml: str) -> None:
        policy = self.used.value
        self._start = toml
        if policy is not None:
            self._used_text = _whole(policy)
        self.editor.put(toml)
        self._mark_tab()
        self._linted = ("", None)
        self._allow()
        ui.timer(0, self._lint, once=True)
        self.rev += 1

    def _mark_tab(self) -> None:
        if self._choice is not None:
            self._choice.mark(self._profile_of(self._start) or OWN)

    # ---------------------------------------------------------------- what its owner does

    async def _chosen(self) -> None:
        policy, choice = self.used.value, self._choice
        if policy is None or choice is None:
            return
        wanted = choice.value
        if self.edited and not await confirm(
            "Drop what you wrote?", "Choosing another policy puts its text in place of your edits.",
            "Drop my edits", "Keep editing",
        ):  # fmt: skip
            self._mark_tab()
            return
        self._put(_whole(policy) if wanted == OWN else policy.profiles[wanted])

    def _take_back(self) -> None:
        if self.edited:
            self._put(self._start)

    async def _edited(self, _: str) -> None:
        self._allow()
        self.rev += 1
        await self._lint()

    async def _do_use(self) -> None:
        if not self.fine:
            return
        written = self.editor.text
        toml, profile = self.request
        await self._machine.change(
            self._once, (toml, profile), lambda client, key: client.set_policy(toml, profile, key)
        )
        self._start = self._used_text = written  # more may have been written meanwhile
        self.used.take(await self._feed.ask(lambda client: client.policy()))
        self._mark_tab()
        ui.notify("This machine goes by this policy from now on", type="positive")

    # ---------------------------------------------------------------- the linter

    async def _lint(self) -> None:
        toml = self.editor.text
        try:
            said = await self._feed.ask(lambda client: client.lint_policy(toml))
        except Unavailable:
            return  # asked again once the node answers
        except FogchainError as error:  # not even a policy, or too long for one
            said = LintView(findings=[FindingView(guard=None, line=None, problem=show.sentences(error))])
        if toml != self.editor.text:
            return  # the answer to the newer text comes
        self._linted = (toml, said)
        self._tell(said)
        self._allow()
        self.rev += 1

    def _tell(self, said: LintView) -> None:
        self.editor.mark_lines([one.line for one in said.findings if one.line is not None])
        self._findings.clear()
        with self._findings:
            if not said.findings:
                with block("fc-row fc-small fc-tone t-good"):
                    icon("circle-check")
                    text(f"{plural(said.guards, 'guard')}, nothing wrong")
            for one in said.findings:
                self._finding(one)

    def _finding(self, one: FindingView) -> None:
        with block("fc-finding", "div" if one.line is None else "button") as row:
            if one.line is not None:
                row.props["type"] = "button"
                row.on("click", partial(self.editor.goto, one.line))
            icon("circle-alert")
            place = [f"Line {one.line}" if one.line is not None else "", f"guard {one.guard}" if one.guard else ""]
            with block("fc-col fc-grow", "span").style("gap:1px"):
                where = " · ".join(part for part in place if part)
                text(f"{where}: {one.problem}" if where else one.problem, tag="span")
                if one.hint:
                    text(one.hint, "fc-faint fc-small", "span")

    def _allow(self) -> None:
        said = self._linted[1] if self._linted[0] == self.editor.text else None
        why = (
            "the node does not answer" if not self._feed.live
            else "the linter looks at it" if said is None
            else "there is something wrong with it, see above" if said.findings
            else "it is in use already"
        )  # fmt: skip
        self._use.allow(self._feed.live and self.fine and self.differs, why)
        set_prop(self._undo, "disabled", not self.edited)


def _is_own(policy: PolicyView) -> bool:
    """Whether it says more than the name of a profile."""
    return policy.profile is None or policy.text.strip() != f'profile = "{policy.profile}"'


def _whole(policy: PolicyView) -> str:
    """What is in use, as it can be edited: a profile's name alone stands for its text."""
    return policy.text if _is_own(policy) or policy.profile is None else policy.profiles[policy.profile]


def _name(policy: PolicyView) -> str:
    return "your own" if _is_own(policy) else f"profile {policy.profile}"
