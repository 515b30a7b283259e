"""Deploys the contracts with eth-brownie: `brownie run deploy --network <network>`.

The deployer's key is read from the environment variable FOGCHAIN_DEPLOYER_KEY; on a development network it is the first
test account. Writes `deployments/<chain id>.json`, which a node's configuration names to join the network.
A local chain needs none of this: `fogchain chain up` deploys by itself.
"""

import json
import os
from pathlib import Path

from brownie import FogMarket, FogRegistry, FogStake, FogToken, accounts, chain, network

ROOT = Path(__file__).resolve().parents[1]
SUPPLY = 10**27  # base units, as in contracts/libraries/ConstantsLib.sol
UNBONDING_PERIOD = 7 * 24 * 3600  # seconds


def deployer():
    key = os.environ.get("FOGCHAIN_DEPLOYER_KEY")
    if key:
        return accounts.add(key)
    if network.show_active() == "development":
        return accounts[0]
    raise SystemExit("set FOGCHAIN_DEPLOYER_KEY to the deployer's private key")


def main():
    account = deployer()
    block = chain.height
    token = FogToken.deploy([account], [SUPPLY], {"from": account})
    stake = FogStake.deploy(token, UNBONDING_PERIOD, {"from": account})
    market = FogMarket.deploy(token, {"from": account})
    registry = FogRegistry.deploy(account, market, stake, {"from": account})

    deployed = {"token": token, "stake": stake, "market": market, "registry": registry}
    addresses = {name: contract.address.lower() for name, contract in deployed.items()}
    target = ROOT / "deployments" / f"{chain.id}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"chain_id": chain.id, **addresses, "block": block}, indent=2) + "\n")
    print(f"wrote {target.relative_to(ROOT)}")
