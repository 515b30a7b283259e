"""What contracts are deployed with: `production`, `test`, or an operator's own TOML file like these.

Only the standard library and `fogchain.units` are imported, so that Brownie's environment can read it, too.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fogchain.errors import BadInput, NotFound
from fogchain.units import GFUEL, parse_duration, parse_fog, parse_fuel, parse_price, parse_ratio

NAMES = ("production", "test")
DEPLOYER = "deployer"  # where an account is wanted: the one that deploys

_FOLDER = Path(__file__).with_name("profiles")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_CLASS = re.compile(r"[a-z][a-z0-9-]{0,30}")
_SHARE_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def _seconds(text: str) -> int:
    millis = parse_duration(text)
    if millis % 1000:
        raise BadInput(f"{text!r} is not in whole seconds", hint="the chain counts whole seconds")
    return millis // 1000


def _account(text: str) -> str:
    if text != DEPLOYER and not (isinstance(text, str) and _ADDRESS.fullmatch(text)):
        raise BadInput(f"{text!r} is not an account", hint=f"write 0x and 40 hex digits, or {DEPLOYER!r}")
    return text.lower()


def _name(text: str) -> str:
    if not (isinstance(text, str) and _SHARE_NAME.fullmatch(text)):
        raise BadInput(f"{text!r} is not a share's name", hint="use small letters, digits and _")
    return text


def _times(text: str) -> int:
    found = re.fullmatch(r"(\d{1,5}) x", text)
    if found is None:
        raise BadInput(f"{text!r} is not a multiple", hint="write it like '40 x'")
    return int(found[1])


def _lot(text: str) -> int:
    fuel = parse_fuel(text)
    if fuel % GFUEL:
        raise BadInput(f"{text!r} is not in whole Gfuel", hint="write it like '100 Gfuel'")
    return fuel // GFUEL


def _class(text: str) -> bytes:
    if not _CLASS.fullmatch(text):
        raise BadInput(f"{text!r} is not a class's name", hint="use up to 31 small letters, digits and -")
    return text.encode().ljust(32, b"\0")


# A parameter is a line here, a line in each file of profiles/, and its use in plan.py.
_KINDS: dict[str, Callable[[str], Any]] = {
    "token.deployer": parse_fog,
    "stake.unbonding": _seconds,
    "market.challenge_window": _seconds,
    "market.fee": parse_ratio,
    "market.bond_multiple": _times,
    "court.commit_time": _seconds,
    "court.reveal_time": _seconds,
    "court.audit_min": parse_ratio,
    "court.audit_factor": _times,
    "court.slash_multiple": _times,
    "court.seat_bond": parse_fog,
    "pricing.class": _class,
    "pricing.lot": _lot,
    "pricing.fuel": parse_price,
    "pricing.fuel_floor": parse_price,
    "pricing.fuel_ceiling": parse_price,
    "pricing.memory": parse_fog,
    "pricing.memory_floor": parse_fog,
    "pricing.memory_ceiling": parse_fog,
    "governor.guardian": _account,
    "governor.timelock_delay": _seconds,
    "governor.voting_delay": _seconds,
    "governor.voting_period": _seconds,
    "governor.late_extension": _seconds,
    "governor.threshold": parse_ratio,
    "governor.quorum": parse_ratio,
    "governor.quorum_floor": parse_fog,
}
_SHARE: dict[str, Callable[[str], Any]] = {
    "name": _name,
    "beneficiary": _account,
    "amount": parse_fog,
    "cliff": _seconds,
    "duration": _seconds,
}


@dataclass(frozen=True, slots=True)
class Share:
    """Tokens released over time: nothing before `cliff`, all after `duration`, in seconds since the deployment."""

    name: str
    beneficiary: str
    amount: int
    cliff: int
    duration: int


class Profile:
    """`profile["stake.unbonding"]`: in seconds, base units and basis points. `raw` is what the file said."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        """Raises BadInput naming the key that is missing, unknown or not what it should be."""
        self.raw = dict(raw)
        given = {
            f"{section}.{key}": value
            for section, inside in raw.items()
            if section != "vesting"
            for key, value in (inside.items() if isinstance(inside, Mapping) else [("", inside)])
        }
        self._values = _parse(given, _KINDS, "")
        shares = raw.get("vesting", [])
        if not isinstance(shares, list) or not all(isinstance(share, Mapping) for share in shares):
            raise BadInput("vesting is not a list of shares", hint="begin each with a line [[vesting]]")
        self.shares = tuple(Share(**_parse(share, _SHARE, f"vesting {n}: ")) for n, share in enumerate(shares, 1))
        if len({share.name for share in self.shares}) != len(self.shares):
            raise BadInput("two shares have one name", hint="give each its own")

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    @classmethod
    def load(cls, name: str) -> Profile:
        """`production`, `test`, or the path of a TOML file. Raises NotFound, BadInput."""
        path = _FOLDER / f"{name}.toml" if name in NAMES else Path(name).expanduser()
        try:
            return cls(tomllib.loads(path.read_text()))
        except OSError as error:
            raise NotFound(
                f"there is no profile {name!r}", hint=f"it is {' or '.join(NAMES)}, or the path of a file like these"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"{path} is not TOML: {error}", hint="mend that line") from error
        except BadInput as error:
            raise BadInput(f"{path}: {error.message}", hint=error.hint) from error


def _parse(given: Mapping[str, Any], kinds: Mapping[str, Callable[[str], Any]], where: str) -> dict[str, Any]:
    if unknown := sorted(given.keys() - kinds.keys()):
        raise BadInput(f"{where}{unknown[0]} is unknown", hint=f"the keys are {', '.join(kinds)}")
    if missing := [key for key in kinds if key not in given]:
        raise BadInput(f"{where}{missing[0]} is missing", hint=f"the keys are {', '.join(kinds)}")
    values = {}
    for key, parse in kinds.items():
        try:
            values[key] = parse(given[key])
        except BadInput as error:
            raise BadInput(f"{where}{key}: {error.message}", hint=error.hint) from error
    return values
