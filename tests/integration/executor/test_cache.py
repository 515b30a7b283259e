"""Compiled modules are kept, privately, and never trusted further than they should be."""

from __future__ import annotations

import stat
from pathlib import Path

from fogchain.market.messages import Exit
from node.executor.pool import Executor

from .conftest import MIB, program, request


async def _run_once(folder: Path, blobs: Path, code: str) -> Exit:
    executor = Executor(folder, 1, memory_cap=64 * MIB)
    await executor.start()
    try:
        return (await executor.run(request(blobs, code))).exit
    finally:
        await executor.stop()


async def test_a_module_is_compiled_once_for_all_pools_of_a_node(tmp_path: Path) -> None:
    folder = tmp_path / "executor"
    assert await _run_once(folder, tmp_path, program("")) is Exit.OK
    (compiled,) = (folder / "cache").iterdir()
    written = compiled.stat().st_ino
    assert await _run_once(folder, tmp_path, program("")) is Exit.OK
    assert [path.stat().st_ino for path in (folder / "cache").iterdir()] == [written]
    for place in (folder, folder / "cache", folder / "runs"):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


async def test_a_compiled_module_cut_short_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "executor"
    assert await _run_once(folder, tmp_path, program("unreachable")) is Exit.TRAP
    (compiled,) = (folder / "cache").iterdir()
    compiled.write_bytes(compiled.read_bytes()[:1000])
    assert await _run_once(folder, tmp_path, program("unreachable")) is Exit.TRAP
    assert len(list((folder / "cache").iterdir())) == 1
    assert compiled.stat().st_size > 1000


async def test_starting_again_drops_what_a_killed_node_left(tmp_path: Path) -> None:
    folder = tmp_path / "executor"
    left = folder / "runs" / "old" / "7"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a result")
    assert await _run_once(folder, tmp_path, program("")) is Exit.OK
    assert not left.exists()
