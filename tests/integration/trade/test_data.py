"""Data in a real market: large inputs from several sources, logs of what failed, storage, and a job's end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from wasmtime import wat2wasm

import fogchain
from fogchain.api.address import ApiAddress, read_token
from fogchain.api.models import JobDetail
from fogchain.client import Printed
from fogchain.errors import NotFound, TooLarge, Unavailable
from fogchain.jobs.blobname import name_of

WRITES = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\10\\00\\00\\00") (data (i32.const 16) "about to loop ..\\0a")
  (func (export "_start")
    (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    %s))
"""
FOREVER = "(loop $again (br $again))"
QUOTA, WRITTEN = 64 << 20, 8 << 20
ECHO = f"""
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 130)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $args (i32.const 1024) (i32.const 4096)))
    (i32.store (i32.const 16) (i32.const 4096))
    (i32.store (i32.const 20) (i32.const {WRITTEN}))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
"""


def job(folder: Path, body: str, limits: str, more: str = "") -> Path:
    folder.mkdir()
    (folder / "job.wasm").write_bytes(bytes(wat2wasm(WRITES % body)))
    (folder / "job.toml").write_text(
        f'[job]\nmodule = "job.wasm"\nbudget = "400 FOG"\n[limits]\n'
        f'memory = "16 MiB"\noutput = "1 MiB"\n{limits}\n{more}'
    )
    return folder / "job.toml"


def command(market: Any, *words: str) -> Any:
    folder = market.network.members["buyer"].folder.root
    line = [sys.executable, "-m", "fogchain.cli.main", *words, "--data", str(folder), "--json"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def storage(market: Any, name: str) -> dict[str, Any]:
    folder = market.network.members[name].folder
    headers = {"Authorization": f"Bearer {read_token(folder)}"}
    async with httpx.AsyncClient(base_url=ApiAddress.load(folder).url, headers=headers) as client:
        answer = await client.get("/v1/storage")
        return dict(answer.raise_for_status().json())


async def test_a_large_input_reaches_every_provider_and_stays_while_it_is_needed(
    market: Callable[..., Any], tmp_path: Path
) -> None:
    data = os.urandom(30 << 20)
    (tmp_path / "large").write_bytes(data)
    more = '[verify]\nlevel = "L0"\n[inputs]\nlarge = "../large"\n[array]\ncount = 9\n'
    async with market(providers=3) as m:
        job_id = await m.submit(job(tmp_path / "job", "", 'fuel = "1 Gfuel"\ntime = "20 s"', more))
        await m.until(job_id, lambda detail: detail.tasks.done > 0)
        assert name_of(data) in _blobs(m, "buyer")
        detail = await m.paid(job_id)
        assert detail.state == "done"
        had = [name for name in m.network.names if name_of(data) in _blobs(m, name)]
        assert len(had) == len([share for share in detail.providers if share.tasks])
        kept = await storage(m, "buyer")
        assert kept["used"] >= len(data)
        assert kept["pinned"] < 1 << 20  # the results alone: the job is over
        assert [one["job"] for one in kept["jobs"]] == [job_id]
        for name in m.network.names:
            assert (await storage(m, name))["pinned"] == 0  # all was handed over


@pytest.mark.complaint(26)
@pytest.mark.timeout(400)
async def test_what_failed_attempts_printed_is_kept_and_goes_with_the_job(
    market: Callable[..., Any], tmp_path: Path
) -> None:
    async with market(providers=2) as m:
        job_id = await m.submit(
            job(
                tmp_path / "job",
                FOREVER,
                'fuel = "90 Gfuel"\ntime = "1 s"',
                '[verify]\nlevel = "L0"\n[array]\ncount = 1\n',
            )
        )
        detail = await m.until(job_id, lambda detail: detail.paid)
        assert detail.state == "failed" and "time limit" in detail.detail
        (found,) = await asyncio.to_thread(command, m, "job", "logs", job_id[:10])
        assert len(found["attempts"]) >= 2
        for attempt in found["attempts"]:
            assert (attempt["state"], attempt["exit"]) == ("failed", "timeout")
            assert {"size": 16, "left_out": 0, "text": "about to loop .."}.items() <= attempt["stderr"].items()
            assert "time limit of 1 s" in attempt["detail"]  # from inside, or by a kill from outside
        assert {attempt["provider_name"] for attempt in found["attempts"]} == set(m.network.names)
        before = await storage(m, "buyer")
        assert before["pinned"] > 0
        assert await asyncio.to_thread(command, m, "job", "delete", job_id, "--yes") == {"deleted": job_id}
        assert (await storage(m, "buyer"))["pinned"] == 0
        with pytest.raises(NotFound):
            await m.network.buyer.job(job_id)
        await what_a_task_prints_is_seen_while_it_runs(m, tmp_path)


async def what_a_task_prints_is_seen_while_it_runs(m: Any, tmp_path: Path) -> None:
    level = '[verify]\nlevel = "L0"\n[array]\ncount = 2\n'
    ended = await m.submit(job(tmp_path / "ended", "", 'fuel = "1 Gfuel"\ntime = "20 s"', level))
    async with Follower(m, ended) as follower:
        said = [line async for line in follower.lines()]
    for task in range(2):
        mine = [line for line in said if line["task"] == task]
        assert "".join(line["text"] for line in mine if "stream" in line) == "about to loop .."
        assert (mine[-1]["state"], mine[-1]["unverified"], mine[-1]["contradicted"]) == ("accepted", False, False)

    limits, level = 'fuel = "90 Gfuel"\ntime = "300 s"', level.replace("= 2", "= 1")
    runs = await m.submit(job(tmp_path / "runs", FOREVER, limits, level))
    async with Follower(m, runs) as follower:
        line = await follower.line()
        while line.get("state") == "lost":  # on a busy machine a provider may be silent for too long
            line = await follower.line()
        assert (line["stream"], line["text"], line["unverified"]) == ("stderr", "about to loop ..", True)
        assert (await m.network.buyer.job(runs)).tasks.running == 1
        *_, attempt = (await m.network.buyer.logs(runs, 0)).attempts
        assert (attempt.state, attempt.unverified, attempt.stdout.size) == ("running", True, 0)
        async with (
            fogchain.AsyncClient(data=m.network.members["buyer"].folder.root) as client,
            contextlib.aclosing((await client.job(runs)).printed()) as events,
        ):
            event = await anext(events)
            assert isinstance(event, Printed) and event.text == "about to loop .." and event.unverified
        await m.network.buyer.cancel(runs)
        assert [line async for line in follower.lines() if line.get("state") in ("running", "sent")] == []
    *_, attempt = (await m.network.buyer.logs(runs, 0)).attempts
    assert attempt.stderr.text == "about to loop .." and attempt.unverified  # of what has no result, this is all


class Follower:
    """`fogchain job logs --follow --json` as a process."""

    def __init__(self, market: Any, job_id: str) -> None:
        folder = market.network.members["buyer"].folder.root
        words = ("job", "logs", job_id, "--follow", "--json", "--data", str(folder))
        self._command = [sys.executable, "-m", "fogchain.cli.main", *words]

    async def __aenter__(self) -> Follower:
        self._process = await asyncio.create_subprocess_exec(*self._command, stdout=subprocess.PIPE)
        return self

    async def line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(120):
            if not (line := await self._process.stdout.readline()):
                assert await self._process.wait() == 0
                raise EOFError
            return dict(json.loads(line))

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        with contextlib.suppress(EOFError):
            while True:
                yield await self.line()

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@pytest.mark.complaint(26)
@pytest.mark.timeout(400)
async def test_a_job_whose_results_do_not_fit_pauses_before_it_orders_more_and_loses_nothing(
    market: Callable[..., Any], tmp_path: Path
) -> None:
    async with market(providers=2) as m:
        config = m.network.members["buyer"].folder.config
        await m.network.end("buyer")
        config.write_text(config.read_text() + f'\n[data]\nquota = "{QUOTA >> 20} MiB"\n')
        await m.network.launch_node("buyer")
        await m.network.ready("buyer")
        await m.network.providers_ready(2)

        with pytest.raises(TooLarge, match=r"64.2 MiB, and of data\.quota, 64 MiB, "):
            await m.submit(writing(tmp_path / "never", 1, output="64 MiB"))
        old = await m.submit(writing(tmp_path / "old", 3))
        await m.paid(old)

        def paused(detail: JobDetail) -> bool:
            return "paused: a task may leave 9.2 MiB" in detail.detail and detail.tasks.running + detail.tasks.sent == 0

        job_id = await m.submit(writing(tmp_path / "more", 6))
        detail = await m.until(job_id, paused)
        assert "fetch results" in detail.detail and detail.state == "running"
        assert 0 < detail.tasks.done == 6 - detail.tasks.queued < 6
        with pytest.raises(Unavailable, match="no room for a result"):
            await m.submit(writing(tmp_path / "none", 1))
        await m.network.kill("buyer")
        await m.network.launch_node("buyer")
        await m.network.ready("buyer")
        await m.until(job_id, paused)
        kept = await storage(m, "buyer")
        assert kept["used"] <= QUOTA and kept["pinned"] >= (3 + detail.tasks.done) * WRITTEN

        await asyncio.to_thread(command, m, "job", "delete", old, "--yes")
        detail = await m.paid(job_id)
        assert (detail.state, detail.tasks.done) == ("done", 6)
        for task in (await m.network.buyer.tasks(job_id)).items:
            assert {run.state for run in task.runs} - {"lost"} == {"accepted"}  # a busy machine may be silent for long
            output = await m.network.buyer.result_file(job_id, task.index, "stdout")
            assert len(output) == WRITTEN and b"\0more-%d\0" % task.index in output[:64]


def writing(folder: Path, tasks: int, output: str = "9 MiB") -> Path:
    """Tasks that each write 8 MiB, none the same."""
    folder.mkdir()
    (folder / "job.wasm").write_bytes(bytes(wat2wasm(ECHO)))
    (folder / "job.toml").write_text(
        f'[job]\nmodule = "job.wasm"\nbudget = "100 FOG"\n[limits]\nfuel = "1 Gfuel"\nmemory = "16 MiB"\n'
        f'output = "{output}"\ntime = "20 s"\n[verify]\nlevel = "L0"\n'
        f'[array]\ncount = {tasks}\nargs = ["{folder.name}-{{index}}"]\n'
    )
    return folder / "job.toml"


def _blobs(market: Any, name: str) -> set[str]:
    return {path.name for path in market.network.members[name].folder.blobs.glob("??/*")}
