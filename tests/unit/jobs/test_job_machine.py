"""The job machine's turns, one by one, as a short playbook of events each."""

from __future__ import annotations

import pytest

from fogchain.errors import CorruptData
from fogchain.jobs.events import (
    Accepted,
    Delivered,
    Ended,
    Failed,
    Filed,
    JobEvent,
    Lost,
    Paid,
    Sent,
    SessionPlanned,
    Signed,
)
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.machine.folding import FIRST_BACKOFF, HANDED_BACK_PAUSE
from fogchain.jobs.machine.settling import MAX_TROUBLES
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec, Verify
from fogchain.market.messages import Exit
from fogchain.market.reputation import MAX_QUOTA
from fogchain.units import GFUEL, WEI

PRICE = WEI  # 1 FOG per Gfuel: a run of 1 Gfuel costs 1 FOG


class Play:
    """A job with providers A, B, C …; each call is one event, a second later than the one before."""

    def __init__(self, tasks: int, providers: str = "ABCDE", budget: int = 1000 * WEI) -> None:
        self.machine = JobMachine(
            "ab" * 32,
            JobSpec(
                name="play",
                module=BlobRef(sha256="00" * 32, size=1),
                budget=budget,
                limits=Limits(fuel=GFUEL),
                tasks=tuple(TaskSpec() for _ in range(tasks)),
            ),
            0.0,
        )
        self.now = 0.0
        for provider in providers:
            self.do(SessionPlanned(self.now, provider, provider, provider, PRICE, "0x00", budget))

    def do(self, event: JobEvent) -> None:
        self.machine.apply(event)

    def tick(self) -> float:
        self.now += 1
        return self.now

    def send(self, task: int, provider: str, purpose: str = "work") -> int:
        attempt = self.machine.next_attempt
        assert purpose in ("work", "check")
        self.do(Sent(self.tick(), task, attempt, provider, "work" if purpose == "work" else "check", "00", "11"))
        return attempt

    def deliver(self, attempt: int, result: str = "aa", *, check: bool = False, end: int = Exit.OK) -> None:
        self.do(Delivered(self.tick(), attempt, result * 32, GFUEL, int(end), 0, 0, "99", check))

    def checked(self, task: int, answers: str) -> None:
        """A task that is answered and checked: `Aa Bb` is A's answer a, then B's b."""
        for place, (provider, result) in enumerate(word for word in answers.split()):
            self.deliver(self.send(task, provider, "check" if place else "work"), result * 2, check=True)

    def states(self, provider: str) -> list[str]:
        return [run.state for run in self.machine.runs.values() if run.provider == provider]


def test_an_unchecked_result_is_done_and_owed_at_once() -> None:
    play = Play(1)
    play.deliver(play.send(0, "A"))
    assert play.machine.tasks[0].state == "done"
    assert play.machine.payable("A") == WEI
    assert play.machine.verdict_of(play.now) == ("done", "")


def test_nothing_is_payable_while_a_result_waits_for_its_check() -> None:
    play = Play(2)
    play.deliver(play.send(0, "A"))
    play.deliver(play.send(1, "A"), check=True)
    assert play.machine.payable("A") == 0
    assert [(work.task, work.purpose, work.barred) for work in play.machine.wanted(9)] == [(1, "check", frozenset("A"))]
    play.deliver(play.send(1, "B", "check"))
    assert play.machine.payable("A") == 2 * WEI
    assert play.machine.payable("B") == WEI


def test_a_mismatch_blames_nobody_until_two_more_agree_with_one_side() -> None:
    play = Play(1)
    play.checked(0, "Aa Bb")
    assert play.states("A") == play.states("B") == ["held"]
    assert play.machine.wanted(9)[0].barred == frozenset("AB")
    play.deliver(play.send(0, "C", "check"), "aa")
    assert play.states("B") == ["held"], "two against one may be a colluding pair"
    play.deliver(play.send(0, "D", "check"), "aa")
    assert [play.states(name) for name in "ABCD"] == [["accepted"], ["wrong"], ["accepted"], ["accepted"]]
    assert play.machine.shares["B"].distrusted and play.machine.payable("B") == 0


def test_a_caught_liars_unchecked_results_are_taken_back_and_done_again() -> None:
    play = Play(2)
    play.deliver(play.send(1, "B"))
    assert play.machine.tasks[1].state == "done"
    play.checked(0, "Aa Bb Ca Da")
    assert play.machine.tasks[1].state == "queued"
    assert play.machine.spent == 3 * WEI
    play.deliver(play.send(1, "A"))
    assert play.machine.verdict_of(play.now) == ("done", "")


def test_a_caught_liar_keeps_what_was_signed_and_gets_no_more() -> None:
    play = Play(2)
    play.deliver(play.send(1, "B"))
    play.do(Signed(play.tick(), "B", play.machine.payable("B"), "55"))
    play.checked(0, "Aa Bb Ca Da")
    assert play.machine.shares["B"].spent == WEI
    play.deliver(play.send(1, "A"))
    play.do(Ended(play.tick(), "done", ""))
    assert play.machine.payable("B") == 0
    assert play.machine.spent == 5 * WEI  # A twice, C and D once, and B's voucher


def test_tasks_out_with_a_caught_liar_go_elsewhere_at_once() -> None:
    play = Play(2)
    waiting = play.send(1, "B")
    play.checked(0, "Aa Bb Ca Da")
    assert play.machine.tasks[1].state == "queued"
    assert play.machine.shares["B"].out == 0
    with pytest.raises(CorruptData):
        play.deliver(waiting)


def test_a_check_still_out_when_the_checked_result_falls_becomes_the_result() -> None:
    play = Play(2)
    play.deliver(play.send(1, "B"), check=True)
    check = play.send(1, "A", "check")
    play.checked(0, "Aa Bb Ca Da")
    assert [work.task for work in play.machine.wanted(9)] == [], "task 1 has its answer under way"
    play.deliver(check)
    assert [(work.task, work.purpose) for work in play.machine.wanted(9)] == [(1, "check")]
    play.deliver(play.send(1, "C", "check"))
    assert play.machine.verdict_of(play.now) == ("done", "")
    assert play.machine.payable("A") == 2 * WEI


def test_an_answer_after_the_task_was_decided_is_neither_held_nor_paid() -> None:
    play = Play(3)
    play.deliver(play.send(0, "A"), "aa", check=True)
    play.deliver(play.send(0, "B", "check"), "bb", check=True)
    play.deliver(play.send(0, "C", "check"), "cc", check=True)
    play.deliver(play.send(0, "D", "check"), "aa", check=True)
    last = play.send(0, "E", "check")
    # Meanwhile B and C are caught elsewhere: A and D agree and nobody else is left.
    play.checked(1, "Aa Bb Da Ea")
    play.checked(2, "Aa Cb Da Ea")
    assert play.machine.tasks[0].state == "done"
    play.deliver(last, "aa")
    assert play.states("E") == ["superseded", "accepted", "accepted"]
    assert play.machine.shares["E"].pending == 0 and play.machine.payable("E") == 2 * WEI
    assert play.machine.exposure == play.machine.spent


def test_one_provider_that_fails_cannot_fail_the_task_while_others_might_run_it() -> None:
    play = Play(1)
    for _ in range(20):
        play.now += 10_000
        play.do(Failed(play.tick(), play.send(0, "A"), int(Exit.REFUSED), "no"))
        play.do(Failed(play.tick(), play.send(0, "A"), int(Exit.TIMEOUT), "slow"))
    assert play.machine.tasks[0].state == "queued"
    play.deliver(play.send(0, "B"))
    assert play.machine.verdict_of(play.now) == ("done", "")


@pytest.mark.complaint(25)
@pytest.mark.parametrize(("providers", "needed"), [("A", 2), ("AB", 2), ("ABC", 2)])
def test_running_out_of_time_on_two_providers_or_twice_on_the_only_one_gives_up(providers: str, needed: int) -> None:
    play = Play(1, providers)
    for number in range(needed):
        play.do(Failed(play.tick(), play.send(0, providers[number % len(providers)]), int(Exit.TIMEOUT), "slow"))
    verdict = play.machine.verdict_of(play.now)
    assert verdict is not None and verdict[0] == "failed" and "raise limits.time" in verdict[1]


def test_orders_lost_together_are_one_fault() -> None:
    play = Play(8)
    attempts = [play.send(task, "A") for task in range(8)]
    for attempt in attempts:
        play.do(Lost(play.now, attempt, "silent"))
    assert not play.machine.may_serve("A", play.now + FIRST_BACKOFF - 0.1)
    assert play.machine.may_serve("A", play.now + FIRST_BACKOFF)
    assert len(play.machine.wanted(9)) == 8


@pytest.mark.complaint(9)
def test_a_provider_that_keeps_failing_is_left_alone_ever_longer() -> None:
    play = Play(1)
    pauses = []
    for _ in range(4):
        play.now = max(play.now, play.machine.shares["A"].blocked_until) + 1
        attempt = play.send(0, "A")
        play.do(Failed(play.tick(), attempt, int(Exit.CRASHED), "crash"))
        pauses.append(play.machine.shares["A"].blocked_until - play.now)
    assert pauses == [FIRST_BACKOFF, 2 * FIRST_BACKOFF, 4 * FIRST_BACKOFF, 8 * FIRST_BACKOFF]


def test_seven_answers_without_a_majority_end_the_task_in_words() -> None:
    play = Play(1, "ABCDEFGH")
    play.checked(0, "Aa Bb Cc Da Eb Fc Ga")
    verdict = play.machine.verdict_of(play.now)
    assert verdict is not None and "7 providers gave 3 different results" in verdict[1]
    assert play.machine.spent == 0 and play.machine.exposure == 0


def test_silence_pays_what_waits_for_a_check_when_the_buyer_cancels() -> None:
    play = Play(2)
    play.deliver(play.send(0, "A"), check=True)
    out = play.send(1, "B")
    play.do(Ended(play.tick(), "cancelled", "by the buyer"))
    assert play.machine.payable("A") == WEI
    assert [task.state for task in play.machine.tasks] == ["cancelled", "cancelled"]
    play.deliver(out)
    assert play.machine.payable("B") == 0


def test_a_spent_budget_ends_the_job_with_the_figures() -> None:
    play = Play(3, "AB", budget=2 * WEI)
    play.deliver(play.send(0, "A"))
    assert play.machine.verdict_of(play.now) is None
    play.deliver(play.send(1, "A"))
    assert play.machine.verdict_of(play.now) == (
        "failed",
        "the budget is used up: 2 FOG of 2 FOG spent, 1 task left",
    )


def test_a_receipt_that_comes_too_late_is_kept_and_earns_nothing() -> None:
    play = Play(1)
    attempt = play.send(0, "A")
    play.do(Lost(play.tick(), attempt, "silent", breach=True))
    late = Filed(play.tick(), attempt, "aa" * 32, GFUEL, 0, 1, 2, "99")
    play.do(late)
    run = play.machine.runs[attempt]
    assert (run.state, run.filed, run.result, run.cost) == ("lost", late, "", 0)
    assert play.machine.shares["A"].owed == play.machine.fuel == 0 and play.machine.tasks[0].state == "queued"
    with pytest.raises(CorruptData):
        play.do(late)


def test_a_run_that_is_handed_back_goes_elsewhere_at_once_and_blames_nobody() -> None:
    play = Play(1, "AB")
    attempt = play.send(0, "A")
    play.do(Accepted(play.tick(), attempt, "77"))
    play.do(Lost(play.tick(), attempt, "handed back: unplugged", handed_back=True))
    machine, share = play.machine, play.machine.shares["A"]
    run, task = machine.runs[attempt], machine.tasks[0]
    assert (run.state, run.detail, run.handed_back) == ("lost", "handed back: unplugged", True)
    assert not (run.blamed or run.breached)
    assert (share.faults, share.outages, share.penalties, share.quota) == (0, 0, 0, MAX_QUOTA)
    assert task.state == "queued" and task.detail == "to be tried again: handed back: unplugged"
    assert machine.wanted(9)[0].barred == frozenset("A"), "there is another"
    assert machine.wanted(9, frozenset("A"))[0].barred == frozenset(), "there is no other"
    assert not machine.may_serve("A", play.now) and machine.may_serve("A", play.now + HANDED_BACK_PAUSE)
    assert machine.may_serve("B", play.now)


def test_a_task_is_given_up_after_so_many_failures_and_says_so_all_the_while() -> None:
    play = Play(1)
    for number, provider in enumerate("ABCABC", 1):
        play.do(Failed(play.tick(), play.send(0, provider), Exit.CRASHED, "out of luck"))
        task = play.machine.tasks[0]
        if number < MAX_TROUBLES:
            assert task.detail == f"to be tried again ({number} of at most {MAX_TROUBLES} failures): out of luck"
    assert task.state == "failed"
    assert task.detail == (
        "could not be run 6 times, and is tried no more than 6 times; the last provider said: out of luck"
    )
    assert play.machine.shares["A"].failing == "out of luck"


def test_the_time_limit_ends_any_job() -> None:
    play = Play(1)
    play.send(0, "A")
    assert play.machine.verdict_of(3600.0) == ("failed", "the time limit of 1 h passed with 1 task left")


@pytest.mark.parametrize(
    "event",
    [
        Sent(9.0, 0, 5, "A", "work", "00", "11"),
        Sent(9.0, 0, 1, "Z", "work", "00", "11"),
        Sent(9.0, 7, 1, "A", "work", "00", "11"),
        Sent(9.0, -1, 1, "A", "work", "00", "11"),
        Delivered(9.0, 3, "aa" * 32, 1, 0, 0, 0, "99", False),
        Failed(9.0, 3, 16, ""),
        Lost(9.0, -1, ""),
        Filed(9.0, 0, "aa" * 32, 1, 0, 0, 0, "99"),
        Filed(9.0, 7, "aa" * 32, 1, 0, 0, 0, "99"),
        Signed(9.0, "Z", 1, "55"),
        Paid(9.0),
        SessionPlanned(9.0, "A", "A", "A", 1, "0x00", 1),
    ],
)
def test_an_event_that_cannot_follow_is_refused_and_changes_nothing(event: JobEvent) -> None:
    play, untouched = Play(2), Play(2)
    play.send(0, "A")
    untouched.send(0, "A")
    with pytest.raises(CorruptData, match="log of job abababababab contradicts itself"):
        play.do(event)
    assert play.machine.tasks == untouched.machine.tasks
    assert play.machine.shares == untouched.machine.shares
    assert play.machine.wanted(9) == untouched.machine.wanted(9)


def test_a_voucher_never_shrinks_and_a_job_ends_once() -> None:
    play = Play(1)
    play.deliver(play.send(0, "A"))
    play.do(Signed(play.tick(), "A", WEI, "55"))
    with pytest.raises(CorruptData):
        play.do(Signed(play.tick(), "A", WEI - 1, "55"))
    play.do(Ended(play.tick(), "done", ""))
    with pytest.raises(CorruptData):
        play.do(Ended(play.tick(), "failed", ""))
    assert play.machine.ended is not None and play.machine.ended.state == "done"


@pytest.mark.parametrize("native", [True, False])
def test_processor_time_is_not_compared_as_fuel_is(native: bool) -> None:
    play = Play(1)
    changes = {"runtime": "native" if native else "wasm", "verify": Verify(level="L2")}
    play.machine.spec = play.machine.spec.model_copy(update=changes)
    for fuel, provider, purpose in ((GFUEL, "A", "work"), (GFUEL - 1, "B", "check")):
        attempt = play.send(0, provider, purpose)
        play.do(Delivered(play.tick(), attempt, "aa" * 32, fuel, int(Exit.OK), 0, 0, "99", True))
    assert play.states("A") == play.states("B") == (["accepted"] if native else ["held"])
