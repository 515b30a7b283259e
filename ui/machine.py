"""This machine as a provider: asked only where the node is one."""

from __future__ import annotations

from fogchain.api.harvest import HarvestView
from ui.feed import NodeFeed
from ui.lookup import Lookup

EVERY = 1.0  # s


def provides(feed: NodeFeed) -> bool | None:
    """Whether the node works for others; None while that is not known."""
    return None if feed.status is None else "provider" in feed.status.roles


def machine_of(feed: NodeFeed, every: float = EVERY) -> Lookup[HarvestView]:
    """A node that has no machine to tell of is asked once."""
    found: Lookup[HarvestView] = Lookup(
        feed,
        lambda client: client.harvest(),
        every=every,
        when=lambda: bool(provides(feed)) and not found.missing,
    )
    return found
