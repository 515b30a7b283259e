"""Checkpoints in a job: who goes on from one, and what becomes of runs that one has spoilt."""

from __future__ import annotations

import pytest

from fogchain.errors import CorruptData
from fogchain.jobs.events import (
    Checkpointed,
    Delivered,
    Distrusted,
    Failed,
    JobEvent,
    JuryClosed,
    Lost,
    Purpose,
    Sent,
    SessionPlanned,
)
from fogchain.jobs.machine import JobMachine, Work
from fogchain.jobs.outcome import reason_of
from fogchain.jobs.spec import BlobRef, JobSpec, Level, Limits, TaskSpec, Verify
from fogchain.market.messages import Exit
from fogchain.market.reasons import Reason
from fogchain.units import GFUEL, WEI, cost

FUEL = 700
ARCHIVE = "cc" * 32


class Play:
    """A job of one task with providers A, B, C …; every call is an event, a second after the last."""

    def __init__(self, providers: str = "ABC", level: Level = "L1", tasks: int = 1, operators: str = "") -> None:
        spec = JobSpec(
            name="play",
            module=BlobRef(sha256="00" * 32, size=1),
            budget=1000 * WEI,
            penalty=WEI,
            limits=Limits(fuel=GFUEL, checkpoint=4096),
            verify=Verify(level=level),
            tasks=(TaskSpec(),) * tasks,
        )
        self.machine = JobMachine("ab" * 32, spec, 0.0)
        self.now = 0.0
        for name, operator in zip(providers, operators or providers, strict=True):
            self.do(SessionPlanned(self.tick(), name, name, name, WEI, "0x00", 1000 * WEI, operator))

    def do(self, event: JobEvent) -> None:
        self.machine.apply(event)

    def tick(self) -> float:
        self.now += 1
        return self.now

    def send(self, provider: str, purpose: Purpose = "work", resume: bool = False, task: int = 0) -> int:
        saved = self.machine.saved_for(Work(task, purpose, frozenset()), provider)
        assert (saved is not None) is resume
        burnt, makers = (saved.fuel, ",".join(saved.makers)) if saved else (0, "")
        attempt = self.machine.next_attempt
        self.do(Sent(self.tick(), task, attempt, provider, purpose, "00", "11", burnt, makers))
        return attempt

    def save(self, attempt: int, fuel: int = FUEL) -> None:
        self.do(Checkpointed(self.tick(), attempt, ARCHIVE, 100, fuel))

    def lose(self, attempt: int) -> None:
        self.do(Lost(self.tick(), attempt, "silent"))

    def deliver(
        self, attempt: int, result: str = "aa", fuel: int = 1000, *, check: bool = False, exit_: Exit = Exit.OK,
        restarted: int = 0,
    ) -> None:  # fmt: skip
        self.do(Delivered(self.tick(), attempt, result * 32, fuel, int(exit_), 0, 0, "99", check, restarted))

    def handed_on(self, result: str = "aa", fuel: int = 400, *, check: bool = True, exit_: Exit = Exit.OK) -> int:
        """A saves, is lost, and B delivers what it made of it."""
        first = self.send("A")
        self.save(first)
        self.lose(first)
        second = self.send("B", resume=True)
        self.deliver(second, result, fuel, check=check, exit_=exit_)
        return second

    @property
    def task_state(self) -> str:
        return self.machine.tasks[0].state

    def barred(self) -> set[str]:
        (work,) = self.machine.wanted(1)
        return set(work.barred)


def test_a_run_goes_on_from_the_newest_checkpoint_and_its_receipt_is_for_the_rest() -> None:
    play = Play()
    first = play.send("A")
    play.save(first, 300)
    play.save(first, FUEL)
    play.save(first, 500)  # an older one that came late
    play.lose(first)
    second = play.send("B", resume=True)
    run = play.machine.runs[second]
    assert (run.resumed, run.makers) == (FUEL, ("A",))
    assert play.machine.archives == {ARCHIVE}
    play.deliver(second, fuel=400)
    assert play.task_state == "done"
    assert run.cost == cost(400, WEI)


def test_its_check_is_by_neither_of_the_two_whose_word_it_is() -> None:
    play = Play()
    play.handed_on()
    assert play.task_state == "checking"
    assert play.barred() == {"A", "B"}
    check = play.send("C", "check")
    play.deliver(check)  # from the start it burns more, and that is no contradiction
    assert play.task_state == "done"
    assert [reason_of(play.machine, run) for run in play.machine.runs.values()][1:] == [Reason.CHECKED_OK] * 2


def test_where_nobody_else_could_check_it_a_task_begins_from_the_start() -> None:
    for providers, operators in (("AB", "AB"), ("ABC", "ABA"), ("ABC", "ABB")):
        play = Play(providers, operators=operators)
        first = play.send("A")
        play.save(first)
        play.lose(first)
        play.send("B", resume=False)
    play = Play("AB", level="L0")
    first = play.send("A")
    play.save(first)
    play.lose(first)
    play.send("B", resume=True)


@pytest.mark.parametrize("gone", ["fails", "is distrusted", "is not here"])
def test_where_nobody_is_left_to_check_it_the_task_is_done_from_the_start_by_those_who_can_check_each_other(
    gone: str,
) -> None:
    play = Play("ABC")
    second = play.handed_on()
    match gone:
        case "fails":
            play.do(Failed(play.tick(), play.send("C", "check"), int(Exit.REFUSED), "no disk"))
        case "is distrusted":
            play.do(Distrusted(play.tick(), "C", "shown wrong in another job"))
        case "is not here":
            assert play.machine.unwitnessed() == {0: {"A", "B"}}
            play.do(JuryClosed(play.tick(), 0))
    assert (play.machine.runs[second].state, play.task_state) == ("superseded", "queued")
    assert not any(share.unfit for share in play.machine.shares.values())
    play.deliver(play.send("B"), check=True)
    play.deliver(play.send("A", "check"))
    assert play.task_state == "done"


@pytest.mark.parametrize("level", ["L2", "L3"])
def test_where_every_run_is_compared_all_begin_from_the_start(level: Level) -> None:
    play = Play("ABCD", level=level)
    first = play.send("A")
    assert not play.machine.worth_asking(play.machine.runs[first])
    play.save(first)
    play.lose(first)
    play.send("B", resume=False)


def test_checks_and_second_tries_beside_a_running_one_begin_from_the_start() -> None:
    play = Play("ABCD")
    first = play.send("A")
    play.save(first)
    play.send("B", resume=False)  # a straggler's second provider
    play.deliver(first, check=True)
    play.send("C", "check", resume=False)


def test_a_false_result_from_another_s_checkpoint_condemns_nobody_and_the_task_is_done_anew() -> None:
    play = Play("ABCDE")
    spoilt = play.handed_on(result="bb")
    for name in "CDE"[:2]:
        play.deliver(play.send(name, "check"), "aa")
        if play.task_state == "done":
            break
    else:
        play.deliver(play.send("E", "check"), "aa")
    assert play.task_state == "done"
    assert play.machine.tasks[0].result is not None
    assert play.machine.tasks[0].result.result == "aa" * 32
    run = play.machine.runs[spoilt]
    assert (run.state, run.blamed, reason_of(play.machine, run)) == ("superseded", False, Reason.SUPERSEDED)
    shares = play.machine.shares
    assert not any(share.distrusted or share.proven for share in shares.values())
    assert [name for name, share in shares.items() if share.unfit] == ["A", "B"]
    assert shares["B"].due == 0
    assert play.machine.outcomes()["B"].wrong == 0


def test_a_checker_that_lies_about_a_resumed_run_is_found_out_by_those_that_are_asked_next() -> None:
    play = Play("ABCDE")
    play.handed_on()
    play.deliver(play.send("C", "check"), "bb")
    for name in "DEB":  # B, too, now from the start
        assert play.task_state == "checking"
        play.deliver(play.send(name, "check"), "aa")
    assert play.task_state == "done"
    assert [name for name, share in play.machine.shares.items() if share.proven] == ["C"]


def test_those_who_spoilt_a_task_are_given_no_more_checkpoints_nor_are_theirs_used() -> None:
    play = Play("ABCDEF", tasks=3)
    play.handed_on(result="bb")
    for name in "CDE":
        if play.task_state == "checking":
            play.deliver(play.send(name, "check"), "aa")
    for maker, heir in (("A", "F"), ("F", "B")):
        task = 1 if maker == "A" else 2
        first = play.send(maker, task=task)
        assert play.machine.worth_asking(play.machine.runs[first]) is (maker == "F")
        play.save(first)
        play.lose(first)
        play.send(heir, resume=False, task=task)


@pytest.mark.parametrize("level", ["L0", "L1"])
def test_one_that_does_not_end_well_is_done_from_the_start(level: Level) -> None:
    play = Play(level=level)
    spoilt = play.handed_on(check=False, exit_=Exit.OUT_OF_FUEL)
    assert play.machine.runs[spoilt].state == "superseded"
    assert play.task_state == "queued"
    again = play.send("C", resume=False)
    play.deliver(again)
    assert play.task_state == "done"


def test_one_that_bills_more_than_a_checkpoint_explains_is_paid_nothing() -> None:
    play = Play("ABCD")
    greedy = play.handed_on(fuel=2001)
    play.deliver(play.send("C", "check"), fuel=1000)
    assert play.task_state == "done"
    assert play.machine.runs[greedy].state == "superseded"
    assert play.machine.shares["B"].due == 0
    assert play.machine.shares["C"].due > 0


def test_a_run_that_its_own_provider_restarted_is_compared_without_its_fuel_and_answered_for() -> None:
    play = Play("ABCD")
    first = play.send("A")
    play.deliver(first, fuel=1100, check=True, restarted=FUEL)
    play.deliver(play.send("B", "check"), fuel=1000)
    assert play.task_state == "done"
    play = Play("ABCD")
    first = play.send("A")
    play.deliver(first, "bb", fuel=1100, check=True, restarted=FUEL)
    for name in "BCD":
        if play.task_state == "checking":
            play.deliver(play.send(name, "check"), "aa", fuel=1000)
    assert play.machine.shares["A"].proven


def test_runs_from_the_start_are_compared_with_their_fuel_beside_resumed_ones() -> None:
    play = Play("ABCDE")
    play.handed_on(fuel=400)
    play.deliver(play.send("C", "check"), fuel=1101)  # an honest result, but more than both parts together took
    assert play.task_state == "checking"
    play.deliver(play.send("D", "check"), fuel=1000)
    play.deliver(play.send("E", "check"), fuel=1000)
    play.deliver(play.send("B", "check"), fuel=1000)
    assert [name for name, share in play.machine.shares.items() if share.proven] == ["C"]
    play = Play("ABCDE")
    first = play.send("A")
    play.deliver(first, fuel=1000, check=True)
    play.deliver(play.send("B", "check"), fuel=1500)
    assert play.task_state == "checking"


def test_what_goes_back_to_a_liar_is_done_from_the_start_before_it_counts() -> None:
    play = Play("ABCD")
    second = play.handed_on(check=False)
    assert play.task_state == "done"
    play.do(Distrusted(play.tick(), "A", "shown wrong in another job"))
    assert (play.task_state, play.machine.runs[second].state) == ("checking", "held")
    play.deliver(play.send("C", "check"))
    assert (play.task_state, play.machine.runs[second].state) == ("done", "accepted")
    assert not play.machine.shares["B"].distrusted


def test_a_checkpoint_with_which_a_run_could_not_even_begin_is_not_tried_again() -> None:
    play = Play("ABCD")
    first = play.send("A")
    play.save(first)
    play.lose(first)
    second = play.send("B", resume=True)
    play.do(Failed(play.tick(), second, int(Exit.REFUSED), "its checkpoint can't be used"))
    play.send("C", resume=False)


def test_several_hands_are_all_remembered() -> None:
    play = Play("ABCDE")
    first = play.send("A")
    play.save(first, 300)
    play.lose(first)
    second = play.send("B", resume=True)
    play.save(second, FUEL)
    play.lose(second)
    third = play.send("C", resume=True)
    assert play.machine.runs[third].makers == ("A", "B")
    play.deliver(third, check=True)
    assert play.barred() == {"A", "B", "C"}


def test_a_lost_promise_costs_no_more_than_the_rest_could_have_earned() -> None:
    play = Play("ABC")
    first = play.send("A")
    play.save(first, GFUEL - 10)
    play.lose(first)
    spec = play.machine.spec
    assert spec.penalty_at(WEI) == WEI
    assert spec.penalty_at(WEI, GFUEL - 10) == cost(10, WEI)


@pytest.mark.parametrize("fuel", [0, GFUEL])
def test_a_log_with_an_impossible_checkpoint_is_corrupt(fuel: int) -> None:
    play = Play()
    first = play.send("A")
    with pytest.raises(CorruptData):
        play.save(first, fuel)
    with pytest.raises(CorruptData):
        play.save(first + 1)
