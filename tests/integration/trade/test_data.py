"""Data in a real market: large inputs from several sources, logs of what failed, storage, and a job's end."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from wasmtime import wat2wasm

from fogchain.api.address import ApiAddress, read_token
from fogchain.errors import NotFound
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


def job(folder: Path, body: str, limits: str, more: str = "") -> Path:
    folder.mkdir()
    (folder / "job.wasm").write_bytes(bytes(wat2wasm(WRITES % body)))
    (folder / "job.toml").write_text(
        f'[job]\nmodule = "job.wasm"\nbudget = "400 FOG"\n[limits]\n'
        f'memory = "16 MiB"\noutput = "1 MiB"\n{limits}\n{more}'
    )
    return folder / "job.toml"


def fogchain(market: Any, *words: str) -> Any:
    folder = market.network.members["buyer"].folder.root
    command = [sys.executable, "-m", "fogchain.cli.main", *words, "--data", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
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
        (found,) = await asyncio.to_thread(fogchain, m, "job", "logs", job_id[:10])
        assert len(found["attempts"]) >= 2
        for attempt in found["attempts"]:
            assert (attempt["state"], attempt["exit"]) == ("failed", "timeout")
            assert attempt["stderr"] == {"size": 16, "left_out": 0, "text": "about to loop .."}
            assert "time limit of 1 s" in attempt["detail"]  # from inside, or by a kill from outside
        assert {attempt["provider_name"] for attempt in found["attempts"]} == set(m.network.names)
        before = await storage(m, "buyer")
        assert before["pinned"] > 0
        assert await asyncio.to_thread(fogchain, m, "job", "delete", job_id, "--yes") == {"deleted": job_id}
        assert (await storage(m, "buyer"))["pinned"] == 0
        with pytest.raises(NotFound):
            await m.network.buyer.job(job_id)


def _blobs(market: Any, name: str) -> set[str]:
    return {path.name for path in market.network.members[name].folder.blobs.glob("??/*")}
