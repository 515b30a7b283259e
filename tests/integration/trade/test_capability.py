"""A provider that lies about its speed is given work by what it was measured at."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fogchain.api.models import OfferMatch

pytestmark = [pytest.mark.slow, pytest.mark.chain]

HERE = Path(__file__).parent


async def scored(m: Any, patience: float = 90) -> dict[str, OfferMatch]:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = {offer.name: offer for offer in (await m.network.buyer.offers()).offers}
        if len(found) == 2 and all(offer.score is not None for offer in found.values()):
            return found
        await asyncio.sleep(0.2)
    pytest.fail(f"not measured: {found}")


async def test_a_boaster_is_placed_by_its_score(market: Callable[..., Any]) -> None:
    commands = {"birch": (sys.executable, str(HERE / "boaster.py"))}
    async with market(providers=2, commands=commands, settings={"buyer": {"measure_after": "100 ms"}}) as m:
        found = await scored(m)
        oak, birch = found["oak"], found["birch"]
        assert oak.offer and birch.offer and oak.score and birch.score
        assert birch.offer.fuel_rate > 100 * oak.offer.fuel_rate
        assert birch.score < 5 * oak.score and oak.score < 5 * birch.score
        assert birch.score < birch.offer.fuel_rate / 100

        job = await m.submit(m.spin(16, 4_000_000, '\n[verify]\nlevel = "L0"\n'))
        detail = await m.paid(job)
        tasks = {share.name: share.tasks for share in detail.providers}
        assert min(tasks.values()) >= 4, tasks  # by its claim the boaster would have got nearly all

        # What is known is known again after a restart, and nobody is asked anew.
        before = {name: offer.score for name, offer in (await scored(m)).items()}
        await m.network.kill("buyer")
        await m.network.launch_node("buyer")
        await m.network.ready("buyer")
        await m.network.providers_ready(2)
        after = {offer.name: offer.score for offer in (await m.network.buyer.offers()).offers}
        assert all(after[name] and abs(after[name] - before[name]) < 0.7 * before[name] for name in before)
