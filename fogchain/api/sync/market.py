# Made of fogchain/api/aio/market.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""Providers, offers and prices."""

from __future__ import annotations

from fogchain.api.commons import PriceStepView, PricesView
from fogchain.api.models import AuctionView, BuyerRating, MatchView, Page, ProviderView, Quote
from fogchain.api.sync.link import Link
from fogchain.jobs.spec import JobSpec

PAGE = 1000


class MarketApi(Link):
    def providers(self) -> list[ProviderView]:
        """All of them, however many pages that takes."""
        found: list[ProviderView] = []
        cursor: str | None = None
        while True:
            page = self._get(Page[ProviderView], "providers", query={"limit": PAGE, "cursor": cursor})
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    def ratings(self, provider: str, limit: int | None = None, cursor: str | None = None) -> Page[BuyerRating]:
        """What each buyer has published of the provider."""
        query = {"limit": limit, "cursor": cursor}
        return self._get(Page[BuyerRating], "providers", provider, "ratings", query=query)

    def offers(self) -> MatchView:
        """Every offer that the node knows."""
        return self._get(MatchView, "offers")

    def auction(self, resource_class: str = "cpu") -> AuctionView:
        return self._get(AuctionView, "auction", query={"resource_class": resource_class})

    def match(self, spec: JobSpec) -> MatchView:
        """Every offer that the node knows, and why it does or does not match this job. Needs no upload."""
        return self._post(MatchView, spec, "match")

    def quote(self, spec: JobSpec) -> Quote:
        return self._post(Quote, spec, "quote")

    def prices(self) -> PricesView:
        return self._get(PricesView, "prices")

    def price_history(
        self, name: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[PriceStepView]:
        query = {"class": name, "limit": limit, "cursor": cursor}
        return self._get(Page[PriceStepView], "prices", "history", query=query)
