"""Receipts on their way to the buyer: again and again, until it acknowledges them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from fogchain.errors import BadMessage, FogchainError, Unavailable
from fogchain.jobs.spec import ResultManifest
from fogchain.wallet.eip712 import Domain, sign
from fogchain.wallet.keystore import Wallet
from node.trade import wire
from node.trade.ledger import Ledger, LedgerOrder, account_of
from node.trade.ports import Network
from node.trade.wire import SignedCommitment

log = structlog.get_logger(__name__)

DISK_PAUSE = 2.0  # seconds between tries to write what a full disk did not take
SEALED_PAUSE = 0.5  # seconds before a sealed answer is offered again


class Handover:
    """Pushes delivered orders' receipts, and lets their buyers fetch the results."""

    def __init__(
        self,
        *,
        wallet: Wallet,
        domain: Domain,
        ledger: Ledger,
        network: Network,
        heard: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        """`heard` gets the peer id of each buyer that answers."""
        self._wallet, self._domain, self._ledger, self._network = wallet, domain, ledger, network
        self._heard, self._changed = heard, changed
        self._pushes: dict[bytes, asyncio.Task[None]] = {}
        self._granted: dict[str, set[str]] = {}

    def may_read(self, peer_id: str, sha256: str) -> bool:
        """Whether this peer may fetch this blob from us: it is part of a result it ordered."""
        return sha256 in self._granted.get(peer_id, ())

    def push(self, digest: bytes, *, afresh: bool = False) -> None:
        """See that the buyer gets this receipt; `afresh` starts over without waiting out a pause."""
        if (task := self._pushes.get(digest)) is not None:
            if not afresh:
                return
            task.cancel()
        task = asyncio.create_task(self._hand_over(digest))
        self._pushes[digest] = task
        task.add_done_callback(
            lambda done: self._pushes.pop(digest, None) if self._pushes.get(digest) is done else None
        )

    async def stop(self) -> None:
        tasks = list(self._pushes.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hand_over(self, digest: bytes) -> None:
        pause = 0.5
        while True:
            known = self._ledger.get(digest)
            if known is None or known.receipt is None or known.handed:
                return
            self._grant(known)
            verdict: tuple[str, str] | None = None
            session = self._ledger.held(account_of(known.order))
            if session is not None and session.closed:
                return
            try:
                if known.receipt.salt and not await self._opened(known):
                    await asyncio.sleep(SEALED_PAUSE)
                    continue
                answer = await self._network.request(known.peer, "receipt", known.receipt.encode(), timeout=120)
                verdict = wire.decode_verdict(answer)
            except (Unavailable, BadMessage) as error:
                log.debug("receipt not handed over yet", order=digest.hex()[:12], why=error.message)
            except FogchainError as error:
                log.warning("the buyer refuses a receipt", order=digest.hex()[:12], why=error.message)
                verdict = f"refused: {error.message}"[:200], ""
            else:
                self._heard(known.peer)
            if verdict is not None:
                await self._keep(digest, *verdict)
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 15.0)

    async def _keep(self, digest: bytes, verdict: str, reason: str) -> None:
        """Return once the buyer's word is on disk; a full one takes it later, also after the session has ended."""
        while True:
            try:
                self._ledger.handed(digest, verdict, reason)
                self._changed()
                return
            except Unavailable as error:
                log.error("a buyer's word waits for the disk", order=digest.hex()[:12], why=error.message)
            await asyncio.sleep(DISK_PAUSE)

    async def _opened(self, known: LedgerOrder) -> bool:
        """Commit to a sealed order's answer. True once the buyer asks to see it: the others' answers are fixed too."""
        assert known.receipt is not None
        commitment = known.receipt.receipt.commitment(self._wallet.address, known.receipt.salt)
        signed = SignedCommitment(commitment, sign(self._wallet.key, self._domain, commitment))
        answer = await self._network.request(known.peer, "commit", signed.encode(), timeout=60)
        self._heard(known.peer)
        return wire.decode_word(answer) == wire.OPEN

    def _grant(self, known: LedgerOrder) -> None:
        if known.receipt and known.receipt.manifest:
            names = {file.sha256 for file in ResultManifest.decode(known.receipt.manifest).files}
            self._granted.setdefault(known.peer, set()).update(names)
