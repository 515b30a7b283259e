"""Proposals with eth-brownie: `scripts/brownie run governance WHAT [ARGUMENTS] --network testnet`.

    list                               all proposals
    show PROPOSAL                      one, with its calls decoded
    propose DESCRIPTION CALL...        calls as in Solidity: "pricing.setControl(1000, 7000)"
    vote PROPOSAL for|against|abstain [REASON]
    queue PROPOSAL                     what has won, into the timelock
    execute PROPOSAL                   after the timelock's delay
    cancel PROPOSAL                    the proposer's own, or anyone's by the guardian
    delegate ACCOUNT                   the bond's votes; without it they count for nobody, your own account included

In calls, contracts go by their names in the deployment file. A proposal is named by its id or the id's first digits.
Network, deployment and account come from the environment, as in scripts/deploy.py.
"""

import ast
import sys
from datetime import UTC, datetime

from brownie import Contract, web3

from fogchain.chain.deployment import CONTRACTS, Deployment
from fogchain.errors import FogchainError
from fogchain.units import format_fog
from scripts.deploy import deployer, fees
from scripts.verify import artifact, check_chain, folder

STATES = ("pending", "active", "cancelled", "defeated", "succeeded", "queued", "expired", "executed")
CHOICES = ("against", "for", "abstain")


def main():
    sys.exit(__doc__)


def list():
    governor, found = contract("governor"), proposals()
    for proposal in found:
        state = STATES[governor.state(proposal["proposalId"])]
        print(f"{str(proposal['proposalId'])[:12]}  {state:<9}  {title(proposal)}")
    if not found:
        print("there are no proposals yet")


def show(number):
    governor, proposal = contract("governor"), find(number)
    against, agreed, abstained = governor.proposalVotes(proposal["proposalId"])
    snapshot = governor.proposalSnapshot(proposal["proposalId"])
    print(f"proposal   {proposal['proposalId']}")
    print(f"state      {STATES[governor.state(proposal['proposalId'])]}")
    print(f"by         {proposal['proposer']}")
    print(f"voting     {moment(snapshot)} to {moment(governor.proposalDeadline(proposal['proposalId']))}")
    print(f"votes      {format_fog(agreed)} for, {format_fog(against)} against, {format_fog(abstained)} abstain")
    if snapshot < web3.eth.get_block("latest").timestamp:
        print(f"quorum     {format_fog(governor.quorum(snapshot))}, for and abstaining")
    for target, value, data in zip(proposal["targets"], proposal["values"], proposal["calldatas"], strict=True):
        print(f"call       {decoded(target, data)}" + (f" with {value} wei" if value else ""))
    print(f"\n{proposal['description']}")


def propose(description, *calls):
    targets, datas = zip(*map(encoded, calls), strict=True) if calls else sys.exit("error: propose at least one call")
    governor, options = contract("governor"), sending()
    receipt = governor.propose(targets, [0] * len(calls), datas, description, options)
    number = receipt.events["ProposalCreated"]["proposalId"]
    print(f"proposed {number}")
    return number


def vote(number, choice, reason=""):
    if choice not in CHOICES:
        sys.exit(f"error: {choice!r} is not a vote: {', '.join(CHOICES)}")
    proposal, governor = find(number)["proposalId"], contract("governor")
    if reason:
        governor.castVoteWithReason(proposal, CHOICES.index(choice), reason, sending())
    else:
        governor.castVote(proposal, CHOICES.index(choice), sending())
    print(f"voted {choice}")


def queue(number):
    contract("governor").queue(*as_proposed(number), sending())
    print(f"queued; it can be executed from {moment(contract('governor').proposalEta(find(number)['proposalId']))}")


def execute(number):
    contract("governor").execute(*as_proposed(number), sending())
    print("executed")


def cancel(number):
    contract("governor").cancel(*as_proposed(number), sending())
    print("cancelled")


def delegate(account):
    contract("stake").delegate(account, sending())
    print(f"delegated to {account}")


# ---- calls


def encoded(call):
    """Address and data of `market.setPricing(pricing)`."""
    names = deployment_addresses()
    try:
        tree = ast.parse(call, mode="eval").body
        if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) and not tree.keywords):
            raise ValueError("it is not of the form contract.function(arguments)")
        name, function = ast.unparse(tree.func.value), tree.func.attr
        if name not in names:
            raise ValueError(f"there is no contract {name!r} but {', '.join(names)}")
        values = [value_of(argument, names) for argument in tree.args]
        target = contract(name)
        methods = {entry["name"] for entry in target.abi if entry["type"] == "function"}
        if function not in methods:
            raise ValueError(f"{name} has no function {function!r}")
        return names[name], getattr(target, function).encode_input(*values)
    except (SyntaxError, ValueError, TypeError, OverflowError) as error:
        sys.exit(f"error: {call}: {error}")


def value_of(node, names):
    """A literal; tuples and lists are structs and arrays, a bare name is that contract's address."""
    if isinstance(node, ast.Name):
        if node.id not in names:
            raise ValueError(f"there is no contract {node.id!r} but {', '.join(names)}")
        return web3.to_checksum_address(names[node.id])
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(value_of(item, names) for item in node.elts)
    return ast.literal_eval(node)


def decoded(target, data):
    for name, address in deployment_addresses().items():
        if address == target.lower():
            signature, values = contract(name).decode_input(data)
            return f"{name}.{signature.partition('(')[0]}({', '.join(map(str, values))})"
    return f"{target}: {data}"


# ---- the chain


def deployment():
    check_chain()
    try:
        return Deployment.load(folder() / f"{web3.eth.chain_id}.json")
    except FogchainError as error:
        sys.exit(f"error: {error.message}\n  try: {error.hint}")


def deployment_addresses():
    where = deployment()
    return {name: getattr(where, name) for name in CONTRACTS} | where.vesting


def contract(name):
    kind = CONTRACTS.get(name, "FogVesting")
    return Contract.from_abi(kind, deployment_addresses()[name], artifact(kind)["abi"])


def sending():
    most, tip = fees()
    return {"from": deployer(), "max_fee": most, "priority_fee": tip}


def proposals():
    """The events that made them, oldest first."""
    governor, where = contract("governor"), deployment()
    event = web3.eth.contract(governor.address, abi=governor.abi).events.ProposalCreated
    return [log["args"] for log in event.get_logs(from_block=where.block)]


def find(number):
    found = [proposal for proposal in proposals() if str(proposal["proposalId"]).startswith(str(number))]
    if len(found) != 1:
        sys.exit(f"error: {len(found)} proposals have an id that begins with {number}")
    return found[0]


def as_proposed(number):
    proposal = find(number)
    return (
        proposal["targets"],
        proposal["values"],
        ["0x" + bytes(data).hex() for data in proposal["calldatas"]],
        web3.keccak(text=proposal["description"]).hex(),
    )


def title(proposal):
    return proposal["description"].strip().partition("\n")[0][:80]


def moment(timestamp):
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
