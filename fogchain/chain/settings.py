"""What a vote can set: each setting by name, with its unit, where it is read and how it is set.

    market.fee = 1 %          court.slash_multiple = 40 x          governor.voting_period = 5 d

Setters that take several values at once get the others as they are when the proposal is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fogchain.chain.abi import artifact
from fogchain.chain.calls import Call
from fogchain.chain.client import ChainClient
from fogchain.chain.contracts import encode_call
from fogchain.chain.deployment import CONTRACTS, Deployment
from fogchain.chain.logbook import LogBook
from fogchain.errors import BadInput
from fogchain.units import format_duration, format_fog, format_ratio, parse_duration, parse_fog, parse_ratio

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def _seconds(text: str) -> int:
    millis = parse_duration(text)
    if millis % 1000:
        raise BadInput(f"{text!r} is not in whole seconds", hint="the chain counts whole seconds")
    return millis // 1000


def _times(text: str) -> int:
    match = re.fullmatch(r"\s*(\d{1,5})\s*x\s*", text)
    if match is None:
        raise BadInput(f"{text!r} is not a multiple", hint="write it like '40 x'")
    return int(match[1])


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text.strip()):
        raise BadInput(f"{text!r} is not an address", hint="write 0x and 40 hex digits")
    return text.strip().lower()


@dataclass(frozen=True, slots=True)
class Kind:
    parse: Callable[[str], int | str]
    show: Callable[[Any], str]


RATIO = Kind(parse_ratio, format_ratio)
SPAN = Kind(_seconds, lambda seconds: format_duration(1000 * seconds))
TIMES = Kind(_times, lambda value: f"{value} x")
FOG = Kind(parse_fog, format_fog)
ACCOUNT = Kind(_address, str)


@dataclass(frozen=True, slots=True)
class Setter:
    """A function that only the timelock may call, and how what it sets is read now.

    `members` are in the order of its parameters, or of its one struct. `getters` are views that answer with one value
    each, or one that answers with the struct (alone, or first). `event` reports them, last among its values.
    """

    contract: str
    function: str
    members: Mapping[str, Kind]
    getters: tuple[str, ...]
    event: str
    struct: bool = False

    def is_called(self, deployment: Deployment, to: str, data: bytes) -> bool:
        """Whether this is a call of it, with values that decode."""
        function = artifact(CONTRACTS[self.contract]).functions[self.function]
        if to.lower() != getattr(deployment, self.contract) or data[:4] != function.selector:
            return False
        try:
            function.decode_call(data)
        except ValueError:
            return False
        return True

    def values(self, answers: Sequence[Any]) -> list[Any]:
        """Of what the getters answer, in the order of `members`."""
        if not self.struct:
            return list(answers)
        first = answers[0][0]
        return list(first if isinstance(first, tuple) else answers[0])

    def asked(self, arguments: Sequence[Any]) -> list[Any]:
        """Of what a call of the setter is given."""
        return list(arguments[0]) if self.struct else list(arguments)


SETTERS = (
    Setter(
        "market", "setParameters",
        {"court": ACCOUNT, "challenge_window": SPAN, "fee": RATIO, "bond_multiple": TIMES},
        ("current",), "ParametersSet", struct=True,
    ),
    Setter(
        "court", "setParameters",
        {
            "commit_time": SPAN, "reveal_time": SPAN, "audit_min": RATIO, "audit_factor": TIMES,
            "slash_multiple": TIMES, "seat_bond": FOG,
        },
        ("parameters",), "CourtParametersSet", struct=True,
    ),
    Setter("pricing", "setControl", {"step_cap": RATIO, "target_use": RATIO}, ("stepCap", "targetUse"), "ControlSet"),
    Setter("registry", "setBondPerGfuel", {"bond_per_gfuel": FOG}, ("bondPerGfuel",), "BondPerGfuelSet"),
    Setter("governor", "setVotingDelay", {"voting_delay": SPAN}, ("votingDelay",), "VotingDelaySet"),
    Setter("governor", "setVotingPeriod", {"voting_period": SPAN}, ("votingPeriod",), "VotingPeriodSet"),
    Setter("governor", "setProposalThreshold", {"threshold": RATIO}, ("proposalThresholdBps",), "ProposalThresholdSet"),
    Setter("governor", "updateQuorumNumerator", {"quorum": RATIO}, ("quorumNumerator",), "QuorumNumeratorUpdated"),
)  # fmt: skip

NAMES = tuple(f"{setter.contract}.{member}" for setter in SETTERS for member in setter.members)


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: str  # with its unit


@dataclass(frozen=True, slots=True)
class Change:
    """What a call sets. `old` is None where the chain has no event of it."""

    name: str
    old: str | None
    new: str


async def read_settings(client: ChainClient) -> list[Setting]:
    """All settings as they are now. Raises Unavailable."""
    found = []
    for setter, values in zip(SETTERS, await _read(client, SETTERS), strict=True):
        for (member, kind), value in zip(setter.members.items(), values, strict=True):
            found.append(Setting(f"{setter.contract}.{member}", kind.show(value)))
    return found


class SettingsHistory:
    """What settings were at a block, from their events: nodes forget states, not events. Raises Unavailable."""

    def __init__(self, client: ChainClient) -> None:
        at = client.deployment
        self._client = client
        self._books = [
            LogBook(client, CONTRACTS[setter.contract], (setter.event,), (getattr(at, setter.contract),))
            for setter in SETTERS
        ]

    async def changes(self, calls: Sequence[tuple[str, bytes]], before: int | None = None) -> list[Change]:
        """What `calls`, targets and data, set anew: compared with what is set now, or was before a block.

        A setting that is only set to what it is already is left out.
        """
        at = self._client.deployment
        made = [
            (place, setter, data)
            for to, data in calls
            for place, setter in enumerate(SETTERS)
            if setter.is_called(at, to, data)
        ]
        found = []
        for place, setter, data in made:
            old = await self._values(place, setter, before)
            new = setter.asked(artifact(CONTRACTS[setter.contract]).functions[setter.function].decode_call(data))
            for (member, kind), was, will in zip(setter.members.items(), old, new, strict=True):
                if was != will:
                    name = f"{setter.contract}.{member}"
                    found.append(Change(name, None if was is None else kind.show(was), kind.show(will)))
        return found

    async def _values(self, place: int, setter: Setter, before: int | None) -> list[Any]:
        logs = [log for log in await self._books[place].read() if before is None or log.block < before]
        if not logs:
            return [None] * len(setter.members)
        return list(logs[-1].values.values())[-len(setter.members) :]


async def _read(client: ChainClient, setters: Sequence[Setter]) -> list[list[Any]]:
    questions = [(setter.contract, getter) for setter in setters for getter in setter.getters]
    answers = iter(await client.read_all(questions))
    return [setter.values([next(answers) for _ in setter.getters]) for setter in setters]


async def change_settings(client: ChainClient, wanted: Mapping[str, str]) -> list[Call]:
    """The calls, one a setter, that a proposal must make for `wanted`, names to texts with units.

    Raises BadInput for an unknown name or a value without its unit, Unavailable.
    """
    if unknown := sorted(wanted.keys() - set(NAMES)):
        raise BadInput(f"{unknown[0]!r} is nothing that a vote sets", hint=f"it is one of {', '.join(NAMES)}")
    calls = []
    for setter, values in zip(SETTERS, await _read(client, SETTERS), strict=True):
        names = {member: f"{setter.contract}.{member}" for member in setter.members}
        if not any(name in wanted for name in names.values()):
            continue
        for place, (member, kind) in enumerate(setter.members.items()):
            if names[member] in wanted:
                values[place] = kind.parse(wanted[names[member]])
        arguments = (tuple(values),) if setter.struct else tuple(values)
        calls.append(encode_call(client.deployment, setter.contract, setter.function, arguments))
    return calls
