"""Canaries: tasks whose result is known, given to a newcomer in place of a check."""

from __future__ import annotations

import pytest

from fogchain.errors import CorruptData
from fogchain.jobs.events import Delivered, Ended, JobEvent, Lost, Purpose, Sent, SessionPlanned, Signed
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.machine.placing import TAIL_TASKS
from fogchain.jobs.outcome import reason_of
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec
from fogchain.market.messages import Exit
from fogchain.market.reasons import Reason
from fogchain.market.verification import AUDIT_FACTOR, canary_due, check_chance
from fogchain.units import GFUEL, WEI

TASKS = TAIL_TASKS + 4


class Play:
    """A job with providers A, B, C …, each of another operator; every call is an event, a second after the last."""

    def __init__(self, providers: str, tasks: int = TASKS, **spec: int) -> None:
        self.machine = JobMachine(
            "ab" * 32,
            JobSpec(
                name="play",
                module=BlobRef(sha256="00" * 32, size=1),
                budget=1000 * WEI,
                limits=Limits(fuel=GFUEL),
                tasks=(TaskSpec(),) * tasks,
                **spec,  # type: ignore[arg-type]
            ),
            0.0,
        )
        self.now = 0.0
        for name in providers:
            self.join(name)

    def do(self, event: JobEvent) -> None:
        self.machine.apply(event)

    def tick(self) -> float:
        self.now += 1
        return self.now

    def join(self, name: str, operator: str = "") -> None:
        self.do(SessionPlanned(self.tick(), name, name, name, WEI, "0x00", 1000 * WEI, operator))

    def send(self, task: int, provider: str, purpose: Purpose = "work") -> int:
        self.do(Sent(self.tick(), task, self.machine.next_attempt, provider, purpose, "00", "11"))
        return self.machine.next_attempt - 1

    def deliver(self, attempt: int, result: str = "aa", *, check: bool = False, finished: int = 0) -> None:
        self.do(
            Delivered(self.tick(), attempt, result * 32, GFUEL, int(Exit.OK), 0, finished, "99", check)
        )  # fmt: skip

    def confirmed(self, task: int, providers: str, result: str = "aa") -> None:
        """A task whose result these providers agree on."""
        for place, provider in enumerate(providers):
            self.deliver(self.send(task, provider, "check" if place else "work"), result, check=True)

    def canary(self, task: int, provider: str, result: str = "aa") -> None:
        self.deliver(self.send(task, provider, "canary"), result)

    def reason(self, provider: str) -> list[Reason]:
        return [reason_of(self.machine, run) for run in self.machine.runs.values() if run.provider == provider]

    def states(self, provider: str) -> list[str]:
        return [run.state for run in self.machine.runs.values() if run.provider == provider]


def test_only_what_two_operators_confirmed_is_known_and_only_to_strangers_before_their_first_order() -> None:
    play = Play("ABC")
    play.deliver(play.send(0, "A"))
    assert play.machine.known("C") == [], "nobody has confirmed it"
    play.confirmed(1, "AB")
    play.join("D")
    play.join("Z", operator="A")
    assert play.machine.known("C") == play.machine.known("D") == [1]
    assert play.machine.known("A") == play.machine.known("B") == play.machine.known("Z") == []
    play.send(2, "C")
    assert play.machine.known("C") == [], "it has an order already"


def test_what_suffices_to_prove_a_lie_is_preferred() -> None:
    play = Play("ABCD")
    play.confirmed(0, "AB")
    play.confirmed(1, "BA")
    play.canary(1, "C")
    assert play.machine.known("D") == [1]


def test_none_is_placed_in_the_tail() -> None:
    play = Play("ABC")
    for task in range(TASKS - TAIL_TASKS - 1):
        play.confirmed(task, "AB")
    assert play.machine.known("C")
    play.confirmed(TASKS - TAIL_TASKS - 1, "AB")
    assert play.machine.known("C") == []


def test_a_right_one_is_paid_counts_as_a_check_passed_and_changes_nothing_else() -> None:
    play = Play("ABC")
    play.confirmed(0, "AB")
    result, wanted = play.machine.tasks[0].result, play.machine.wanted(99)
    play.canary(0, "C")
    share = play.machine.shares["C"]
    assert play.machine.tasks[0].result is result and play.machine.tasks[0].state == "done"
    assert play.machine.wanted(99) == wanted
    assert (share.owed, share.checks, share.accepted, share.right, share.passed) == (WEI, 1, 0, 1, 1)
    assert play.reason("C") == [Reason.CHECKED_OK]
    play.deliver(play.send(1, "C"), check=True)
    assert play.machine.payable("C") == WEI, "known to be right, so paid while another result waits for its check"
    play.do(Signed(play.tick(), "C", WEI, "55"))
    play.do(Ended(play.tick(), "cancelled", ""))
    assert play.machine.payable("C") == 2 * WEI


def test_it_stands_for_the_check_that_was_certain() -> None:
    assert canary_due("L1", None, 0) and check_chance("L1", None, 0, Exit.OK) == 10_000
    assert check_chance("L1", None, AUDIT_FACTOR, Exit.OK) < 10_000
    assert not canary_due("L1", None, 1)
    assert not any(canary_due(level, None, 0) for level in ("L0", "L2", "L3"))
    assert not canary_due("L1", 10_000, 0) and not canary_due("L1", 0, 0), "a share that the buyer has set stays as set"


def test_a_wrong_one_against_three_is_proof_and_nobody_is_asked_again() -> None:
    play = Play("ABCDE")
    play.confirmed(0, "AB")
    play.canary(0, "C")
    play.deliver(play.send(1, "A"))
    other = play.send(2, "D")
    result, runs = play.machine.tasks[0].result, play.machine.next_attempt
    play.canary(0, "D", "dd")
    assert play.machine.shares["D"].proven and play.machine.shares["D"].distrusted
    assert play.states("D") == ["superseded", "wrong"] and play.machine.runs[other].state == "superseded"
    assert (
        play.reason("D")[1] is Reason.WRONG_RESULT and play.machine.payable("D") == play.machine.shares["D"].owed == 0
    )
    assert play.machine.tasks[0].result is result and play.machine.tasks[0].state == "done"
    assert play.machine.next_attempt == runs + 1
    assert not [work for work in play.machine.wanted(99) if work.purpose == "check"]
    assert (play.machine.checks_done, play.machine.checks_failed) == (3, 1)
    assert all(not play.machine.shares[name].distrusted for name in "ABCE")


def test_a_wrong_one_against_two_is_proof_when_nobody_else_can_be_asked() -> None:
    play = Play("ABC")
    play.confirmed(0, "AB")
    play.canary(0, "C", "cc")
    assert play.machine.shares["C"].proven and play.machine.tasks[0].state == "done"
    assert not [work for work in play.machine.wanted(99) if work.purpose == "check"]


def test_against_two_others_are_asked_as_after_any_mismatch() -> None:
    play = Play("ABCDE")
    play.confirmed(0, "AB")
    result = play.machine.tasks[0].result
    play.canary(0, "C", "cc")
    assert play.machine.tasks[0].state == "checking" and play.states("C") == ["held"]
    assert [work.barred for work in play.machine.wanted(1)] == [frozenset("ABC")]
    play.deliver(play.send(0, "D", "check"))
    assert play.machine.shares["C"].proven, "three against one"
    assert play.machine.tasks[0].state == "done" and play.machine.tasks[0].result is result


def test_two_that_agreed_on_a_lie_can_not_frame_a_newcomer() -> None:
    play = Play("ABCDEF")
    play.confirmed(0, "AB", "ff")
    play.canary(0, "C")
    assert not play.machine.shares["C"].distrusted
    for name in "DEF":
        assert play.machine.tasks[0].state == "checking"
        play.deliver(play.send(0, name, "check"))
    assert [play.machine.shares[name].proven for name in "ABCDEF"] == [True, True, False, False, False, False]
    result = play.machine.tasks[0].result
    assert result is not None and result.result == "aa" * 32
    assert play.machine.shares["C"].owed == WEI


def test_when_one_of_those_that_confirmed_it_falls_the_newcomers_answer_stands_for_his() -> None:
    play = Play("ABCDE")
    play.confirmed(0, "AB")
    play.canary(0, "C")
    play.confirmed(1, "CD")
    play.canary(1, "E")
    play.deliver(play.send(2, "A"), "ff", check=True)
    for name in "CDE":
        play.deliver(play.send(2, name, "check"))
    assert play.machine.shares["A"].proven
    assert play.machine.tasks[0].state == "done" and play.states("C")[0] == "accepted"
    result = play.machine.tasks[0].result
    assert result is not None and result.provider == "B"


def test_one_that_is_lost_or_late_is_treated_as_any_order() -> None:
    play = Play("ABCD", deadline=10_000, grace=10_000, penalty=WEI // 2)
    play.confirmed(0, "AB")
    lost = play.send(0, "C", "canary")
    play.machine.runs[lost].promise = "77"
    play.do(Lost(play.tick(), lost, "silent", breach=True))
    share = play.machine.shares["C"]
    assert (share.outages, share.faults, share.penalties) == (1, 1, WEI // 2)
    assert not play.machine.may_serve("C", play.now)
    assert play.machine.tasks[0].state == "done" and play.machine.known("C") == []

    late = play.send(0, "D", "canary")
    play.deliver(late, finished=play.machine.runs[late].due + 5)
    assert play.machine.runs[late].state == "accepted" and play.machine.runs[late].late
    assert play.machine.shares["D"].owed == WEI // 2 and play.reason("D") == [Reason.LATE]


def test_it_is_needed_until_the_job_ends() -> None:
    play = Play("ABC")
    play.confirmed(0, "AB")
    attempt = play.send(0, "C", "canary")
    assert play.machine.needed(play.machine.runs[attempt])
    play.do(Ended(play.tick(), "done", ""))
    assert not play.machine.needed(play.machine.runs[attempt])
    play.deliver(attempt)
    assert play.states("C") == ["superseded"] and play.machine.payable("C") == 0


def test_a_log_in_which_an_unknown_result_is_a_canary_is_refused() -> None:
    play = Play("ABC")
    with pytest.raises(CorruptData):
        play.send(0, "C", "canary")
