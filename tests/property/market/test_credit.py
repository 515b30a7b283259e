"""Credit between honest parties never stands still, and a buyer that signs nothing gets one increment of work."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fogchain.jobs.events import Delivered, Ended, Sent, SessionPlanned, Signed
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec, Verify
from fogchain.market.credit import HISTORY, Claimable, Standing, allowance, due_claims, may_start, why_never
from fogchain.units import cost

PRICE, FUEL = 10**9, 1_000_000  # a run costs its fuel's number in base units
MOST = cost(FUEL, PRICE)


@dataclass
class Seller:
    increment: int
    slots: int
    queue: list[int] = field(default_factory=list)
    started: list[int] = field(default_factory=list)
    delivered: int = 0
    signed: int = 0

    @property
    def standing(self) -> Standing:
        return Standing(self.delivered, self.signed, MOST * len(self.started))

    @property
    def can_start(self) -> bool:
        return bool(self.queue) and len(self.started) < self.slots and may_start(self.standing, MOST, self.increment)

    @property
    def waits_for_pay(self) -> bool:
        return bool(self.queue) and not may_start(self.standing, MOST, self.increment)


class Pipeline:
    """A job machine and honest providers; whatever can happen next happens in a random order."""

    def __init__(self, seed: int, tasks: int, sellers: list[Seller], sample: int, depth: int) -> None:
        self.random, self.depth, self.sample = Random(seed), depth, sample
        spec = JobSpec(
            name="pipeline",
            module=BlobRef(sha256="cd" * 32, size=10),
            budget=10_000 * MOST,
            limits=Limits(fuel=FUEL, memory=1 << 16, time=60_000, output=0),
            verify=Verify(level="L1", sample=sample),
            tasks=tuple(TaskSpec(args=(str(index),)) for index in range(tasks)),
        )
        self.machine = JobMachine("ab" * 32, spec, 0.0)
        self.sellers = {f"0x{number:040x}": seller for number, seller in enumerate(sellers)}
        for name in self.sellers:
            self.machine.apply(SessionPlanned(0.0, name, name, name, PRICE, "0x" + "ee" * 32, 10_000 * MOST))

    def run(self) -> None:
        while (verdict := self.machine.verdict_of(1.0)) is None:
            assert self.step(), f"everything stands still: {self.sellers}"
        self.machine.apply(Ended(1.0, *verdict))
        assert verdict[0] == "done"
        while self.sign():
            pass
        for name, share in self.machine.shares.items():
            assert self.sellers[name].signed == share.signed == share.owed == self.sellers[name].delivered

    def step(self) -> bool:
        actions = [self.dispatch, self.start, self.finish, self.sign]
        self.random.shuffle(actions)
        done = any(action() for action in actions)
        for seller in self.sellers.values():
            standing = seller.standing
            assert standing.behind + standing.started <= allowance(seller.increment, seller.signed)
        return done

    def dispatch(self) -> bool:
        for work in self.machine.wanted(64):
            free = [n for n, s in self.machine.shares.items() if n not in work.barred and s.out < self.depth]
            if free:
                name = self.random.choice(free)
                attempt = self.machine.next_attempt
                self.machine.apply(Sent(1.0, work.task, attempt, name, work.purpose, f"{attempt:02x}", "51"))
                self.sellers[name].queue.append(attempt)
                return True
        return False

    def start(self) -> bool:
        for seller in self.shuffled():
            if seller.can_start:
                seller.started.append(seller.queue.pop(0))
                return True
        return False

    def finish(self) -> bool:
        for seller in self.shuffled():
            if seller.started:
                attempt = seller.started.pop(self.random.randrange(len(seller.started)))
                run = self.machine.runs[attempt]
                fuel = 1 + run.task * 7919 % FUEL
                seller.delivered += cost(fuel, PRICE)
                check = self.random.randrange(10_000) < self.sample
                result = f"{run.task:064x}"
                self.machine.apply(Delivered(1.0, attempt, result, fuel, 0, 1, 1, "99", check))
                return True
        return False

    def sign(self) -> bool:
        out = {name for name, share in self.machine.shares.items() if share.out}
        stalled = bool(out) and all(self.sellers[name].waits_for_pay and not self.sellers[name].started for name in out)
        for name, share in self.machine.shares.items():
            amount = self.machine.payable(name, pressed=stalled and share.out > 0)
            if amount:
                assert share.signed < amount <= share.cap
                self.machine.apply(Signed(1.0, name, amount, "77"))
                self.sellers[name].signed = amount
                return True
        return False

    def shuffled(self) -> list[Seller]:
        sellers = list(self.sellers.values())
        self.random.shuffle(sellers)
        return sellers


sellers = st.lists(
    st.builds(Seller, increment=st.integers(MOST, 6 * MOST), slots=st.integers(1, 3)), min_size=2, max_size=4
)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), sellers, st.sampled_from([0, 2_000, 10_000]), st.integers(1, 6))
def test_honest_parties_always_go_on_however_small_the_credit(
    seed: int, tasks: int, who: list[Seller], sample: int, depth: int
) -> None:
    Pipeline(seed, tasks, who, sample, depth).run()


def test_two_that_wait_for_each_others_checks_are_paid_ahead_for_one_run() -> None:
    stuck = Pipeline(1, 2, [Seller(MOST, 1), Seller(MOST, 1)], 10_000, 5)
    one, two = stuck.sellers.values()
    for name, seller in stuck.sellers.items():
        attempt = stuck.machine.next_attempt
        work = stuck.machine.wanted(1)[0]
        stuck.machine.apply(Sent(1.0, work.task, attempt, name, "work", "00", "51"))
        seller.queue.append(attempt)
        assert stuck.start() and stuck.finish()
    while stuck.dispatch():
        pass
    assert not stuck.start() or stuck.finish()
    assert one.signed + two.signed == 0
    stuck.run()


@pytest.mark.complaint(15)
@given(st.integers(1, 10**30), st.lists(st.integers(1, 10**28), max_size=50))
def test_who_signs_nothing_has_had_one_increment_at_most(increment: int, orders: list[int]) -> None:
    standing = Standing()
    for most in orders:
        if may_start(standing, most, increment):
            standing = Standing(delivered=standing.delivered + most)
    assert standing.behind <= increment


@given(st.integers(0, 10**30), st.integers(0, 10**30), st.integers(1, 10**30), st.integers(1, 10**28))
def test_an_order_that_could_never_start_is_told_so(delivered: int, signed: int, increment: int, most: int) -> None:
    paid = Standing(delivered=signed, signed=signed)
    assert bool(why_never(paid, most, increment)) != may_start(paid, most, increment)
    assert allowance(increment, signed) == increment + signed // HISTORY
    if why_never(paid, most, increment):
        assert not may_start(Standing(max(delivered, signed), signed), most, increment)


claimables = st.lists(
    st.builds(
        Claimable, st.binary(min_size=32, max_size=32), st.integers(0, 100), st.integers(0, 100),
        st.integers(0, 1000), st.booleans(),
    ),
    max_size=8,
)  # fmt: skip


@given(claimables, st.integers(0, 1000), st.integers(0, 200))
def test_claims_are_due_together_or_not_at_all(held: list[Claimable], now: int, above: int) -> None:
    due = due_claims(held, now, above, 120)
    worth = [one for one in held if not one.over and one.unclaimed]
    assert due in ([], worth)
    pressing = any(now > one.expiry - 120 for one in worth) or sum(one.unclaimed for one in worth) > above
    assert bool(due) == (bool(worth) and pressing)
