"""Deploys the contracts with eth-brownie: `scripts/brownie run deploy [--network testnet]`.

Without a network on a chain that lives as long as the script, to try it. On `testnet`, any EVM chain:

    FOGCHAIN_RPC_URL       a node of that chain
    FOGCHAIN_CHAIN_ID      its id, so that a wrong URL is noticed
    FOGCHAIN_PROFILE       production, test, or a TOML file like fogchain/chain/profiles/production.toml
    FOGCHAIN_KEYSTORE      the deployer's keystore; its password is FOGCHAIN_PASSWORD, or is asked for
    FOGCHAIN_ACCOUNT       instead: an account that the node holds, or with
    FOGCHAIN_CLEF          (clef's IPC path) one that clef holds, which is how Ledger and Trezor sign
    FOGCHAIN_MAX_FEE       the most per gas, "30 gwei"; without it twice the base fee
    FOGCHAIN_CONFIRMATIONS blocks to wait for on top, 2 without it
    FOGCHAIN_DEPLOYMENTS   the folder for the result, deployments/ without it

Writes <chain id>.json, which nodes take, and <chain id>-verify/ for block explorers. Cut off anywhere, the same command
goes on and ends with the same addresses; `fogchain chain deploy` needs neither Brownie nor a compiler for the same.
"""

import os
import sys
import time

import brownie
from brownie import accounts, network, web3

from fogchain.chain.plan import steps_of
from fogchain.chain.profile import Profile
from fogchain.chain.progress import Progress
from fogchain.errors import FogchainError
from fogchain.units import parse_eth
from scripts.verify import artifact, check_chain, folder, verify, write_verification_input


def main():
    try:
        target = deploy()
    except FogchainError as error:
        sys.exit(f"error: {error.message}\n  try: {error.hint}")
    write_verification_input(target)
    verify(target)


def deploy():
    """The path of the deployment file."""
    check_chain()
    account = deployer()
    check_sources()
    target = folder() / f"{web3.eth.chain_id}.json"
    if development():
        target.unlink(missing_ok=True)
    elif target.exists():
        sys.exit(f"error: {target} is there already: this chain is deployed")
    progress = begin(account, target)
    site = progress.site(created(account))
    steps = steps_of(site.profile)
    while missing := [step for step in steps if not has_code(site[step.name])]:
        for step in missing:
            create(account, progress, target, step, progress.first_nonce + steps.index(step), site)
        wait_for_confirmations()
    transactions = {step.name: find_transaction(progress, step, steps) for step in steps}
    progress.finish(target, site, transactions, None)
    print(f"wrote {target}")
    return target


def check_sources():
    """Nodes and clients take ABI and bytecode from the package; what is deployed has to be the same."""
    for step in steps_of(Profile.load("test")):
        if "0x" + getattr(brownie, step.contract).bytecode != artifact(step.contract)["bytecode"]:
            sys.exit(f"error: {step.contract} is not the one in the package: run `make contracts`")


def deployer():
    keystore, account = os.environ.get("FOGCHAIN_KEYSTORE"), os.environ.get("FOGCHAIN_ACCOUNT")
    if keystore:
        return accounts.load(keystore, os.environ.get("FOGCHAIN_PASSWORD"))
    if account:
        if "FOGCHAIN_CLEF" in os.environ:
            accounts.connect_to_clef(os.environ["FOGCHAIN_CLEF"] or None)
        return accounts.at(account)
    if development():
        return accounts[0]
    sys.exit("error: name the deployer: FOGCHAIN_KEYSTORE, or FOGCHAIN_ACCOUNT with FOGCHAIN_CLEF")


def begin(account, target):
    """What was begun, where it can be gone on with; else anew."""
    nonce, address = account.nonce, account.address.lower()
    head = web3.eth.get_block("latest")
    name = os.environ.get("FOGCHAIN_PROFILE", "test" if development() else "production")
    profile = Profile.load(name)
    progress = None if development() else Progress.read(target)
    if progress and (progress.chain_id, progress.deployer) == (web3.eth.chain_id, address):
        site = progress.site(created(account))
        places = [place for place, step in enumerate(steps_of(site.profile)) if not has_code(site.addresses[step.name])]
        if places != list(range(len(site.addresses))) and progress.profile != profile.raw:
            sys.exit(f"error: begun with another profile; go on with that, or delete {target}.part to begin anew")
        if progress.profile == profile.raw and (not places or progress.first_nonce + places[0] == nonce):
            print(f"going on: {len(site.addresses) - len(places)} of {len(site.addresses)} are there")
            return progress
    progress = Progress(web3.eth.chain_id, address, nonce, head.number, head.timestamp, profile.raw)
    progress.write(target)
    return progress


def create(account, progress, target, step, nonce, site):
    """Waits until it is mined. The address depends on the nonce alone, so one that an earlier run has sent and that is
    not mined yet is replaced; whichever is mined first, the contract is the same."""
    sent = progress.sent.setdefault(step.name, [])
    most, tip = fees()
    if sent:  # nodes want 10 % more in both fields
        most, tip = max(most, sent[-1]["most"] * 9 // 8 + 1), max(tip, sent[-1]["tip"] * 9 // 8 + 1)
    sent.append({"most": most, "tip": tip})
    progress.write(target)
    container, options = getattr(brownie, step.contract), {"nonce": nonce, "max_fee": most, "priority_fee": tip}
    try:
        contract = account.deploy(container, *step.arguments(site), **options, required_confs=1)
        sent[-1]["hash"] = contract.tx.txid
        progress.write(target)
    except Exception:
        if not has_code(site[step.name]):  # not because the earlier one was mined
            raise
    if not has_code(site[step.name]):
        sys.exit(f"error: {step.contract} did not come to {site[step.name]}; run the same again")


def fees():
    """Wei per gas: in all, and of it at most to the block's producer."""
    tip, limit = int(web3.eth.max_priority_fee), os.environ.get("FOGCHAIN_MAX_FEE")
    most = parse_eth(limit) if limit else 2 * web3.eth.get_block("latest").baseFeePerGas + tip
    return most, min(tip, most)


def wait_for_confirmations():
    wanted = int(os.environ.get("FOGCHAIN_CONFIRMATIONS", 0 if development() else 2))
    last = web3.eth.block_number + wanted
    while web3.eth.block_number < last:
        time.sleep(0.5)


def find_transaction(progress, step, steps):
    """Its hash: of what was sent, else from the blocks since the deployment began."""
    for copy in progress.sent.get(step.name, ()):
        if "hash" in copy:
            return "0x" + copy["hash"].removeprefix("0x")
    nonce = progress.first_nonce + steps.index(step)
    for number in range(progress.block, web3.eth.block_number + 1):
        for transaction in web3.eth.get_block(number, True).transactions:
            if (transaction["from"].lower(), transaction.nonce) == (progress.deployer, nonce):
                return "0x" + transaction.hash.hex().removeprefix("0x")
    sys.exit(f"error: the transaction of {step.contract} is in none of the blocks since {progress.block}")


def created(account):
    return lambda _, nonce: str(account.get_deployment_address(nonce))


def has_code(address):
    return bool(web3.eth.get_code(web3.to_checksum_address(address)))


def development():
    return network.show_active() == "development"
