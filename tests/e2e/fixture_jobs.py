"""The jobs of the imaginary node: three providers that are not there work on them."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from fixture_things import NAMES, PRICES, fake_hex, provider_address, spec, tile

from fogchain.api.models import (
    Event,
    JobDetail,
    JobSummary,
    ProviderShare,
    ReceiptView,
    RunView,
    TaskCounts,
    TaskView,
)
from fogchain.jobs.blobname import name_of
from fogchain.jobs.spec import JobSpec, ResultFile
from fogchain.units import cost, parse_fog, parse_fuel, parse_price


@dataclass
class Part:
    """One provider's accepted runs of a job."""

    tasks: int = 0
    checks: int = 0
    fuel: int = 0
    owed: int = 0


class Tally:
    """A job's counts, kept as they change: summing up 10,000 tasks each time would be slow."""

    def __init__(self, tasks: int) -> None:
        self.states = Counter(queued=tasks)
        self.parts = {name: Part() for name in NAMES}

    def add(self, run: RunView) -> None:
        part = self.parts[run.provider_name]
        if run.state == "accepted":
            part.tasks += run.purpose == "work"
            part.checks += run.purpose == "check"
            part.fuel += run.fuel or 0
            part.owed += run.cost or 0


class Jobs:
    """The jobs of a node that is not there, and who is told of them."""

    def __init__(self, speed: float, empty: bool) -> None:
        self.speed, self.empty, self.began = speed, empty, time.time()
        self.random = random.Random(7)
        self.address = "0x" + fake_hex("buyer", 40)
        self.jobs: dict[str, JobDetail] = {}
        self.tasks: dict[str, list[TaskView]] = {}
        self.receipts: list[ReceiptView] = []
        self.blobs: set[str] = set()
        self.keys: dict[str, str] = {}
        self.moved: dict[str, dict[str, Any]] = {}  # deposits and withdrawals that were answered, by key
        self.answers_to_lose = 0
        self.tallies: dict[str, Tally] = {}
        self.listeners: set[asyncio.Queue[Event]] = set()
        self.token_amount, self.free, self.spent = parse_fog("874.25 FOG"), parse_fog("120 FOG"), 0
        self.block0 = 18_204
        if not empty:
            self._history()

    # -- what is there already

    def _history(self) -> None:
        now = time.time()
        for age, name, count, state, detail in (
            (9_000, "option-prices", 40, "done", ""),
            (5_200, "word-count moby-dick", 24, "done", ""),
            (2_700, "ray-trace teapot", 30, "failed", "task 17 failed on 3 providers: out of fuel (limit 2 Gfuel)"),
            (900, "mandelbrot preview", 12, "cancelled", "cancelled by the buyer"),
        ):
            job = self.make(spec(name, count), now - age)
            for index in range(count):
                bad = state == "failed" and index == 17
                left = state == "cancelled" and index > 6
                self._finish(
                    job, index, "failed" if bad else "cancelled" if left else "done", now - age + 2 + index * 1.3
                )
            self._save(job, state=state, detail=detail, paid=True, finished=now - age + count * 1.4)
        waiting = self.make(spec("protein fold sweep", 400), now - 60)
        why = "waiting: 3 of 3 providers ask more than 0.2 FOG/Gfuel; least: 0.4 FOG/Gfuel"
        self._save(waiting, state="planning", detail=why)

    # -- jobs

    def make(self, given: JobSpec, created: float) -> str:
        job_id = secrets.token_hex(32)
        self.jobs[job_id] = JobDetail(
            id=job_id,
            name=given.name,
            state="planning",
            detail="",
            tasks=TaskCounts(queued=len(given.tasks)),
            budget=given.budget,
            spent=0,
            paid=False,
            fuel=0,
            created=created,
            spec=given,
            providers=[],
            checks_done=0,
            checks_failed=0,
        )
        self.tallies[job_id] = Tally(len(given.tasks))
        self.tasks[job_id] = [
            TaskView(index=n, state="queued", args=list(task.args), runs=[]) for n, task in enumerate(given.tasks)
        ]
        return job_id

    def _save(self, job_id: str, **changes: Any) -> None:
        tally, job = self.tallies[job_id], self.jobs[job_id].model_copy(update=changes)
        shares = [
            ProviderShare(
                address=provider_address(number),
                name=name,
                tasks=part.tasks,
                checks=part.checks,
                fuel=part.fuel,
                owed=part.owed,
                claimed=part.owed if job.paid else 0,
                session="0x" + fake_hex(job_id + name),
                session_state="closed" if job.paid else "open",
            )
            for number, name in enumerate(NAMES)
            if (part := tally.parts[name]).tasks or part.checks or job.state in {"running", "settling"}
        ]
        self.jobs[job_id] = job.model_copy(
            update={
                "tasks": TaskCounts(**tally.states),
                "spent": sum(part.owed for part in tally.parts.values()),
                "fuel": sum(part.fuel for part in tally.parts.values()),
                "providers": shares,
                "checks_done": sum(part.checks for part in tally.parts.values()),
            }
        )
        self.emit(Event(kind="job", time=time.time(), job=self.summary(job_id)))

    def summary(self, job_id: str) -> JobSummary:
        job = self.jobs[job_id]
        return JobSummary(**{name: getattr(job, name) for name in JobSummary.model_fields})

    def _set_task(self, job_id: str, index: int, **changes: Any) -> TaskView:
        before, tally = self.tasks[job_id][index], self.tallies[job_id]
        task = before.model_copy(update=changes)
        tally.states[before.state] -= 1
        tally.states[task.state] += 1
        for run in task.runs[len(before.runs) :]:
            tally.add(run)
        self.tasks[job_id][index] = task
        self.emit(Event(kind="task", time=time.time(), task=task, job_id=job_id))
        return task

    def _finish(self, job_id: str, index: int, state: str, when: float) -> None:
        who = self.random.randrange(3)
        fuel = parse_fuel("0.6 Gfuel") + self.random.randrange(10**9)
        price = parse_price(PRICES[who])
        runs = []
        if state != "cancelled":
            purposes = ["work", "check"] if state == "done" and index % 7 == 3 else ["work"]
            for number, purpose in enumerate(purposes):
                provider = (who + number) % 3
                good = state == "done"
                runs.append(
                    RunView(
                        attempt=number + 1,
                        purpose=purpose,
                        provider=provider_address(provider),
                        provider_name=NAMES[provider],
                        state="accepted" if good else "failed",
                        detail="" if good else "out of fuel (limit 2 Gfuel)",
                        fuel=fuel,
                        cost=cost(fuel, price) if good else 0,
                        result=fake_hex(f"{job_id}{index}") if good else None,
                        exit="ok" if good else "out of fuel",
                        sent=when - 1.4,
                        finished=when,
                    )
                )
                if good:
                    self.receipts.insert(
                        0,
                        ReceiptView(
                            order=fake_hex(f"{job_id}{index}{purpose}"),
                            job=job_id,
                            job_name=self.jobs[job_id].name,
                            task=index,
                            role="buyer",
                            counterparty=provider_address(provider),
                            result=fake_hex(f"{job_id}{index}"),
                            fuel=fuel,
                            price=price,
                            cost=cost(fuel, price),
                            fee=cost(fuel, price) // 100,
                            net=cost(fuel, price) - cost(fuel, price) // 100,
                            exit="ok",
                            state="accepted",
                            reason="checked_ok" if len(purposes) > 1 else "ok",
                            reason_text="accepted" + (": other providers got the same" if len(purposes) > 1 else ""),
                            purpose=purpose,
                            started=int(when - 1),
                            finished=int(when),
                        ),
                    )
        files = self.files(job_id, index) if state == "done" else {}
        self._set_task(
            job_id,
            index,
            state=state,
            runs=runs,
            detail="out of fuel (limit 2 Gfuel)" if state == "failed" else "",
            result=fake_hex(f"{job_id}{index}") if files else None,
            files=[ResultFile(name=n, sha256=name_of(d), size=len(d)) for n, d in sorted(files.items())],
        )

    def files(self, job_id: str, index: int) -> dict[str, bytes]:
        name, count = self.jobs[job_id].name, len(self.jobs[job_id].spec.tasks)
        words = f"task {index} of {name}\nmean 10.4{index:02d}31 stderr 0.0021\n<script>alert('never run')</script>\n"
        files = {"stdout": words.encode(), "stderr": b""}
        if "mandelbrot" in name or "poster" in name:
            files["tile.png"] = tile(job_id, index, count)
        else:
            files["result.csv"] = "\n".join(f"{n},{n * n + index}" for n in range(40)).encode()
        return files

    async def run(self, job_id: str) -> None:
        """Work on the job as three providers would, at `speed` tasks a second."""
        await asyncio.sleep(0.4)
        self._save(job_id, state="running")
        self.emit(Event(kind="wallet", time=time.time()))
        count = len(self.tasks[job_id])
        window = 6
        began = time.monotonic()
        for index in range(count + window):
            if self.jobs[job_id].state == "cancelled":
                return
            if index < count:
                self._set_task(job_id, index, state="sent")
            if 2 <= index < count + 2:
                self._set_task(job_id, index - 2, state="running")
            if 5 <= index < count + 5 and (index - 5) % 7 == 3:
                self._set_task(job_id, index - 5, state="checking")
            if index >= window:
                self._finish(job_id, index - window, "done", time.time())
            self._save(job_id)
            await asyncio.sleep(max(0.0, began + (index + 1) / self.speed - time.monotonic()))
        self._save(job_id, state="settling", detail="providers claim their vouchers")
        await asyncio.sleep(0.8)
        self.spent += self.jobs[job_id].spent
        self._save(job_id, state="done", detail="", paid=True, finished=time.time())
        self.emit(Event(kind="wallet", time=time.time()))

    def emit(self, event: Event) -> None:
        for queue in self.listeners:
            queue.put_nowait(event)
