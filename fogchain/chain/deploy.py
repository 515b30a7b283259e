"""Deploys the contracts of plan.py to any chain; what was begun is finished or, where that can't be, begun anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from coincurve import PrivateKey

from fogchain.chain.abi import artifact
from fogchain.chain.deployment import Deployment
from fogchain.chain.plan import Step, steps_of
from fogchain.chain.profile import Profile
from fogchain.chain.progress import Progress
from fogchain.chain.reverts import Reverted
from fogchain.chain.rpc import Rpc, RpcError
from fogchain.chain.transaction import Fees, Signed, created_address, fees_for, sign_transaction, suggested_tip
from fogchain.errors import Conflict, PaymentRequired, Unavailable
from fogchain.units import format_eth
from fogchain.wallet.eip712 import address_of

_QUICK, _SLOW = 0.05, 2.0  # seconds between looks: at first, and in the end, as a public node wants it

_log = structlog.get_logger(__name__)


async def deploy(
    rpc: Rpc, key: PrivateKey, target: Path, profile: Profile, *, public_url: str | None = None
) -> Deployment:
    """All in one, for chains that need no second look. Raises as `Deployer`."""
    deployer = await Deployer.begin(rpc, key, target, profile)
    return await deployer.run(public_url=public_url)


class Deployer:
    """`begin`, look at `missing` and `cost`, `run`. Sends all transactions at once, in order, and waits for them."""

    def __init__(self, rpc: Rpc, key: PrivateKey, target: Path, progress: Progress) -> None:
        self._rpc = rpc
        self._key = key
        self._target = target
        self._progress = progress
        self._site = progress.site(created_address)
        self._steps = steps_of(self._site.profile)
        self._gas: dict[str, int] = {}
        self._blocks: dict[str, int] = {}  # where each was mined
        self._transactions: dict[str, str] = {}
        self._refusal = ""  # what a node said last when it did not take a transaction
        self._tell: Callable[[str], None] = lambda _: None
        self.missing: list[Step] = []
        self.cost = 0  # wei it takes at most to deploy `missing`, as far as it can be told before

    @classmethod
    async def begin(cls, rpc: Rpc, key: PrivateKey, target: Path, profile: Profile) -> Deployer:
        """Looks at the chain and at what was begun before; changes neither chain nor disk.

        Raises PaymentRequired without enough ETH for gas, Conflict when the account's earlier transactions are not
        mined yet or what was begun is of another profile, Unavailable.
        """
        account = address_of(key.public_key)
        chain_id, nonce, pending, block = await rpc.strict(
            [
                ("eth_chainId", []),
                ("eth_getTransactionCount", [account, "latest"]),
                ("eth_getTransactionCount", [account, "pending"]),
                ("eth_getBlockByNumber", ["latest", False]),
            ]
        )
        fresh = Progress(
            chain_id=int(chain_id, 16),
            deployer=account,
            first_nonce=int(nonce, 16),
            block=int(block["number"], 16),
            time=int(block["timestamp"], 16),
            profile=profile.raw,
        )
        begun = Progress.read(target)
        if begun and (begun.chain_id, begun.deployer) == (fresh.chain_id, account):
            deployer = cls(rpc, key, target, begun)
            await deployer._look()
            done = len(deployer._steps) - len(deployer.missing)
            if done and begun.profile != profile.raw:
                raise Conflict(
                    f"{done} contracts were deployed with another profile before this was cut off",
                    hint=f"go on with that profile, or delete {target}.part to begin anew",
                )
            place = deployer._steps.index(deployer.missing[0]) if deployer.missing else done
            possible = not deployer.missing or begun.first_nonce + place == fresh.first_nonce
            if possible and begun.profile == profile.raw:
                await deployer._estimate()
                return deployer
            _log.warning("what was begun can't be finished, it is begun anew", deployer=account, done=done)
        if int(pending, 16) > fresh.first_nonce:
            raise Conflict(
                f"{account} has transactions that are not mined yet",
                hint="wait for them: the contracts' addresses follow from its next transaction",
            )
        deployer = cls(rpc, key, target, fresh)
        await deployer._look()
        await deployer._estimate()
        return deployer

    async def run(
        self,
        *,
        public_url: str | None = None,
        confirmations: int = 0,
        timeout: float = 300.0,
        tell: Callable[[str], None] | None = None,
    ) -> Deployment:
        """Deploys what is missing, waits for `confirmations` blocks on top, and writes the deployment file.

        `timeout`: seconds without any of them being mined. Raises Reverted when the chain refuses a contract,
        PaymentRequired when the account runs out of ETH, Unavailable. After any of them the same again goes on.
        """
        self._tell = tell or self._tell
        self._progress.write(self._target)
        while self.missing or not await self._confirmed(confirmations):
            sent: list[Step] = []
            for step in self.missing:
                if not await self._send(step, hopeful=bool(sent)):
                    await self._mined(sent, timeout)  # its constructor asks one that is not there yet
                    sent.clear()
                    await self._send(step)
                sent.append(step)
            await self._mined(sent, timeout)
            await self._look()
        await self._find_transactions()
        deployment = self._progress.finish(self._target, self._site, self._transactions, public_url)
        _log.info("contracts deployed", chain_id=deployment.chain_id, market=deployment.market, block=deployment.block)
        return deployment

    async def _look(self) -> None:
        codes = await self._rpc.strict(("eth_getCode", [self._site[step.name], "latest"]) for step in self._steps)
        self.missing = [step for step, code in zip(self._steps, codes, strict=True) if code in ("0x", "0x0", None)]

    async def _estimate(self) -> None:
        """Where a constructor asks neighbours that are not there yet, the node is told to suppose they were.

        What can't be estimated even so, by nodes that suppose nothing, is left out until its neighbours are there.
        """
        await self._ask_gas(self.missing)
        if left := [step for step in self.missing if step.name not in self._gas]:
            questions = [("eth_call", [self._creation(step), "latest"]) for step in self.missing]
            codes = zip(self.missing, await self._rpc.batch(questions), strict=True)
            there = {self._site[step.name]: {"code": code} for step, code in codes if isinstance(code, str)}
            for step in left:
                nonce = self._progress.first_nonce + self._steps.index(step)
                await self._ask_gas([step], "latest", {**there, self._progress.deployer: {"nonce": hex(nonce)}})
        fees = await self._fees()
        self.cost = sum(self._gas.values()) * fees.most
        balance = int(await self._rpc.call("eth_getBalance", self._progress.deployer, "latest"), 16)
        if balance < self.cost:
            raise PaymentRequired(
                f"{self._progress.deployer} has {format_eth(balance, 6)}, "
                f"deploying {len(self.missing)} contracts may take {format_eth(self.cost, 6)}",
                hint="send it ETH for gas",
            )

    async def _ask_gas(self, steps: list[Step], *more: Any) -> None:
        answers = await self._rpc.batch(("eth_estimateGas", [self._creation(step), *more]) for step in steps)
        for step, answer in zip(steps, answers, strict=True):
            if not isinstance(answer, RpcError):
                self._gas[step.name] = _with_margin(answer)

    def _creation(self, step: Step) -> dict[str, str]:
        return {"from": self._progress.deployer, "data": "0x" + self._code(step).hex()}

    def _code(self, step: Step) -> bytes:
        return artifact(step.contract).deployment_code(*step.arguments(self._site))

    # ---- sending

    async def _send(self, step: Step, hopeful: bool = False) -> bool:
        """On disk before any node sees it. False, when `hopeful`, for what the chain would refuse now."""
        copies = self._progress.sent.setdefault(step.name, [])
        if not copies or "gas" not in copies[-1]:
            gas = self._gas.get(step.name)
            if gas is None:
                try:
                    gas = _with_margin(await self._rpc.call("eth_estimateGas", self._creation(step)))
                except RpcError as error:
                    if hopeful:
                        return False
                    raise Reverted(f"{step.contract} can't be deployed: {error.reason}") from error
            self._keep(step, gas, await self._fees())
        await self._broadcast(step)
        return True

    def _keep(self, step: Step, gas: int, fees: Fees) -> None:
        copy: dict[str, Any] = {"gas": gas, "most": fees.most, "tip": fees.tip}
        copy["hash"] = self._signed(step, copy).hash
        self._progress.sent[step.name].append(copy)
        self._progress.write(self._target)
        _log.info("deploying", contract=step.contract, transaction=copy["hash"])

    def _signed(self, step: Step, copy: dict[str, Any]) -> Signed:
        """The same bytes whenever it is asked: signatures are deterministic (RFC 6979)."""
        nonce = self._progress.first_nonce + self._steps.index(step)
        fees = Fees(copy["most"], copy["tip"])
        return sign_transaction(self._key, self._progress.chain_id, nonce, fees, copy["gas"], None, self._code(step))

    async def _broadcast(self, step: Step) -> None:
        """A node that has it already says so, one that lost it takes it again."""
        signed = self._signed(step, self._progress.sent[step.name][-1])
        try:
            await self._rpc.call("eth_sendRawTransaction", signed.hex)
        except RpcError as error:
            if "insufficient funds" in error.reason.lower():
                raise PaymentRequired(
                    f"{self._progress.deployer} has not enough ETH left for {step.contract}",
                    hint="send it ETH for gas and run the same again: it goes on where it stopped",
                ) from error
            if not any(word in error.reason.lower() for word in ("known", "imported", "nonce too low")):
                self._refusal = f"; the node says: {error.reason}"

    async def _fees(self) -> Fees:
        block = await self._rpc.call("eth_getBlockByNumber", "latest", False)
        if block.get("baseFeePerGas") is None:
            raise Conflict("this chain knows no EIP-1559 fees", hint="the contracts need an EVM of Cancun or later")
        return fees_for(int(block["baseFeePerGas"], 16), await suggested_tip(self._rpc))

    # ---- waiting

    async def _mined(self, steps: list[Step], timeout: float) -> None:
        waiting = list(steps)
        gap, progress_at = _QUICK, time.monotonic()
        while waiting:
            for step in waiting.copy():
                if await self._receipt(step):
                    waiting.remove(step)
                    gap, progress_at = _QUICK, time.monotonic()
            if not waiting:
                return
            if time.monotonic() - progress_at > timeout:
                raise Unavailable(
                    f"{waiting[0].contract} is not mined yet (transaction {self._hash(waiting[0])}){self._refusal}",
                    hint="run the same again: it goes on from here",
                )
            await asyncio.sleep(gap)
            gap = min(gap * 1.5, _SLOW)
            if gap == _SLOW:
                await self._press(waiting)

    async def _press(self, waiting: list[Step]) -> None:
        """Sends again what a node lost, with higher fees what the base fee has outgrown."""
        fees = await self._fees()
        for step in waiting:
            newest = self._progress.sent[step.name][-1]
            if newest["most"] < fees.most // 2:
                self._keep(step, newest["gas"], Fees(newest["most"], newest["tip"]).raised(fees))
            await self._broadcast(step)

    async def _receipt(self, step: Step) -> bool:
        """Whether one of its copies is mined."""
        hashes = [copy["hash"] for copy in self._progress.sent.get(step.name, ()) if copy.get("hash")]
        for hash_, receipt in zip(
            hashes, await self._rpc.strict(("eth_getTransactionReceipt", [hash_]) for hash_ in hashes), strict=True
        ):
            if receipt is None:
                continue
            if receipt["status"] != "0x1":
                raise Reverted(f"the chain refused {step.contract} (transaction {hash_})")
            self._transactions[step.name] = hash_
            self._blocks[step.name] = int(receipt["blockNumber"], 16)
            self._tell(f"{step.contract} at {self._site[step.name]}, block {self._blocks[step.name]}")
            return True
        return False

    async def _confirmed(self, confirmations: int) -> bool:
        """True when all have that many blocks on top; False when the chain has dropped one of them."""
        newest = max(self._blocks.values(), default=0)
        if newest and confirmations:
            self._tell(f"waiting for {confirmations} blocks on top")
        gap = _QUICK
        while newest and int(await self._rpc.call("eth_blockNumber"), 16) < newest + confirmations:
            await asyncio.sleep(gap)
            gap = min(gap * 1.5, _SLOW)
        await self._look()
        return not self.missing

    async def _find_transactions(self) -> None:
        """Of what an earlier run has deployed."""
        for step in self._steps:
            if step.name not in self._transactions:
                await self._receipt(step)

    def _hash(self, step: Step) -> str:
        return str(self._progress.sent[step.name][-1].get("hash"))


def _with_margin(estimate: str) -> int:
    return int(estimate, 16) * 5 // 4
