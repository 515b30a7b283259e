"""Bond, delegate, propose, vote, queue, execute: a live parameter is changed by commands alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bare_chain import BareChain
from cli_node import fogchain, fogchain_json

from fogchain.wallet import keystore

pytestmark = pytest.mark.chain

CHAIN_ID = 990_018


@pytest.fixture
def network(tmp_path: Path) -> Iterator[BareChain]:
    chain = BareChain(tmp_path / "anvil", CHAIN_ID, block_time=0.2)
    yield chain
    chain.end()


class People:
    """The deployer, who holds the tokens, and an outsider with nothing but gas; each has a data folder."""

    def __init__(self, root: Path, network: BareChain) -> None:
        self.network, self.folders = network, {"deployer": root / "deployer", "outsider": root / "outsider"}
        for folder in self.folders.values():
            folder.mkdir()
            (folder / "password").write_text("a password\n")
            network.fund(keystore.create(folder / "keystore.json", "a password", light=True).address, 100)
        deployer = self.folders["deployer"] / "keystore.json"
        there = root / "there.json"
        words = ["chain", "deploy", "--rpc", network.url, "--keystore", str(deployer), "--profile", "test"]
        fogchain_json(root, *words, "--yes", "--confirmations", "0", "--out", str(there))
        for folder in self.folders.values():
            fogchain_json(folder, "node", "init", "--chain", str(there), "--rpc", network.url)

    def do(self, who: str, *words: str) -> Any:
        return fogchain_json(self.folders[who], *words)

    def refused(self, who: str, *words: str) -> str:
        done = fogchain(self.folders[who], *words)
        assert done.returncode == 1, done.stdout
        return str(done.stderr)

    def later(self, seconds: int) -> None:
        self.network.call("evm_increaseTime", hex(seconds))
        self.network.mine()


@pytest.fixture
def people(tmp_path: Path, network: BareChain) -> People:
    return People(tmp_path, network)


def test_a_vote_changes_a_live_parameter_by_commands_alone(people: People) -> None:
    before = people.do("outsider", "dao", "settings")
    assert before["market.fee"] == "1 %"

    people.do("deployer", "stake", "bond", "5000 FOG")
    shown = people.do("deployer", "stake", "show")
    assert (shown["bonded"], shown["votes"], shown["delegatee"]) == ("5000 FOG", "0 FOG", None)
    people.do("deployer", "dao", "delegate", "me")
    assert people.do("deployer", "stake", "show")["votes"] == "5000 FOG"

    made = people.do("deployer", "dao", "propose", "Halve the fee\nBuyers asked.", "--set", "market.fee=0.5 %")
    id = made["short_id"]
    assert made["calls"][0].startswith("FogMarket.setParameters(")
    assert "feeBps = 50" in made["calls"][0]
    assert "pending" in people.refused("deployer", "dao", "vote", id, "for")
    people.later(61)
    people.do("deployer", "dao", "vote", id, "for", "--reason", "cheaper")
    assert "active" in people.refused("outsider", "dao", "queue", id)
    shown = people.do("outsider", "dao", "show", id)
    assert shown["state"] == "active"
    assert shown["ballots"][0]["reason"] == "cheaper"
    assert shown["calls"][0]["arguments"]["parameters.feeBps"] == "50"

    people.later(301)
    people.do("outsider", "dao", "queue", id)
    assert "timelock" in people.refused("outsider", "dao", "execute", id)
    people.later(61)
    people.do("outsider", "dao", "execute", id)

    after = people.do("outsider", "dao", "settings")
    assert after == before | {"market.fee": "0.5 %"}
    assert people.do("outsider", "dao", "list")[0]["state"] == "executed"


def test_what_cannot_be_is_said(people: People) -> None:
    assert "nothing that a vote sets" in people.refused("deployer", "dao", "propose", "x", "--set", "market.colour=1 %")
    assert "has no unit" in people.refused("deployer", "dao", "propose", "x", "--set", "market.fee=5")
    assert "does nothing" in people.refused("deployer", "dao", "propose", "x")
    assert "no proposal" in people.refused("deployer", "dao", "show", "abcdef12")
    assert "less than" in people.refused("outsider", "stake", "bond", "1 FOG")
    assert "unbonding" in people.refused("outsider", "stake", "withdraw")


def test_a_bond_leaves_through_its_queue(people: People) -> None:
    people.do("deployer", "stake", "bond", "100 FOG")
    people.do("deployer", "stake", "unbond", "40 FOG")
    people.do("deployer", "stake", "unbond", "10 FOG")
    queue = people.do("deployer", "stake", "show")["unbonding"]
    assert [entry["amount"] for entry in queue] == ["40 FOG", "10 FOG"]
    people.do("deployer", "stake", "cancel", "0")
    people.later(7 * 86_400 + 1)
    people.do("deployer", "stake", "withdraw")
    shown = people.do("deployer", "stake", "show")
    assert (shown["bonded"], shown["unbonding"], shown["wallet"]) == ("90 FOG", [], "999999910 FOG")


def test_help_names_the_steps(tmp_path: Path) -> None:
    done = fogchain(tmp_path, "dao", "--help")
    for step in ("propose", "delegate", "vote", "queue", "execute", "list", "show", "settings"):
        assert step in done.stdout
