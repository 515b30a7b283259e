"""What a job owes its providers: accepted runs count, and what they were found to be worth can be taken back."""

from __future__ import annotations

from fogchain.jobs.machine.runs import Run, RunState
from fogchain.jobs.machine.state import JobState
from fogchain.market.reputation import grown
from fogchain.units import cost


class Money(JobState):
    """Adds what runs are credited with, and what is due for it."""

    @property
    def spent(self) -> int:
        return sum(share.spent for share in self.shares.values())

    @property
    def exposure(self) -> int:
        return sum(share.exposure(self.spec) for share in self.shares.values())

    @property
    def fuel(self) -> int:
        return sum(share.fuel for share in self.shares.values())

    def can_afford(self) -> bool:
        """Whether the budget covers one more run at its fuel limit with the cheapest provider."""
        trusted = [share.price for share in self.shares.values() if not share.distrusted]
        if not trusted:
            return True
        return self.exposure + cost(self.spec.limits.fuel, min(trusted)) <= self.spec.budget

    def payable(self, provider: str, *, pressed: bool = False) -> int:
        """What the next voucher to this provider should be over, or 0 when none is due: all its accepted runs less its
        penalties, and less those that the orders it still has may come to, since what is signed can't be taken back;
        but while one of its results is under check only those that others confirmed, and nothing more once it was shown
        wrong. `pressed`: nothing goes on unless it is paid ahead for results under check, so one run's most of those
        is added, and nothing is kept back."""
        share = self.shares[provider]
        retained = 0 if self.ended or pressed else share.out * self.spec.penalty_at(share.price)
        due = max(0, share.due - retained)
        if share.pending and not pressed:
            due = min(due, share.assured)
        elif share.pending:
            held = [run for run in self.runs.values() if run.provider == provider and run.state == "held"]
            value = sum(run.cost for run in held)
            due = max(due, min(due + value, share.signed + cost(self.spec.limits.fuel, share.price)))
        return due if due > share.signed and not share.distrusted else 0

    def _credit(self, run: Run) -> None:
        share = self.shares[run.provider]
        run.state = "accepted"
        share.pending -= 1
        share.fuel += run.fuel
        share.owed += run.cost
        share.late += run.late
        share.quota = grown(share.quota)
        if run.purpose == "work":
            share.accepted += 1
        else:
            share.checks += 1

    def _confirmed(self, run: Run) -> None:
        share = self.shares[run.provider]
        share.right += 1
        share.passed += not run.sealed

    def _drop(self, run: Run, state: RunState, detail: str) -> None:
        share = self.shares[run.provider]
        if run.state == "out":
            del share.live[run.attempt]
        elif run.state == "held":
            share.pending -= 1
        elif run.state == "accepted":
            self._uncredit(run)
        run.state, run.detail = state, detail

    def _uncredit(self, run: Run) -> None:
        share = self.shares[run.provider]
        share.fuel -= run.fuel
        share.owed -= run.cost
        share.late -= run.late
        if run.purpose == "work":
            share.accepted -= 1
        else:
            share.checks -= 1
