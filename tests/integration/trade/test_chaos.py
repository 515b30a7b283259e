"""Kills at random moments, anywhere: nothing is lost, nothing is done or paid twice, and all books agree."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fogchain.bench.books import disagreements
from fogchain.bench.chaos import chaos

KILLS = int(os.environ.get("FOGCHAIN_KILLS", "15"))  # `make test-full` asks for 200

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.timeout(300 + 15 * KILLS)]


async def test_processes_killed_at_random_moments_lose_and_double_nothing(market: Callable[..., Any]) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # shown when it fails
    async with market(supervised=True, lost_after="8 s", purse="100000 FOG") as m:
        outcome = await chaos(m.network, kills=KILLS, seed=seed)
    assert sum(outcome.kills.values()) == KILLS and outcome.tasks >= 10
    assert (outcome.lost, outcome.doubled, outcome.disagreements) == ([], [], [])


async def test_books_that_disagree_are_found(market: Callable[..., Any]) -> None:
    """A provider's ledger is changed by hand: the comparison sees it."""
    async with market(providers=2) as m:
        job = await m.submit(m.spin(4, 1000))
        await m.paid(job)
        await m.paid(await m.submit(m.spin(3, 1000)))
        assert await disagreements(m.network) == []
        for ask in (m.network.buyer.receipts, m.network.client("oak").receipts, m.network.buyer.sessions):
            whole, pages, cursor = await ask(limit=100), [], None
            while not pages or cursor is not None:  # what comes in pages of two is the same
                page = await ask(limit=2, cursor=cursor)
                pages += page.items
                cursor = page.next_cursor
            assert pages == whole.items and len(pages) == whole.total == page.total > 2
        oak = m.network.folder / "oak"
        await m.network.end("oak")
        (database,) = [path for path in oak.rglob("*.db") if _has_table(path, "orders")]
        with sqlite3.connect(database) as db:
            changed = db.execute("DELETE FROM orders WHERE rowid = (SELECT min(rowid) FROM orders)").rowcount
        assert changed == 1
        await m.network.launch_node("oak")
        await m.network.ready("oak")
        assert any("oak never delivered" in line for line in await disagreements(m.network))


def _has_table(path: Path, name: str) -> bool:
    with sqlite3.connect(path) as db:
        return db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None
