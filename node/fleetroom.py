"""Puts a fleet's gateway together out of the node's parts."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from fogchain import __version__
from fogchain.config import NodeConfig
from node.fleet.gateway import Gateway
from node.fleet.known import Settings
from node.fleet.ports import Network
from node.fleet.roster import Spans
from node.fleet.store import FleetStore
from node.fleetbackend import FleetBackend
from node.harvest import profile
from node.trade.ports import Capacity


def make_gateway(
    config: NodeConfig,
    network: Network,
    network_name: str,
    node_key: bytes,
    engine: Engine,
    changed: Callable[[], None],
) -> Gateway:
    """A gateway that answers its devices from now on."""
    fleet = config.fleet
    gateway = Gateway(
        network=network,
        network_name=network_name,
        node_key=node_key,
        store=FleetStore(engine),
        settings=Settings(
            name=config.node.name,
            version=__version__,
            heartbeat=fleet.heartbeat / 1000,
            spans=Spans(offline=fleet.offline_after / 1000, standing=fleet.standing / 1000),
        ),
        check_policy=check_policy,
        changed=changed,
    )
    gateway.serve()
    return gateway


def check_policy(text: str) -> None:
    """Raises BadPolicy with line, guard and reason."""
    profile.read(text, "the policy")


def capacity_of(backend: FleetBackend) -> Capacity:
    """What the fleet's provider has to sell: all slots, the most memory that any gives one task, the mean rate."""
    found = backend.capacity()
    return Capacity(found.slots, found.memory, found.rate_of_slot)
