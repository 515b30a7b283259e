"""Sealed answers that are forged, changed, shown too early, or never: none of them counts, and the honest are paid."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from hostile import RogueProvider, Trick, manifest, until

from fogchain.errors import BadMessage, BadSignature, FogchainError
from fogchain.market.messages import Commitment, Exit, Receipt
from fogchain.wallet.eip712 import sign
from node.trade import wire
from node.trade.wire import SignedCommitment

pytestmark = [pytest.mark.slow, pytest.mark.chain]

SALT = b"s" * 32
TRUE, OTHER = manifest("stdout", b"first"), manifest("stdout", b"second thoughts")


class Sealer(RogueProvider):
    """A provider whose committed orders are delivered, by its own words."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.committed: set[bytes] = set()
        self.errors: dict[str, FogchainError] = {}

    def state_of(self, digest: bytes) -> str:
        return wire.DELIVERED if digest in self.committed else wire.QUEUED

    async def commit(self, order: bytes, content: bytes, key: PrivateKey | None = None) -> str:
        """Commit to a result, and hear whether it may be shown."""
        now = int(time.time())
        receipt = Receipt(order, sha256(content).digest(), 1000, int(Exit.OK), now, now)
        commitment: Commitment = receipt.commitment(self.wallet.address, SALT)
        signed = SignedCommitment(commitment, sign(key or self.wallet.key, self.domain, commitment))
        word = wire.decode_word(await self.ask(self.buyer, "commit", signed.encode(), timeout=60))
        self.committed.add(order)
        return word

    async def opened(self, order: bytes, content: bytes) -> None:
        while await self.commit(order, content) != wire.OPEN:
            pass


async def shows_another(rogue: Any, order: bytes) -> None:
    """not what it committed to"""
    await rogue.opened(order, TRUE)
    await rogue.hand_over(order, OTHER, blobs=_blobs(b"second thoughts"), salt=SALT)


async def shows_at_once(rogue: Any, order: bytes) -> None:
    """not what it committed to"""
    await rogue.hand_over(order, TRUE, blobs=_blobs(b"first"), salt=SALT)


async def commits_twice(rogue: Any, order: bytes) -> None:
    """says delivered and nothing comes of it"""
    await rogue.opened(order, TRUE)
    try:
        await rogue.commit(order, OTHER)
    except FogchainError as error:
        rogue.errors["twice"] = error


async def never_shows(rogue: Any, order: bytes) -> None:
    """says delivered and nothing comes of it"""
    try:
        await rogue.commit(order, TRUE, PrivateKey())
    except FogchainError as error:
        rogue.errors["forged"] = error
    await rogue.opened(order, TRUE)


def _blobs(content: bytes) -> dict[bytes, bytes]:
    return {sha256(content).digest(): content}


TRICKS: tuple[Trick, ...] = (shows_another, shows_at_once, commits_twice, never_shows)


async def test_an_answer_counts_only_as_it_was_committed_to(market: Callable[..., Any], tmp_path: Path) -> None:
    async with market(providers=2) as m:
        rogue = Sealer(tmp_path / "rogue", m.network.deployment, m.network.rpc_url, TRICKS, slots=4)
        await rogue.start()
        try:
            await rogue.register()

            async def known() -> bool:
                return any(
                    view.address == rogue.wallet.address and view.state == "ready"
                    for view in await m.network.buyer.providers()
                )

            await until(known, 60)
            file = m.spin(8, 100_000, '[verify]\nlevel = "L2"\n')
            file.write_text(file.read_text().replace('time = "60 s"', 'time = "20 s"'))
            job = await m.submit(file)
            await until(lambda: len(rogue.played) == len(TRICKS), 90)
            lost = rogue.played["never_shows"]
            detail = await m.until(job, lambda detail: detail.tasks.done == 8)
            runs = {run.attempt: run for task in (await m.network.buyer.tasks(job)).items for run in task.runs}
            for trick in TRICKS:
                run = runs[rogue.orders[rogue.played[trick.__name__]].order.attempt]
                assert run.sealed and run.state in ("failed", "lost"), (trick.__name__, run)
                assert trick.__doc__ is not None and trick.__doc__ in run.detail, (trick.__name__, run)
            assert isinstance(rogue.errors["twice"], BadMessage) and isinstance(rogue.errors["forged"], BadSignature)

            # Shown when the patience with it is over, it changes nothing.
            await rogue.hand_over(lost, TRUE, blobs=_blobs(b"first"), salt=SALT)
            assert rogue.answers[lost] in (wire.SUPERSEDED, wire.BREACHED), rogue.answers[lost]
            detail = await m.until(
                job, lambda d: all(s.session_state == "closed" for s in d.providers if s.name in ("oak", "birch")), 120
            )
            assert len({task.result for task in (await m.network.buyer.tasks(job)).items}) == 1
            for share in detail.providers:
                if share.address == rogue.wallet.address:
                    assert (share.tasks, share.checks, share.owed, share.claimed) == (0, 0, 0, 0)
                    assert "majority" not in share.problem  # it showed nothing that could be wrong
                else:
                    assert share.owed == share.claimed > 0
        finally:
            await rogue.stop()
