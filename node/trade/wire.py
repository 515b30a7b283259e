"""What buyer and provider say to each other, as deterministic CBOR; every message begins with its version.

    subject    from → to          request                                            answer
    offer      buyer → provider   [1]                                                [1, offer, signature, name]
    order      buyer → provider   [1, order, signature, run spec]                    [1, state, provider's signature]
    status     buyer → provider   [1, [order digest, …]]                             [1, [state, …],
                                                                                      [[place, stood, why], …]]
    cancel     buyer → provider   [1, [order digest, …], [breached order's digest, …]]   [1]
    heartbeat  provider → buyer   [1, [[order digest, seconds], …]]                  [1]
    handback   provider → buyer   [1, [[order digest, cause], …]]                    [1]
    commit     provider → buyer   [1, commitment, signature]                         [1, "open" | "wait"]
    receipt    provider → buyer   [1, receipt, signature, manifest, {sha256: blob},   [1, verdict, reason]
                                   detail, logs, salt, restarted?]
    reasons    buyer → provider   [1, [[order digest, reason], …]]                   [1]
    leaving    provider → buyer   [1]                                                [1]
    voucher    buyer → provider   [1, voucher, signature, last]                      [1]
    bids       trader → solver    [1, [[bid, signature], …]]                         [1]
    book       solver → solver    [1, class, round]                                  [1, [[bid, signature], …]]
    printed    buyer → provider   see node/trade/printing.py
    checkpoints  buyer → provider   see node/trade/checkpoints.py
    blob       either             see node/p2p/blobs.py

    announcement, to all by gossip, signed by the node's key: [1, offer digest, issued, [endpoint, …]]

Of an order that stood still, or that is handed back, a status says for how many seconds it stood in all, and why it is
handed back. Those whose machine is wanted back are not to blame, and are owed nothing.

`logs`: see fogchain/jobs/logs.py; what a run without a result printed. `restarted` stands only where the run went on
from a checkpoint of its provider's own: the fuel that had been burnt for the task by then.

`offer`, `order`, `commitment`, `receipt`, `voucher` are the fields of the EIP-712 struct in order, a struct among them
likewise. The provider's signature is over the order that the buyer signed: its promise. A sealed order's receipt is
refused before its commitment was opened; its salt shows that it is what was committed to. A repeated order, receipt or
voucher gets the same answer as the first: a message lost on the way is sent again without harm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fogchain import cbor
from fogchain.errors import BadMessage
from fogchain.jobs.logs import Log, from_wire, to_wire
from fogchain.market.messages import Agreement, Bid, Commitment, Offer, Receipt, TaskOrder, Voucher
from fogchain.wallet.eip712 import fields_of, struct_hash

VERSION = 1
MAX_LISTED = 4096
MAX_WORD = 40
MAX_CAUSE = 200  # characters
MAX_ENDPOINTS = 6  # of an announcement
INLINE_BYTES = 96 << 10  # result files up to this much in all travel inside the receipt

S = TypeVar("S", Agreement, Bid, Offer, TaskOrder, Commitment, Receipt, Voucher)

# States of an order as its provider sees them.
QUEUED, RUNNING, DELIVERED, UNKNOWN, DROPPED = "queued", "running", "delivered", "unknown", "dropped"
UNPAID = "unpaid"  # queued, and not begun before more is signed for or paid: `fogchain.market.credit`
LAPSED = "lapsed"  # dropped, since its buyer was not heard of for the lease's time
STANDING = "standing"  # running or queued, but its machine is wanted for something else now
HANDED_BACK = "handed back"  # dropped, since its machine is wanted for something else
# What the buyer says of a receipt; of a breached order it pays nothing and keeps the penalty.
ACCEPTED, SUPERSEDED, BREACHED = "accepted", "superseded", "breached"
# What the buyer says of a commitment.
OPEN, WAIT = "open", "wait"


def handed_back(cause: str) -> str:
    """The verdict on an order that is dropped since its machine is wanted for something else."""
    return f"{HANDED_BACK}: {cause[:MAX_CAUSE]}"


def cause_of(verdict: str) -> str | None:
    """Why an order of this verdict is handed back; None where it is not."""
    return verdict.removeprefix(f"{HANDED_BACK}: ") if verdict.startswith(f"{HANDED_BACK}: ") else None


def pack(message: Agreement | Bid | Offer | TaskOrder | Commitment | Receipt | Voucher) -> list[Any]:
    """A struct's fields in order; addresses as 20 bytes, structs as lists."""
    values = []
    for spec, field in zip(fields_of(type(message)), dataclasses.fields(message), strict=True):
        value = getattr(message, field.name)
        if spec.struct is not None:
            value = pack(value)
        values.append(bytes.fromhex(value[2:]) if spec.solidity == "address" else value)
    return values


def unpack(kind: type[S], values: Any) -> S:
    """Raises BadMessage unless `values` fits the struct's types exactly."""
    specs = fields_of(kind)
    if not isinstance(values, list) or len(values) != len(specs):
        raise BadMessage(f"not the fields of a {kind.__name__}")
    read = []
    for spec, value in zip(specs, values, strict=True):
        if spec.struct is not None:
            value = unpack(spec.struct, value)
        elif spec.solidity == "address":
            if not isinstance(value, bytes) or len(value) != 20:
                raise BadMessage(f"{kind.__name__}.{spec.name} is not an address")
            value = "0x" + value.hex()
        elif spec.solidity == "string" and (not isinstance(value, str) or len(value) > 200):
            raise BadMessage(f"{kind.__name__}.{spec.name} is not a short text")
        read.append(value)
    message = kind(*read)
    struct_hash(message)  # checks every range
    return message


def _open(data: bytes, *kinds: type, last: type | None = None) -> list[Any]:
    """Decode a message of version 1 with elements of these types; one of type `last` may follow. Raises BadMessage."""
    value = cbor.loads(data)
    if not isinstance(value, list) or not value or value[0] != VERSION or isinstance(value[0], bool):
        raise BadMessage("a message of another version")
    body = value[1:]
    if last is not None and len(body) == len(kinds) + 1:
        kinds = (*kinds, last)
    if len(body) != len(kinds) or not all(type(part) is kind for part, kind in zip(body, kinds, strict=True)):
        raise BadMessage("a message of the wrong shape")
    return body


def _digests(values: list[Any]) -> list[bytes]:
    if len(values) > MAX_LISTED or not all(isinstance(value, bytes) and len(value) == 32 for value in values):
        raise BadMessage("not a list of order digests")
    return values


def _printable(text: str, limit: int) -> str:
    """A peer's words, fit for a terminal: no control characters, no escapes, not without end."""
    return "".join(c if c.isprintable() else " " for c in text[:limit])


def _word(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_WORD or not value.isprintable():
        raise BadMessage("not a word of the protocol")
    return value


EMPTY = cbor.dumps([VERSION])


def read_empty(data: bytes) -> None:
    _open(data)


@dataclass(frozen=True, slots=True)
class Announcement:
    """That there is an offer, and where to ask for it. Whose it is, gossip says and has checked."""

    digest: bytes
    issued: int  # Unix seconds
    endpoints: tuple[str, ...]

    def encode(self) -> bytes:
        return cbor.dumps([VERSION, self.digest, self.issued, list(self.endpoints)])

    @classmethod
    def decode(cls, data: bytes) -> Announcement:
        digest, issued, endpoints = _open(data, bytes, int, list)
        if len(digest) != 32 or not 0 <= issued < 1 << 40:
            raise BadMessage("an announcement of no offer")
        if len(endpoints) > MAX_ENDPOINTS or not all(
            isinstance(e, str) and len(e) <= 128 and e.isprintable() for e in endpoints
        ):
            raise BadMessage("an announcement with endpoints that are none")
        return cls(digest, issued, tuple(endpoints))


@dataclass(frozen=True, slots=True)
class SignedOffer:
    offer: Offer
    signature: bytes
    name: str

    def encode(self) -> bytes:
        return cbor.dumps([VERSION, pack(self.offer), self.signature, self.name])

    @classmethod
    def decode(cls, data: bytes) -> SignedOffer:
        offer, signature, name = _open(data, list, bytes, str)
        return cls(unpack(Offer, offer), signature, _printable(name, 40))


@dataclass(frozen=True, slots=True)
class SignedOrder:
    order: TaskOrder
    signature: bytes
    spec: bytes  # the run spec's CBOR, whose SHA-256 is order.spec

    def encode(self) -> bytes:
        return cbor.dumps([VERSION, pack(self.order), self.signature, self.spec])

    @classmethod
    def decode(cls, data: bytes) -> SignedOrder:
        order, signature, spec = _open(data, list, bytes, bytes)
        return cls(unpack(TaskOrder, order), signature, spec)


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    receipt: Receipt
    signature: bytes
    manifest: bytes  # empty when the run has no result
    blobs: dict[bytes, bytes]
    detail: str = ""
    logs: dict[str, Log] = dataclasses.field(default_factory=dict)
    salt: bytes = b""  # of a sealed order's commitment
    restarted: int = 0  # fuel burnt for the task before the run went on from a checkpoint of its provider's own

    def encode(self) -> bytes:
        body = [pack(self.receipt), self.signature, self.manifest, self.blobs, self.detail, to_wire(self.logs)]
        return cbor.dumps([VERSION, *body, self.salt, *([self.restarted] if self.restarted else [])])

    @classmethod
    def decode(cls, data: bytes) -> SignedReceipt:
        receipt, signature, manifest, blobs, detail, logs, salt, *rest = _open(
            data, list, bytes, bytes, dict, str, dict, bytes, last=int
        )
        restarted = rest[0] if rest else 0
        if rest and not 0 < restarted < 2**64:
            raise BadMessage("a receipt that says it began with no fuel")
        if len(salt) not in (0, 32):
            raise BadMessage("a receipt's salt is not 32 bytes")
        if not all(isinstance(k, bytes) and len(k) == 32 and isinstance(v, bytes) for k, v in blobs.items()):
            raise BadMessage("a receipt's blobs are not bytes by hash")
        said = _printable(detail, 500)
        return cls(unpack(Receipt, receipt), signature, manifest, blobs, said, from_wire(logs), salt, restarted)


@dataclass(frozen=True, slots=True)
class SignedCommitment:
    commitment: Commitment
    signature: bytes

    def encode(self) -> bytes:
        return cbor.dumps([VERSION, pack(self.commitment), self.signature])

    @classmethod
    def decode(cls, data: bytes) -> SignedCommitment:
        commitment, signature = _open(data, list, bytes)
        return cls(unpack(Commitment, commitment), signature)


@dataclass(frozen=True, slots=True)
class Promise:
    """A provider's answer to an order: where it stands, and its signature over the same order."""

    state: str
    signature: bytes

    def encode(self) -> bytes:
        return cbor.dumps([VERSION, self.state, self.signature])

    @classmethod
    def decode(cls, data: bytes) -> Promise:
        state, signature = _open(data, str, bytes)
        return cls(_word(state), signature)


@dataclass(frozen=True, slots=True)
class SignedVoucher:
    voucher: Voucher
    signature: bytes
    last: bool  # the job is over: claim and close

    def encode(self) -> bytes:
        return cbor.dumps([VERSION, pack(self.voucher), self.signature, self.last])

    @classmethod
    def decode(cls, data: bytes) -> SignedVoucher:
        voucher, signature, last = _open(data, list, bytes, bool)
        return cls(unpack(Voucher, voucher), signature, last)


def encode_bids(signed: list[tuple[Bid, bytes]]) -> bytes:
    return cbor.dumps([VERSION, [[pack(bid), signature] for bid, signature in signed]])


def decode_bids(data: bytes) -> list[tuple[Bid, bytes]]:
    (values,) = _open(data, list)
    if len(values) > MAX_LISTED or not all(
        isinstance(value, list) and len(value) == 2 and isinstance(value[1], bytes) for value in values
    ):
        raise BadMessage("not a list of signed bids")
    return [(unpack(Bid, bid), signature) for bid, signature in values]


def encode_round(resource_class: bytes, number: int) -> bytes:
    return cbor.dumps([VERSION, resource_class, number])


def decode_round(data: bytes) -> tuple[bytes, int]:
    resource_class, number = _open(data, bytes, int)
    return resource_class, number


def encode_word(word: str) -> bytes:
    """An answer of one word: the buyer's on a commitment or a receipt."""
    return cbor.dumps([VERSION, word])


def decode_word(data: bytes) -> str:
    (word,) = _open(data, str)
    return _word(word)


def encode_verdict(verdict: str, reason: str) -> bytes:
    """The buyer's answer to a receipt; `reason`: see `fogchain.market.reasons`."""
    return cbor.dumps([VERSION, verdict, reason])


def decode_verdict(data: bytes) -> tuple[str, str]:
    verdict, reason = _open(data, str, str)
    return _word(verdict), _word(reason)


def encode_reasons(reasons: Mapping[bytes, str]) -> bytes:
    return cbor.dumps([VERSION, [[digest, str(reason)] for digest, reason in reasons.items()]])


def decode_reasons(data: bytes) -> dict[bytes, str]:
    (pairs,) = _open(data, list)
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise BadMessage("not digests with reasons")
    _digests([digest for digest, _ in pairs])
    return {digest: _word(reason) for digest, reason in pairs}


def encode_list(values: list[bytes] | list[str]) -> bytes:
    return cbor.dumps([VERSION, values])


def decode_digests(data: bytes) -> list[bytes]:
    (values,) = _open(data, list)
    return _digests(values)


def encode_cancel(unneeded: list[bytes], breached: list[bytes]) -> bytes:
    return cbor.dumps([VERSION, unneeded, breached])


def decode_cancel(data: bytes) -> tuple[list[bytes], list[bytes]]:
    unneeded, breached = _open(data, list, list)
    return _digests(unneeded), _digests(breached)


def encode_heartbeat(seconds: dict[bytes, int]) -> bytes:
    """For each running order, how long it has been in the sandbox."""
    return cbor.dumps([VERSION, [[digest, spent] for digest, spent in seconds.items()]])


def decode_heartbeat(data: bytes) -> dict[bytes, int]:
    (pairs,) = _open(data, list)
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise BadMessage("not digests with seconds")
    _digests([digest for digest, _ in pairs])
    if not all(type(spent) is int and 0 <= spent < 2**40 for _, spent in pairs):
        raise BadMessage("not a number of seconds")
    return dict(pairs)


@dataclass(frozen=True, slots=True)
class Status:
    """How an order stands at its provider. `stood`: seconds that count toward no patience with it."""

    state: str
    stood: int = 0
    why: str = ""  # it is handed back


def encode_status(statuses: Sequence[Status]) -> bytes:
    more = [[place, one.stood, one.why] for place, one in enumerate(statuses) if one.stood or one.why]
    return cbor.dumps([VERSION, [status.state for status in statuses], more])


def decode_status(data: bytes, count: int) -> list[Status]:
    states, more = _open(data, list, list)
    if len(states) != count or len(more) > count:
        raise BadMessage("not a state for each order")
    found = [Status(_word(state)) for state in states]
    for said in more:
        if not isinstance(said, list) or [type(part) for part in said] != [int, int, str]:
            raise BadMessage("not how long an order stood, and why it is handed back")
        place, stood, why = said
        if not (0 <= place < count and 0 <= stood < 2**40):
            raise BadMessage("of an order that was not asked about, or for no time there is")
        found[place] = Status(found[place].state, stood, _printable(why, MAX_CAUSE))
    return found


def encode_handback(causes: Mapping[bytes, str]) -> bytes:
    return cbor.dumps([VERSION, [[digest, cause[:MAX_CAUSE]] for digest, cause in causes.items()]])


def decode_handback(data: bytes) -> dict[bytes, str]:
    (pairs,) = _open(data, list)
    if not all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], str) for pair in pairs):
        raise BadMessage("not digests with causes")
    _digests([digest for digest, _ in pairs])
    return {digest: _printable(cause, MAX_CAUSE) for digest, cause in pairs}
