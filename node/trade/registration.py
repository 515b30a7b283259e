"""A provider's record in the registry."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import structlog

from fogchain.chain.calls import Calls
from fogchain.chain.index import EventIndex
from fogchain.chain.records import NOBODY, NodeRecord
from fogchain.chain.sender import Sender
from fogchain.errors import Conflict, FogchainError
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
        self._writing = asyncio.Lock()  # one change of the record at a time
        self.done = False

    async def run(self) -> None:
        """Keep the registry record what this node is."""
        while True:
            try:
                async with self._writing:
                    await self._write()
                self.done = True
                await self._count_capacity()
            except FogchainError as error:
                self.done = False
                log.warning("not registered as provider yet", why=error.message)
            self._changed()
            await asyncio.sleep(30 if self.done else 3)

    @property
    def record(self) -> NodeRecord | None:
        """What the registry has of this node."""
        return next((r for r in self._index.providers() if r.owner.lower() == self._wallet.address), None)

    async def run_by(self, operator: str, agreement: tuple[int, bytes], tag: str) -> None:
        """Writes into the record who runs this node; `agreement` as `Calls.register` takes it. Returns when the index
        has it. Raises Conflict without a record, and what the sender raises."""
        async with self._writing:
            if (mine := self.record) is None:
                raise Conflict("this node has no record in the registry yet", hint="wait until `fogchain node status` "
                               "says that it is ready")  # fmt: skip
            call = self._calls.register(
                mine.node_key,
                mine.signature,
                mine.slots,
                mine.endpoints,
                resource_class=mine.resource_class,
                capacity=mine.capacity,
                operator=operator,
                agreement=agreement,
            )
            done = await self._sender.send(call, tag=tag)
            await self._index.wait_for(lambda: (head := self._index.head) and head.number >= done.block, 30)

    async def _write(self) -> None:
        """Registers the node when its record says something else."""
        endpoints = _fit(self._network.endpoints)
        key, slots = self._identity.node_key, self._count
        kind = self._issuer.resource_class
        capacity = self._rate * slots * EPOCH // GFUEL
        mine = self.record
        # The measured rate, and with it the capacity, differs a little at every start.
        if (
            mine is not None
            and (mine.node_key, mine.slots, mine.endpoints, mine.resource_class) == (key, slots, endpoints, kind)
            and abs(mine.capacity - capacity) * 4 <= capacity
        ):
            return
        before = mine.block if mine else 0
        digest = hashlib.sha256(
            key + kind + slots.to_bytes(4, "big") + capacity.to_bytes(8, "big") + endpoints.encode()
        ).hexdigest()[:16]
        binding = self._identity.bind(self._wallet.address, self._domain)
        operator = mine.operator if mine and mine.node_key == key else NOBODY  # who has signed for it
        call = self._calls.register(
            key, binding, slots, endpoints, resource_class=kind, capacity=capacity, operator=operator
        )
        await self._sender.send(call, tag=self._sender.next_tag(f"register-{digest}-{before}"))
        await self._index.wait_for(lambda: self.record is not None, 30)

    async def _count_capacity(self) -> None:
        """The registry counts capacity as far as the bond covers it, and looks at the bond when it is asked to."""
        bond = self._index.account(self._wallet.address).bonded
        mine = self.record
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
