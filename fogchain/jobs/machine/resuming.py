"""Checkpoints: which one a run may go on from, and what becomes of a run whose checkpoint was no good.

A checkpoint is the word of whoever made it, and what comes of it is the word of all its makers together. So a run that
goes on from another's is never compared with an answer of theirs; it is not used where every run is compared from the
start, nor where nobody else would be left to check it. Its fuel can't be compared: it counts with the fuel of those
from the start that it agrees with otherwise, and bills at most twice theirs.

Where such a run is shown wrong, or does not end well, nobody can tell from outside whether the checkpoint or what was
made of it was false. Nobody is condemned: the run is void and unpaid, the task is done from the start, and neither its
makers' checkpoints nor any others are used with those who had a hand in it, in this job. To give one provider the blame
would let the other choose who gets it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from fogchain.jobs.events import Checkpointed
from fogchain.jobs.machine.money import Money
from fogchain.jobs.machine.runs import OVER, Run, Saved, Task, Work
from fogchain.market.messages import Exit
from fogchain.market.verification import Answer, Claim

MOST_BILLED = 2  # times the fuel of a run from the start


class Resuming(Money):
    """Adds the way of checkpoints through a job."""

    def saved_for(self, work: Work, provider: str) -> Saved | None:
        """What this provider should go on from, or None for the start."""
        task, share = self.tasks[work.task], self.shares[provider]
        saved = task.saved
        if saved is None or work.purpose != "work" or self.spec.replicas > 1 or task.live("out") or task.live("held"):
            return None
        if share.unfit or any(self.shares[maker].unfit or self.shares[maker].distrusted for maker in saved.makers):
            return None
        if self.spec.verify.level == "L1":
            hands = {self.shares[maker].operator for maker in saved.makers} | {share.operator}
            if not any(other.operator not in hands and not other.distrusted for other in self.shares.values()):
                return None  # nobody could check it
        return saved

    def worth_asking(self, run: Run) -> bool:
        """Whether a checkpoint of this run could be of use."""
        share = self.shares[run.provider]
        useful = self.spec.limits.checkpoint > 0 and self.spec.replicas == 1 and run.purpose == "work"
        return useful and self.needed(run) and not share.unfit and not share.distrusted

    def _save(self, event: Checkpointed) -> None:
        run = self.runs.get(event.attempt)
        if run is None or not 0 < event.fuel < self.spec.limits.fuel:
            raise self._corrupt(f"a checkpoint of attempt {event.attempt}, which can have none")
        task = self.tasks[run.task]
        if task.saved is None or event.fuel > task.saved.fuel:
            makers = tuple(dict.fromkeys((*run.makers, run.provider)))
            task.saved = Saved(event.archive, event.size, event.fuel, makers)

    def _hands(self, run: Run) -> set[str]:
        """The operators whose word its answer is."""
        return {self.shares[name].operator for name in (run.provider, *run.makers)}

    def _borrowed(self, run: Run) -> bool:
        """Whether it went on from what another operator had made."""
        return len(self._hands(run)) > 1

    def _answers(self, runs: Sequence[Run]) -> list[Answer]:
        claims = self._claims(runs)
        return [Answer(run.provider, self.shares[run.provider].operator, claims[run.attempt]) for run in runs]

    def _claims(self, runs: Sequence[Run]) -> dict[int, Claim]:
        """By attempt. What went on from a checkpoint has the fuel of those from the start that otherwise agree, if they
        burnt no more than it took together with what was burnt before: to go on elsewhere only ever adds."""
        fuels: dict[tuple[str, int], Counter[int]] = {}
        for run in runs:
            if not run.went_on:
                fuels.setdefault((run.result, run.exit), Counter())[run.fuel] += 1
        found = {}
        for run in runs:
            known = fuels.get((run.result, run.exit))
            whole = known.most_common(1)[0][0] if known else 0
            explained = run.went_on and whole <= run.resumed + run.fuel
            found[run.attempt] = self._claim(replace(run, fuel=whole) if explained else run)
        return found

    def _contradicted(self, held: Sequence[Run]) -> list[Run]:
        """Runs that went on from another's checkpoint, where there are answers from the start and none is theirs: that
        is enough to do without them, and no others need be asked who is right."""
        claims = self._claims(held)
        whole = {claims[run.attempt] for run in held if not self._borrowed(run)}
        return [run for run in held if whole and self._borrowed(run) and claims[run.attempt] not in whole]

    def _overbilled(self, run: Run, right: Sequence[Run]) -> bool:
        """Whether it went on from a checkpoint and bills more than that can explain."""
        whole = [other.fuel for other in right if not other.went_on]
        return bool(run.went_on and whole and run.fuel > MOST_BILLED * min(whole))

    def _void(self, run: Run, detail: str) -> None:
        """Nothing of this run counts, and nobody is to blame for it."""
        self._drop(run, "superseded", detail)
        for name in (run.provider, *run.makers):
            self.shares[name].unfit = True
        self._forget(self.tasks[run.task], run.makers)

    def _do_without(self, run: Run) -> None:
        """Nobody is left to check it who had no hand in it: those who had do the task from the start."""
        self._drop(run, "superseded", "went on from another's checkpoint, and nobody was left to check it")
        self._forget(self.tasks[run.task], run.makers)

    def unwitnessed(self) -> dict[int, set[str]]:
        """Tasks all of whose results go back to checkpoints and wait for a check; and operators that can't give it."""
        found = {}
        for index in self._jury:
            held = self.tasks[index].live("held")
            if held and not self.tasks[index].live("out") and all(map(self._borrowed, held)):
                found[index] = set[str]().union(*map(self._hands, held))
        return found

    def _forget(self, task: Task, makers: Sequence[str]) -> None:
        """Do without what these have made."""
        if task.saved is not None and set(task.saved.makers) & set(makers):
            task.saved = None

    def _ended_badly(self, run: Run) -> bool:
        """Whether it is void by how it ended: what a checkpoint lacks may make a sound program fail."""
        return self._borrowed(run) and run.exit != Exit.OK and self.tasks[run.task].state not in OVER
