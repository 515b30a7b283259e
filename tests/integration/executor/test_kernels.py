"""The kernel by which nodes measure each other: the answer is the asker's, and the fuel what it reckons with."""

from __future__ import annotations

import random

from fogchain.market import capability
from fogchain.market.capability import PuzzleMaker
from fogchain.market.messages import Exit

from .conftest import Runner


async def test_the_sandbox_gives_the_askers_answer_for_the_fuel_it_reckons_with(run: Runner) -> None:
    maker = PuzzleMaker(random.Random(1))
    burnt = []
    for squarings in (1, 2, 1000, 1001, 5000):
        puzzle = maker.make(squarings)
        ran = await run(capability.kernel(), args=puzzle.args, stdin=puzzle.stdin)
        assert ran.exit is Exit.OK
        assert ran.files["stdout"].read_bytes() == puzzle.answer
        burnt.append((squarings, ran.fuel))
    print(burnt)
    assert burnt == [(squarings, capability.FUEL_BASE + squarings * capability.FUEL_SQUARING) for squarings, _ in burnt]
