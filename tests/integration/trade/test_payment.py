"""Money between real processes: statements, credit, claims, payment in batches. What the two sides and the chain say is
the same to the base unit."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from fogchain.api.statement import StatementView
from fogchain.chain.client import ChainClient

pytestmark = [pytest.mark.slow, pytest.mark.chain]


async def on_chain(client: ChainClient, address: str) -> tuple[int, int, int]:
    return (
        await client.token_balance(address),
        await client.free_balance(address),
        await client.locked_balance(address),
    )


def adds_up(view: StatementView) -> None:
    before = view.opening.wallet + view.opening.free + view.opening.locked + view.opening.bonded
    assert before + view.came - view.went == (
        view.closing.wallet + view.closing.free + view.closing.locked + view.closing.bonded
    )


async def test_statements_are_the_chain_to_the_base_unit(market: Callable[..., Any]) -> None:
    async with market(providers=2) as m:
        detail = await m.paid(await m.submit(m.spin(6, 20_000)))
        assert detail.state == "done", detail.detail
        await m.network.buyer.withdraw(10**18)
        client = ChainClient(m.network.rpc_url, m.network.deployment)
        kinds: dict[str, set[str]] = {}
        try:
            for name in ("buyer", *m.network.names):
                view = await m.network.client(name).statement(limit=1000)
                adds_up(view)
                closing = view.closing
                assert (closing.wallet, closing.free, closing.locked) == await on_chain(client, m.addresses[name])
                kinds[name] = {line.kind for line in view.items}
        finally:
            await client.close()
        assert kinds["buyer"] >= {
            "transfer", "deposit", "session opened", "voucher claimed", "session closed", "withdrawal",
        }  # fmt: skip
        assert kinds["oak"] == {"voucher claimed"}
        page = await m.network.buyer.statement(limit=2)
        assert page.total > 2 and page.next_cursor == "2" and len(page.items) == 2
        raw = await m.network.buyer._raw("GET", "/v1/statement", headers={"Accept": "text/csv"})
        rows = list(csv.reader(io.StringIO(raw.decode(), newline="")))
        assert len(rows) == page.total + 3 and rows[-1][2] == "closing balance"
