"""What the answers to a task mean: for the task, for those who gave them, and for all else that a liar has said."""

from __future__ import annotations

from typing import Literal

from fogchain import units
from fogchain.jobs.machine.resuming import Resuming
from fogchain.jobs.machine.runs import OVER, Run, Share, Task
from fogchain.market.messages import Exit
from fogchain.market.verification import Verdict, judge

MAX_TROUBLES = 6  # provider-side failures after which a task is given up,
MIN_TROUBLED = 3  # if so many different providers had them: a single one can't fail the job
MAX_TIMEOUTS = 2  # a task that runs out of wall clock on two providers will do so again


class Settling(Resuming):
    """Adds the decisions over answers: wait, ask more, accept, take back."""

    def _settle(self, task: Task) -> None:
        """Bring a task to where its runs say it is."""
        if task.state in OVER:
            return
        held, out = task.live("held"), task.live("out")
        if not held:
            self._jury.pop(task.index, None)
            if out:  # maybe a check, of a result that fell with its provider: it becomes the result to check
                task.state, task.detail = "out", ""
                self._ask(task, self.spec.replicas)
            else:
                self._again(task)
            return
        if not task.checking and self.spec.replicas == 1:
            self._accept(task, held)
            return
        task.state = "checking"
        if spoilt := self._contradicted(held):
            for run in spoilt:
                self._void(run, "went on from another's checkpoint, and from the start another result came of it")
            self._settle(task)
            return
        last = task.closed or not (out or self._others(task))
        verdict = judge(self._answers(held), self._seats(task), last=last)
        if verdict.kind == "agreed":
            self._conclude(task, verdict)
        elif last and (unwitnessed := [run for run in held if self._borrowed(run)]):
            for run in unwitnessed:
                self._do_without(run)
            self._settle(task)
        elif verdict.kind == "hung":
            claims = len(set(self._claims(held).values()))
            for run in held:
                self._drop(run, "superseded", "providers disagree and no majority was found")
            self._finish(
                task, "failed", f"{len(held)} providers gave {claims} different results: the task is not deterministic"
            )
        else:
            task.detail = (
                "providers disagree: waits for others to decide"
                if len(set(self._claims(held).values())) > 1
                else "waits for another provider to check it"
            )
            self._ask(task, verdict.seats)

    def _ask(self, task: Task, seats: int) -> None:
        """See that there will be so many answers of this task."""
        if task.state in OVER or task.state == "queued":
            return
        answers = task.live("held")
        if answers:  # a mismatch asks for more than what it began with
            seats = max(seats, judge(self._answers(answers), seats).seats)
        more = seats - len(answers) - len(task.live("out"))
        if more > 0:
            self._jury[task.index] = more
        else:
            self._jury.pop(task.index, None)

    def _conclude(self, task: Task, verdict: Verdict) -> None:
        held = task.live("held")
        self.checks_done += 1
        self.checks_failed += bool(verdict.wrong)
        owed = {provider: self.shares[provider].owed for provider in verdict.right}
        right = [run for run in held if run.provider in verdict.right]
        for run in [run for run in right if self._overbilled(run, right)]:
            self._void(run, "went on from a checkpoint and bills more fuel than that explains")
            right.remove(run)
        self._accept(task, right)
        for provider, before in owed.items():
            self.shares[provider].assured += self.shares[provider].owed - before
        for run in right:
            self._confirmed(run)
        wrong = [run for provider in verdict.wrong for run in held if run.provider == provider]
        for run in wrong:
            if self._borrowed(run):
                self._void(run, "went on from another's checkpoint, and others got another result from the start")
        self._prove([run for run in wrong if run.state == "held"], "a majority of providers got another result")

    def _compare(self, task: Task, canary: Run) -> None:
        """Hold a canary's answer against what others have confirmed."""
        known = task.live("accepted")
        claims = self._claims([*known, canary])
        if not known:
            self._drop(canary, "superseded", "no majority was found for any result of its task")
        elif claims[canary.attempt] == claims[known[0].attempt]:
            self.checks_done += 1
            self._credit(canary)
            self._confirmed(canary)
            self.shares[canary.provider].assured += canary.cost
        elif judge(self._answers([*known, canary]), last=not self._others(task)).kind == "agreed":
            self.checks_done += 1
            self.checks_failed += 1
            self._prove([canary], "other providers had confirmed another result")
        else:
            self._reopen(task)

    def _accept(self, task: Task, runs: list[Run]) -> None:
        for run in runs:
            self._credit(run)
        for run in task.live("out"):
            if run.purpose != "canary":
                run.detail = "no longer needed"
        first = runs[0]
        task.result = first
        if first.exit == Exit.OK:
            self._finish(task, "done", "")
        else:
            self._finish(task, "failed", f"the program {_ending(first.exit)}")

    def _prove(self, wrong: list[Run], detail: str) -> None:
        """These answers are wrong beyond doubt, and so is all that their providers have said."""
        for run in wrong:
            self._drop(run, "wrong", detail)
        for run in wrong:
            self.shares[run.provider].proven = True
            self._distrust(self.shares[run.provider], "its provider was shown wrong on another task")

    def _distrust(self, liar: Share, detail: str) -> None:
        """None of a liar's results stands, nor of its operator's other nodes: take them back, wait for no more, and
        have the tasks done again."""
        mine = {share.provider for share in self.shares.values() if share.operator == liar.operator}
        mine = {provider for provider in mine if not self.shares[provider].distrusted}
        for provider in mine:
            self.shares[provider].distrusted = True
        for run in [run for run in self.runs.values() if run.provider in mine]:
            task = self.tasks[run.task]
            if run.state == "out":
                self._drop(run, "superseded", detail)
                self._settle(task)
            elif run.state == "held":
                self._drop(run, "wrong", detail)
                self._settle(task)
            elif run.state == "accepted" and not self.ended:
                self._drop(run, "wrong", detail)
                self._fallen(task)
            elif run.state == "accepted":
                run.detail = detail  # what is not signed for yet never will be
        for task in self.tasks:
            self._forget(task, tuple(mine))
            if not self.ended and any(set(run.makers) & mine for run in (*task.live("held"), *task.live("accepted"))):
                self._doubt(task)
            elif any(self._borrowed(run) for run in task.live("held")):
                self._settle(task)  # maybe nobody is left to check it

    def _fallen(self, task: Task) -> None:
        """One of the accepted runs of an ended task has fallen with its provider: those that agreed with it stand only
        if they are enough without it."""
        others = task.live("accepted")
        if others and len(others) >= self._seats(task):
            task.result = others[0]
        else:
            self._reopen(task)

    def _reopen(self, task: Task) -> None:
        """What was accepted of an ended task is in question again."""
        for run in task.live("accepted"):
            self._uncredit(run)
            run.state = "held"
            self.shares[run.provider].pending += 1
        task.result, task.state, task.closed = None, "checking", False
        self._left += 1
        self._settle(task)

    def _doubt(self, task: Task) -> None:
        """Its result goes back to a liar's checkpoint: where results are checked at all, somebody does it from the
        start before it counts."""
        if self.spec.verify.level == "L0":
            return
        task.checking = True
        if task.state in OVER:
            self._reopen(task)
        else:
            self._settle(task)

    def _again(self, task: Task) -> None:
        """Queue a task whose runs have come to nothing, or give it up."""
        troubles = [run for run in task.runs if run.state == "failed"]
        timeouts = [run for run in troubles if run.exit == Exit.TIMEOUT]
        if len(timeouts) >= MAX_TIMEOUTS and self._several(timeouts, MAX_TIMEOUTS):
            limit = units.format_duration(self.spec.limits.time)
            self._finish(task, "failed", f"ran into its time limit of {limit} {len(timeouts)} times; raise limits.time")
        elif len(troubles) >= MAX_TROUBLES and self._several(troubles, MIN_TROUBLED):
            self._finish(
                task,
                "failed",
                f"could not be run {len(troubles)} times, and is tried no more than {MAX_TROUBLES} times; "
                f"the last provider said: {troubles[-1].detail}",
            )
        else:
            task.state, task.checking, task.closed = "queued", False, False
            failed = f" ({len(troubles)} of at most {MAX_TROUBLES} failures)" if troubles else ""
            task.detail = f"to be tried again{failed}: {task.runs[-1].detail}" if task.runs else ""
            self._queued[task.index] = None

    def _several(self, runs: list[Run], least: int) -> bool:
        """Whether these runs are of `least` different providers, or of all there are to ask."""
        trusted = sum(not share.distrusted for share in self.shares.values())
        return len({run.provider for run in runs}) >= min(least, trusted)

    def _finish(self, task: Task, state: Literal["done", "failed", "cancelled"], detail: str) -> None:
        task.state, task.detail = state, detail
        self._queued.pop(task.index, None)
        self._jury.pop(task.index, None)
        self._left -= 1


def _ending(code: int) -> str:
    return {
        Exit.NONZERO: "exited with an error code; see its stderr",
        Exit.TRAP: "trapped (out-of-bounds access, unreachable code or the like); see its stderr",
        Exit.OUT_OF_FUEL: "used up its fuel; raise limits.fuel",
        Exit.OUTPUT_LIMIT: "wrote more than limits.output allows",
        Exit.BAD_MODULE: "is not a module the sandbox can run",
    }.get(Exit(code), f"ended with code {code}")
