"""The state of a job, and what follows from it at once."""

from __future__ import annotations

from collections import Counter
from math import ceil

from fogchain.errors import CorruptData
from fogchain.jobs.events import Ended, Paid, Purpose
from fogchain.jobs.machine.runs import OVER, Run, Share, Task
from fogchain.jobs.spec import JobSpec
from fogchain.market.reputation import Outcomes
from fogchain.market.verification import Claim, claim_of

ORDER_MARGIN = 60  # seconds for which an order may outlast its job


class JobState:
    """One job: its tasks and runs, its providers' parts, and what is left."""

    def __init__(self, job_id: str, spec: JobSpec, created: float) -> None:
        self.id = job_id
        self.spec = spec
        self.created = created
        self.tasks = [Task(index) for index in range(len(spec.tasks))]
        self.runs: dict[int, Run] = {}
        self.shares: dict[str, Share] = {}
        self.ended: Ended | None = None
        self.paid: Paid | None = None
        self.checks_done = 0
        self.checks_failed = 0
        self.archives: set[str] = set()  # checkpoints that were ordered to be gone on from
        self._queued: dict[int, None] = dict.fromkeys(range(len(spec.tasks)))  # ordered set
        self._jury: dict[int, int] = {}  # tasks under check to how many more runs they want
        self._given_up: set[str] = set()  # operators
        self._left = len(spec.tasks)
        self._fuel_seen = 0
        self._delivered_count = 0
        self._taken = 0.0  # seconds from order to delivery, of all delivered runs

    @property
    def next_attempt(self) -> int:
        return len(self.runs)

    @property
    def deadline(self) -> float:
        return self.created + self.spec.time_limit / 1000

    def due(self, at: float) -> int:
        """Until when an order sent at `at` earns its full pay."""
        last = int(self.deadline) + ORDER_MARGIN
        return last if self.spec.deadline is None else min(last, ceil(at + self.spec.deadline / 1000))

    @property
    def late_by(self) -> int:
        """From then on no order of this job earns anything."""
        return int(self.deadline) + ORDER_MARGIN + self.spec.grace // 1000

    def mean_fuel(self, default: float) -> float:
        """Mean fuel of delivered runs so far, or `default` before the first."""
        return self._fuel_seen / self._delivered_count if self._delivered_count else default

    @property
    def mean_time(self) -> float:
        """Mean seconds from order to delivery, 0.0 before the first."""
        return self._taken / self._delivered_count if self._delivered_count else 0.0

    def sealed(self, purpose: Purpose) -> bool:
        """Whether such a run's provider commits to its answer first: all that are compared, but those whose check is
        drawn after they were delivered."""
        return purpose == "check" or self.spec.replicas > 1

    def may_open(self, run: Run) -> bool:
        """Whether a committed answer may be shown: every other answer to the task is fixed, too."""
        others = (other for other in self.tasks[run.task].runs if other is not run and other.state == "out")
        return all(other.commitment for other in others)

    def needed(self, run: Run) -> bool:
        """Whether its answer is still waited for."""
        return self.ended is None and (run.purpose == "canary" or self.tasks[run.task].state not in OVER)

    @property
    def distrusted(self) -> set[str]:
        """Operators of which nothing is trusted."""
        return {share.operator for share in self.shares.values() if share.distrusted}

    def outcomes(self) -> dict[str, Outcomes]:
        """What this job adds to its providers' records."""
        wrong = Counter(run.provider for run in self.runs.values() if run.state == "wrong")
        return {name: share.outcomes(wrong[name]) for name, share in self.shares.items()}

    def _seats(self, task: Task) -> int:
        """How many answers a task wants from the start, or since its check was drawn."""
        return max(self.spec.replicas, 2 if task.checking else 1)

    def _others(self, task: Task) -> bool:
        """Whether the job knows another operator that could be asked about this task."""
        answered = ("held", "accepted", "wrong")
        gone = {self.shares[run.provider].operator for run in task.runs if run.blamed or run.state in answered}
        gone |= {self.shares[maker].operator for run in task.runs if run.state in answered for maker in run.makers}
        return any(share.operator not in gone and not share.distrusted for share in self.shares.values())

    def _claim(self, run: Run) -> Claim:
        return claim_of(self.spec.runtime, bytes.fromhex(run.result), run.fuel, run.exit)

    def _share(self, provider: str) -> Share:
        if (share := self.shares.get(provider)) is None:
            raise self._corrupt(f"{provider} has no session")
        return share

    def _corrupt(self, what: str) -> CorruptData:
        return CorruptData(f"the log of job {self.id[:12]} contradicts itself: {what}")
