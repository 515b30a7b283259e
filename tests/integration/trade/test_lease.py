"""Word of long runs, and what a provider keeps for a buyer that has gone silent."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import RogueBuyer, states_in, until

from fogchain.errors import Unavailable
from fogchain.units import GFUEL, parse_fog
from node.trade import wire
from node.trade.wire import SignedOrder

pytestmark = [pytest.mark.slow, pytest.mark.chain]

ENDLESS = 1 << 40  # rounds


class Listener(RogueBuyer):
    """A buyer that says nothing of its own accord, and keeps what it is told of its runs; it answers while `polite`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.beats: list[dict[bytes, int]] = []
        self.polite = True

    async def start(self) -> None:
        await super().start()
        self.host.serve("heartbeat", self._on_heartbeat)

    async def _on_heartbeat(self, _peer: str, data: bytes) -> bytes:
        self.beats.append(wire.decode_heartbeat(data))
        if not self.polite:
            raise Unavailable("not here")
        return wire.EMPTY


async def test_long_runs_are_told_of_and_a_silent_buyer_loses_what_waits_alone(
    market: Callable[..., Any], tmp_path: Path
) -> None:
    async with market(providers=1, settings={"oak": {"lease": "12 s", "increment": "800 FOG"}}) as m:
        buyer = Listener(tmp_path / "listener", m.network.deployment, m.network.rpc_url)
        await buyer.start()
        try:
            oak = await m.network.client("oak").status()
            await buyer.meet(oak)
            terms = await buyer.open(oak.address, cap=parse_fog("800 FOG"))
            orders = [_endless(buyer, terms) for _ in range(2)]
            for signed in orders:
                await buyer.place(oak.peer_id, signed)
            placed = time.monotonic()

            # Whoever answers is there, though it asks for nothing: its lease is as long as the run.
            await until(lambda: len(buyer.beats) >= 3, 90)
            assert time.monotonic() - placed > 20
            (running,) = buyer.beats[0]  # there is one slot
            (waiting,) = {buyer.domain.digest(signed.order) for signed in orders} - {running}
            assert all(set(beat) == {running} for beat in buyer.beats)
            told = [beat[running] for beat in buyer.beats]
            assert told == sorted(told) and told[-1] - told[0] >= 15
            status = await m.network.client("oak").status()
            assert (status.running, status.waiting) == (1, 1)

            buyer.polite = False

            async def let_go() -> bool:
                return (await m.network.client("oak").status()).waiting == 0

            await until(let_go, 90)
            assert (await m.network.client("oak").status()).running == 1  # what runs is finished
            states = states_in(await buyer.ask(oak.peer_id, "status", wire.encode_list([running, waiting])), 2)
            assert states == [wire.RUNNING, wire.LAPSED]
            assert not buyer.receipts
        finally:
            await buyer.stop()


def _endless(buyer: RogueBuyer, terms: Any) -> SignedOrder:
    run = buyer.run_spec(rounds=ENDLESS, fuel=700 * GFUEL, time=300_000)
    return buyer.order(terms, run)
