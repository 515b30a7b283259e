"""What the owner wants of the machine: pause, finish, resume, boost."""

from __future__ import annotations

import time

from fogchain.api.harvest import HarvestView, Intent
from ui import harvestwords as words
from ui.components.action import Action
from ui.components.base import block, card, shown, text
from ui.components.choice import Choice
from ui.live import follow
from ui.lookup import Lookup
from ui.once import Once

MINUTE, HOUR = 60_000, 3_600_000  # milliseconds
PAUSE = {str(HOUR): "1 h", "morning": "until 7:00", "": "until I resume"}
BOOST = {str(30 * MINUTE): "30 min", str(2 * HOUR): "2 h", str(8 * HOUR): "8 h"}


class WishCard:
    """Each button is one deed, however often it is pressed."""

    def __init__(self, machine: Lookup[HarvestView]) -> None:
        self._machine, self._once = machine, Once(machine.feed)
        with card("What you want of it", "users"):
            self._now = text("–", "fc-dim")
            with block("fc-wish"):
                self._pause = Action("Pause", self._do_pause, icon_name="circle-pause")
                self._pause_for = Choice("Pause for how long", PAUSE, lambda: None)
            with block("fc-wish"):
                self._boost = Action("Boost", self._do_boost, icon_name="flame")
                self._boost_for = Choice("Boost for how long", BOOST, lambda: None)
            with block("fc-wish"):
                self._finish = Action("Finish, then stop", lambda: self._intend("finish"), icon_name="timer")
                self._resume = Action("Resume", lambda: self._intend("auto"), icon_name="play", classes="primary")
                self._clear = Action("I have looked into it", self._do_clear, classes="primary")
            text(
                "A pause holds what runs, at once. A boost works although you use the machine, and ends by itself; "
                "heat, power and what else keeps the machine safe still stop it.",
                "fc-small fc-faint",
            )
        follow(self._update, lambda: (machine.rev, machine.feed.live))

    def _update(self) -> None:
        view, live = self._machine.value, self._machine.feed.live
        known = view is not None and live
        held = view is not None and view.state == "quarantine"
        intent = view.intent if view is not None else "auto"
        self._now.set_text(words.wish(view) + "." if view is not None else "–")
        for action in (self._pause, self._boost):
            action.allow(known and not held, "it is in quarantine" if held else "the node does not answer")
        self._finish.allow(known and not held and intent != "finish", "it does so already")
        self._resume.allow(known and intent != "auto", "it works as the policy allows already")
        shown(self._clear.box, held)
        shown(self._resume.box, not held)
        self._clear.allow(known)

    async def _do_pause(self) -> None:
        wanted = self._pause_for.value
        span = words.until_morning(time.time()) if wanted == "morning" else int(wanted) if wanted else None
        await self._intend("pause", span)

    async def _do_boost(self) -> None:
        await self._intend("boost", int(self._boost_for.value))

    async def _intend(self, intent: Intent, span: int | None = None) -> None:
        await self._machine.change(self._once, (intent, span), lambda client, key: client.intend(intent, span, key))

    async def _do_clear(self) -> None:
        await self._machine.change(self._once, "clear", lambda client, key: client.clear_quarantine(key))
