"""What the providers of one job hand over: sealed answers, receipts and results, each checked before it counts."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from contextlib import suppress

from fogchain.errors import BadMessage, FogchainError, NotFound, Unavailable
from fogchain.jobs import logs
from fogchain.jobs.blobname import name_of
from fogchain.jobs.events import Committed, Delivered, Failed, Filed
from fogchain.jobs.machine import Run
from fogchain.jobs.spec import BlobRef, ResultManifest
from fogchain.market.messages import Exit, Receipt
from fogchain.market.reasons import Reason
from fogchain.market.reputation import BPS
from fogchain.market.verification import check_chance
from fogchain.wallet.eip712 import verify
from node.trade import wire
from node.trade.openjob import REQUEST_TIMEOUT, OpenJob
from node.trade.sources import blobs_of
from node.trade.transfers import SHOWN_FROM, decode_amounts
from node.trade.verdicts import word_of
from node.trade.wire import SignedCommitment, SignedReceipt

HANDING_OVER = 30.0  # seconds a provider may say "delivered" before its receipt is here
LONG_POLL = 10.0  # seconds for which a sealed answer's provider is kept waiting for the others'
CLOCK_SKEW = 120  # seconds by which two honest clocks may differ
SLOWEST = 64 << 10  # bytes a second at which a result has to come, at least


class JobReceipts:
    """Takes what is handed over. All are attempts of this job."""

    def __init__(self, job: OpenJob) -> None:
        self._job = job
        self._machine, self._around = job.machine, job.around

    def receiving(self, attempt: int) -> bool:
        """Whether this attempt's result is on its way here."""
        return attempt in self._job.coming

    def attempt_of(self, digest: bytes) -> int | None:
        return self._job.digests.get(digest)

    async def receive(self, peer: str, signed: SignedReceipt) -> tuple[str, Reason]:
        """Take a receipt: verify it, bring the result here and hash it. Returns what to answer, and why.

        Raises BadSignature, BadMessage, Unavailable when it can't be taken now.
        """
        attempt = self._job.digests[signed.receipt.order]
        run = self._machine.runs[attempt]
        verify(self._around.domain, signed.receipt, signed.signature, run.provider)
        if (going := self._job.coming.get(attempt)) is not None:
            await asyncio.shield(going)
        elif run.state == "out":
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._job.coming[attempt] = future
            try:
                await self._take(peer, run, signed)
                self._job.refused.discard(attempt)
            except Unavailable:
                blameless = self._around.storage.disk_is_full(self._job.most_left)
                (self._job.refused.add if blameless else self._job.refused.discard)(attempt)
                raise
            finally:
                self._job.transfers.end(attempt)
                future.set_result(None)
                del self._job.coming[attempt]
        else:
            self._file(run, signed)
        return word_of(run), self._job.verdicts.answer(run)

    def answers(self) -> dict[bytes, tuple[str, Reason]]:
        """What every receipt that was taken is answered with, also when it comes again."""
        return self._job.verdicts.answers()

    async def commit(self, signed: SignedCommitment) -> str:
        """Take a sealed answer, and say whether it may be shown now: once all other answers to the task are fixed.

        Raises BadSignature, BadMessage for another commitment than before.
        """
        run = self._machine.runs[self._job.digests[signed.commitment.order]]
        verify(self._around.domain, signed.commitment, signed.signature, run.provider)
        answer, patience = signed.commitment.answer.hex(), time.monotonic() + LONG_POLL
        if run.state == "out" and not run.commitment:
            self._job.record(Committed(self._job.now(), run.attempt, answer))
        elif run.commitment and run.commitment != answer:
            raise BadMessage("another answer than the one that was committed to")
        while run.state == "out" and not self._machine.may_open(run):
            turn, left = self._job.turn, patience - time.monotonic()
            if left <= 0:
                return wire.WAIT
            with suppress(TimeoutError):
                await asyncio.wait_for(turn.wait(), left)
        self._job.asked.setdefault(run.attempt, time.monotonic())
        return wire.OPEN

    async def _take(self, peer: str, run: Run, signed: SignedReceipt) -> None:
        receipt, now = signed.receipt, self._job.now()
        try:
            end = Exit(receipt.exit)
        except ValueError:
            self._refuse(run, f"its receipt names an unknown ending {receipt.exit}")
            return
        limit, ran = self._machine.spec.limits.time, receipt.finished - receipt.started
        if end is Exit.TIMEOUT and (now - run.sent < limit / 1000 or ran < limit // 1000):
            self._refuse(run, "claims the task's time limit passed; it did not")
            return
        if not end.deterministic:
            printed = self._around.blobs.put(logs.encode(signed.logs)) if signed.logs else ""
            self._job.fail(run, Failed(now, run.attempt, end, signed.detail or end.name.lower(), printed))
            self._file(run, signed)
            return
        if why := self._contradicts(run, signed):
            self._refuse(run, why)
            return
        try:
            manifest = self._check(run, receipt, signed.manifest)
            async with asyncio.timeout(HANDING_OVER + sum(file.size for file in manifest.files) / SLOWEST):
                await self._gather(peer, run.attempt, manifest, signed.blobs)
        except (BadMessage, NotFound, TimeoutError) as error:
            why = error.message if isinstance(error, FogchainError) else "it does not arrive"
            self._refuse(run, f"its result is not what its receipt says: {why}")
            return
        if run.state != "out":
            return
        self._around.blobs.put(signed.manifest)
        self._around.storage.took(len(signed.manifest) + sum(file.size for file in manifest.files))
        rules, hands = self._machine.spec.verify, (run.provider, *run.makers)
        clean = min(self._job.seen(name).clean + self._machine.shares[name].passed for name in hands)
        chance = check_chance(rules.level, rules.sample, clean, receipt.exit)
        if signed.restarted and rules.level == "L1":  # nothing else shows what it should have burnt
            chance = BPS
        self._job.record(
            Delivered(
                at=self._job.now(),
                attempt=run.attempt,
                result=receipt.result.hex(),
                fuel=receipt.fuel,
                exit=receipt.exit,
                started=receipt.started,
                finished=receipt.finished,
                receipt=signed.signature.hex(),
                check=secrets.randbelow(BPS) < chance,
                restarted=signed.restarted,
            )
        )

    def _file(self, run: Run, signed: SignedReceipt) -> None:
        """Keep a receipt that earns nothing: of a run that failed, or that nobody waits for any more."""
        receipt = signed.receipt
        if not run.may_file or receipt.exit not in set(Exit) or (run.state == "failed" and receipt.exit < Exit.TIMEOUT):
            return  # one whose result was refused is no paper to stand on
        self._job.record(
            Filed(
                at=self._job.now(),
                attempt=run.attempt,
                result=receipt.result.hex(),
                fuel=receipt.fuel,
                exit=receipt.exit,
                started=receipt.started,
                finished=receipt.finished,
                receipt=signed.signature.hex(),
            )
        )

    def _contradicts(self, run: Run, signed: SignedReceipt) -> str:
        """What is wrong with the receipt beside what was said before; empty when nothing is."""
        receipt = signed.receipt
        if run.sealed and receipt.commitment(run.provider, signed.salt.rjust(32, b"\0")).answer.hex() != run.commitment:
            return "its result is not what it committed to"
        if receipt.finished < receipt.started or receipt.finished > self._job.now() + CLOCK_SKEW:
            return "its receipt is dated in the future, or ends before it began"
        if receipt.finished < max(run.sent, self._job.beats.get(run.attempt, 0.0)) - CLOCK_SKEW:
            return "its receipt is dated before the order, or before its provider said that it was still running"
        return ""

    def _refuse(self, run: Run, why: str) -> None:
        if run.state == "out":
            self._around.refusals.note("receipt", BadMessage(why))
            self._job.fail(run, Failed(self._job.now(), run.attempt, Exit.REFUSED, why))

    def _check(self, run: Run, receipt: Receipt, manifest: bytes) -> ResultManifest:
        """The receipt's manifest. Raises BadMessage when the two or the order contradict each other."""
        spec = self._machine.spec
        if hashlib.sha256(manifest).digest() != receipt.result:
            raise BadMessage("the manifest's hash differs")
        if receipt.fuel > spec.limits.fuel - run.resumed:
            raise BadMessage("more fuel than the order allows")
        decoded = ResultManifest.decode(manifest)
        if decoded.exit != receipt.exit:
            raise BadMessage("manifest and receipt name different endings")
        if sum(file.size for file in decoded.files) + len(manifest) > self._job.most_left:
            raise BadMessage("more output than the order allows")
        return decoded

    async def measure(self, peer: str, out: list[Run]) -> None:
        """Learn how far the inputs of orders that wait have come."""
        for run in out:
            if run.attempt in self._job.started:
                self._job.transfers.end(run.attempt)
        large = [run for run in out if run.attempt not in self._job.started and self._input_bytes(run) >= SHOWN_FROM]
        if not large:
            return
        with suppress(FogchainError):
            digests = [self._job.digest(run) for run in large]
            answer = await self._around.network.request(
                peer, "progress", wire.encode_list(digests), timeout=REQUEST_TIMEOUT
            )
            for run, amount in zip(large, decode_amounts(answer, len(large)), strict=True):
                self._job.transfers.set(run.attempt, amount)
            self._job.changed({run.task for run in large})

    def _input_bytes(self, run: Run) -> int:
        return sum(blobs_of(self._machine.spec.run_spec(run.task)).values())

    async def _gather(self, peer: str, attempt: int, manifest: ResultManifest, given: dict[bytes, bytes]) -> None:
        """Bring every file of a result into the blob store, each checked against its hash."""
        blobs = self._around.blobs
        refs = {file.sha256: BlobRef(sha256=file.sha256, size=file.size) for file in manifest.files}
        self._job.transfers.begin(attempt, [ref for name, ref in refs.items() if bytes.fromhex(name) not in given])
        for file in manifest.files:
            data = given.get(bytes.fromhex(file.sha256))
            if data is not None:
                if len(data) != file.size or name_of(data) != file.sha256:
                    raise BadMessage(f"{file.name} does not hash to its name")
                blobs.put(data)
            elif not blobs.has(file.sha256):
                await self._around.network.fetch(
                    peer, refs[file.sha256], self._job.transfers.meter(attempt, file.sha256)
                )
            elif blobs.size(file.sha256) != file.size:
                raise BadMessage(f"{file.name} has {blobs.size(file.sha256)} bytes, not {file.size}")
