"""A buyer's lease on its places in a provider's queue: it lasts while the buyer is heard of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from fogchain.errors import FogchainError
from node.trade import wire
from node.trade.ledger import Ledger
from node.trade.ports import Network
from node.trade.runs import Runs

log = structlog.get_logger(__name__)

HEARTBEAT = 10.0  # seconds between two words on a long run


class Leases:
    """`run` says of long runs that they go on, and lets go of what nobody seems to wait for."""

    def __init__(
        self, *, lease: float, ledger: Ledger, network: Network, runs: Runs, changed: Callable[[], None]
    ) -> None:
        """`lease` in seconds."""
        self._lease, self._ledger, self._network, self._runs, self._changed = lease, ledger, network, runs, changed
        self._heard: dict[str, float] = {}  # buyer's peer to when it last said anything, by the monotonic clock
        self._started = time.monotonic()

    def hear(self, peer: str) -> None:
        self._heard[peer] = time.monotonic()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            now, beats = time.monotonic(), dict[str, dict[bytes, int]]()
            for digest, since in list(self._runs.running.items()):
                if (known := self._ledger.get(digest)) is not None:
                    beats.setdefault(known.peer, {})[digest] = max(0, int(now - since - self._runs.stood(digest)[1]))
            for peer, seconds in beats.items():
                with suppress(FogchainError):
                    await self._network.request(peer, "heartbeat", wire.encode_heartbeat(seconds), timeout=HEARTBEAT)
                    self.hear(peer)
            self._lapse(now)

    def _lapse(self, now: float) -> None:
        """A buyer not heard of for the lease's time loses its places in the queue. What runs is finished, what is
        delivered is kept for it until its session ends, and what it signed for is claimed: silence pays."""
        for known in self._ledger.queued():
            silent = now - self._heard.get(known.peer, self._started)
            if known.digest in self._runs.running or silent < self._lease:
                continue
            if self._runs.drop(known.digest, wire.LAPSED):
                log.info("order dropped: its buyer is silent", order=known.digest.hex()[:12], seconds=int(silent))
                self._changed()
