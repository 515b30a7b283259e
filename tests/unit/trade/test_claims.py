"""What a provider claims, when the chain goes back and things come again in another order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from coincurve import PrivateKey

from fogchain.chain.records import SessionRecord
from fogchain.chain.reverts import Reverted
from fogchain.chain.sender import Sender
from fogchain.database import open_database
from fogchain.market.messages import BY_RECORD, Agreement, TaskOrder
from fogchain.units import MAX_UINT64, WEI
from fogchain.wallet.eip712 import Domain, sign
from node.trade.claims import Claims
from node.trade.ledger import Ledger, tables
from node.trade.wire import SignedOrder

DOMAIN = Domain(31337, "0x" + "77" * 20)
KEY = PrivateKey(b"\1" * 32)
PROVIDER = "0x" + "22" * 20
SESSION = b"\1" * 32


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    engine = open_database(tmp_path / "ledger.db", tables, 1)
    yield Ledger(engine)
    engine.dispose()


def order() -> SignedOrder:
    terms = Agreement(price=WEI, fee=100, level=1, sample=BY_RECORD, grace=60, penalty=0, privacy="direct")
    made = TaskOrder(
        buyer="0x" + "11" * 20, provider=PROVIDER, session=SESSION, job=b"\3" * 32, task=0, attempt=0, spec=b"\4" * 32,
        fuel_limit=1000, engine="e", issued=1, deadline=2**31, sealed=0, terms=terms,
    )  # fmt: skip
    return SignedOrder(made, sign(KEY, DOMAIN, made), b"spec")


class Chain:
    """One session, and the outbox: `close` ends it when it is open, and is refused for good when it is not."""

    next_tag, _is_over = Sender.next_tag, Sender._is_over

    def __init__(self) -> None:
        self.session_open = True
        self.claimed = 0
        self.done: dict[str, bool] = {}
        self.head = SimpleNamespace(number=1)

    def record(self) -> SessionRecord:
        return SessionRecord(
            SESSION, "0x" + "11" * 20, PROVIDER, b"\3" * 32, 9 * WEI, self.claimed, 0, 100, int(MAX_UINT64) >> 20,
            self.session_open, 1, None if self.session_open else 1,
        )  # fmt: skip

    def now(self) -> float:
        return 100.0

    def session(self, _session: bytes) -> SessionRecord:
        return self.record()

    def open_sessions(self, provider: str) -> list[SessionRecord]:
        assert provider == PROVIDER
        return [self.record()] if self.session_open else []

    async def wait_for(self, condition: Any, _timeout: float) -> None:
        assert condition()

    def claim_and_close(self, session: bytes, amount: int, _signature: bytes) -> int:
        assert session == SESSION
        return amount

    def result(self, tag: str) -> object | None:
        if self.done.get(tag) is False:
            raise Reverted("refused")
        return self.done.get(tag)

    async def send(self, amount: int, *, tag: str) -> object:
        if tag in self.done:
            self.result(tag)
        self.done[tag] = self.session_open
        if not self.session_open:
            raise Reverted("refused")
        self.session_open, self.claimed = False, amount
        return SimpleNamespace(gas_used=1, block=1, hash="0x")


async def test_a_claim_that_came_before_its_session_when_the_chain_went_back_is_made_again(ledger: Ledger) -> None:
    chain = Chain()
    ledger.take(DOMAIN.digest(order().order), "peer", order(), b"\4" * 65)
    ledger.hold(SESSION, 2 * WEI, b"\5" * 65, True)
    claims = Claims(
        address=PROVIDER, ledger=ledger, index=chain, sender=chain, calls=chain,  # type: ignore[arg-type]
        claim_above=WEI, closed=lambda session: None,
    )  # fmt: skip

    async def until_closed() -> None:
        task = asyncio.create_task(claims.run())
        async with asyncio.timeout(30):
            while chain.session_open or (held := ledger.held(SESSION)) is None or not held.closed:
                claims.wake()
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await until_closed()
    assert chain.claimed == 2 * WEI and len(chain.done) == 1
    # The chain goes back. The claim is mined again, and refused, before the session is opened again.
    chain.claimed, chain.session_open = 0, True
    chain.done = dict.fromkeys(chain.done, False)
    await until_closed()
    assert chain.claimed == 2 * WEI and sorted(chain.done.values()) == [False, True]
