"""Checks a deployment against this checkout: `scripts/brownie run verify --network testnet`.

Of every contract: that it is where the deployer's transactions put it, that its code is what these sources compile to,
that its constructor was given what the plan says, and that its views name the other contracts. Then, if the explorer's
address is given, hands the sources in.

    FOGCHAIN_RPC_URL, FOGCHAIN_DEPLOYMENTS   as in scripts/deploy.py
    FOGCHAIN_EXPLORER_URL                    an Etherscan-style API, `https://api.etherscan.io/v2/api`
    FOGCHAIN_EXPLORER_KEY                    the key it asks for

`<chain id>-verify/` holds for each contract what Sourcify's API takes (`POST /v2/verify/<chain id>/<address>`), in it
the compiler's standard JSON for explorers' own forms, and the constructors' arguments.
"""

import json
import os
import sys
import time
from pathlib import Path

import brownie
import requests
from brownie import Contract, web3
from brownie.network.account import PublicKeyAccount
from web3.exceptions import TransactionNotFound

from fogchain.chain.deployment import Deployment
from fogchain.chain.plan import CONTRACTS, Site, steps_of
from fogchain.chain.profile import Profile
from fogchain.errors import FogchainError

ROOT = Path(__file__).resolve().parents[1]


def main():
    check_chain()
    target = folder() / f"{web3.eth.chain_id}.json"
    verify(target)
    write_verification_input(target)
    if os.environ.get("FOGCHAIN_EXPLORER_URL"):
        submit(target)


def folder():
    return Path(os.environ.get("FOGCHAIN_DEPLOYMENTS", ROOT / "deployments"))


def check_chain():
    wanted = os.environ.get("FOGCHAIN_CHAIN_ID")
    if wanted and int(wanted) != web3.eth.chain_id:
        sys.exit(f"error: FOGCHAIN_RPC_URL is chain {web3.eth.chain_id}, FOGCHAIN_CHAIN_ID says {wanted}")


def verify(target):
    """Ends the program with all that is wrong."""
    try:
        deployment = Deployment.load(target)
        steps, site = planned(deployment)
    except FogchainError as error:
        sys.exit(f"error: {error.message}\n  try: {error.hint}")
    print(f"verifying {target}")
    wrong = 0
    for place, step in enumerate(steps):
        address = site[step.name]
        found = [*check_place(deployment, step, place, address), *check_code(step, address)]
        if not found:
            found = [*check_creation(deployment, step, place, site), *check_views(step, site)]
        print(f"  {step.contract:<13} {address}  {'; '.join(found) or 'code, constructor and neighbours are right'}")
        wrong += bool(found)
    if wrong:
        sys.exit(f"error: {wrong} of {len(steps)} contracts are not what they should be")


def planned(deployment):
    """The steps, and where the file says they are."""
    origin = deployment.origin
    if origin is None:
        sys.exit("error: the file does not say who deployed it and how; only such files can be verified")
    profile = Profile(origin.profile)
    addresses = {name: getattr(deployment, name) for name in CONTRACTS} | deployment.vesting
    return steps_of(profile), Site(origin.deployer, addresses, profile, origin.time)


def check_place(deployment, step, place, address):
    deployer = PublicKeyAccount(deployment.origin.deployer)
    expected = str(deployer.get_deployment_address(deployment.origin.first_nonce + place)).lower()
    if address != expected:
        yield f"transaction {deployment.origin.first_nonce + place} of the deployer put it at {expected}"


def check_code(step, address):
    """The bytes on the chain, but for immutables: the compiler leaves a PUSH32 of zeros for each of them."""
    there = bytes(web3.eth.get_code(web3.to_checksum_address(address)))
    ours = bytes.fromhex(getattr(brownie, step.contract)._build["deployedBytecode"])
    if not there:
        yield "there is no code"
    elif len(there) != len(ours) or _without_immutables(there, ours) != ours:
        yield "its code is not what these sources compile to"


def _without_immutables(there, ours):
    masked, hole = bytearray(there), b"\x7f" + bytes(32)
    at = ours.find(hole)
    while at >= 0:
        masked[at + 1 : at + 33] = bytes(32)
        at = ours.find(hole, at + 33)
    return bytes(masked)


def check_creation(deployment, step, place, site):
    """With the code right, what it was given decides the immutables and the first state."""
    transaction = deployment.origin.transactions.get(step.name)
    try:
        found = web3.eth.get_transaction(transaction)
    except (TransactionNotFound, TypeError, ValueError):
        yield f"the chain does not know its transaction {transaction}"
        return
    sender, nonce = deployment.origin.deployer, deployment.origin.first_nonce + place
    if (found["from"].lower(), found["nonce"], found.get("to")) != (sender, nonce, None):
        yield f"{transaction} is not the transaction that created it"
    elif bytes(found["input"]) != bytes.fromhex(creation_code(step, site)):
        yield "its constructor was given something else than the plan says"


def creation_code(step, site):
    """Hex without 0x."""
    return getattr(brownie, step.contract).deploy.encode_input(*step.arguments(site)).removeprefix("0x")


def check_views(step, site):
    """Views that go by a contract's name, or that the plan names, answer with that contract."""
    contract = Contract.from_abi(step.contract, site[step.name], artifact(step.contract)["abi"])
    named = {name: name for name in site.addresses} | step.views
    for entry in contract.abi:
        if entry["type"] == "function" and not entry["inputs"] and entry["name"] in named:
            expected = named[entry["name"]]
            answer = getattr(contract, entry["name"])().lower()
            if answer != site.addresses.get(expected, site.account(expected)):
                yield f"{entry['name']}() is {answer}, not the {expected}"


# ---- for explorers


def artifact(contract):
    return json.loads((ROOT / "fogchain" / "chain" / "artifacts" / f"{contract}.json").read_text())


def write_verification_input(target):
    deployment = Deployment.load(target)
    steps, site = planned(deployment)
    place = target.with_name(f"{deployment.chain_id}-verify")
    place.mkdir(exist_ok=True)
    arguments = {}
    for step in steps:
        compiled = artifact(step.contract)
        request = {
            "stdJsonInput": standard_json(step.contract),
            "compilerVersion": compiled["compiler"]["version"],
            "contractIdentifier": f"{compiled['source']}:{step.contract}",
            "creationTransactionHash": deployment.origin.transactions[step.name],
        }
        (place / f"{step.name}.json").write_text(json.dumps(request, indent=1) + "\n")
        arguments[step.name] = creation_code(step, site).removeprefix(getattr(brownie, step.contract).bytecode)
    (place / "constructor-arguments.json").write_text(json.dumps(arguments, indent=1) + "\n")
    print(f"wrote {place}, for block explorers")


def standard_json(contract):
    """What the compiler was given for one contract: its own sources and no others."""
    sources = sorted(getattr(brownie, contract)._build["allSourcePaths"].values())
    return {
        "language": "Solidity",
        "sources": {path: {"content": (ROOT / path).read_text()} for path in sources},
        "settings": {
            **artifact(contract)["compiler"]["settings"],
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
        },
    }


def submit(target):
    deployment = Deployment.load(target)
    steps, site = planned(deployment)
    place = target.with_name(f"{deployment.chain_id}-verify")
    arguments = json.loads((place / "constructor-arguments.json").read_text())
    for step in steps:
        request = json.loads((place / f"{step.name}.json").read_text())
        answer = ask_explorer(
            deployment.chain_id,
            "verifysourcecode",
            codeformat="solidity-standard-json-input",
            sourceCode=json.dumps(request["stdJsonInput"]),
            contractaddress=site[step.name],
            contractname=request["contractIdentifier"],
            compilerversion=f"v{request['compilerVersion']}",
            constructorArguments=arguments[step.name],
            constructorArguements=arguments[step.name],  # as the first of these APIs spelt it
        )
        while answer["status"] == "1" and "pending" in (state := await_status(deployment.chain_id, answer)).lower():
            time.sleep(3)
        print(f"  {step.contract:<13} {state if answer['status'] == '1' else answer['result']}")


def await_status(chain_id, answer):
    return str(ask_explorer(chain_id, "checkverifystatus", guid=answer["result"])["result"])


def ask_explorer(chain_id, action, **fields):
    """Answers `status` "1" and `result` when it takes what was asked."""
    url, key = os.environ["FOGCHAIN_EXPLORER_URL"], os.environ.get("FOGCHAIN_EXPLORER_KEY", "")
    form = {"module": "contract", "action": action, "apikey": key, **fields}
    try:
        answer = requests.post(url, params={"chainid": chain_id}, data=form, timeout=60)
        answer.raise_for_status()
        body = answer.json()
        return {"status": str(body["status"]), "result": body["result"]}
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        sys.exit(f"error: the explorer does not answer as expected: {error}")
