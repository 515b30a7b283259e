"""Providers, offers and prices."""

from __future__ import annotations

from fogchain.api.aio.link import AsyncLink
from fogchain.api.commons import PriceStepView, PricesView
from fogchain.api.models import AuctionView, BuyerRating, MatchView, Page, ProviderView, Quote
from fogchain.jobs.spec import JobSpec

PAGE = 1000


class AsyncMarketApi(AsyncLink):
    async def providers(self) -> list[ProviderView]:
        """All of them, however many pages that takes."""
        found: list[ProviderView] = []
        cursor: str | None = None
        while True:
            page = await self._get(Page[ProviderView], "providers", query={"limit": PAGE, "cursor": cursor})
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    async def ratings(self, provider: str, limit: int | None = None, cursor: str | None = None) -> Page[BuyerRating]:
        """What each buyer has published of the provider."""
        query = {"limit": limit, "cursor": cursor}
        return await self._get(Page[BuyerRating], "providers", provider, "ratings", query=query)

    async def offers(self) -> MatchView:
        """Every offer that the node knows."""
        return await self._get(MatchView, "offers")

    async def auction(self, resource_class: str = "cpu") -> AuctionView:
        return await self._get(AuctionView, "auction", query={"resource_class": resource_class})

    async def match(self, spec: JobSpec) -> MatchView:
        """Every offer that the node knows, and why it does or does not match this job. Needs no upload."""
        return await self._post(MatchView, spec, "match")

    async def quote(self, spec: JobSpec) -> Quote:
        return await self._post(Quote, spec, "quote")

    async def prices(self) -> PricesView:
        return await self._get(PricesView, "prices")

    async def price_history(
        self, name: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[PriceStepView]:
        query = {"class": name, "limit": limit, "cursor": cursor}
        return await self._get(Page[PriceStepView], "prices", "history", query=query)
