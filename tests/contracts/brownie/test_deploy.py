"""In Brownie's environment, `scripts/brownie test`: what it compiles and deploys on a chain of its own."""

import json
import os
import subprocess

import brownie
import pytest
from brownie import Contract, web3

from fogchain.chain.deployment import Deployment
from fogchain.chain.plan import CONTRACTS, SUPPLY
from scripts import deploy, verify


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployments")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOGCHAIN_DEPLOYMENTS", str(folder))
        deploy.main()
    return folder / "31337.json"


@pytest.mark.parametrize("contract", CONTRACTS.values())
def test_compiled_here_and_by_forge_is_the_same_code(contract):
    assert "0x" + getattr(brownie, contract).bytecode == verify.artifact(contract)["bytecode"]


def test_what_is_deployed_works(target):
    deployment = Deployment.load(target)
    assert deployment.chain_id == web3.eth.chain_id
    token = Contract.from_abi("FogToken", deployment.token, verify.artifact("FogToken")["abi"])
    assert token.totalSupply() == SUPPLY


@pytest.mark.parametrize("contract", CONTRACTS)
def test_an_address_of_another_contract_is_noticed(target, tmp_path, contract, capsys):
    other = {name: address for name, address in json.loads(target.read_text()).items() if name in CONTRACTS}
    del other[contract]
    check_fails(target, tmp_path, capsys, {contract: next(iter(other.values()))}, "put it at")


def test_an_address_without_code_is_noticed(target, tmp_path, capsys):
    check_fails(target, tmp_path, capsys, {"market": "0x" + "99" * 20}, "there is no code")


def test_code_that_differs_in_one_byte_is_noticed(target, tmp_path, capsys):
    address = web3.to_checksum_address(Deployment.load(target).market)
    code = bytearray(web3.eth.get_code(address))
    code[-1] ^= 1
    whole = web3.eth.get_code(address)
    try:
        web3.provider.make_request("anvil_setCode", [address, "0x" + bytes(code).hex()])
        check_fails(target, tmp_path, capsys, {}, "not what these sources compile to")
    finally:
        web3.provider.make_request("anvil_setCode", [address, "0x" + bytes(whole).hex()])
    verify.verify(target)


def test_other_constructor_arguments_than_the_plans_are_noticed(target, tmp_path, capsys):
    origin = json.loads(target.read_text())["origin"]
    origin["profile"]["stake"]["unbonding"] = "8 d"
    check_fails(target, tmp_path, capsys, {"origin": origin}, "constructor was given something else")


def test_a_transaction_of_another_contract_is_noticed(target, tmp_path, capsys):
    origin = json.loads(target.read_text())["origin"]
    origin["transactions"]["stake"] = origin["transactions"]["token"]
    check_fails(target, tmp_path, capsys, {"origin": origin}, "not the transaction that created it")


def test_the_verification_input_compiles_to_what_is_on_the_chain(target):
    name, contract = "stake", "FogStake"
    request = json.loads((target.with_name("31337-verify") / f"{name}.json").read_text())
    arguments = json.loads((target.with_name("31337-verify") / "constructor-arguments.json").read_text())[name]
    done = subprocess.run(
        [verify.ROOT / "scripts" / "solc", "--standard-json"],
        input=json.dumps(request["stdJsonInput"]),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SOLC_BYTECODE_HASH": ""},
    )
    source, _ = request["contractIdentifier"].split(":")
    code = json.loads(done.stdout)["contracts"][source][contract]["evm"]["bytecode"]["object"]
    created = web3.eth.get_transaction(request["creationTransactionHash"])["input"]
    assert bytes(created).hex() == code + arguments


def test_another_chain_than_the_one_that_was_meant_is_refused(monkeypatch):
    monkeypatch.setenv("FOGCHAIN_CHAIN_ID", "1")
    with pytest.raises(SystemExit, match="is chain 31337, FOGCHAIN_CHAIN_ID says 1"):
        deploy.deploy()


def check_fails(target, folder, capsys, changes, what):
    tampered = folder / "31337.json"
    tampered.write_text(json.dumps({**json.loads(target.read_text()), **changes}))
    with pytest.raises(SystemExit, match="not what they should be"):
        verify.verify(tampered)
    assert what in capsys.readouterr().out
