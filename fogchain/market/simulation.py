"""The audited market in the large: hundreds of providers, cheats among them, and the product's own decisions. Pure.

Jobs of many tasks follow one another. Each task goes to a provider drawn at random among those that are trusted; cheats
give the same wrong answer, so that any two of them agree. What is checked (`check_chance`), what the answers mean
(`judge`), what falls with a cheat and is done again, who is ejected and what becomes of a record, is decided by
`JobMachine` and `Outcomes`; here is only the draw of providers and the course of events.

Source: the audit policies compared in Sarmenta, "Sabotage-tolerance mechanisms for volunteer computing systems".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from fogchain.jobs.events import Delivered, Ended, JobEvent, JuryClosed, Purpose, Sent, SessionPlanned
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.spec import BlobRef, JobSpec, Level, Limits, TaskSpec, Verify
from fogchain.market.messages import Exit
from fogchain.market.reputation import MAX_QUOTA, Outcomes
from fogchain.market.verification import canary_due, check_chance
from fogchain.units import MAX_UINT96

RIGHT, WRONG = "aa" * 32, "bb" * 32
PRICE = 10**9
FUEL = 1_000_000


@dataclass(frozen=True, slots=True)
class Population:
    """`cheats` of `workers` give a wrong answer with the chance `cheating`; all of them the same one."""

    workers: int = 500
    cheats: float = 0.1
    cheating: float = 0.1


@dataclass(frozen=True, slots=True)
class Course:
    """What came of it. `wrong`: accepted results that are wrong, of `tasks`. `runs`: paid or not."""

    tasks: int
    wrong: int
    runs: int
    ejected: int  # cheats that get no more work
    blamed: int  # honest workers that were ever shown wrong
    paid: int  # base units that went to cheats for wrong answers

    @property
    def wrong_share(self) -> float:
        return self.wrong / self.tasks

    @property
    def overhead(self) -> float:
        return self.runs / self.tasks


def simulate(population: Population, jobs: int, tasks: int, seed: int, level: Level = "L1") -> Course:
    """`jobs` jobs of `tasks` tasks each, one after the other."""
    chance = Random(seed)  # noqa: S311  # a simulation, repeatable by its seed
    names = [f"0x{number:040x}" for number in range(population.workers)]
    cheats = set(chance.sample(names, round(population.workers * population.cheats)))
    records = dict.fromkeys(names, Outcomes())
    wrong = runs = paid = 0
    blamed: set[str] = set()
    for number in range(jobs):
        job = _Job(population, names, cheats, records, tasks, level, chance, number)
        machine = job.run()
        wrong += sum(task.result is not None and task.result.result == WRONG for task in machine.tasks)
        runs += len(machine.runs)
        paid += sum(run.cost for run in machine.runs.values() if run.state == "accepted" and run.result == WRONG)
        for name, seen in machine.outcomes().items():
            records[name] += seen
        blamed |= {share.provider for share in machine.shares.values() if share.proven} - cheats
    ejected = sum(records[name].ejected for name in cheats)
    return Course(jobs * tasks, wrong, runs, ejected, len(blamed), paid)


class _Job:
    def __init__(
        self,
        population: Population,
        names: Sequence[str],
        cheats: set[str],
        records: dict[str, Outcomes],
        tasks: int,
        level: Level,
        chance: Random,
        number: int,
    ) -> None:
        spec = JobSpec(
            name="simulated",
            module=BlobRef(sha256="cc" * 32, size=1),
            budget=MAX_UINT96,
            limits=Limits(fuel=FUEL),
            verify=Verify(level=level),
            tasks=(TaskSpec(),) * tasks,
        )
        self.machine = JobMachine(f"{number:064x}", spec, 0.0)
        self._population, self._cheats, self._records, self._chance = population, cheats, records, chance
        self._pool = [name for name in names if not records[name].ejected]
        self._level = level
        for name in self._pool:
            self._apply(SessionPlanned(0.0, name, name, name, PRICE, "0x00", MAX_UINT96, "", MAX_QUOTA))

    def run(self) -> JobMachine:
        machine = self.machine
        while wanted := machine.wanted(len(machine.tasks)):
            for work in wanted:
                if machine.tasks[work.task].state in ("done", "failed"):
                    continue  # decided meanwhile, as its like were
                provider = self._draw(work.barred)
                while provider is not None and self._fails_canary(provider):
                    provider = self._draw(work.barred)
                if provider is None:
                    if work.task in machine.contested():
                        self._apply(JuryClosed(1.0, work.task))
                        continue
                    raise RuntimeError("too few workers are left to check one another")
                self._order(work.task, provider, work.purpose)
        verdict = machine.verdict_of(1.0)
        if verdict is not None:
            self._apply(Ended(1.0, *verdict))
        return machine

    def _draw(self, barred: frozenset[str]) -> str | None:
        """A trusted worker at random that may take the task."""
        while self._pool:
            place = self._chance.randrange(len(self._pool))
            name = self._pool[place]
            if self.machine.shares[name].distrusted:
                self._pool[place] = self._pool[-1]
                self._pool.pop()
            elif name not in barred:
                return name
            elif len(self._pool) <= len(barred) and barred.issuperset(self._pool):
                return None
        return None

    def _fails_canary(self, provider: str) -> bool:
        """Whether it is found out by a task whose result is known, given to it first if one is due."""
        share = self.machine.shares[provider]
        due = canary_due(self._level, None, self._records[provider].clean + share.passed)
        if due and (known := self.machine.known(provider)):
            self._order(self._chance.choice(known), provider, "canary")
        return share.distrusted

    def _order(self, task: int, provider: str, purpose: Purpose) -> None:
        """Give it a task, and take what it delivers."""
        attempt = self.machine.next_attempt
        self._apply(Sent(1.0, task, attempt, provider, purpose, "", ""))
        share, record = self.machine.shares[provider], self._records[provider]
        lies = provider in self._cheats and self._chance.random() < self._population.cheating
        clean = record.clean + share.passed
        odds = check_chance(self._level, None, clean, Exit.OK)
        drawn = self._chance.randrange(10_000) < odds
        result = WRONG if lies else RIGHT
        self._apply(Delivered(1.0, attempt, result, FUEL // 2, int(Exit.OK), 0, 0, "", drawn))

    def _apply(self, event: JobEvent) -> None:
        self.machine.apply(event)
