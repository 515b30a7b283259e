"""Transactions to the contracts, as values: what to call, with which data and how much gas.

Gas limits are the measured cost of the dearest path and a margin; what is not used is not paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError
from eth_hash.auto import keccak

from fogchain.chain.abi import artifact
from fogchain.chain.deployment import CONTRACTS, Deployment
from fogchain.chain.records import NOBODY, Delivery, JobRecord, JobState
from fogchain.chain.states import CourtParameters, Parameters
from fogchain.errors import BadInput, Conflict
from fogchain.market.auction import Lot
from fogchain.market.messages import Terms, Work

CPU = b"cpu".ljust(32, b"\0")  # the resource class of a node that says nothing else


@dataclass(frozen=True, slots=True)
class Call:
    to: str
    data: bytes
    gas: int
    value: int = 0  # wei
    what: str = "the transaction"  # for messages: "the deposit"


@dataclass(frozen=True, slots=True)
class BatchItem:
    """A finished job that its buyer pays in a batch; `number` is his own, paid once ever."""

    payee: str
    number: int
    amount: int  # fee included


def session_id(buyer: str, provider: str, job: bytes) -> bytes:
    """The id that the market gives the session of `job` between the two; 32 bytes."""
    return bytes(keccak(encode(("address", "address", "bytes32"), (buyer, provider, job))))


def hash_commitment(job: bytes, auditor: str, result: bytes, fuel: int, salt: bytes) -> bytes:
    """What an auditor commits to; 32 bytes. The salt is his secret until he reveals."""
    kinds = ("bytes32", "address", "bytes32", "uint64", "bytes32")
    return bytes(keccak(encode(kinds, (job, auditor, result, fuel, salt))))


class Calls:
    """Builds calls to one deployment. All raise BadInput for a value that does not fit its Solidity type."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def judged_by(self, court: str) -> Calls:
        """The same, for jobs and auditors of a court that a vote named later."""
        return Calls(replace(self._deployment, court=court))

    # ---- token

    def approve(self, amount: int, spender: str | None = None) -> Call:
        """Lets `spender`, the market unless named, take up to `amount` from the wallet."""
        return self._call(
            "token", "approve", (spender or self._deployment.market, amount), 70_000, "the approval of tokens"
        )

    def transfer(self, to: str, amount: int) -> Call:
        return self._call("token", "transfer", (to, amount), 80_000, "the transfer of tokens")

    def pay(self, to: str, amount: int) -> Call:
        """Sends ETH; `to` may be a contract that does little on receiving it."""
        return Call(to, b"", 60_000, amount, "the transfer of ETH")

    # ---- market: balances

    def deposit(self, amount: int) -> Call:
        """Needs an approval of `amount` for the market."""
        return self._call("market", "deposit", (amount,), 140_000, "the deposit")

    def deposit_with_permit(self, amount: int, deadline: int, signature: bytes) -> Call:
        """`signature`: the wallet's 65 bytes over the token's ERC-2612 permit for the market (`wallet.permit`)."""
        r, s, v = signature[:32], signature[32:64], signature[64]
        return self._call("market", "depositWithPermit", (amount, deadline, v, r, s), 200_000, "the deposit")

    def deposit_with_authorization(
        self, owner: str, amount: int, valid_after: int, valid_before: int, nonce: bytes, signature: bytes
    ) -> Call:
        """Sent by anyone; `signature`: the owner's, by ERC-3009 (`wallet.permit`)."""
        values = (owner, amount, valid_after, valid_before, nonce, signature)
        return self._call("market", "depositWithAuthorization", values, 220_000, "the deposit")

    def withdraw(self, amount: int) -> Call:
        return self._call("market", "withdraw", (amount,), 120_000, "the withdrawal")

    def withdrawn_by(self, call: Call) -> int | None:
        """What `call` takes out of the free balance in the market; None for another kind of call."""
        mine = self.withdraw(0)
        if call.to.lower() != mine.to.lower() or call.data[:4] != mine.data[:4] or len(call.data) < 36:
            return None
        return int.from_bytes(call.data[4:36], "big")

    def collect_fees(self, providers: Sequence[str]) -> Call:
        """Moves the fees kept back from these providers' pay to audits and stakers; anyone may."""
        gas = 450_000 + 150_000 * len(providers)
        return self._call("market", "collectFees", (list(providers),), gas, "the collection of fees")

    # ---- market: jobs

    def open_job(self, terms: Terms, signature: bytes = b"") -> Call:
        """With the other party's signature of the terms. The provider's is not needed without a breach."""
        return self._call("market", "open", (astuple(terms), signature), 220_000, "the opening of a job")

    def deliver(self, terms: Terms, result: bytes, fuel: int) -> Call:
        return self._call("market", "deliver", (astuple(terms), result, fuel), 80_000, "the delivery")

    def settle_signed(self, terms: Terms, amount: int, signature: bytes = b"") -> Call:
        """With the buyer's signature of Acceptance(job, amount), or by the buyer without."""
        values = (astuple(terms), amount, signature)
        return self._call("market", "settleSigned", values, 160_000, "the settlement")

    def settle_quorum(self, terms: Terms, work: Work, result: bytes, fuel: int, signatures: Sequence[bytes]) -> Call:
        """`signatures`: of Replica(job, result, fuel), in the order of `work.replicas`; empty for one that did not
        sign."""
        values = (astuple(terms), astuple(work), result, fuel, list(signatures))
        gas = 140_000 + 55_000 * len(work.replicas)
        return self._call("market", "settleQuorum", values, gas, "the settlement")

    def finalize(self, terms: Terms, delivery: Delivery) -> Call:
        """Pays a delivery that nobody challenged in time, or of which no verdict came in time; anyone may."""
        values = (astuple(terms), astuple(delivery))
        return self._call("market", "finalize", values, 160_000, "the payment of the job")

    def cancel_job(self, terms: Terms) -> Call:
        return self._call("market", "cancel", (astuple(terms),), 110_000, "the cancelling of the job")

    def expire(self, terms: Terms) -> Call:
        """Refunds a job of which nothing was delivered in time, with the breach; anyone may."""
        return self._call("market", "expire", (astuple(terms),), 600_000, "the refund of the job")

    def end_job(self, job: JobRecord) -> Call:
        """What anyone may do with a job once its deadline has passed. Raises Conflict when the job is over."""
        if job.state is JobState.OPEN:
            return self.expire(job.terms)
        if job.state.over or job.delivery is None:
            raise Conflict(f"job 0x{job.id.hex()} is over")
        return self.finalize(job.terms, job.delivery)

    def challenge(self, terms: Terms, delivery: Delivery) -> Call:
        """By the buyer, with a bond of the price from his free balance."""
        values = (astuple(terms), astuple(delivery))
        return self._call("market", "challenge", values, 420_000, "the challenge")

    # ---- market: sessions

    def open_session(self, provider: str, cap: int, expiry: int, job: bytes) -> Call:
        """Locks `cap` of the buyer's free balance for `provider`; `expiry` in Unix seconds of block time."""
        return self._call("market", "openSession", (provider, cap, expiry, job), 220_000, "the opening of a session")

    def top_up(self, session: bytes, amount: int) -> Call:
        return self._call("market", "topUp", (session, amount), 110_000, "the top-up of a session")

    def claim(self, session: bytes, amount: int, signature: bytes) -> Call:
        """Credits the provider with what voucher `amount` is above what was claimed before, less the fee."""
        return self._call("market", "claim", (session, amount, signature), 140_000, "the claim of a voucher")

    def claim_many(self, claims: Sequence[tuple[bytes, int, bytes]]) -> Call:
        """(session, amount, signature) each; one that can't be claimed is skipped."""
        gas = 60_000 + 90_000 * len(claims)
        return self._call("market", "claimMany", (list(claims),), gas, "the claim of vouchers")

    def claim_and_close(self, session: bytes, amount: int, signature: bytes) -> Call:
        """By the provider: as claim, then closes; the rest of the cap is free for the buyer again."""
        return self._call("market", "claimAndClose", (session, amount, signature), 180_000, "the claim of a voucher")

    def close_session(self, session: bytes) -> Call:
        """By the provider at any time, by anyone from the expiry on."""
        return self._call("market", "closeSession", (session,), 110_000, "the closing of a session")

    # ---- market: batches

    def settle_batch(self, items: Sequence[BatchItem]) -> Call:
        """The buyer pays many finished jobs from his free balance."""
        payees = list(dict.fromkeys(item.payee for item in items))
        places = {payee: place for place, payee in enumerate(payees)}
        try:
            packed = b"".join(
                places[item.payee].to_bytes(2, "big") + item.number.to_bytes(4, "big") + item.amount.to_bytes(10, "big")
                for item in items
            )
        except OverflowError as error:
            raise BadInput(
                "a batch can't be written for the contract",
                hint="it takes 2^16 payees, numbers below 2^32, amounts below 2^80 base units",
            ) from error
        gas = 100_000 + 60_000 * len(payees) + 26_000 * len(items)
        return self._call("market", "settleBatch", (payees, packed), gas, "the payment of a batch")

    # ---- prices

    def advance_prices(self, resource_class: bytes) -> Call:
        """Moves the base prices of a class by one step; anyone may, once in 600 s."""
        return self._call("pricing", "advance", (resource_class,), 160_000, "the step of the base prices")

    def seal_round(self, number: int) -> Call:
        """Fixes the seed of a round of the auction that is over; anyone may."""
        return self._call("pricing", "seal", (number,), 90_000, "the sealing of a round")

    def cancel_bids(self, number: int) -> Call:
        """Takes back all bids of the caller for a round that is not over."""
        return self._call("pricing", "cancelBids", (number,), 80_000, "the taking back of bids")

    def clear_round(self, resource_class: bytes, number: int, bids: Sequence[Lot], asks: Sequence[Lot]) -> Call:
        """Submits a round's bids and asks, sorted; anyone may, in the 600 s after its end."""
        signed = [[(lot.trader, lot.price, lot.number, lot.signature) for lot in side] for side in (bids, asks)]
        gas = 300_000 + 36_000 * (len(bids) + len(asks))
        return self._call("pricing", "clear", (resource_class, number, *signed), gas, "the clearing of a round")

    # ---- market: what a vote, or the guardian, does

    def set_parameters(self, parameters: Parameters) -> Call:
        return self._call(
            "market", "setParameters", (astuple(parameters),), 160_000, "the change of the market's parameters"
        )

    def set_pricing(self, pricing: str) -> Call:
        return self._call("market", "setPricing", (pricing,), 80_000, "the change of the price controller")

    def stop(self, until: int) -> Call:
        """New jobs and sessions are refused until then; what is open goes on."""
        return self._call("market", "stop", (until,), 80_000, "the stop of new jobs")

    # ---- registry

    def register(
        self,
        node_key: bytes,
        node_signature: bytes,
        slots: int,
        endpoints: str,
        *,
        resource_class: bytes = CPU,
        capacity: int = 0,
        operator: str = NOBODY,
        agreement: tuple[int, bytes] = (0, b""),
    ) -> Call:
        """`node_signature`: NodeIdentity.bind, 64 bytes; `endpoints`: at most 1024 bytes, multiaddrs; `capacity`: Gfuel
        per epoch of 600 s. `operator`: who runs it, unless its owner does; `agreement`: until when his signature of
        `hashOperates` holds, Unix seconds, and the signature. It is not needed where the record names him already."""
        length = len(endpoints.encode())
        if length > 1024:
            raise BadInput(f"{length} bytes of endpoints are more than the registry takes", hint="at most 1024")
        gas = 330_000 + 40 * (length + 64)
        node = (node_key, node_signature, resource_class, slots, capacity, endpoints, operator, *agreement)
        return self._call("registry", "register", (node,), gas, "the registration")

    def refresh_capacity(self, owner: str) -> Call:
        """Counts anew how much of the owner's capacity his bond covers; anyone may."""
        return self._call("registry", "refresh", (owner,), 120_000, "the counting of a node's capacity")

    def disown(self, owner: str, up_to: int) -> Call:
        """By an operator: no agreement of his for `owner`'s node that expires until `up_to`, Unix seconds, counts any
        more, and a record that names him names its owner instead."""
        return self._call("registry", "disown", (owner, up_to), 90_000, "the release of a node")

    def review(self, values: Sequence[tuple[bytes, int]]) -> Call:
        """By a buyer: what closed sessions of his were worth, out of 100 each. One that can't count is skipped."""
        gas = 50_000 + 180_000 * len(values)
        return self._call("registry", "review", (list(values),), gas, "the publishing of ratings")

    def deregister(self) -> Call:
        return self._call("registry", "deregister", (), 100_000, "the deregistration")

    # ---- stake

    def bond(self, amount: int) -> Call:
        """Needs an approval of `amount` for the stake contract."""
        return self._call("stake", "bond", (amount,), 320_000, "the bond")

    def bond_with_permit(self, amount: int, deadline: int, signature: bytes) -> Call:
        """`signature`: as for `deposit_with_permit`, for the stake contract."""
        r, s, v = signature[:32], signature[32:64], signature[64]
        return self._call("stake", "bondWithPermit", (amount, deadline, v, r, s), 380_000, "the bond")

    def unbond(self, amount: int) -> Call:
        return self._call("stake", "unbond", (amount,), 320_000, "the unbonding")

    def cancel_unbond(self, index: int) -> Call:
        return self._call("stake", "cancelUnbond", (index,), 600_000, "the cancelling of an unbonding")

    def withdraw_stake(self) -> Call:
        """Takes out all bonds whose unbonding time is over."""
        return self._call("stake", "withdraw", (), 500_000, "the withdrawal of the bond")

    def delegate(self, to: str) -> Call:
        """Lets `to`, which may be the owner himself, vote by the owner's bond."""
        return self._call("stake", "delegate", (to,), 220_000, "the delegation")

    def claim_rewards(self) -> Call:
        return self._call("stake", "claimRewards", (), 220_000, "the claim of rewards")

    def fund_rewards(self, amount: int) -> Call:
        """Streams `amount` to all bonds. By the treasury; needs an approval for the stake contract."""
        return self._call("stake", "fund", (amount,), 260_000, "the funding of rewards")

    # ---- court

    def enlist(self, seats: int) -> Call:
        """The caller, as auditor, has `seats` seats in all."""
        return self._call("court", "enlist", (seats,), 200_000 + 40_000 * seats, "the taking of seats")

    def evict(self, auditor: str) -> Call:
        """Takes the seats of an auditor whose bond does not cover them; anyone may."""
        return self._call("court", "evict", (auditor,), 2_000_000, "the eviction")

    def collect_audit_pay(self) -> Call:
        return self._call("court", "collect", (), 120_000, "the collection of audit pay")

    def audit(self, terms: Terms, delivery: Delivery) -> Call:
        """Brings a delivery whose audit was drawn before the court; anyone may."""
        return self._call("court", "audit", (astuple(terms), astuple(delivery)), 420_000, "the audit")

    def draw_committee(self, job: bytes) -> Call:
        return self._call("court", "draw", (job,), 1_500_000, "the draw of a committee")

    def commit(self, job: bytes, commitment: bytes) -> Call:
        """`commitment`: of `hash_commitment`."""
        return self._call("court", "commit", (job, commitment), 140_000, "the commitment")

    def reveal(self, job: bytes, result: bytes, fuel: int, salt: bytes) -> Call:
        return self._call("court", "reveal", (job, result, fuel, salt), 220_000, "the reveal")

    def close_case(self, terms: Terms, delivery: Delivery) -> Call:
        """Ends the round; anyone may, once all have revealed or the time is over."""
        values = (astuple(terms), astuple(delivery))
        return self._call("court", "close", values, 3_000_000, "the closing of the case")

    def set_court_parameters(self, parameters: CourtParameters) -> Call:
        """By a vote."""
        return self._call(
            "court", "setParameters", (astuple(parameters),), 120_000, "the change of the court's parameters"
        )

    def _call(self, contract: str, function: str, values: tuple[Any, ...], gas: int, what: str) -> Call:
        try:
            data = artifact(CONTRACTS[contract]).functions[function].encode(*values)
        except (EncodingError, ValueError, TypeError, OverflowError) as error:
            raise BadInput(f"{what} can't be written for the contract: {error}") from error
        return Call(getattr(self._deployment, contract), data, gas, 0, what)
