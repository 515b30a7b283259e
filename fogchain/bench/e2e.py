"""The end-to-end figures: real processes, a real chain, real sockets, on one machine.

| figure | what is measured |
|---|---|
| first_paid_job | `fogchain demo --once` on an empty folder: from its start to the moment the last provider is paid |
| batch_efficiency | 100 equal tasks: time in the bare sandbox with a slot a core / time through the market |
| task_overhead | the time one more zero-work task adds to a job, 8 orders and more in flight |
| audit_overhead | runs per task at the default level in the simulation: 500 workers, 200,000 tasks, colluding cheats |
| audit_wrong_accepted | wrong results of all that were accepted in it; both the worst of three populations |
| dead_provider_makespan | one of four providers killed in mid-batch for good / median undisturbed |
| chaos_lost | accepted jobs, tasks and payments missing, or books that disagree, after 200 random kills |
| chaos_doubled | jobs, tasks and payments that are there twice after them |
| cli_help | `fogchain --help`, whole process |
| cli_job_list | `fogchain job list` against a running node, whole process |
| node_idle_memory | resident bytes of an idle provider: daemon and its workers |
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from fogchain.bench.chaos import chaos
from fogchain.bench.report import Metric, Missing, Peer
from fogchain.errors import FogchainError, Unavailable
from fogchain.jobs.file import load_job_file
from fogchain.localnet import LocalNetwork
from fogchain.market.simulation import Course, Population, simulate

BATCH_TASKS = 100
BATCH_RUNS = 3
BATCH_SECONDS = 0.5  # a task of the batch, about
FEW, MANY = 40, 240  # zero-work tasks
POLL = 0.5  # seconds between looks at a job: the times that count are the node's own
AUDIT_JOBS, AUDIT_TASKS = 200, 1000
POPULATIONS = (Population(cheats=0.1, cheating=1.0), Population(cheats=0.1), Population(cheats=0.3))
PURSE = "100000 FOG"
CHAOS_KILLS = 200
JOB_PATIENCE = 600.0

# Spins for as many rounds as its first argument says.
SPIN = """
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $number (result i64)
    (local $at i32) (local $value i64) (local $digit i32)
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $args (i32.const 16) (i32.const 1024)))
    (local.set $at (i32.load (i32.const 20)))
    (block $done
      (loop $next
        (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
        (br_if $done (i32.gt_u (local.get $digit) (i32.const 9)))
        (local.set $value (i64.add (i64.mul (local.get $value) (i64.const 10)) (i64.extend_i32_u (local.get $digit))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $value))
  (func (export "_start")
    (local $left i64) (local $x i64)
    (local.set $left (call $number))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        (local.set $x
          (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $next)))
    (i64.store (i32.const 8) (local.get $x))))
"""
FUEL_PER_ROUND = 13


@dataclass
class Figures:
    """Measured values by figure, and what could not be measured."""

    values: dict[str, list[float]] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)


async def run(say: Callable[[str], None] = lambda _: None) -> tuple[list[Metric], list[Missing]]:
    """Measure everything; `say` is told each step."""
    figures = Figures()
    say("cli_help: fogchain --help, 7 times")
    for _ in range(7):
        figures.add("cli_help", 1000 * _timed([*_cli(), "--help"]))
    for number in range(3):
        say(f"first_paid_job: the demo on an empty folder, {number + 1} of 3")
        figures.add("first_paid_job", await asyncio.to_thread(_demo))
    for population in POPULATIONS:
        say(
            f"audit_overhead, audit_wrong_accepted: {population.cheats:.0%} of {population.workers} workers cheat in "
            f"{population.cheating:.0%} of their tasks"
        )
    courses = await asyncio.to_thread(_audit)
    figures.add("audit_overhead", max(course.overhead for course in courses))
    figures.add("audit_wrong_accepted", max(course.wrong_share for course in courses))
    with tempfile.TemporaryDirectory(prefix="fogchain-bench-") as scratch:
        try:
            await _market(Path(scratch), figures, say)
            await _chaos(Path(scratch), figures, say)
        except (FogchainError, OSError, ValueError, subprocess.SubprocessError) as error:  # keep what was measured
            say(f"the rest could not be measured: {error}")
    figures.missing += []
    metrics = [Metric.of("e2e", name, values, figures.peers.get(name)) for name, values in figures.values.items()]
    return metrics, figures.missing


def _audit() -> list[Course]:
    """The course of each population, each in a process of its own."""
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        done = [pool.submit(simulate, population, AUDIT_JOBS, AUDIT_TASKS, 1) for population in POPULATIONS]
        return [future.result() for future in done]


async def _market(scratch: Path, figures: Figures, say: Callable[[str], None]) -> None:
    network = LocalNetwork(scratch / "three", providers=3, purse=PURSE, say=say)
    await network.start()
    try:
        say("node_idle_memory: an idle provider")
        figures.add("node_idle_memory", _resident(network.members["oak"].pid) / (1 << 20))
        say("cli_job_list, 7 times")
        listing = [*_cli(), "job", "list", "--data", str(scratch / "three" / "buyer")]
        for _ in range(7):
            figures.add("cli_job_list", 1000 * _timed(listing))
        zero = {count: spin_job(scratch / f"zero-{count}", count, 0) for count in (FEW, MANY)}
        say("warming up: providers earn their first record")
        await _timed_job(network, zero[MANY])
        for number in range(3):
            say(f"task_overhead: {FEW} and {MANY} zero-work tasks, {number + 1} of 3")
            few, many = await _timed_job(network, zero[FEW]), await _timed_job(network, zero[MANY])
            figures.add("task_overhead", 1000 * (many.seconds - few.seconds) / (MANY - FEW))
        rounds = await asyncio.to_thread(_calibrate, scratch)
        batch = spin_job(scratch / "batch", BATCH_TASKS, rounds, budget="4000 FOG")
        for number in range(BATCH_RUNS):
            say(
                f"batch_efficiency: {BATCH_TASKS} tasks in the bare sandbox and through the market, "
                f"{number + 1} of {BATCH_RUNS}"
            )
            ideal = await asyncio.to_thread(_bare, batch)
            job = await _timed_job(network, batch)
            figures.add("batch_efficiency", ideal / job.seconds)
    finally:
        await network.stop()
    network = LocalNetwork(scratch / "four", providers=4, purse=PURSE, supervised=False, lost_after="2 s")
    await network.start()
    try:
        await _timed_job(network, zero[MANY])
        await _timed_job(network, batch)  # with the checks that newcomers get
        calm = [(await _timed_job(network, batch)).seconds for _ in range(2)]
        say("dead_provider_makespan: one of four providers is killed in mid-batch")
        hurt = await _timed_job(network, batch, kill=("cedar", 0.4))
        figures.add("dead_provider_makespan", hurt.seconds / statistics.median(calm))
    finally:
        await network.stop()


async def _chaos(scratch: Path, figures: Figures, say: Callable[[str], None]) -> None:
    say(f"chaos: {CHAOS_KILLS} kills at random moments, which takes a quarter of an hour")
    network = LocalNetwork(scratch / "chaos", providers=3, purse=PURSE, lost_after="8 s")
    await network.start()
    try:
        outcome = await chaos(network, kills=CHAOS_KILLS, seed=time.time_ns(), say=say)
    finally:
        await network.stop()
    for line in (*outcome.lost, *outcome.doubled, *outcome.disagreements):
        say(line)
    say(f"{outcome.jobs} jobs and {outcome.tasks} tasks under {dict(outcome.kills)}")
    figures.add("chaos_lost", len(outcome.lost) + len(outcome.disagreements))
    figures.add("chaos_doubled", len(outcome.doubled))


@dataclass(frozen=True)
class TimedJob:
    seconds: float  # from submission to the last task's end
    runs: int


async def _timed_job(network: LocalNetwork, job: Path, kill: tuple[str, float] | None = None) -> TimedJob:
    """Run a job; `kill` names a provider and the share of tasks done at which it is killed for good."""
    resolved = load_job_file(job)
    for sha256, source in resolved.blobs.items():
        if not await network.buyer.has_blob(sha256):
            await network.buyer.put_blob(source, sha256)
    started = time.perf_counter()
    summary = await network.buyer.submit(resolved.spec)
    while summary.finished is None:
        if time.perf_counter() - started > JOB_PATIENCE:
            raise Unavailable(f"a benchmark job did not end in {JOB_PATIENCE:.0f} s: {summary.detail or summary.state}")
        await asyncio.sleep(POLL)
        summary = await network.buyer.job(summary.id)
        if kill is not None and summary.tasks.done >= kill[1] * summary.tasks.total:
            await network.kill(kill[0])
            kill = None
    seconds = summary.finished - summary.created
    if summary.state not in ("settling", "done"):
        raise Unavailable(f"a benchmark job {summary.state}: {summary.detail}")
    detail = await network.buyer.job(summary.id)
    return TimedJob(seconds, sum(share.tasks + share.checks for share in detail.providers))


def spin_job(folder: Path, tasks: int, rounds: int, extra: str = "", budget: str = "400 FOG") -> Path:
    """A job of `tasks` equal tasks, each `rounds` rounds of the spinning module; `extra` is more of the job file."""
    from wasmtime import wat2wasm

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spin.wasm").write_bytes(bytes(wat2wasm(SPIN)))
    fuel = max(1_000_000, 2 * rounds * FUEL_PER_ROUND)
    (folder / "job.toml").write_text(
        f'[job]\nname = "spin"\nmodule = "spin.wasm"\nbudget = "{budget}"\n[limits]\nfuel = "{fuel} fuel"\n'
        f'memory = "16 MiB"\ntime = "60 s"\n[array]\ncount = {tasks}\nargs = ["{rounds}"]\n{extra}'
    )
    return folder / "job.toml"


def _calibrate(scratch: Path) -> int:
    """How many rounds take about BATCH_SECONDS here."""
    trial = 20_000_000
    seconds = _bare(spin_job(scratch / "trial", 4, trial), slots=1) / 4
    return int(trial * BATCH_SECONDS / seconds)


def _bare(job: Path, slots: int | None = None) -> float:
    command = [sys.executable, "-m", "node.bare", str(job), *(["--slots", str(slots)] if slots else [])]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=JOB_PATIENCE)
    if result.returncode != 0:
        raise Unavailable(f"the bare sandbox did not run: {result.stderr.strip()[-300:]}")
    return float(json.loads(result.stdout)["seconds"])


def _demo() -> float:
    """Seconds from the demo's start on an empty folder to its job being paid, as seen from outside."""
    with tempfile.TemporaryDirectory(prefix="fogchain-bench-demo-") as scratch:
        command = [*_cli(), "demo", "--once", "--json", "--data", str(Path(scratch) / "data")]
        started = time.time()
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        whole = time.time() - started
        if result.returncode != 0:
            raise Unavailable(f"the demo failed: {result.stderr.strip()[-500:]}")
        # The report's own clock begins after the interpreter has started; the difference to the whole run bounds it.
        return min(whole, float(json.loads(result.stdout)["paid_after_s"]) + _timed([*_cli(), "--version"]))


def _cli() -> list[str]:
    script = Path(sys.executable).with_name("fogchain")
    return [str(script)] if script.exists() else [sys.executable, "-m", "fogchain.cli.main"]


def _timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True, timeout=60, env={**os.environ, "COLUMNS": "100"})
    return time.perf_counter() - started


def _resident(pid: int | None) -> int:
    """Resident bytes of a process and all below it."""
    if pid is None:
        raise Unavailable("the provider is not running")
    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
