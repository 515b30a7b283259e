"""What is deployed: the plan's addresses and arguments, and the profiles that fill them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fogchain.chain.abi import artifact
from fogchain.chain.plan import CONTRACTS, SUPPLY, site_of, steps_of
from fogchain.chain.profile import NAMES, Profile
from fogchain.chain.transaction import created_address
from fogchain.errors import BadInput, NotFound

DEPLOYER = "0x" + "11" * 20
SOMEBODY = "0x" + "22" * 20
SHARE = {"name": "team", "beneficiary": SOMEBODY, "amount": "10 FOG", "cliff": "365 d", "duration": "1460 d"}


def with_share(**changes: Any) -> Profile:
    return Profile({**Profile.load("production").raw, "vesting": [{**SHARE, **changes}]})


@pytest.mark.parametrize("name", NAMES)
def test_every_step_fits_its_constructor(name: str) -> None:
    profile = Profile({**Profile.load(name).raw, "vesting": []})
    site = site_of(profile, DEPLOYER, 7, 1_000, created_address)
    for step in steps_of(profile):
        contract = artifact(step.contract)
        assert len(contract.deployment_code(*step.arguments(site))) >= len(contract.bytecode)


def test_addresses_are_those_of_consecutive_transactions() -> None:
    site = site_of(Profile.load("test"), DEPLOYER, 7, 1_000, created_address)
    assert list(site.addresses.values()) == [created_address(DEPLOYER, 7 + place) for place in range(len(CONTRACTS))]


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_supply_is_given_out_once(name: str) -> None:
    profile = Profile.load(name)
    site = site_of(profile, DEPLOYER, 0, 1_000, created_address)
    accounts, amounts = steps_of(profile)[0].arguments(site)
    assert sum(amounts) == SUPPLY and all(amounts) and len(set(accounts)) == len(accounts)


def test_a_share_gets_a_wallet_of_its_own_that_vests_from_the_deployment_on() -> None:
    profile = with_share()
    site = site_of(profile, DEPLOYER, 0, 1_000, created_address)
    *_, wallet = steps_of(profile)
    assert wallet.arguments(site) == (SOMEBODY, 1_000, 365 * 86_400, 1460 * 86_400)
    accounts, amounts = steps_of(profile)[0].arguments(site)
    assert amounts[accounts.index(site[wallet.name])] == 10 * 10**18
    assert sum(amounts) == SUPPLY


def test_more_than_there_is_cannot_be_given_away() -> None:
    profile = with_share(amount="999_000_000 FOG")
    with pytest.raises(BadInput, match="more FOG than there is"):
        steps_of(profile)[0].arguments(site_of(profile, DEPLOYER, 0, 1_000, created_address))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"stake": {}}, "stake.unbonding is missing"),
        ({"stake": 5}, "stake"),
        ({"stake": {"unbonding": 7}}, "stake.unbonding"),
        ({"stake": {"unbonding": "7"}}, "no unit"),
        ({"stake": {"unbonding": "1500 ms"}}, "whole seconds"),
        ({"stake": {"unbonding": "7 d", "speed": "1 d"}}, "stake.speed is unknown"),
        ({"steak": {"unbonding": "7 d"}}, "steak.unbonding is unknown"),
        ({"vesting": {}}, "list of shares"),
        ({"vesting": [{**SHARE, "beneficiary": "bob"}]}, "vesting 1: beneficiary"),
        ({"vesting": [{**SHARE, "name": "../x"}]}, "vesting 1: name"),
        ({"vesting": [SHARE, SHARE]}, "one name"),
        ({"vesting": [{"name": "a"}]}, "vesting 1: beneficiary is missing"),
    ],
)
def test_a_wrong_profile_is_refused_by_name(change: dict[str, Any], what: str) -> None:
    with pytest.raises(BadInput, match=what):
        Profile({**Profile.load("test").raw, **change})


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no profile"):
        Profile.load(str(tmp_path / "none.toml"))
