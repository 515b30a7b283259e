"""What buyer and provider sign, in EIP-712.

For streams of tasks, paid from a session:

    provider ── Offer ──▶ buyer          what I run, at which price, until when
    buyer ◀── TaskOrder ──▶ provider     run this, I pay this price up to this limit from this session; both sign it
    auditor ── Commitment ──▶ buyer      what I got, sealed, before I can see what others got
    provider ── Receipt ──▶ buyer        the order's result hash, its fuel, how it ended
    buyer ── Voucher ──▶ provider        in this session I owe you this much in all (the market contract pays it)

For a single job that the market contract knows of:

    buyer ◀── Terms ──▶ provider         one of them sends it with the other's signature; its digest is the job's id
    buyer ── Acceptance ──▶ provider     the job is settled with this much
    replica ── Replica ──▶ anyone        this is what I got; enough of the same settle the job

For the registry:

    operator ── Operates ──▶ owner       I run your node with this key; the owner sends it with the node's record

For work that can wait:

    buyer, provider ── Bid ──▶ anyone    I buy, or sell, a lot at this price or a better one in this round

Amounts are base units of FOG, prices base units per 10^9 fuel, times Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from eth_hash.auto import keccak

from fogchain.units import cost
from fogchain.wallet.eip712 import (
    Address,
    Addresses,
    Bytes32,
    Text,
    Uint8,
    Uint16,
    Uint32,
    Uint40,
    Uint64,
    Uint96,
    Uint256,
    struct_hash,
)


def late_pay(gross: int, at: int, due: int, late_by: int) -> int:
    """What is left of `gross` for a delivery at `at`: all until `due`, nothing from `late_by` on, in between linearly
    less; rounded down."""
    if at <= due:
        return gross
    return gross * max(late_by - at, 0) // (late_by - due) if late_by > due else 0


class Exit(IntEnum):
    """How a run ended. Below 16 the end is the program's own, the same on every machine, and is paid for;
    from 16 on it is the provider's trouble, unpaid, and the task goes elsewhere."""

    OK = 0
    NONZERO = 1  # the program exited with another code than 0
    TRAP = 2  # unreachable, out-of-bounds access, stack overflow, division by zero
    OUT_OF_FUEL = 3
    OUTPUT_LIMIT = 4  # wrote more than the order allows
    BAD_MODULE = 5  # not a WebAssembly module, or it imports what the sandbox does not give
    TIMEOUT = 16  # wall clock
    CRASHED = 17  # the worker process died
    REFUSED = 18  # the provider could not or would not run it

    @property
    def deterministic(self) -> bool:
        return self < Exit.TIMEOUT


@dataclass(frozen=True, slots=True)
class Offer:
    provider: Address
    node: Bytes32  # the node's Ed25519 public key
    resource_class: Bytes32  # the class of FogPricing that it belongs to: "cpu", filled with zeros
    multiplier: Uint16  # the price over the class's base price, in basis points; zero: the price is fixed
    price: Uint96  # base price × multiplier when it was issued, or the fixed price
    regions: Text  # where the machine is, comma-separated: "eu,eu-de"; empty when that is not said
    survival_10m: Uint16  # chance, in basis points, that the node is there and sound in 10 minutes
    survival_1h: Uint16
    survival_2h: Uint16
    slots: Uint32  # tasks at once
    memory: Uint64  # bytes a task may have
    fuel_rate: Uint64  # fuel per second and slot, measured by the provider
    engines: Text  # what it runs tasks with, comma-separated and sorted; see `market/engines.py`
    on_account: Uint96  # what one buyer may owe it outside of sessions; zero: it takes no such orders
    issued: Uint40
    expiry: Uint40


ON_ACCOUNT = bytes(32)  # the session of an order that has none, and is paid in a batch when its job has ended
BY_RECORD = 2**32 - 1  # a sample of this: the provider's record says how much is checked
SERVED_PRIVACY = ("direct",)  # of the labels "direct", "onion" and "mix", those that are to be had


@dataclass(frozen=True, slots=True)
class Agreement:
    """What all orders of one job to one provider say alike."""

    price: Uint96
    fee: Uint32  # basis points that the market keeps of what the provider is paid
    level: Uint8  # of verification, 0 to 3
    sample: Uint32  # at level 1: basis points of results that are checked, or BY_RECORD
    grace: Uint40  # seconds after the deadline over which the pay falls to nothing
    penalty: Uint96  # kept from the provider's other earnings in the session when it accepts and never delivers
    privacy: Text  # how the two reach each other: direct, onion or mix


@dataclass(frozen=True, slots=True)
class TaskOrder:
    """The buyer's signature asks, the provider's over the same order promises.

    The pay is decided by the time in the receipt, of the provider's clock: both sides know it and sign it, so that
    both books come to the same amount. A receipt dated before its provider last said that it was still running is
    refused, as is one from the future: the clock can be wrong by what clocks differ, no more.
    """

    buyer: Address
    provider: Address
    session: Bytes32
    job: Bytes32
    task: Uint32
    attempt: Uint32  # numbers all runs of one job, so that no two orders are alike
    spec: Bytes32  # sha256 of the run spec's CBOR: module, arguments, inputs, limits
    fuel_limit: Uint64
    engine: Text  # one of the offer's; only runs of the same engine are compared
    issued: Uint40
    deadline: Uint40  # delivered until then it earns its full pay
    sealed: Uint8  # 1: a commitment comes first, and the receipt when it is asked for
    terms: Annotated[Agreement, Agreement]

    @property
    def price(self) -> int:
        return self.terms.price

    @property
    def late_by(self) -> int:
        """From then on a delivery earns nothing."""
        return self.deadline + self.terms.grace

    def pay(self, fuel: int, finished: int) -> int:
        """What a run of `fuel` earns that its receipt says finished at `finished`, market fee included."""
        return late_pay(cost(fuel, self.price), finished, self.deadline, self.late_by)


@dataclass(frozen=True, slots=True)
class Commitment:
    order: Bytes32  # digest of the order
    answer: Bytes32  # hash of auditor, result, fuel, ending and a salt, as `Receipt.commitment` makes it


@dataclass(frozen=True, slots=True)
class Receipt:
    order: Bytes32  # digest of the order
    result: Bytes32  # sha256 of the result manifest's CBOR
    fuel: Uint64
    exit: Uint8
    started: Uint40
    finished: Uint40

    def commitment(self, auditor: str, salt: bytes) -> Commitment:
        """What `auditor` says before it shows this receipt; `salt` is 32 bytes of its own."""
        words = (
            self.order,
            bytes.fromhex(auditor[2:]).rjust(32, b"\0"),
            self.result,
            self.fuel.to_bytes(32, "big"),
            self.exit.to_bytes(32, "big"),
            salt,
        )
        return Commitment(self.order, bytes(keccak(b"".join(words))))


@dataclass(frozen=True, slots=True)
class Voucher:
    session: Bytes32
    amount: Uint96  # owed in all since the session opened, never less than before


@dataclass(frozen=True, slots=True)
class Bid:
    """For one lot in an auction round; signed for FogPricing, not for the market. As in IFogPricing.hashBid."""

    trader: Address
    class_: Bytes32
    side: Uint8  # 0 buys, 1 sells
    price: Uint96  # the most he pays, or the least he takes, for a Gfuel
    number: Uint32  # tells apart the lots of one trader, side and round: 0, 1, 2 …
    round: Uint40


@dataclass(frozen=True, slots=True)
class Operates:
    """An operator's word that he runs a node; signed for FogRegistry, not for the market."""

    node: Address  # its owner
    operator: Address
    node_key: Bytes32  # Ed25519
    expiry: Uint40  # until then the owner can use it; what is bound by it stays


@dataclass(frozen=True, slots=True)
class Work:
    """What of a job only a quorum's settlement shows to the chain."""

    spec: Bytes32
    quorum: Uint8  # replicas that must agree
    replicas: Addresses  # in ascending order; each is paid an equal share of the price
    salt: Uint256  # makes two equal jobs two

    @property
    def hash(self) -> bytes:
        """The member `work` of the terms."""
        return struct_hash(self)


@dataclass(frozen=True, slots=True)
class Terms:
    """What buyer and provider of one job agree on, as in contracts/interfaces/IFogMarket.sol."""

    buyer: Address
    provider: Address
    price: Uint96  # at most paid in all
    rate: Uint96  # per 10^9 fuel, at most `price` in all; zero for a fixed price
    breach: Uint96  # what the provider's bond pays the buyer when nothing is delivered
    input_by: Uint40  # until then the buyer may cancel
    due: Uint40  # delivered until then it earns its full pay
    late_by: Uint40  # from then on nothing; in between linearly less
    work: Annotated[bytes, Work]

    def pay(self, fuel: int, at: int) -> int:
        """What the job earns for `fuel` delivered at block time `at`, fee included; as the contract's `payOf`."""
        gross = min(self.price, self.rate * fuel // 10**9) if self.rate else self.price
        return late_pay(gross, at, self.due, self.late_by)


@dataclass(frozen=True, slots=True)
class Acceptance:
    job: Bytes32
    amount: Uint96


@dataclass(frozen=True, slots=True)
class Replica:
    job: Bytes32
    result: Bytes32
    fuel: Uint64
