"""Turns that follow how many slots there are."""

from __future__ import annotations

import asyncio

import pytest

from node.trade.turns import Turns


class Stage:
    def __init__(self, slots: int) -> None:
        self.slots, self.inside, self.most = slots, 0, 0
        self.turns = Turns(lambda: self.slots)
        self.go = asyncio.Event()
        self.order: list[int] = []

    async def one(self, number: int) -> None:
        async with self.turns:
            self.order.append(number)
            self.inside += 1
            self.most = max(self.most, self.inside)
            await self.go.wait()
            self.inside -= 1


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_more_slots_let_more_in_and_fewer_take_none_away() -> None:
    stage = Stage(0)
    tasks = [asyncio.create_task(stage.one(number)) for number in range(6)]
    await settle()
    assert stage.inside == 0
    stage.slots = 4
    stage.turns.look()
    await settle()
    assert stage.inside == 4 and stage.order == [0, 1, 2, 3]
    stage.slots = 1
    stage.turns.look()
    stage.go.set()
    stage.most = 0
    await asyncio.gather(*tasks)
    assert stage.order == list(range(6)) and stage.most == 1


async def test_a_turn_that_is_waited_for_no_more_is_given_to_the_next() -> None:
    stage = Stage(1)
    first, second, third = (asyncio.create_task(stage.one(number)) for number in range(3))
    await settle()
    second.cancel()
    await settle()
    stage.go.set()
    await asyncio.gather(first, third)
    with pytest.raises(asyncio.CancelledError):
        await second
    assert stage.order == [0, 2]


async def test_a_turn_that_was_just_given_is_not_lost_by_a_cancellation() -> None:
    stage = Stage(0)
    waiting = asyncio.create_task(stage.one(0))
    await settle()
    stage.slots = 1
    stage.turns.look()
    waiting.cancel()  # before it has run again
    await settle()
    next_one = asyncio.create_task(stage.one(1))
    await settle()
    assert stage.order == [1]
    stage.go.set()
    await next_one
