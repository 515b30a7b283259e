"""Real worker processes. What hostile programs may do is bounded before they start: every worker is in a control group
where the machine has them, every run has a wall-clock limit, and no program here can make a process at all."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from fogchain.jobs.blobname import name_of
from fogchain.jobs.spec import BlobRef, Limits, RunSpec, TaskSpec
from fogchain.market.engines import Runtime
from node.executor.pool import Executor, RunOutcome, RunRequest

MIB = 1 << 20
Runner = Callable[..., Awaitable[RunOutcome]]
_numbers = itertools.count()

WASI = """
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
"""


def program(body: str, *, pages: int = 1, more: str = "") -> str:
    """The text of a WASI command whose `_start` is `body`; `more` is what else the module holds."""
    return f"""(module {WASI} (memory (export "memory") {pages}) {more} (func (export "_start") {body}))"""


def request(
    folder: Path, code: str | bytes | Path, *, seed: bytes = bytes(32), args: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None, stdin: bytes | None = None, inputs: Mapping[str, bytes] | None = None,
    runtime: Runtime = "wasm", **limits: Any,
) -> RunRequest:  # fmt: skip
    """A request for `code` (a file, bytes, or WebAssembly text) with its files written to `folder`."""
    number = next(_numbers)

    def store(data: bytes) -> tuple[Path, BlobRef]:
        sha256 = name_of(data)
        path = folder / sha256
        path.write_bytes(data)
        return path, BlobRef(sha256=sha256, size=len(data))

    data = code.read_bytes() if isinstance(code, Path) else wasmtime.wat2wasm(code) if isinstance(code, str) else code
    module, module_ref = store(bytes(data))
    stored = {name: store(content) for name, content in (inputs or {}).items()}
    standard = store(stdin) if stdin is not None else None
    values = {"fuel": 10**9, "memory": 16 * MIB, "time": 20_000, "output": MIB} | limits
    task = TaskSpec(
        args=args,
        env=dict(env or {}),
        stdin=standard[1] if standard else None,
        inputs={name: ref for name, (_, ref) in stored.items()},
    )
    return RunRequest(
        run_id=f"run-{number}",
        spec=RunSpec(runtime=runtime, module=module_ref, limits=Limits(**values), task=task),
        module=module,
        stdin=standard[0] if standard else None,
        inputs={name: path for name, (path, _) in stored.items()},
        seed=seed,
    )


@pytest.fixture
async def executor(tmp_path: Path) -> AsyncIterator[Executor]:
    executor = Executor(tmp_path / "executor", 1, memory_cap=256 * MIB)
    await executor.start()
    yield executor
    await executor.stop()


@pytest.fixture
def run(executor: Executor, tmp_path: Path) -> Runner:
    """`await run(code, **limits and files)` runs it on a pool of one worker."""
    blobs = tmp_path / "blobs"
    blobs.mkdir()

    async def run(code: str | bytes | Path, **options: Any) -> RunOutcome:
        return await executor.run(request(blobs, code, **options))

    return run
