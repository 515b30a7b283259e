"""A form's deed is done once: its key stays until it is known what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from fogchain.api.client import AsyncClient
from fogchain.errors import Conflict, FogchainError, Unavailable
from ui import once
from ui.feed import NodeFeed
from ui.once import Once


class Market:
    """A node that does each key once, and whose answers can be lost or be refusals."""

    def __init__(self) -> None:
        self.paid: dict[str, int] = {}
        self.trouble: list[FogchainError] = []

    async def ask(self, call: Callable[[AsyncClient], Awaitable[Any]], timeout: float) -> Any:
        return await call(cast(AsyncClient, self))

    async def deposit(self, amount: int, key: str) -> int:
        if self.trouble and not isinstance(self.trouble[0], Unavailable):
            raise self.trouble.pop(0)
        self.paid.setdefault(key, amount)
        if self.trouble:
            raise self.trouble.pop(0)
        return sum(self.paid.values())


@pytest.fixture
def market(monkeypatch: pytest.MonkeyPatch) -> Market:
    monkeypatch.setattr(once, "PAUSE", 0.0)
    return Market()


async def pay(form: Once, amount: int) -> int:
    return await form.do(amount, lambda client, key: cast(Market, client).deposit(amount, key))  # type: ignore[arg-type]


async def test_lost_answers_are_asked_for_again_and_the_next_deed_is_another(market: Market) -> None:
    form = Once(cast(NodeFeed, market))
    market.trouble = [Unavailable("gone"), Unavailable("still gone")]
    assert await pay(form, 5) == 5
    assert await pay(form, 5) == 10, "the same amount, paid in again on purpose"
    assert await pay(Once(cast(NodeFeed, market)), 5) == 15, "another form"


async def test_what_was_given_up_on_is_the_same_deed_when_it_is_asked_for_again(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = Once(cast(NodeFeed, market))
    monkeypatch.setattr(once, "PATIENCE", -1.0)
    market.trouble = [Unavailable("gone")]
    with pytest.raises(Unavailable, match="not known whether"):
        await pay(form, 5)
    assert await pay(form, 5) == 5
    market.trouble = [FogchainError("broken")]
    with pytest.raises(Unavailable):
        await pay(form, 7)
    assert await pay(form, 8) == 13, "another amount is another request"


async def test_a_refusal_ends_the_deed(market: Market) -> None:
    form = Once(cast(NodeFeed, market))
    market.trouble = [Conflict("no")]
    with pytest.raises(Conflict):
        await pay(form, 5)
    assert await pay(form, 5) == 5
