"""A provider's record in the registry."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import structlog

from fogchain.chain.calls import Calls
from fogchain.chain.index import EventIndex
from fogchain.chain.records import NOBODY
from fogchain.chain.sender import Sender
from fogchain.errors import FogchainError
from fogchain.identity import NodeIdentity
from fogchain.units import GFUEL
from fogchain.wallet.eip712 import Domain
from fogchain.wallet.keystore import Wallet
from node.trade.issuer import Issuer
from node.trade.ports import Network

log = structlog.get_logger(__name__)

ENDPOINT_BYTES = 1000
EPOCH = 600  # seconds, in which the registry counts capacity


class Registration:
    """Keeps this node's registry record what the node is. `run` never returns."""

    def __init__(
        self,
        *,
        wallet: Wallet,
        identity: NodeIdentity,
        domain: Domain,
        issuer: Issuer,
        slots: int,
        fuel_rate: int,
        network: Network,
        index: EventIndex,
        sender: Sender,
        calls: Calls,
        changed: Callable[[], None],
    ) -> None:
        """`fuel_rate`: of one slot, fuel a second."""
        self._wallet, self._identity, self._domain, self._issuer = wallet, identity, domain, issuer
        self._count, self._rate, self._network = slots, fuel_rate, network
        self._index, self._sender, self._calls, self._changed = index, sender, calls, changed
        self._bond_counted: int | None = None
        self.done = False

    async def run(self) -> None:
        """Keep the registry record what this node is."""
        while True:
            try:
                endpoints = _fit(self._network.endpoints)
                key, slots = self._identity.node_key, self._count
                kind = self._issuer.resource_class
                capacity = self._rate * slots * EPOCH // GFUEL
                mine = [r for r in self._index.providers() if r.owner.lower() == self._wallet.address]
                # The measured rate, and with it the capacity, differs a little at every start.
                if (
                    not mine
                    or (mine[0].node_key, mine[0].slots, mine[0].endpoints, mine[0].resource_class)
                    != (key, slots, endpoints, kind)
                    or abs(mine[0].capacity - capacity) * 4 > capacity
                ):
                    before = mine[0].block if mine else 0
                    digest = hashlib.sha256(
                        key + kind + slots.to_bytes(4, "big") + capacity.to_bytes(8, "big") + endpoints.encode()
                    ).hexdigest()[:16]
                    binding = self._identity.bind(self._wallet.address, self._domain)
                    operator = mine[0].operator if mine and mine[0].node_key == key else NOBODY  # who has signed for it
                    call = self._calls.register(
                        key, binding, slots, endpoints, resource_class=kind, capacity=capacity, operator=operator
                    )
                    await self._sender.send(call, tag=self._sender.next_tag(f"register-{digest}-{before}"))
                    await self._index.wait_for(
                        lambda: any(r.owner.lower() == self._wallet.address for r in self._index.providers()), 30
                    )
                self.done = True
                await self._count_capacity()
            except FogchainError as error:
                self.done = False
                log.warning("not registered as provider yet", why=error.message)
            self._changed()
            await asyncio.sleep(30 if self.done else 3)

    async def _count_capacity(self) -> None:
        """The registry counts capacity as far as the bond covers it, and looks at the bond when it is asked to."""
        bond = self._index.account(self._wallet.address).bonded
        mine = next((r for r in self._index.providers() if r.owner.lower() == self._wallet.address), None)
        if mine is None or bond == self._bond_counted:
            return
        if self._bond_counted is not None or (bond and mine.counted < mine.capacity):
            await self._sender.send(self._calls.refresh_capacity(self._wallet.address))
        self._bond_counted = bond


def _fit(endpoints: tuple[str, ...]) -> str:
    """As many multiaddrs as the registry takes, comma-separated."""
    text = ""
    for endpoint in endpoints:
        longer = f"{text},{endpoint}" if text else endpoint
        if len(longer) > ENDPOINT_BYTES:
            break
        text = longer
    return text
