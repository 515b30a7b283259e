"""`fogchain demo`: the main job on one machine, with real processes, a real chain and real payment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

import fogchain
from fogchain import units
from fogchain.api.models import JobDetail, JobSummary
from fogchain.chain.client import ChainClient
from fogchain.client.saving import save_results
from fogchain.errors import FogchainError, NotFound, Unavailable
from fogchain.jobs.file import load_job_file
from fogchain.localnet import LocalNetwork

T = TypeVar("T")

POLL = 0.25
PANEL_TIMEOUT = 30.0
PAID_TIMEOUT = 120.0  # after the last task
DIGITS = 6


@dataclass(frozen=True)
class Balance:
    """One party's FOG, in base units, as the chain says."""

    party: str
    before: int
    after: int


@dataclass(frozen=True)
class Report:
    """What the demo prints at its end; amounts are strings with units in `--json`."""

    job: str
    state: str
    tasks: int
    checks: int
    paid_after_s: float
    picture: str | None
    results: str
    panel: str | None
    data: str
    providers: list[dict[str, Any]]
    balances: list[dict[str, str]]
    fees: dict[str, str]  # kept back by the market from all providers' pay, like a balance
    adds_up: bool


def examples_folder() -> Path:
    """Where the example jobs lie: beside the packages in a checkout, inside the package when installed."""
    inside = Path(fogchain.__file__).parent
    for place in (inside.parent / "examples", inside / "examples"):
        if (place / "poster" / "job.toml").exists():
            return place
    raise NotFound(
        "the example jobs are not installed", hint="run the demo from a checkout, or give a job with --job FILE"
    )


def demo(
    *, once: bool, data: Path | None, port: int, job: Path | None, as_json: bool, providers: int = 3, panel: bool = True
) -> int:
    """Run the demo; returns the exit code. Ctrl-C ends it in order."""
    started = time.monotonic()
    console = Console(stderr=as_json, highlight=False)
    job_file = job or examples_folder() / "poster" / "job.toml"
    load_job_file(job_file)  # a bad job file is told before anything is started
    folder = data.absolute() if data else Path(tempfile.mkdtemp(prefix="fogchain-demo-"))
    show = _Show(console, folder)
    try:
        return asyncio.run(_run(show, folder, job_file, once=once, port=port, as_json=as_json, started=started,
                                providers=providers, panel=panel))  # fmt: skip
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    finally:
        if data is None and not once:
            shutil.rmtree(folder, ignore_errors=True)


async def _run(
    show: _Show, folder: Path, job_file: Path, *, once: bool, port: int, as_json: bool, started: float,
    providers: int, panel: bool,
) -> int:  # fmt: skip
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    show.head()
    opening: asyncio.Task[str] | None = None
    network = LocalNetwork(folder, providers=providers, say=show.step)
    try:
        await _unless(stop, network.start())
        if panel:
            opening = asyncio.create_task(_open_panel(network, port, show))
        before, fees_before = await _balances(network)
        job_id, created = await _submit(network, job_file)
        show.submitted(job_id, created)
        detail = await _unless(stop, _watch(network, job_id, show))
        paid_after = time.monotonic() - started
        results = folder / "results" / job_id[:12]
        await save_results(network.buyer, job_id, results)
        picture = await _assemble(job_file, results, folder)
        panel_url = await _unless(stop, opening) if opening else None
        report = await _report(network, detail, before, fees_before, paid_after, results, picture, panel_url, folder)
        if as_json:
            print(json.dumps(asdict(report), indent=2), flush=True)
        show.report(report)
        if not once:
            show.stay(report)
            await stop.wait()
        return 0 if detail.state == "done" and report.adds_up else 1
    except _Stopped:
        show.console.print("\nstopped")
        return 130
    finally:
        if opening is not None and not opening.done():
            opening.cancel()
        show.step("stopping all processes")
        await network.stop()
        show.close()


class _Stopped(Exception):
    """The person pressed Ctrl-C."""


async def _unless(stop: asyncio.Event, work: Awaitable[T]) -> T:
    """`work`'s result, or _Stopped as soon as the demo is to end."""
    task = asyncio.ensure_future(work)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, FogchainError):
            await task
        raise _Stopped
    return task.result()


async def _open_panel(network: LocalNetwork, port: int, show: _Show) -> str:
    """Start the panel beside the job, and say where it is."""
    url = await _start_panel(network, port)
    show.step(f"the panel is at [bold]{url}[/bold]; its sign-in token is in {network.folder}/buyer/api.token")
    return url


async def _start_panel(network: LocalNetwork, port: int) -> str:
    """Start the panel's process; returns its address."""
    ready = network.folder / "panel.json"
    ready.unlink(missing_ok=True)
    buyer = network.members["buyer"].folder
    assert buyer is not None
    argv = [
        sys.executable, "-m", "ui", "--node", network.buyer.url, "--token-file", str(buyer.token),
        "--port", str(port), "--ready-file", str(ready),
    ]  # fmt: skip
    for name in network.names:
        folder = network.members[name].folder
        assert folder is not None
        argv += ["--other", f"{name}={network.client(name).url}={folder.token}"]
    await network.launch("panel", argv)
    deadline = time.monotonic() + PANEL_TIMEOUT
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError, KeyError):
            return str(json.loads(ready.read_text())["url"])
        await asyncio.sleep(0.1)
    raise Unavailable("the panel did not come up", hint=f"read {network.folder / 'logs' / 'panel.log'}")


async def _submit(network: LocalNetwork, job_file: Path) -> tuple[str, bool]:
    """Submit the job, or find the one an earlier demo on this folder left unfinished."""
    for summary in (await network.buyer.jobs()).items:
        if not summary.paid and summary.state in ("planning", "running", "settling"):
            return summary.id, False
    resolved = load_job_file(job_file)
    for sha256, source in resolved.blobs.items():
        if not await network.buyer.has_blob(sha256):
            await network.buyer.put_blob(source, sha256)
    return (await network.buyer.submit(resolved.spec)).id, True


async def _watch(network: LocalNetwork, job_id: str, show: _Show) -> JobDetail:
    """Follow the job until it is paid; a buyer that is restarted meanwhile is waited for."""
    ended: float | None = None
    while True:
        try:
            detail = await network.buyer.job(job_id)
        except Unavailable:
            await network.ready("buyer")
            continue
        show.progress(detail)
        if detail.paid:
            return detail
        if detail.state in ("failed", "cancelled") and ended is None:
            show.console.print(f"the job {detail.state}: {detail.detail}")
        ended = ended or (time.monotonic() if detail.finished else None)
        if ended is not None and time.monotonic() - ended > PAID_TIMEOUT:
            raise Unavailable(
                "the job ended but was not paid in time", hint=f"read the logs in {network.folder / 'logs'}"
            )
        await asyncio.sleep(POLL)


async def _assemble(job_file: Path, results: Path, folder: Path) -> str | None:
    """Run the example's own assembler, if it has one; returns the picture's path."""
    script = job_file.parent / "assemble.py"
    if not script.exists():
        return None
    picture = folder / "poster.png"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(results), str(picture),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise Unavailable(f"the picture could not be assembled: {output.decode(errors='replace').strip()[-300:]}")
    return str(picture)


async def _balances(network: LocalNetwork) -> tuple[dict[str, int], int]:
    """Every party's FOG, wallet and market together, and the fees that the market keeps back, read from the chain."""
    client = ChainClient(network.rpc_url, network.deployment)
    try:
        await client.connect()
        found, fees = {}, 0
        for name in ("buyer", *network.names):
            address = (await network.client(name).status()).address
            token, free, locked, withheld = await asyncio.gather(
                client.token_balance(address),
                client.free_balance(address),
                client.locked_balance(address),
                client.withheld(address),
            )
            found[name] = token + free + locked
            fees += withheld
        return found, fees
    finally:
        await client.close()


async def _report(
    network: LocalNetwork,
    detail: JobDetail,
    before: dict[str, int],
    fees_before: int,
    paid_after: float,
    results: Path,
    picture: str | None,
    panel_url: str | None,
    folder: Path,
) -> Report:
    after, fees = await _balances(network)
    return Report(
        job=detail.id,
        state=detail.state,
        tasks=detail.tasks.done,
        checks=detail.checks_done,
        paid_after_s=round(paid_after, 2),
        picture=picture,
        results=str(results),
        panel=panel_url,
        data=str(folder),
        providers=[
            {
                "name": share.name,
                "address": share.address,
                "tasks": share.tasks,
                "checks": share.checks,
                "fuel": units.format_fuel(share.fuel),
                "paid": units.format_fog(share.claimed - share.fee),
                "fee": units.format_fog(share.fee),
            }
            for share in detail.providers
        ],
        balances=[{"party": party, **_change(before[party], after[party])} for party in before],
        fees=_change(fees_before, fees),
        adds_up=sum(before.values()) + fees_before == sum(after.values()) + fees,
    )


def _change(before: int, after: int) -> dict[str, str]:
    return {
        "before": units.format_fog(before),
        "after": units.format_fog(after),
        "change": units.format_fog(after - before),
    }


class _Show:
    """What the demo prints while it goes on."""

    def __init__(self, console: Console, folder: Path) -> None:
        self.console = console
        self._folder = folder
        self._live: Progress | None = None
        self._task: Any = None
        self._start = time.monotonic()

    def head(self) -> None:
        self.console.print("[bold]fogchain demo[/bold]: three providers and a buyer trade compute on this machine\n")

    def step(self, text: str) -> None:
        self.console.print(f"  [dim]{time.monotonic() - self._start:5.1f} s[/dim]  {text}", soft_wrap=True)

    def submitted(self, job_id: str, fresh: bool) -> None:
        self.step(f"job {job_id[:12]} {'submitted' if fresh else 'goes on where it was left'}")
        if self.console.is_terminal:
            self._live = Progress(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(40),
                TextColumn("{task.completed:.0f}/{task.total:.0f} tasks"), TextColumn("{task.fields[more]}"),
                TimeElapsedColumn(), console=self.console, transient=True,
            )  # fmt: skip
            self._live.start()
            self._task = self._live.add_task("starting", total=1, more="")

    def progress(self, job: JobSummary) -> None:
        counts = job.tasks
        more = f"{counts.running + counts.sent} out, {counts.checking} in check, spent {units.format_fog(job.spent, 4)}"
        if self._live is not None:
            words = {"planning": job.detail or "opening sessions", "settling": "providers claim their pay"}
            self._live.update(
                self._task,
                total=counts.total,
                completed=counts.done,
                description=words.get(job.state, job.state),
                more=more,
            )

    def report(self, report: Report) -> None:
        self.close()
        if report.state == "done":
            done = f"{report.tasks} tasks done, {report.checks} of them checked by a second provider, all paid"
            self.step(f"[bold green]{done}[/bold green]\n")
        else:
            self.step(f"[bold red]the job is {report.state}[/bold red]\n")
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        for column in ("provider", "tasks", "checks", "fuel", "paid", "fee"):
            table.add_column(column, justify="left" if column == "provider" else "right", header_style="dim")
        for row in report.providers:
            fuel = units.format_fuel(units.parse_fuel(row["fuel"]), 3)
            paid, fee = (units.format_fog(units.parse_fog(row[key]), DIGITS) for key in ("paid", "fee"))
            table.add_row(row["name"], str(row["tasks"]), str(row["checks"]), fuel, paid, fee)
        self.console.print(table)
        self.console.print()
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
        for column in ("balance on the chain", "before", "after"):
            table.add_column(column, justify="left" if "chain" in column else "right", header_style="dim")
        total = [0, 0]
        for balance in (*report.balances, {"party": "fees kept back", **report.fees}):
            amounts = [units.parse_fog(balance[key]) for key in ("before", "after")]
            total = [total[0] + amounts[0], total[1] + amounts[1]]
            table.add_row(balance["party"], *(units.format_fog(amount, DIGITS) for amount in amounts))
        table.add_row("all together", *(units.format_fog(amount) for amount in total), style="bold")
        self.console.print(table)
        self.console.print(
            f"\n{'the balances add up' if report.adds_up else '[bold red]the balances do not add up[/bold red]'}\n"
        )
        if report.picture:
            self.console.print(f"picture   {report.picture}", soft_wrap=True)
        self.console.print(f"results   {report.results}", soft_wrap=True)
        if report.panel:
            self.console.print(f"panel     {report.panel}", soft_wrap=True)
            self.console.print(f"          sign in with the token in {report.data}/buyer/api.token", soft_wrap=True)

    def stay(self, report: Report) -> None:
        self.console.print("\neverything keeps running; press Ctrl-C to end it. To try more, in another terminal:\n")
        self.console.print(f"  export FOGCHAIN_HOME={report.data}/buyer", soft_wrap=True)
        self.console.print("  fogchain job submit examples/options/job.toml --watch\n", soft_wrap=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
