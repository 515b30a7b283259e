"""What this node offers: its price, which may follow the base price of its class, and the offers it has signed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import Column, Engine, Integer, LargeBinary, MetaData, String, Table, delete, insert, select

from fogchain.config import ProviderSection
from fogchain.database import transaction
from fogchain.errors import FogchainError, Unavailable
from fogchain.identity import NodeIdentity
from fogchain.market.engines import join
from fogchain.market.messages import Offer
from fogchain.market.offers import class_id, price_at
from fogchain.market.survival import Record, forecast
from fogchain.wallet.eip712 import Domain, sign
from fogchain.wallet.keystore import Wallet
from node.trade.ports import Capacity
from node.trade.uptime import Uptime
from node.trade.wire import SignedOffer

log = structlog.get_logger(__name__)

PRICE_INTERVAL = 15.0  # seconds between looks at the base price, and between signs of life in the record
CAPACITY_INTERVAL = 5  # seconds at least between offers of which only the capacity differs

tables = MetaData()
_issued = Table(
    "offers_issued",
    tables,
    Column("digest", LargeBinary, primary_key=True),
    Column("price", String, nullable=False),  # decimal, over 64 bits wide
    Column("expiry", Integer, nullable=False),
)

BasePrice = Callable[[bytes], Awaitable[int]]  # of a resource class; raises FogchainError


class Issuer:
    """Signs offers. One is good until it expires, also when the price has risen since, also after a restart."""

    def __init__(
        self,
        *,
        name: str,
        wallet: Wallet,
        identity: NodeIdentity,
        domain: Domain,
        config: ProviderSection,
        capacity: Callable[[], Capacity],
        engines: Callable[[], tuple[str, ...]],
        database: Engine,
        base_price: BasePrice,
        uptime: Uptime,
        chances: Callable[[Record], tuple[int, int, int]] = forecast,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._name, self._wallet, self._identity, self._domain = name, wallet, identity, domain
        self._config, self._capacity, self._engines = config, capacity, engines
        self._database, self._base_price, self._uptime = database, base_price, uptime
        self._chances, self._now = chances, now
        self._price: int | None = config.price if config.multiplier is None else None
        self._why = "the base price is not known yet"
        self._offer: SignedOffer | None = None

    @property
    def resource_class(self) -> bytes:
        return class_id(self._config.class_)

    @property
    def newest(self) -> Offer | None:
        """The offer that was signed last."""
        return self._offer.offer if self._offer else None

    async def run(self) -> None:
        """Follow the base price, and keep the record of uptime, until cancelled."""
        while True:
            await self.look()
            try:
                self._uptime.beat(time.time())
            except FogchainError as error:  # a full disk
                log.warning("the record of uptime has a gap", why=error.message)
            await asyncio.sleep(PRICE_INTERVAL if self._price is not None else 1.0)

    async def look(self) -> None:
        """Read the base price, if the price follows it."""
        if self._config.multiplier is None:
            return
        try:
            base = await self._base_price(self.resource_class)
        except FogchainError as error:
            self._why = f"the base price of class {self._config.class_!r} can't be read: {error.message}"
            log.warning("no base price", resource_class=self._config.class_, why=error.message)
            return
        self._price = price_at(base, self._config.multiplier)

    def price(self) -> int:
        """What a Gfuel costs in an offer that is made now. Raises Unavailable while the base price is not known."""
        if self._price is None:
            raise Unavailable(f"this node makes no offers: {self._why}", hint="it is looking; ask again in a moment")
        return self._price

    def current(self) -> SignedOffer:
        """The newest offer; a new one when half of its time is over, or the price or what there is has changed. Raises
        Unavailable."""
        now, price, engines = int(self._now()), self.price(), join(self._engines())
        validity = self._config.offer_validity // 1000
        known, capacity = self._offer, self._capacity()
        if capacity.slots == 0:
            raise Unavailable("this node makes no offers: nothing of it takes work now", hint="ask again later")
        changed = known is None or (known.offer.price, known.offer.engines) != (price, engines)
        if known is not None and known.offer.issued + CAPACITY_INTERVAL <= now:
            there = Capacity(known.offer.slots, known.offer.memory, known.offer.fuel_rate)
            changed = changed or there != capacity
        left = known.offer.expiry - now if known else 0
        if known is None or changed or not validity // 2 <= left <= validity:  # more: the clock was put back
            soon, later, last = self._chances(self._uptime.record())
            offer = Offer(
                provider=self._wallet.address,
                node=self._identity.node_key,
                resource_class=self.resource_class,
                multiplier=self._config.multiplier or 0,
                price=price,
                regions=",".join(sorted(self._config.regions)),
                survival_10m=soon,
                survival_1h=later,
                survival_2h=last,
                slots=capacity.slots,
                memory=capacity.memory,
                fuel_rate=capacity.rate,
                engines=engines,
                on_account=self._config.on_account,
                issued=now,
                expiry=now + validity,
            )
            digest = self._domain.digest(offer)
            with transaction(self._database) as connection:
                connection.execute(delete(_issued).where(_issued.c.expiry < now))
                connection.execute(delete(_issued).where(_issued.c.digest == digest))
                connection.execute(insert(_issued).values(digest=digest, price=str(price), expiry=offer.expiry))
            self._offer = known = SignedOffer(offer, sign(self._wallet.key, self._domain, offer), self._name)
        return known

    def least(self) -> int:
        """The lowest price of an offer that holds. Raises Unavailable."""
        with self._database.connect() as connection:
            rows = connection.execute(select(_issued.c.price).where(_issued.c.expiry >= int(self._now()))).all()
        return min([int(row.price) for row in rows], default=self.price())
