"""Every order of events of a small job, to a depth: nothing raises, nothing is stuck, no honest provider is blamed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jobworld import JOB_ID, assert_sound

from fogchain.jobs.events import Delivered, Ended, Failed, JobEvent, Lost, Sent, SessionPlanned
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec
from fogchain.market.messages import Exit

HONEST, LIAR = ("0xaa", "0xbb"), "0xcc"
FUEL = 1_000_000
SPEC = JobSpec(
    name="small",
    module=BlobRef(sha256="cd" * 32, size=1),
    budget=10**30 // 10**9,
    time_limit=7 * 86_400_000,
    limits=Limits(fuel=FUEL),
    tasks=(TaskSpec(args=("0",)), TaskSpec(args=("1",))),
)
START: tuple[JobEvent, ...] = tuple(
    SessionPlanned(0.0, provider, "peer", "name", 10**9, "0x" + "ee" * 32, SPEC.budget) for provider in (*HONEST, LIAR)
)


def build(events: tuple[JobEvent, ...]) -> JobMachine:
    machine = JobMachine(JOB_ID, SPEC, 0.0)
    for event in (*START, *events):
        machine.apply(event)
    return machine


def delivered(at: float, attempt: int, machine: JobMachine, check: bool) -> Delivered:
    """What this order's provider would say: one of the three always lies."""
    run = machine.runs[attempt]
    result = ("ff" if run.provider == LIAR else "0" + str(run.task)) * 32
    return Delivered(at, attempt, result, 500 + run.task, int(Exit.OK), 0, 0, "99", check)


def sendable(machine: JobMachine, at: float) -> Iterator[Sent]:
    for work in machine.wanted(64):
        for share in machine.shares.values():
            if share.operator not in work.barred and machine.may_serve(share.provider, at):
                yield Sent(at, work.task, machine.next_attempt, share.provider, work.purpose, "00", "11")


def canaries(machine: JobMachine, at: float) -> Iterator[Sent]:
    """Whoever has not answered a confirmed task may be tried with it, whatever policy says."""
    for task in machine.tasks:
        if machine.ended is None and task.state == "done" and len(task.live("accepted")) > 1:
            answered = {run.provider for run in task.runs}
            for share in machine.shares.values():
                if share.provider not in answered and machine.may_serve(share.provider, at):
                    yield Sent(at, task.index, machine.next_attempt, share.provider, "canary", "00", "11")


def following(machine: JobMachine, at: float) -> Iterator[JobEvent]:
    """Every event that could be written next."""
    yield from sendable(machine, at)
    yield from canaries(machine, at)
    for run in machine.runs.values():
        if run.state != "out":
            continue
        yield delivered(at, run.attempt, machine, True)
        if run.purpose == "work":
            yield delivered(at, run.attempt, machine, False)
        yield Failed(at, run.attempt, int(Exit.TIMEOUT), "timeout")
        yield Lost(at, run.attempt, "silent")


def picture(machine: JobMachine) -> object:
    """What decides the machine's future: states and answers, not attempt numbers and times; the same for two futures
    that differ only in which of the two tasks or of the two honest providers is which."""
    return min(
        _picture(machine, tasks, names)
        for tasks in ((0, 1), (1, 0))
        for names in (dict(zip(machine.shares, "abc", strict=True)), dict(zip(machine.shares, "bac", strict=True)))
    )


def _picture(machine: JobMachine, order: tuple[int, int], names: dict[str, str]) -> tuple[object, ...]:
    tasks = [machine.tasks[index] for index in order]
    return (
        tuple(
            (
                task.state,
                task.checking,
                machine._jury.get(task.index, 0),
                tuple(sorted((names[run.provider], run.purpose, run.state, run.exit, run.blamed) for run in task.runs)),
                names[task.result.provider] if task.result else "",
            )
            for task in tasks
        ),
        tuple(order.index(index) for index in machine._queued),
        tuple(order.index(index) for index in machine._jury),
        tuple(sorted(names[share.provider] for share in machine.shares.values() if share.distrusted)),
    )


def assert_can_finish(machine: JobMachine, at: float) -> None:
    """From here on every provider answers at once: the job is over within a few steps, and honestly so."""
    for _ in range(40):
        at += 10_000
        if machine.verdict_of(at) is not None:
            break
        pending = [run.attempt for run in machine.runs.values() if run.state == "out"]
        if pending:
            machine.apply(delivered(at, pending[0], machine, True))
        else:
            sent = next(sendable(machine, at), None)
            assert sent is not None, "stuck: nothing is out and nothing can be sent"
            machine.apply(sent)
        assert_sound(machine)
    verdict = machine.verdict_of(at)
    assert verdict is not None, "not over after forty steps"
    state, detail = verdict
    gave_up = any(sum(run.exit == Exit.TIMEOUT for run in task.runs) >= 2 for task in machine.tasks)
    assert state == "done" or (gave_up and "time limit" in detail), verdict
    machine.apply(Ended(at, *verdict))
    assert_sound(machine)


def explore(depth: int) -> int:
    """Walk all that can happen in `depth` events; returns how many different states there are."""
    frontier: list[tuple[JobEvent, ...]] = [()]
    seen: set[object] = set()
    for step in range(depth):
        at = 10_000.0 * (step + 1)
        reached: list[tuple[JobEvent, ...]] = []
        for events in frontier:
            for event in following(build(events), at):
                machine = build((*events, event))
                look = picture(machine)
                if look in seen:
                    continue
                seen.add(look)
                reached.append((*events, event))
                assert_sound(machine)
                for honest in HONEST:
                    assert not machine.shares[honest].distrusted
                    assert not any(r.state == "wrong" for r in machine.runs.values() if r.provider == honest)
                ended = build((*events, event))
                ended.apply(Ended(at, "cancelled", "by the buyer"))
                assert_sound(ended)
                assert_can_finish(machine, at)
        frontier = reached
    return len(seen)


def test_every_order_of_events_of_two_tasks_and_three_providers() -> None:
    assert explore(6) > 500


@pytest.mark.slow
def test_every_order_of_events_deeper() -> None:
    assert explore(8) > 4_000
