"""A code by which one device joins the fleet. It is shown once and kept nowhere, not here either."""

from __future__ import annotations

import math
import re
import time

from fogchain.api.fleet import InvitationView
from fogchain.errors import BadInput
from ui import show
from ui.components.action import Action
from ui.components.base import block, card, shown, text
from ui.components.copy import CopyText
from ui.components.fields import Field
from ui.feed import NodeFeed
from ui.live import follow

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class InviteCard:
    def __init__(self, feed: NodeFeed) -> None:
        self._feed = feed
        self._made: InvitationView | None = None
        with card("Invite a device", "plus"):
            text(
                "A code lets one device in, once. Whoever has it can join, so give it to your own only.",
                "fc-dim fc-small",
            )
            self._name = Field("device-name", "What it will be called", "as it calls itself", self._check, most=40)
            with self._name.row:
                self._go = Action("Make a code", self._make, icon_name="key-round", classes="primary")
            with block("fc-col fc-hide") as self._result:
                with block("fc-code"):
                    self._code = CopyText("Copy the code", full=True)
                self._left = text("", "fc-small fc-faint")
                text("On the device:", "fc-small fc-dim")
                with block("fc-code"):
                    self._command = CopyText("Copy the command", full=True)
        follow(self._check, lambda: feed.live)
        follow(self._count_down, lambda: (self._made, int(time.time())))

    def _check(self) -> None:
        name = self._name.value
        good = not name or _NAME.fullmatch(name) is not None
        self._name.hint("" if good else "letters, digits, '.', '_' and '-', a letter or digit first", wrong=not good)
        self._go.allow(self._feed.live and good, "the node does not answer" if not self._feed.live else "")

    async def _make(self) -> None:
        name = self._name.value or None
        if name is not None and not _NAME.fullmatch(name):
            raise BadInput(f"{name[:40]!r} is no name for a device", hint="use letters, digits, '.', '_' and '-'")
        self._made = await self._feed.ask(lambda client: client.invite_device(name))
        self._code.set(self._made.code)
        self._command.set(f"fogchain fleet join {self._made.code} --data DIR && fogchain fleet run --data DIR")
        self._name.set("")
        self._count_down()

    def _count_down(self) -> None:
        made = self._made
        left = math.ceil(made.expires - time.time()) if made is not None else 0
        shown(self._result, left > 0)
        if left <= 0:
            self._made = None
        self._left.set_text(f"For one device, good for another {show.span(left)}. It can't be shown again.")
