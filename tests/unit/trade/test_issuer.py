"""Offers follow the base price; what was offered holds; the forecast comes from the node's record."""

from __future__ import annotations

from pathlib import Path

import pytest
from coincurve import PrivateKey
from sqlalchemy import MetaData

from fogchain.config import ProviderSection
from fogchain.database import open_database
from fogchain.errors import FogchainError, Unavailable
from fogchain.identity import NodeIdentity
from fogchain.market.survival import Record, forecast
from fogchain.wallet.eip712 import Domain, verify
from fogchain.wallet.keystore import Wallet
from node.trade import issuer, uptime
from node.trade.issuer import Issuer
from node.trade.ports import Capacity
from node.trade.uptime import OUTAGE, Uptime

DOMAIN = Domain(31337, "0x" + "77" * 20)


class Base:
    """A base price that moves."""

    def __init__(self, price: int) -> None:
        self.price = price

    async def __call__(self, resource_class: bytes) -> int:
        if resource_class.rstrip(b"\0") != b"cpu":
            raise Unavailable("no such class")
        return self.price


def make(folder: Path, base: Base, **config: object) -> Issuer:
    tables = MetaData()
    for source in (issuer.tables, uptime.tables):
        for table in source.tables.values():
            table.to_metadata(tables)
    database = open_database(folder / "node.db", tables, 1)
    return Issuer(
        name="oak",
        wallet=Wallet.of(PrivateKey(b"\1" * 32)),
        identity=NodeIdentity(b"\2" * 32),
        domain=DOMAIN,
        config=ProviderSection.model_validate(config),
        capacity=lambda: Capacity(1, 512 << 20, 10**9),
        engines=lambda: ("e",),
        database=database,
        base_price=base,
        uptime=Uptime(database, 1000.0),
    )


async def test_an_offer_follows_the_base_price_and_what_was_offered_holds_over_a_restart(tmp_path: Path) -> None:
    base = Base(100)
    oak = make(tmp_path, base, multiplier=12_000, regions=("us", "eu"))
    with pytest.raises(Unavailable, match="base price"):
        oak.current()
    await oak.look()
    first = oak.current()
    assert (first.offer.price, first.offer.multiplier, first.offer.regions) == (120, 12_000, "eu,us")
    verify(DOMAIN, first.offer, first.signature, first.offer.provider)
    assert oak.current() is first
    base.price = 200
    assert oak.current() is first  # nothing was read yet
    await oak.look()
    assert oak.current().offer.price == 240
    assert oak.least() == 120
    again = make(tmp_path, base, multiplier=12_000)
    await again.look()
    assert again.least() == 120 and again.current().offer.price == 240


async def test_a_fixed_price_stays_whatever_the_base_price_does(tmp_path: Path) -> None:
    oak = make(tmp_path, Base(100), price=77)
    await oak.look()
    assert (oak.current().offer.price, oak.current().offer.multiplier) == (77, 0)


async def test_a_class_without_base_price_makes_no_offer_and_says_why(tmp_path: Path) -> None:
    oak = make(tmp_path, Base(100), multiplier=10_000, **{"class": "gpu"})
    await oak.look()
    with pytest.raises(FogchainError, match="'gpu'"):
        oak.current()


def test_the_record_counts_outages_that_cost_work_and_runs(tmp_path: Path) -> None:
    database = open_database(tmp_path / "node.db", uptime.tables, 1)
    first = Uptime(database, 0.0)
    first.beat(1000.0)
    first.ended(sound=True, now=500.0)
    first.ended(sound=False, now=600.0)
    short = Uptime(database, 1000.0 + OUTAGE / 2)  # a restart
    short.beat(2000.0)
    long = Uptime(database, 2000.0 + OUTAGE * 2)
    long.beat(4000.0)
    record = long.record()
    assert record == Record(up=1000.0 + 970.0 + 1880.0, outages=1, sound=1, failed=1)
    assert forecast(record) != forecast(Record())
