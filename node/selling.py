"""The provider's role, put together: the sandbox under its harvester, a fleet's devices beside it, and what is sold."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from functools import partial

from fogchain.chain.client import ChainClient
from fogchain.market.checkpointing import mean_stay
from node import plugs, views
from node.executor.backend import Backend
from node.fleet.gateway import Gateway
from node.fleetbackend import FleetBackend
from node.fleetroom import capacity_of, make_gateway
from node.harvesting import Harvesting, load_policy
from node.idle import FleetGate, Idle
from node.parts import Life, Parts
from node.trade.auctioneer import Auctioneer
from node.trade.gauge import Gauged
from node.trade.issuer import Issuer
from node.trade.ports import Capacity
from node.trade.provider import Provider
from node.trade.uptime import Uptime


class Selling:
    """`start` has the sandbox ready and the probes looking; the provider itself begins later."""

    def __init__(self, parts: Parts, life: Life) -> None:
        """Raises BadPolicy."""
        self._parts, self._life = parts, life
        config = parts.config
        local = plugs.backend_of(parts.folder.work, config.provider, parts.news.node)
        self._executor: Backend = local
        self.idle = Idle(
            policy=load_policy(parts.folder.policy),
            config=config.harvest,
            data=parts.folder.root,
            executor=local,
            engine=parts.engine,
            changed=self._machine_changed,
        )
        self.gateway: Gateway | None = None
        self.fleet: FleetBackend | None = None
        if config.fleet.enabled:
            self.gateway = make_gateway(
                config, parts.network, parts.deployment.domain.network, parts.identity.node_key, parts.engine,
                self._fleet_changed,
            )  # fmt: skip
            self._executor = self.fleet = FleetBackend(
                local,
                self.gateway,
                folder=parts.folder.work,
                slots=config.provider.slots,
                memory=config.provider.memory,
                works=self._works,
                around=self.idle.run,
                blobs=parts.blobs,
                fetch=parts.network.fetch,
            )
        self.provider: Provider | None = None
        self._rate = 0

    async def start(self, auctioneer: Auctioneer) -> Provider:
        """Raises Unavailable when no worker starts."""
        parts, life, config = self._parts, self._life, self._parts.config
        if self.gateway is not None:
            life.keep(self.gateway.run(), "fleet")
        await self._executor.start()
        life.ends_with(self._executor.stop)
        self._rate = await self._executor.measure_rate()
        uptime = Uptime(parts.engine, time.time())
        around = self.idle.run if self.fleet is None else _elsewhere
        sandbox = plugs.SandboxPlug(self._executor, around, stay=partial(_stay, self.idle, uptime))
        await self.idle.start()
        life.ends_with(self.idle.stop)
        issuer = Issuer(
            name=config.node.name,
            wallet=parts.wallet,
            identity=parts.identity,
            domain=parts.deployment.domain,
            config=config.provider,
            capacity=self._capacity,
            engines=lambda: sandbox.engines,
            database=parts.engine,
            base_price=partial(_base_price, parts.client),
            uptime=uptime,
            chances=self.idle.chances,
            now=parts.index.now,
        )
        provider = self.provider = Provider(
            issuer=issuer,
            sold_to=auctioneer.sold_to,
            uptime=uptime,
            wallet=parts.wallet,
            identity=parts.identity,
            domain=parts.deployment.domain,
            config=config.provider,
            fuel_rate=self._rate,
            ledger=parts.ledger,
            storage=parts.storage,
            network=parts.network,
            sandbox=sandbox,
            capacity=self._capacity,
            gate=self.idle if self.fleet is None else FleetGate(self.idle, self._capacity),
            index=parts.index,
            sender=parts.sender,
            calls=parts.calls,
            changed=parts.news.node,
        )
        if self.fleet is None:
            self.idle.stood_down = provider.stand_down
        gauged = Gauged(sandbox=sandbox, blobs=parts.blobs, busy=lambda: provider.busy or bool(self.idle.why_not()))
        parts.network.serve("gauge", gauged.answer)
        return provider

    def harvesting(self, provider: Provider) -> Harvesting:
        return Harvesting(
            harvester=self.idle.harvester,
            probes=self.idle,
            journal=self.idle.journal,
            file=self._parts.folder.policy,
            cores=self._parts.config.provider.slots,
            running=lambda: self.idle.running,
            survival=lambda: views.survival_of(provider.offer),
        )

    # ---------------------------------------------------------------- inside

    def _works(self) -> bool:
        """Whether a fleet's gateway runs tasks itself now."""
        return self._parts.config.fleet.works and not self.idle.why_not()

    def _capacity(self) -> Capacity:
        own = self._parts.config.provider
        return capacity_of(self.fleet) if self.fleet else Capacity(own.slots, own.memory, self._rate)

    def _machine_changed(self) -> None:
        self._parts.news.node()
        if self.fleet is not None:
            self._fleet_changed()

    def _fleet_changed(self) -> None:
        if self.provider is not None:
            self.provider.capacity_changed()
        self._parts.news.fleet()


@contextlib.asynccontextmanager
async def _elsewhere() -> AsyncIterator[None]:
    """Around a run whose machine is another."""
    yield


def _stay(idle: Idle, uptime: Uptime) -> float:
    """Seconds, on average, by what this node says of itself in its offers."""
    *_, last = idle.chances(uptime.record())
    return mean_stay(last)


async def _base_price(client: ChainClient, resource_class: bytes) -> int:
    """Of a Gfuel, now."""
    per_gfuel, _ = await client.read("pricing", "basePrice", resource_class)
    return int(per_gfuel)
