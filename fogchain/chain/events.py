"""The contracts' events as values. Field names and order are the contracts' own (`contracts/libraries/EventsLib.sol`).

Amounts are base units, times Unix seconds, addresses lower case.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from fogchain.chain.abi import EventType, artifact
from fogchain.chain.deployment import Deployment


@dataclass(frozen=True, slots=True)
class At:
    """Where on the chain an event is."""

    block: int
    index: int  # the log's number within its block
    transaction: str


@dataclass(frozen=True, slots=True)
class Event:
    at: At


@dataclass(frozen=True, slots=True)
class Transfer(Event):
    """Tokens moved between accounts; `source` is the zero address when they were minted."""

    source: str
    to: str
    value: int


@dataclass(frozen=True, slots=True)
class Deposited(Event):
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class Withdrawn(Event):
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class SessionOpened(Event):
    session: bytes
    buyer: str
    provider: str
    job: bytes
    cap: int
    expiry: int


@dataclass(frozen=True, slots=True)
class SessionToppedUp(Event):
    session: bytes
    cap: int  # the new one


@dataclass(frozen=True, slots=True)
class VoucherClaimed(Event):
    session: bytes
    buyer: str
    provider: str
    paid: int
    total: int


@dataclass(frozen=True, slots=True)
class SessionClosed(Event):
    session: bytes
    buyer: str
    provider: str
    claimed: int
    refunded: int


@dataclass(frozen=True, slots=True)
class Bonded(Event):
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class UnbondStarted(Event):
    owner: str
    amount: int
    release: int


@dataclass(frozen=True, slots=True)
class UnbondCancelled(Event):
    owner: str
    amount: int
    release: int


@dataclass(frozen=True, slots=True)
class StakeWithdrawn(Event):
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class NodeRegistered(Event):
    owner: str
    node_key: bytes
    operator: str
    resource_class: bytes
    slots: int
    capacity: int  # Gfuel per epoch
    endpoints: str
    node_signature: bytes


@dataclass(frozen=True, slots=True)
class NodeDeregistered(Event):
    owner: str
    node_key: bytes


@dataclass(frozen=True, slots=True)
class NodeDisowned(Event):
    operator: str
    owner: str
    up_to: int


@dataclass(frozen=True, slots=True)
class CapacityCounted(Event):
    owner: str
    resource_class: bytes
    counted: int  # Gfuel per epoch


@dataclass(frozen=True, slots=True)
class RolledBack(Event):
    """Not of a contract: everything after block `at.block` was undone, by a reorganisation of the chain or because a
    local chain came back from an older snapshot. The events that replace it follow."""


FOLLOWED: dict[str, tuple[type[Event], ...]] = {
    "FogToken": (Transfer,),
    "FogMarket": (Deposited, Withdrawn, SessionOpened, SessionToppedUp, VoucherClaimed, SessionClosed),
    "FogStake": (Bonded, UnbondStarted, UnbondCancelled, StakeWithdrawn),
    "FogRegistry": (NodeRegistered, NodeDeregistered, NodeDisowned, CapacityCounted),
}

_RENAMED = {"from": "source", "class": "resource_class"}


class Decoder:
    """Logs of one deployment's contracts to events."""

    def __init__(self, deployment: Deployment) -> None:
        self._types: dict[tuple[str, str], tuple[type[Event], EventType]] = {}
        for contract, address in deployment.addresses.items():
            for kind in FOLLOWED[contract]:
                event = artifact(contract).events[kind.__name__]
                self._types[address, "0x" + event.topic.hex()] = (kind, event)
        self.filter = {
            "address": sorted({address for address, _ in self._types}),
            "topics": [sorted({topic for _, topic in self._types})],
        }

    def decode(self, log: dict[str, Any]) -> Event | None:
        """None for a log that is none of the followed events. Raises ValueError for one that only claims to be."""
        topics = log["topics"]
        found = self._types.get((log["address"].lower(), topics[0])) if topics else None
        if found is None:
            return None
        kind, event = found
        values = event.decode(topics, log["data"])
        at = At(int(log["blockNumber"], 16), int(log["logIndex"], 16), log["transactionHash"])
        return kind(at, **{_RENAMED.get(name, name): value for name, value in values.items()})


@cache
def topic_of(contract: str, event: str) -> str:
    """The 0x hex of an event's first topic. Raises KeyError for an unknown event."""
    return "0x" + artifact(contract).events[event].topic.hex()
