"""The devices that work for this node: each one's state and reasons, and what their gateway tells them."""

from __future__ import annotations

import time

from nicegui import ui

from fogchain.api.fleet import DeviceView, FleetView
from fogchain.api.models import Page as ApiPage
from ui import fleetwords as words
from ui import show
from ui.components.base import Stat, block, card, heading, shown, text
from ui.components.devicesheet import DeviceSheet
from ui.components.empty import empty, skeleton
from ui.components.invite import InviteCard
from ui.components.table import Column, Grid, Row, Waiting, pill, plain
from ui.live import follow
from ui.lookup import Lookup, trouble
from ui.panel import Page, Panel
from ui.tones import MEMBER, tone

EVERY = 1.0  # s
COLUMNS = (
    Column("Device"),
    Column("State", wrap=True),
    Column("Tasks", end=True),
    Column("Slots", end=True, optional=True),
    Column("Charge", end=True, optional=True),
    Column("Heat", end=True, optional=True),
    Column("Heard", end=True),
)
ORDER = ("ready", "resting", "paused", "draining", "drained", "offline", "removed")


def build(panel: Panel) -> None:
    ui.page_title("Fleet · fogchain")
    feed = panel.main
    fleet: Lookup[FleetView] = Lookup(feed, lambda client: client.fleet(), every=EVERY)
    with block("fc-page"):
        heading("Fleet", "Devices that work for this node, their gateway")
        trouble(fleet)
        with block("fc-card") as waiting:
            skeleton(5)
        with block("fc-card fc-hide") as none:
            empty(
                "users", "This node has no fleet",
                "A node can be the gateway of many devices: they work under its name and its bond, each only while its "
                "own owner does not need it. Write this under [fleet] in the node's config.toml, and start it again:",
                "enabled = true",
            )  # fmt: skip
        content = block("fc-stack fc-hide")

    def update() -> None:
        view = fleet.value
        if view is not None and view.enabled and not list(content):
            with content:
                _draw(fleet)
        shown(waiting, view is None)
        shown(none, view is not None and not view.enabled)
        shown(content, view is not None and view.enabled)

    follow(update, lambda: fleet.rev)


def _draw(fleet: Lookup[FleetView]) -> None:
    feed = fleet.feed
    _figures(fleet)
    devices: Lookup[ApiPage[DeviceView]] = Lookup(feed, lambda client: client.devices(), every=EVERY)
    trouble(devices)
    sheet = DeviceSheet(feed)
    with block("fc-grid g-21").style("align-items:start"):
        _devices(devices, sheet)
        InviteCard(feed)


def _figures(fleet: Lookup[FleetView]) -> None:
    with block("fc-grid g-4"):
        devices = Stat("Devices", "users", "that have joined and were not removed")
        capacity = Stat("Slots", "layers", "of this node and all devices that take work now, together")
        running = Stat("Tasks on devices", "activity", "that devices have now")
        handed = Stat("Handed on", "arrow-right", "tasks that went elsewhere: a device was silent, or had to stop")

    def update() -> None:
        view = fleet.value
        if view is None:
            return
        able = view.by_state.get("ready", 0)
        silent = view.by_state.get("offline", 0)
        note = f"{able} ready" + (f", {silent} offline" if silent else "")
        devices.set(_count(view.devices), note if view.devices else "none has joined yet")
        capacity.set(
            _count(view.capacity.slots),
            f"{show.number(view.capacity.free)} free · {show.fuel(view.capacity.fuel_rate).text}/s",
        )
        running.set(_count(view.running), f"{show.plural(view.own.slots, 'slot')} of its own" if view.own.slots else "")
        handed.set(_count(view.handed_on), "since the start")

    follow(update, lambda: fleet.rev)


def _count(number: int) -> show.Shown:
    return show.Shown(show.number(number), "", str(number))


def _devices(devices: Lookup[ApiPage[DeviceView]], sheet: DeviceSheet) -> None:
    with card("Devices", "cpu", "flush") as end:
        with end:
            count = text("", "fc-num")
        waiting = Waiting(4)
        with waiting.empty:
            empty(
                "users", "No device has joined yet",
                "Make a code here, then run this on the device with that code. It works from then on whenever its own "
                "policy allows.",
                "fogchain fleet join CODE --data DIR && fogchain fleet run --data DIR",
            )  # fmt: skip
        with waiting.content:
            grid = Grid("Devices of the fleet", COLUMNS, sheet.open)

    def update() -> None:
        page = devices.value
        waiting.set(None if page is None else page.total)
        if page is None:
            return
        count.set_text(show.number(page.total) if page.total else "")
        age = devices.age if devices.feed.live else 0.0
        ordered = sorted(page.items, key=lambda one: (ORDER.index(one.state), one.name))
        grid.show([_row(one, age) for one in ordered])

    follow(update, lambda: (devices.rev, int(time.time()) if devices.feed.live else 0))


def _row(device: DeviceView, age: float) -> Row:
    return Row(
        device.name,
        (
            plain(device.name, device.peer_id, words.policy(device)),
            pill(tone(MEMBER, device.state), words.why(device), words.why(device)),
            plain(words.tasks(device) if device.runs else "none", faint=not device.runs),
            plain(words.slots(device), faint=not device.capacity.slots),
            plain(words.charge(device)),
            plain(words.temperature(device)),
            plain(words.heard(device, age) if device.silent_ms is not None else show.UNKNOWN, faint=True),
        ),
    )


PAGE = Page("/fleet", "Fleet", build, "users")
