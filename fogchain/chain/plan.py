"""Which contracts are deployed, in which order, with which arguments: for `fogchain chain deploy` and Brownie alike.

One account deploys them with consecutive transactions, so every address is known before the first: contract n is at
keccak(rlp(deployer, first nonce + n)). That is how contracts that need each other have each other as immutables, and
how a deployment that was cut off finds what it has done. Light imports only: Brownie's environment reads this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fogchain.chain.profile import DEPLOYER, Profile, Share
from fogchain.errors import BadInput

SUPPLY = 10**27  # base units: all the FOG there will ever be, as in contracts/libraries/ConstantsLib.sol


@dataclass(frozen=True, slots=True)
class Site:
    """What a constructor's arguments are made from. `time` is the block time at which the deployment began."""

    deployer: str
    addresses: Mapping[str, str]
    profile: Profile
    time: int

    def __getitem__(self, name: str) -> str:
        """A contract's address."""
        return self.addresses[name]

    @property
    def treasury(self) -> str:
        """Who does what votes decide."""
        return self["timelock"]

    def account(self, text: str) -> str:
        return self.deployer if text == DEPLOYER else text


@dataclass(frozen=True, slots=True)
class Step:
    """One contract. `views` names, for views that don't go by the contract they answer with, that contract."""

    name: str
    contract: str
    arguments: Callable[[Site], tuple[Any, ...]]
    views: Mapping[str, str] = field(default_factory=dict)


def _allotment(at: Site) -> tuple[list[str], list[int]]:
    """The whole supply: the deployer's part, the shares, and to the treasury what is left."""
    parts = {at.deployer: at.profile["token.deployer"]}
    for share in at.profile.shares:
        parts[at[_vesting(share)]] = share.amount
    rest = SUPPLY - sum(parts.values())
    if rest < 0:
        raise BadInput("the profile gives away more FOG than there is", hint="lower token.deployer or a share")
    parts[at.treasury] = parts.get(at.treasury, 0) + rest
    given = {account: amount for account, amount in parts.items() if amount}
    return list(given), list(given.values())


def _values(at: Site, *keys: str) -> tuple[Any, ...]:
    return tuple(at.profile[key] for key in keys)


def _market(at: Site) -> tuple[Any, ...]:
    parameters = (at["court"], *_values(at, "market.challenge_window", "market.fee", "market.bond_multiple"))
    guardian = at.account(at.profile["governor.guardian"])
    return at["token"], at["stake"], at["timelock"], guardian, at["pricing"], parameters


def _court(at: Site) -> tuple[Any, ...]:
    times = _values(at, "court.commit_time", "court.reveal_time")
    rest = _values(at, "court.audit_min", "court.audit_factor", "court.slash_multiple", "court.seat_bond")
    return at["market"], at["stake"], at["timelock"], at["token"], (*times, *rest)


def _pricing(at: Site) -> tuple[Any, ...]:
    bounds = _values(at, *(f"pricing.{what}_{end}" for what in ("fuel", "memory") for end in ("floor", "ceiling")))
    first = (*_values(at, "pricing.class", "pricing.lot", "pricing.fuel", "pricing.memory"), bounds)
    return at["timelock"], at["market"], at["registry"], [first]


def _governor(at: Site) -> tuple[Any, ...]:
    times = _values(at, "governor.voting_delay", "governor.voting_period", "governor.late_extension")
    shares = _values(at, "governor.threshold", "governor.quorum", "governor.quorum_floor")
    return at["stake"], at["timelock"], at.account(at.profile["governor.guardian"]), (*times, *shares)


# Adding a contract is a line here, a field in Deployment, and its parameters in profile.py.
STEPS = (
    Step("token", "FogToken", _allotment),
    Step("timelock", "FogTimelock", lambda at: (at.profile["governor.timelock_delay"], at["governor"])),
    Step(
        "stake",
        "FogStake",
        lambda at: (at["token"], at["market"], at["timelock"], at.profile["stake.unbonding"]),
    ),
    Step("market", "FogMarket", _market),
    Step("court", "FogCourt", _court),
    Step("pricing", "FogPricing", _pricing),
    Step("registry", "FogRegistry", lambda at: (at["timelock"], at["market"], at["stake"])),
    Step("governor", "FogGovernor", _governor, {"token": "stake"}),
    Step("lens", "FogLens", lambda at: (at["market"], at["registry"])),
)
CONTRACTS = {step.name: step.contract for step in STEPS}


def _vesting(share: Share) -> str:
    return f"vesting_{share.name}"


def _vesting_step(share: Share) -> Step:
    return Step(
        _vesting(share),
        "FogVesting",
        lambda at: (at.account(share.beneficiary), at.time, share.cliff, share.duration),
    )


def steps_of(profile: Profile) -> tuple[Step, ...]:
    """The fixed contracts, then a vesting wallet for each of the profile's shares."""
    return (*STEPS, *map(_vesting_step, profile.shares))


def site_of(profile: Profile, deployer: str, first_nonce: int, time: int, created: Callable[[str, int], str]) -> Site:
    """`created(deployer, nonce)`: the address of what that transaction creates."""
    steps = steps_of(profile)
    addresses = {step.name: created(deployer, first_nonce + place).lower() for place, step in enumerate(steps)}
    return Site(deployer.lower(), addresses, profile, time)
