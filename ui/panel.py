"""What every page is given, and what a page is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ui.access import Door
from ui.drafts import Drafts
from ui.feed import NodeFeed


@dataclass(frozen=True)
class Panel:
    """The nodes this panel follows, the door its visitors come through, and the jobs that they are writing."""

    feeds: tuple[NodeFeed, ...]
    door: Door
    drafts: Drafts

    @property
    def main(self) -> NodeFeed:
        """The node whose panel this is."""
        return self.feeds[0]

    def feed_at(self, index: int) -> NodeFeed | None:
        return self.feeds[index] if 0 <= index < len(self.feeds) else None


@dataclass(frozen=True)
class Page:
    """`build` draws it; its parameters are taken by name: `panel`, and the path's `{parameters}`.

    Without `icon` the page is not in the navigation. `count` is the number beside its name there.
    """

    path: str
    title: str
    build: Callable[..., None]
    icon: str = ""
    count: Callable[[Panel], int] | None = None
