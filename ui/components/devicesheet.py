"""One device of the fleet, looked at closely, and what its gateway can tell it."""

from __future__ import annotations

import time

from nicegui import ui

from fogchain.api.fleet import DeviceChange, DeviceDetail, DeviceView, Profile
from ui import fleetwords as words
from ui import show
from ui.components.action import Action
from ui.components.base import Facts, Pill, block, icon_button, shown, text
from ui.components.choice import Choice
from ui.components.confirm import confirm
from ui.components.empty import alert
from ui.components.table import Column, Grid, Row, pill, plain
from ui.feed import NodeFeed
from ui.harvestwords import value
from ui.live import follow
from ui.lookup import Lookup
from ui.once import Once
from ui.tones import MEMBER, tone

MINUTE = 60_000  # milliseconds
SPANS = {str(10 * MINUTE): "10 min", str(60 * MINUTE): "1 h", "0": "now"}
PROFILES: tuple[Profile, ...] = ("desktop", "laptop", "phone", "server", "quiet-night", "dedicated")
CHANGES = (Column("When"), Column("State", wrap=True), Column("Why", wrap=True), Column("By", end=True, optional=True))
VETOES = (Column("Guard"), Column("Because", wrap=True), Column("Clears", end=True))
SHOWN = 12


class DeviceSheet:
    """The dialog; it stays fresh while it is open."""

    def __init__(self, feed: NodeFeed) -> None:
        self._feed, self._once = feed, Once(feed)
        self._name, self._open = "", False
        self._found: Lookup[DeviceDetail] = Lookup(
            feed, lambda client: client.device(self._name), every=1.0, when=lambda: self._open
        )
        with (
            ui.dialog().on("hide", self._closed) as self._dialog,
            block("fc-sheet", role="dialog", aria_label="Device"),
        ):
            with block("fc-row"):
                self._title = text("", "fc-cut", "h2")
                self._pill = Pill()
                block("fc-grow")
                icon_button("x", "Close", self._dialog.close)
            self._why = text("", "fc-dim", "p")
            self._gone, self._gone_words = alert("bad", "circle-alert")
            shown(self._gone, False)
            self._orders()
            self._facts = Facts(
                "Heard", "Tasks", "Slots", "Policy", "Its owner", "Version", "Done", "Joined", "Peer id"
            )
            with block("fc-file") as self._veto_box:
                self._vetoes = Grid("What forbids it work", VETOES)
            self._sensors = block("fc-dl")
            self._sensor_values: dict[str, str] = {}
            with block("fc-file") as self._change_box:
                self._changes = Grid("What it went through", CHANGES)
        follow(self._update, lambda: (self._found.rev, self._found.problem, int(time.time()) if self._open else 0))

    def _orders(self) -> None:
        with block("fc-wish"):
            self._pause = Action("Pause", self._do_pause, icon_name="circle-pause")
            self._resume = Action("Resume", self._do_resume, icon_name="play")
            self._drain = Action("Drain", self._do_drain, icon_name="timer")
            self._within = Choice("Within what time what still runs is handed on", SPANS, lambda: None)
        with block("fc-wish"):
            self._give = Action("Give it this profile", self._do_update, icon_name="send")
            self._profile = Choice("Which profile", {name: name for name in PROFILES}, lambda: None)
        with block("fc-wish"):
            self._remove = Action("Remove from the fleet", self._do_remove, icon_name="trash-2", classes="danger")

    def open(self, name: str) -> None:
        self._name, self._open = name, True
        self._found.forget()
        self._title.set_text(name)
        self._update()
        self._dialog.open()
        ui.timer(0, self._found.again, once=True)

    def _closed(self) -> None:
        self._open = False

    def _update(self) -> None:
        found, live = self._found.value, self._feed.live
        shown(self._gone, bool(self._found.problem))
        self._gone_words.set_text(self._found.problem)
        for action in (self._pause, self._resume, self._drain, self._give, self._remove):
            action.allow(live and found is not None and not self._found.missing)
        if found is None:
            return
        if found.intent in ("pause", "auto"):
            same = self._pause if found.intent == "pause" else self._resume
            same.allow(False, "it does so already")
        self._pill.set(tone(MEMBER, found.state))
        self._why.set_text(words.why(found) or "It takes work.")
        self._facts.set("Heard", words.heard(found, self._found.age))
        self._facts.set("Tasks", words.tasks(found))
        self._facts.set("Slots", words.slots(found), ", ".join(found.capacity.engines))
        self._facts.set("Policy", words.policy(found))
        self._facts.set("Its owner", words.OWNER.get(found.own_intent, found.own_intent) or show.UNKNOWN)
        self._facts.set("Version", f"{found.version}, not the gateway's" if found.outdated else found.version)
        self._facts.set("Done", f"{show.plural(found.done, 'task')}, {show.number(found.handed_on)} handed on")
        self._facts.set("Joined", show.moment(found.joined), show.full_moment(found.joined))
        self._facts.set("Peer id", show.short(found.peer_id), found.peer_id)
        shown(self._veto_box, bool(found.vetoes))
        self._vetoes.show([_veto(number, found) for number in range(len(found.vetoes))])
        self._show_sensors(found)
        shown(self._change_box, bool(found.changes))
        now = time.time()
        self._changes.show([_change(one, now) for one in found.changes[:SHOWN]])

    def _show_sensors(self, found: DeviceView) -> None:
        shown(self._sensors, bool(found.sensors))
        if found.sensors == self._sensor_values:
            return
        self._sensor_values = dict(found.sensors)
        self._sensors.clear()
        with self._sensors:
            for name, said in found.sensors.items():
                text(words.label(name), "k").props["title"] = name
                text(value(said), "v fc-cut")

    # ---------------------------------------------------------------- what it is told

    async def _do_pause(self) -> None:
        name = self._name
        await self._once.do(("pause", name), lambda client, key: client.pause_device(name, key))
        await self._found.again()

    async def _do_resume(self) -> None:
        name = self._name
        await self._once.do(("resume", name), lambda client, key: client.resume_device(name, key))
        await self._found.again()

    async def _do_drain(self) -> None:
        name, within = self._name, int(self._within.value)
        await self._once.do(("drain", name, within), lambda client, key: client.drain_device(name, within, key))
        await self._found.again()

    async def _do_update(self) -> None:
        name = self._name
        wanted = next(one for one in PROFILES if one == self._profile.value)
        await self._once.do(
            ("update", name, wanted), lambda client, key: client.update_device(name, profile=wanted, key=key)
        )
        ui.notify(f"{name} will go by the profile {wanted} once it has heard so", type="positive")
        await self._found.again()

    async def _do_remove(self) -> None:
        name = self._name
        agreed = await confirm(
            f"Remove {name}?", "It is refused from now on, and what it runs is handed on. It can join again with a new "
            "code.", "Remove it", "Keep it",
        )  # fmt: skip
        if not agreed:
            return
        await self._once.do(("remove", name), lambda client, key: client.remove_device(name, key))
        self._dialog.close()
        ui.notify(f"{name} is no longer of the fleet", type="positive")


def _veto(number: int, found: DeviceView) -> Row:
    veto = found.vetoes[number]
    clears = show.UNKNOWN if veto.clears_in_ms is None else f"in {show.span(veto.clears_in_ms / 1000)}"
    return Row(str(number), (plain(veto.guard, note=veto.action), plain("", veto.cause, veto.cause), plain(clears)))


def _change(one: DeviceChange, now: float) -> Row:
    return Row(
        f"{one.at:.1f} {one.before} {one.after}",
        (
            plain(show.moment(one.at), show.full_moment(one.at), show.ago(one.at, now)),
            pill(tone(MEMBER, one.after), note=f"from {tone(MEMBER, one.before).word.lower()}"),
            plain("", one.cause, one.cause),
            plain(words.ACTORS.get(one.actor, one.actor), faint=True),
        ),
    )
