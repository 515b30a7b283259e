"""The buyer's role, put together: whom it knows, what it orders, how it pays."""

from __future__ import annotations

from node.parts import Life, Parts
from node.trade.auctioneer import Auctioneer
from node.trade.book import ProviderBook
from node.trade.buyer import Buyer
from node.trade.gauge import Gauge
from node.trade.openjob import Funding, Surroundings
from node.trade.ratings import Ratings
from node.trade.settlement import Settlement


def make_buyer(parts: Parts, auctioneer: Auctioneer, life: Life) -> tuple[Buyer, ProviderBook]:
    """What goes on beside it has begun; the buyer itself has not."""
    config, address = parts.config.buyer, parts.wallet.address
    book = ProviderBook(
        own_address=address,
        domain=parts.deployment.domain,
        network=parts.network,
        index=parts.index,
        changed=parts.news.providers,
        stale_after=config.stale_after / 1000,
        record=parts.store.record,
        refused=parts.refusals.note,
    )
    settlement = Settlement(
        engine=parts.engine,
        address=address,
        client=parts.client,
        index=parts.index,
        sender=parts.sender,
        calls=parts.calls,
    )
    life.keep(settlement.run(), "settlement")
    around = Surroundings(
        wallet=parts.wallet,
        domain=parts.deployment.domain,
        config=config,
        store=parts.store,
        storage=parts.storage,
        network=parts.network,
        book=book,
        client=parts.client,
        index=parts.index,
        auctioneer=auctioneer,
        sender=parts.sender,
        calls=parts.calls,
        funding=Funding(),
        settlement=settlement,
        changed=parts.news.job,
        refusals=parts.refusals,
    )
    buyer = Buyer(around, parts.news.job_ended)
    if config.rate:
        ratings = Ratings(
            address=address,
            store=parts.store,
            index=parts.index,
            sender=parts.sender,
            calls=parts.calls,
            operator_of=book.operator_of,
        )
        life.keep(ratings.run(), "ratings")
    parts.network.listen_for(book)
    gauge = Gauge(
        engine=parts.engine,
        book=book,
        network=parts.network,
        busy=buyer.busy_with,
        after=config.measure_after / 1000,
    )
    book.score, book.observe = gauge.score, gauge.observe
    life.keep(gauge.run(), "gauge")
    life.keep(book.run(), "provider-book")
    return buyer, book
