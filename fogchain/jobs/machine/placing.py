"""Which runs a job wants, and who may be given them."""

from __future__ import annotations

from fogchain.jobs.machine.resuming import Resuming
from fogchain.jobs.machine.runs import Task, Work
from fogchain.market.verification import LEAD, judge

TAIL_TASKS = 8  # when so few are left, or a tenth of all, and none is queued,
TAIL_SLOWNESS = 3  # one that takes so many times its forecast is given to a second provider too,
TAIL_LEAST = 2.0  # but not before so many seconds


class Placing(Resuming):
    """Adds what should be placed. Looks, and changes nothing."""

    def wanted(self, limit: int, present: frozenset[str] | None = None) -> list[Work]:
        """Up to `limit` runs to place, checks first: they hold up payment.

        `present`: the providers that answer, in a pause after a fault or not; all, unless given.
        """
        if self.ended:
            return []
        here = self._operators(present)
        work = []
        for index, more in self._jury.items():
            work += [Work(index, "check", self._barred(self.tasks[index], here))] * more
            if len(work) >= limit:
                return work[:limit]
        for index in self._queued:
            work.append(Work(index, "work", self._barred(self.tasks[index], here)))
            if len(work) >= limit:
                break
        return work

    def stragglers(self, now: float, present: frozenset[str] | None = None) -> list[Work]:
        """Tasks of the tail that a second provider should be given too: the first good answer counts, the other run is
        called back. Only where one run makes the result: replicas are several already."""
        if self.ended or self._queued or not self._tail or self.spec.replicas > 1:
            return []
        here = self._operators(present)
        found = []
        for task in self.tasks:
            out = task.live("out") if task.state == "out" else []
            if len(out) != 1:
                continue
            share = self.shares[out[0].provider]
            forecast = share.taken / share.delivered if share.delivered else self.mean_time
            if forecast and now - out[0].sent > max(TAIL_LEAST, TAIL_SLOWNESS * forecast):
                found.append(Work(task.index, "work", self._barred(task, here)))
        return found

    def known(self, provider: str) -> list[int]:
        """Tasks fit to be this provider's canary, before it is given work: confirmed by others, and never given to its
        operator. Those whose confirmation suffices to prove a wrong answer, if there are any. None in the tail."""
        share = self.shares[provider]
        if self.ended or self._tail or share.begun:
            return []
        votes = {task.index: self._votes(task, share.operator) for task in self.tasks if task.state == "done"}
        enough = min(max(votes.values(), default=0), 1 + LEAD)
        return [index for index, count in votes.items() if count >= max(2, enough)]

    def contested(self) -> list[int]:
        """Tasks where a majority waits for more to be asked."""
        return [i for i in self._jury if judge(self._answers(self.tasks[i].live("held")), last=True).kind == "agreed"]

    def may_serve(self, provider: str, now: float) -> bool:
        """Whether this provider may get orders of this job now."""
        share = self.shares.get(provider)
        return share is not None and not share.distrusted and now >= share.blocked_until

    @property
    def _tail(self) -> bool:
        return self._left <= max(TAIL_TASKS, len(self.tasks) // 10)

    def _votes(self, task: Task, stranger: str) -> int:
        """Operators that confirm the task's result; 0 when one of them, or of those that tried, is `stranger`."""
        if len(task.runs) < 2 or any(self.shares[run.provider].operator == stranger for run in task.runs):
            return 0
        return len({self.shares[run.provider].operator for run in task.live("accepted")})

    def _operators(self, present: frozenset[str] | None) -> set[str]:
        shares = self.shares.values() if present is None else (self.shares[name] for name in present)
        return {share.operator for share in shares if not share.distrusted}

    def _barred(self, task: Task, here: set[str]) -> frozenset[str]:
        """Operators that get no run of this task. One answers a task once: a second answer of its own would confirm its
        first. One that failed it or handed it back gets it no more, nor one that was given up, as long as there is
        another here."""
        if not task.runs and not self._given_up:
            return frozenset()
        answered = {self.shares[run.provider].operator for run in task.runs if run.state in ("out", "held", "wrong")}
        answered |= {
            self.shares[maker].operator for run in task.runs if run.state in ("out", "held") for maker in run.makers
        }  # a checkpoint's maker has had its say
        failed = {self.shares[run.provider].operator for run in task.runs if run.blamed or run.handed_back}
        failed |= self._given_up
        return frozenset(answered | failed if here - answered - failed else answered)
