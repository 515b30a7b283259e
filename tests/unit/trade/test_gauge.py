"""Scores survive a restart and hold for a day; a provider answers puzzles when it has the time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from fogchain import cbor
from fogchain.database import open_database
from fogchain.errors import BadMessage, Unavailable
from fogchain.jobs.blobs import BlobStore
from fogchain.market.capability import PuzzleMaker
from fogchain.market.messages import Offer
from fogchain.market.offers import class_id
from node.trade import gauge
from node.trade.gauge import HOURLY, Gauge, Gauged, Measured

OFFER = Offer(
    provider="0x" + "11" * 20, node=b"\1" * 32, resource_class=class_id("cpu"), multiplier=0, price=1, regions="",
    survival_10m=9_000, survival_1h=6_000, survival_2h=4_000, slots=1, memory=1 << 30, fuel_rate=10**9, engines="e",
    on_account=0, issued=1, expiry=2,
)  # fmt: skip
NAME = OFFER.provider


def make(folder: Path) -> Gauge:
    nothing = cast(Any, None)
    engine = open_database(folder / "node.db", gauge.tables, 1)
    return Gauge(engine=engine, book=nothing, network=nothing, busy=lambda _: False, after=0)


def test_a_score_is_the_lesser_of_measurement_and_tasks_and_survives_a_restart(tmp_path: Path) -> None:
    first = make(tmp_path)
    assert first.score(NAME) is None
    first._keep(NAME, Measured(2e9, 100.0, 10**9, OFFER.node, OFFER.engines))
    assert first.score(NAME) == 2e9 == make(tmp_path).score(NAME)
    for number in range(12):
        first.observe(NAME, 10**9 + number, 1.0)
    first.observe(NAME, 10**6, 0.1)  # too short to say anything
    assert first.score(NAME) == 10**9 + 2
    first._save()
    again = make(tmp_path)
    assert again.score(NAME) == 10**9 + 2
    for _ in range(300):
        again.observe(NAME, 3 * 10**9, 1.0)
    again._save()
    assert make(tmp_path).score(NAME) == 2e9  # the slow ones are forgotten; the measurement bounds it


def test_a_measurement_holds_for_a_day_of_one_node_and_about_one_claim() -> None:
    measured = Measured(1e9, 1000.0, 10**9, OFFER.node, OFFER.engines)
    assert measured.holds(OFFER, 2000.0) and measured.holds(replace(OFFER, fuel_rate=11 * 10**8), 2000.0)
    for changed in ({"fuel_rate": 2 * 10**9}, {"engines": "f"}, {"node": b"\2" * 32}):
        assert not measured.holds(replace(OFFER, **changed), 2000.0)  # type: ignore[arg-type]
    assert not measured.holds(OFFER, 1000.0 + 86_400)


async def test_a_provider_with_paid_work_or_asked_too_often_does_not_answer(tmp_path: Path) -> None:
    busy = True
    gauged = Gauged(sandbox=cast(Any, None), blobs=BlobStore(tmp_path / "blobs"), busy=lambda: busy)
    solved: list[int] = []

    async def solve(stdin: bytes, squarings: int) -> bytes:
        await asyncio.sleep(0)
        solved.append(squarings)
        return bytes(64)

    gauged._solve = solve  # type: ignore[method-assign]
    puzzle = PuzzleMaker(random.Random(1)).make(10)
    asked = cbor.dumps([1, puzzle.stdin, puzzle.squarings])
    with pytest.raises(Unavailable, match="work to do"):
        await gauged.answer("peer", asked)
    busy = False
    for _ in range(HOURLY):
        assert cbor.loads(await gauged.answer("peer", asked)) == [1, bytes(64)]
    with pytest.raises(Unavailable, match="often enough"):
        await gauged.answer("peer", asked)
    assert await gauged.answer("another", asked)
    assert len(solved) == HOURLY + 1


@pytest.mark.parametrize(
    "value",
    [
        [1, b"\1" * 128],
        [2, b"\1" * 128, 1],
        [1, b"\1" * 127, 1],
        [1, b"\2" * 128, 1],
        [1, b"\1" * 128, 0],
        [1, b"\1" * 128, -1],
        [1, b"\1" * 128, 10**9],
        [1, b"\1" * 128, True],
        [1, b"\1" * 128, "1"],
    ],
)
async def test_what_is_no_puzzle_is_refused(tmp_path: Path, value: list[object]) -> None:
    gauged = Gauged(sandbox=cast(Any, None), blobs=BlobStore(tmp_path / "blobs"), busy=lambda: False)
    with pytest.raises(BadMessage):
        await gauged.answer("peer", cbor.dumps(value))
