"""A simulated world around the job machine: providers of every kind, a clock, and the buyer's driver.

The buyer here places, draws checks and signs vouchers exactly as `node/trade/driver.py` does, but for the network:
what a provider answers, and when, comes from its `Character` and a seeded random generator. Every event goes through
its JSON form, and the machine is thrown away and folded anew from the log at random moments.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from fogchain.batch.placement import Machine, place
from fogchain.errors import CorruptData
from fogchain.jobs.events import (
    Accepted,
    CapRaised,
    Checkpointed,
    Committed,
    Delivered,
    Distrusted,
    Ended,
    Failed,
    JobEvent,
    JuryClosed,
    Lost,
    Paid,
    Purpose,
    Sent,
    SessionPlanned,
    Signed,
    from_record,
    to_record,
)
from fogchain.jobs.machine import JobMachine, Run, Share, Work
from fogchain.jobs.spec import BlobRef, JobSpec, Level, Limits, TaskSpec, Verify
from fogchain.market.messages import Exit
from fogchain.market.reputation import FIRST_QUOTA
from fogchain.market.verification import canary_due, check_chance
from fogchain.units import cost

Kind = Literal["honest", "slow", "liar", "sometimes", "overbills", "pair", "failing", "timeouts", "silent", "mortal"]
DISHONEST = frozenset(("liar", "sometimes", "overbills", "pair"))
DELIVERS = frozenset(("honest", "slow", "mortal"))

FUEL_LIMIT = 1_000_000
LOST_AFTER = 15.0
VOUCHER_PAUSE = 0.25
BATCH = 64
OFTEN = 100  # events after which not every one is followed by a look at the whole
JOB_ID = "ab" * 32


@dataclass(frozen=True, slots=True)
class Character:
    kind: Kind
    price: int
    slots: int
    rate: float  # claimed; the honest ones also have it


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that decides a simulated job but the machine under test."""

    characters: tuple[Character, ...]
    tasks: int
    level: Level
    sample: int | None
    budget_runs: int  # the budget, in runs at the fuel limit with the dearest provider
    kill_chance: float
    seed: int
    failing_programs: frozenset[int] = frozenset()  # tasks whose program ends with an error, on every machine
    time_limit: int = 86_400_000  # ms
    penalty: int = 0
    deadline: int | None = None  # ms
    operators: int = 0  # so many of the first providers are one operator's
    distrust_at: float = 0.0  # when another job finds the first provider out
    late: int = 0  # so many of the last providers come when some tasks are done
    saves: float = 0.0  # the chance that a run's checkpoint reaches the buyer before it ends

    @property
    def dearest(self) -> int:
        return max(character.price for character in self.characters)

    def spec(self) -> JobSpec:
        return JobSpec(
            name="world",
            module=BlobRef(sha256="cd" * 32, size=10),
            budget=max(1, self.budget_runs * cost(FUEL_LIMIT, self.dearest)),
            time_limit=self.time_limit,
            deadline=self.deadline,
            grace=1000,
            penalty=self.penalty,
            limits=Limits(fuel=FUEL_LIMIT, memory=1 << 16, time=60_000, output=0, checkpoint=100 if self.saves else 0),
            verify=Verify(level=self.level, sample=self.sample),
            tasks=tuple(TaskSpec(args=(str(index),)) for index in range(self.tasks)),
        )


def right_answer(scene: Scene, task: int) -> tuple[str, int, int]:
    """(result, fuel, exit) of an honest run."""
    end = Exit.TRAP if task in scene.failing_programs else Exit.OK
    return hashlib.sha256(f"right {task}".encode()).hexdigest(), 1000 + task * 777, int(end)


def fold(events: Iterable[JobEvent], spec: JobSpec) -> JobMachine:
    machine = JobMachine(JOB_ID, spec, 0.0)
    for event in events:
        machine.apply(event)
    return machine


def through_json(event: JobEvent) -> JobEvent:
    kind, body = to_record(event)
    return from_record(kind, json.loads(json.dumps(body)))


def assert_same(one: JobMachine, other: JobMachine) -> None:
    """Equal in everything, the order in which work is wanted included."""
    left, right = vars(one), vars(other)
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value == right[name], name
        if isinstance(value, dict):
            assert list(value) == list(right[name]), f"order of {name}"


def assert_sound(machine: JobMachine) -> None:
    """What holds of a job after any event, whoever lies and whatever fails."""
    spec = machine.spec
    runs = list(machine.runs.values())
    assert [run.attempt for run in runs] == list(range(len(runs)))
    for share in machine.shares.values():
        mine = [run for run in runs if run.provider == share.provider]
        accepted = [run for run in mine if run.state == "accepted"]
        assert share.owed == sum(run.cost for run in accepted)
        for run in mine:
            assert 0 <= run.cost <= cost(run.fuel, share.price)
            assert run.cost == cost(run.fuel, share.price) or run.late
        assert share.late == sum(run.late for run in accepted)
        kept = sum(spec.penalty_at(share.price, run.resumed) for run in mine if run.breached)
        assert share.penalties == kept
        assert share.fuel == sum(run.fuel for run in accepted)
        assert share.accepted == sum(run.purpose == "work" for run in accepted)
        assert share.checks == sum(run.purpose != "work" for run in accepted)
        assert share.passed <= share.right
        assert share.pending == sum(run.state == "held" for run in mine)
        assert list(share.live) == [run.attempt for run in mine if run.state == "out"]
        if share.distrusted and not machine.ended:
            assert not accepted and not share.pending and not share.live
        if share.distrusted:
            assert machine.payable(share.provider) == 0
        # Never understated: whatever the runs out and held come to, it is covered.
        assert share.exposure(spec) >= max(share.due, share.signed)
        assert share.exposure(spec) >= share.due + (share.out + share.pending) * cost(FUEL_LIMIT, share.price)
        assert share.exposure(spec) <= share.cap
    assert machine.exposure <= spec.budget
    assert machine.spent <= spec.budget
    over = 0
    for task in machine.tasks:
        out, held, accepted = task.live("out"), task.live("held"), task.live("accepted")
        answers = [machine.shares[run.provider].operator for run in (*out, *held, *accepted)]
        assert len(answers) == len(set(answers)), "an operator answers one task twice"
        for run in (*held, *accepted):
            hands = {machine.shares[maker].operator for maker in run.makers} - {machine.shares[run.provider].operator}
            others = [other for other in (*held, *accepted) if other is not run and other.purpose != "canary"]
            assert hands.isdisjoint(machine.shares[other.provider].operator for other in others), "its own witness"
        if task.state in ("done", "failed", "cancelled"):
            over += 1
            assert not held
            assert task.index not in machine._queued and task.index not in machine._jury
        else:
            assert not machine.ended
            assert not accepted
            # Something will happen: exactly one of these.
            assert (task.index in machine._queued) + (task.index in machine._jury or bool(out)) == 1, task
            assert task.index not in machine._jury or held or (out and spec.replicas > 1)
            assert task.index not in machine._queued or not (held or out)
        if task.state == "done":
            assert task.result is not None and task.result.state == "accepted" and task.result.exit == Exit.OK
        if not machine.ended:
            claims = set(machine._claims(accepted).values())
            assert len(claims) <= 1, "two different results of one task are paid"
            assert task.result is None or task.result.purpose != "canary" or task.result is accepted[0]
            assert len(accepted) <= 1 or task.checking or spec.replicas > 1, "a task that was not checked is paid twice"
    assert machine._left == len(machine.tasks) - over
    if machine.ended:
        assert not machine.wanted(BATCH)


@dataclass
class World:
    """One job among these providers. `run` returns when it is paid."""

    scene: Scene
    log: list[JobEvent] = field(default_factory=list)
    now: float = 0.0
    restarts: int = 0

    def __post_init__(self) -> None:
        self.spec = self.scene.spec()
        self.machine = JobMachine(JOB_ID, self.spec, 0.0)
        self.random = Random(self.scene.seed)
        self.names = [f"0x{index:040x}" for index in range(len(self.scene.characters))]
        self.character = dict(zip(self.names, self.scene.characters, strict=True))
        self.coming: list[tuple[float, int, JobEvent]] = []  # what providers will have said when
        self._free = {name: [0.0] * self.character[name].slots for name in self.names}
        self._down: dict[str, float] = {}
        self._retry_at: dict[str, float] = {}
        self._count = 0
        self.signed_when_caught: dict[str, int] = {}
        self.poisoned: set[tuple[int, int]] = set()  # checkpoints that are false, by task and fuel

    # ---------------------------------------------------------------- the buyer, as node/trade/driver.py

    def run(self) -> None:
        for _ in range(20_000):
            self._step()
            if self.machine.paid is not None:
                return
            self._wait()
        raise AssertionError("the job never came to an end")

    def record(self, *events: JobEvent) -> None:
        for event in events:
            assert through_json(event) == event
            self.log.append(event)
            self.machine.apply(event)
            if len(self.log) < OFTEN or len(self.log) % 16 == 0 or not isinstance(event, Sent | Lost | Failed):
                assert_sound(self.machine)
        for share in self.machine.shares.values():
            if share.distrusted:
                assert share.signed <= self.signed_when_caught.setdefault(share.provider, share.signed)
        if self.random.random() < self.scene.kill_chance:
            self._restart()

    def _restart(self) -> None:
        self.restarts += 1
        again = fold(map(through_json, self.log), self.spec)
        assert_same(again, self.machine)
        self.machine = again
        self._retry_at.clear()

    def _step(self) -> None:
        if (verdict := self.machine.verdict_of(self.now)) is not None:
            self.record(Ended(self.now, *verdict))
        if self.machine.ended is None:
            self._plan()
            if 0 < self.scene.distrust_at <= self.now and not self.machine.shares[self.names[0]].distrusted:
                self.record(Distrusted(self.now, self.names[0], "shown wrong in another job"))
            self._dispatch()
            if not self.coming:  # nobody else answers in time
                for index in self.machine.contested():
                    if index in self.machine.contested():  # one that closed before it may have ended it
                        self.record(JuryClosed(self.now, index))
        self._vouch()
        if self.machine.ended is not None and not self.coming:
            self.record(Paid(self.now))

    def _plan(self) -> None:
        for name in self.names:
            if name in self.machine.shares:
                continue
            here = len(self.names) - self.scene.late
            if self.names.index(name) >= here and not any(task.state == "done" for task in self.machine.tasks):
                continue
            price = self.character[name].price
            most = cost(FUEL_LIMIT, price)
            if most > self.spec.budget:
                continue
            cap = min(
                self.spec.budget, max(-(-self.spec.budget // len(self.names)), most * (self.character[name].slots + 1))
            )
            operator = self.names[0] if self.names.index(name) < self.scene.operators else ""
            self.record(
                SessionPlanned(
                    self.now, name, f"peer-{name}", name[-2:], price, "0x" + "ee" * 32, cap, operator, FIRST_QUOTA
                )
            )

    def _dispatch(self) -> None:
        machine = self.machine
        if self.scene.level == "L1" and sum(not share.distrusted for share in machine.shares.values()) < 2:
            return
        wanted = machine.wanted(BATCH) or machine.stragglers(self.now)
        if not wanted:
            return
        fuel = machine.mean_fuel(FUEL_LIMIT / 4)
        budget = self.spec.budget - machine.exposure
        nodes, raised = [], []
        for share in machine.shares.values():
            if not machine.may_serve(share.provider, self.now):
                continue
            price = cost(FUEL_LIMIT, share.price)
            affordable = max(0, budget) // price if price else BATCH
            room = (share.cap - share.exposure(self.spec)) // price if price else BATCH
            if room <= 0 < affordable and share.cap < self.spec.budget:
                raised.append(CapRaised(self.now, share.provider, min(self.spec.budget, share.cap + 4 * price)))
            character = self.character[share.provider]
            nodes.append(
                Machine(
                    share.provider,
                    character.slots,
                    character.rate,
                    share.out,
                    share.out * fuel,
                    max(0, min(room, affordable, share.quota - share.out)),
                )
            )
        taken: dict[int, set[str]] = {}  # task to the operators that have just been given it

        def may(work: int, name: str) -> bool:
            return machine.shares[name].operator not in wanted[work].barred

        placements = place(len(wanted), nodes, fuel=fuel, may=may)
        events: list[JobEvent] = []
        given: set[str] = set()
        for placement in placements:
            work, share = wanted[placement.work], machine.shares[placement.machine]
            assert share.operator not in work.barred and not share.distrusted
            if share.operator in taken.setdefault(work.task, set()):
                continue
            taken[work.task].add(share.operator)
            price = cost(FUEL_LIMIT, share.price)
            if price > budget:
                break
            budget -= price
            attempt = machine.next_attempt + len(events)
            task, purpose = self._or_canary(work, share, given)
            given.add(share.operator)
            saved = machine.saved_for(Work(task, purpose, frozenset()), share.provider)
            events.append(
                Sent(
                    self.now, task, attempt, share.provider, purpose, f"{attempt:02x}", "5151",
                    saved.fuel if saved else 0, ",".join(saved.makers) if saved else "",
                )
            )  # fmt: skip
        if events:
            before = machine.next_attempt
            self.record(*events)
            for attempt in range(before, self.machine.next_attempt):
                self._answer(self.machine.runs[attempt])
        if raised:
            self.record(*raised)

    def _or_canary(self, work: Work, share: Share, given: set[str]) -> tuple[int, Purpose]:
        """What a provider is sent for a piece of work; `given`: operators that get orders in the same moment."""
        if share.operator not in given:
            known = self.machine.known(share.provider)
            if known and canary_due(self.scene.level, self.scene.sample, share.passed):
                return self.random.choice(known), "canary"
        return work.task, work.purpose

    def _vouch(self) -> None:
        for name in list(self.machine.shares):
            amount = self.machine.payable(name)
            if amount and (self.machine.ended or self.now >= self._retry_at.get(name, 0.0)):
                assert amount > self.machine.shares[name].signed
                self.record(Signed(self.now, name, amount, "77" * 65))
                self._retry_at[name] = self.now + VOUCHER_PAUSE

    # ---------------------------------------------------------------- the providers

    def _answer(self, run: Run) -> None:
        """Decide what becomes of an order and when the buyer hears of it."""
        character, chance = self.character[run.provider], self.random
        kind = character.kind
        self.record(Accepted(self.now, run.attempt, "42" * 65))
        run = self.machine.runs[run.attempt]
        result, fuel, end = right_answer(self.scene, run.task)
        if run.resumed:
            fuel = max(0, fuel - run.resumed) + 50  # it reads what was saved
            if (run.task, run.resumed) in self.poisoned:
                result = hashlib.sha256(f"poisoned {run.task}".encode()).hexdigest()
                end = int(chance.choice((Exit.OK, Exit.OK, Exit.NONZERO, Exit.OUT_OF_FUEL)))
        if self.scene.saves and chance.random() < self.scene.saves and self.machine.worth_asking(run):
            self._save(run, fuel)
        slots = self._free[run.provider]
        start = max(self.now, heapq.heappop(slots))
        slowness = 60.0 if kind == "slow" else 1.0
        finish = start + slowness * (0.01 + fuel / character.rate * chance.uniform(0.5, 3.0))
        heapq.heappush(slots, finish)
        if kind == "mortal" and chance.random() < 0.15:
            self._down[run.provider] = finish + chance.uniform(0, 5)
        if kind == "silent" or self._down.get(run.provider, 0.0) >= finish:
            self._later(self.now + LOST_AFTER, Lost(self.now + LOST_AFTER, run.attempt, "silent", True))
            return
        if kind == "failing":
            self._later(finish, Failed(finish, run.attempt, int(Exit.REFUSED), "no disk"))
            return
        if kind == "timeouts":
            self._later(finish, Failed(finish, run.attempt, int(Exit.TIMEOUT), "timeout"))
            return
        lies = kind in ("liar", "pair", "overbills") or (kind == "sometimes" and chance.random() < 0.3)
        if lies and kind == "overbills":
            fuel = FUEL_LIMIT - int(run.provider, 16)
        elif lies:
            whose = "pair" if kind == "pair" else run.provider
            result = hashlib.sha256(f"wrong {run.task} {whose}".encode()).hexdigest()
            end = int(Exit.OK) if kind == "pair" else chance.choice((Exit.OK, Exit.OK, Exit.TRAP))
        at = finish + chance.uniform(0, 0.5)
        receipt = "99" * 65
        self._later(at, Delivered(at, run.attempt, result, fuel, int(end), int(start), int(finish), receipt, False))

    def _save(self, run: Run, fuel: int) -> None:
        burnt = run.resumed + self.random.randint(1, fuel)
        if self.character[run.provider].kind in DISHONEST or (run.task, run.resumed) in self.poisoned:
            self.poisoned.add((run.task, burnt))
        elif (run.task, burnt) in self.poisoned:
            return
        self.record(Checkpointed(self.now, run.attempt, "cc" * 32, 100, burnt))

    def _later(self, at: float, event: JobEvent) -> None:
        self._count += 1
        heapq.heappush(self.coming, (at, self._count, event))

    def _wait(self) -> None:
        """Let time pass until the next thing happens, and take it as the driver does: late answers change nothing."""
        times = [share.blocked_until for share in self.machine.shares.values() if share.blocked_until > self.now]
        times += [at for at in self._retry_at.values() if at > self.now]
        times.append(self.machine.deadline if self.machine.ended is None else self.now + 1)
        if not self.coming or min(times) < self.coming[0][0]:
            self.now = max(self.now + 1e-6, min(times))
            return
        at, _, event = heapq.heappop(self.coming)
        self.now = max(self.now, at)
        assert isinstance(event, Delivered | Failed | Lost)
        run = self.machine.runs[event.attempt]
        if run.state != "out":
            self._refused(event)
            return
        if isinstance(event, Delivered):
            if run.sealed:
                if not run.commitment:
                    self.record(Committed(self.now, event.attempt, event.result))
                    run = self.machine.runs[event.attempt]
                if not self.machine.may_open(run):
                    self._later(self.now + 20, event)
                    return
            passed = min(self.machine.shares[name].passed for name in (run.provider, *run.makers))
            chance = check_chance(self.scene.level, self.scene.sample, passed, event.exit)
            event = Delivered(
                self.now, event.attempt, event.result, event.fuel, event.exit, event.started, event.finished,
                event.receipt, self.random.randrange(10_000) < chance,
            )  # fmt: skip
        self.record(event)
        if self.random.random() < 0.1:
            self._refused(event)

    def _refused(self, event: JobEvent) -> None:
        """An answer that comes late or twice can't be written over what stands."""
        untouched = fold(self.log, self.spec)
        try:
            self.machine.apply(event)
        except CorruptData:
            assert_same(self.machine, untouched)
        else:
            raise AssertionError(f"{event} was taken twice")

    # ---------------------------------------------------------------- looking back

    def honest(self, share: Share) -> bool:
        return self.character[share.provider].kind not in DISHONEST

    def wrong_results(self) -> list[Run]:
        """Results that stand and are not what an honest run gives."""
        standing = [task.result for task in self.machine.tasks if task.result is not None]
        right = {run.attempt: right_answer(self.scene, run.task) for run in standing}
        return [
            run
            for run in standing
            if (run.result, run.exit) != (right[run.attempt][0], right[run.attempt][2])
            or (run.fuel != right[run.attempt][1] and not run.resumed)
        ]
