"""The deployment file: read back as written, refused in words when it is not one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fogchain.chain.deployment import CONTRACTS, Deployment, Origin
from fogchain.errors import CorruptData, NotFound

ADDRESSES = {name: "0x" + f"{place:x}a" * 20 for place, name in enumerate(CONTRACTS, 1)}
A, C = ADDRESSES["token"], ADDRESSES["market"]
DEPLOYMENT = Deployment(chain_id=31337, **ADDRESSES, block=7, rpc_url="http://127.0.0.1:1")


def test_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deployment.json"
    DEPLOYMENT.save(path)
    assert Deployment.load(path) == DEPLOYMENT
    assert [item.name for item in path.parent.iterdir()] == ["deployment.json"]


def test_where_it_came_from_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    origin = Origin(A, 3, 1_000, {"stake": {"unbonding": "7 d"}}, {"token": "0x" + "11" * 32})
    whole = replace(DEPLOYMENT, vesting={"vesting_team": C}, origin=origin)
    whole.save(path)
    assert Deployment.load(path) == whole


def test_the_domain_is_chain_and_market(tmp_path: Path) -> None:
    assert (DEPLOYMENT.domain.chain_id, DEPLOYMENT.domain.market) == (31337, C)


def test_addresses_in_any_case_are_read_as_lower_case(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    raw = {"chain_id": 1, **ADDRESSES, "token": A.upper().replace("0X", "0x"), "block": 0}
    path.write_text(json.dumps(raw))
    assert Deployment.load(path).token == A
    assert Deployment.load(path).rpc_url is None


def test_no_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        Deployment.load(tmp_path / "deployment.json")
    assert "fogchain chain up" in caught.value.hint


GOOD = {"chain_id": 1, **ADDRESSES, "block": 0}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        "\x00",
        json.dumps({**GOOD, "token": "0x12"}),
        json.dumps({**GOOD, "market": None}),
        json.dumps({**GOOD, "chain_id": "1"}),
        json.dumps({**GOOD, "chain_id": True}),
        json.dumps({**GOOD, "block": -1}),
        json.dumps({**GOOD, "rpc_url": 5}),
        json.dumps({**GOOD, "vesting": {"team": "0x12"}}),
        json.dumps({**GOOD, "vesting": [A]}),
        json.dumps({**GOOD, "origin": {}}),
        json.dumps({**GOOD, "origin": "me"}),
        json.dumps({key: value for key, value in GOOD.items() if key != "registry"}),
    ],
)
def test_what_is_not_a_deployment_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(content)
    with pytest.raises(CorruptData, match=r"deployment\.json"):
        Deployment.load(path)
    assert path.read_text() == content
