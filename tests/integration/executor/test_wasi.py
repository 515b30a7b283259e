"""What a program compiled from C sees: its files, nothing else, and the same on every machine."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

from fogchain.market.messages import Exit
from node.executor.pool import Executor, RunOutcome

from .conftest import MIB, request

pytestmark = pytest.mark.slow  # the compiler builds its C library first


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The probe, compiled like the examples are and with their compiler cache."""
    base = tmp_path_factory.getbasetemp()
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "zig"
    cache.mkdir(exist_ok=True)
    module = tmp_path_factory.mktemp("probe") / "probe.wasm"
    build = runpy.run_path(str(Path(__file__).parents[3] / "examples" / "build.py"))
    build["compile_c"](Path(__file__).with_name("probe.c"), module, cache)
    return module


async def _probe(folder: Path, module: Path, seed: bytes = bytes(32)) -> RunOutcome:
    """The probe in a pool of its own, with a compilation of its own."""
    folder.mkdir()
    executor = Executor(folder / "executor", 1, memory_cap=64 * MIB)
    await executor.start()
    try:
        wanted = request(
            folder, module, seed=seed, args=("first", "with space", "ünïcode"), env={"B": "2", "A": "1"},
            stdin=b"line one\nline two\n", inputs={"b.txt": b"bee", "a.txt": b"a", "c d.txt": b""}, memory=32 * MIB,
        )  # fmt: skip
        outcome = await executor.run(wanted)
    finally:
        await executor.stop()
    assert (outcome.exit, outcome.code) == (Exit.NONZERO, 3), outcome
    return outcome


@pytest.mark.timeout(300)
async def test_a_c_program_gets_its_own_files_and_nothing_else(probe: Path, tmp_path: Path) -> None:
    outcome = await _probe(tmp_path / "one", probe)
    said = outcome.files["stdout"].read_text().splitlines()
    assert said[: said.index("stat: done")] == [
        "arg task", "arg first", "arg with space", "arg ünïcode", "env A=1", "env B=2",
        "stdin line one", "stdin line two", "list /in: ./ ../ a.txt b.txt c d.txt", "list /:",
    ]  # fmt: skip
    files = said[said.index("stat: done") + 1 :]
    assert files[0].startswith("size 3 ")
    assert files[0].endswith(" modified 946684800")
    assert files[1:9] == [
        "list /out/sub: ./ ../ deep/ " + " ".join(f"file{n}" for n in range(10)),
        "rename: done", "rename over: done", "rename folder into itself: Invalid argument",
        "remove full folder: Directory not empty", "remove folder: done", "list /out/sub: ./ ../ file2",
        "end 8, then 23 bytes",
    ]  # fmt: skip
    assert files[9] == "truncate: done"
    opens = [line for line in files if line.startswith("open ")]
    assert len(opens) >= 12
    assert all(line.endswith(": refused") for line in opens if "/out/a" not in line)
    assert "b: refused" in files  # the name with a line break
    assert "symbolic link: Not supported" in files
    assert "link: Not supported" in files
    assert "unlink input: Read-only file system" in files
    assert "read link: Invalid argument" in files
    assert "date 946684800" in files  # 2000-01-01
    assert "slept 3600 s" in files
    assert any(line.startswith("nan 7ff8000000000000 7ff8000000000000 ") for line in files)
    assert outcome.files["stderr"].read_text() == "done\n"
    assert outcome.files["out/log"].read_text() == "one\nTWO\n"
    assert [file.name for file in outcome.manifest.files] == [
        "out/log",
        "out/moved",
        "out/sub/file2",
        "stderr",
        "stdout",
    ]


@pytest.mark.timeout(300)
async def test_two_pools_give_the_same_bytes_and_fuel(probe: Path, tmp_path: Path) -> None:
    one, two = await _probe(tmp_path / "one", probe), await _probe(tmp_path / "two", probe)
    assert one.manifest == two.manifest
    assert one.manifest.digest == two.manifest.digest
    assert one.fuel == two.fuel
    assert one.files["stdout"].read_bytes() == two.files["stdout"].read_bytes()


@pytest.mark.timeout(300)
async def test_another_seed_gives_other_random_numbers_and_nothing_else(probe: Path, tmp_path: Path) -> None:
    one = await _probe(tmp_path / "one", probe)
    other = await _probe(tmp_path / "other", probe, seed=b"s" * 32)
    pairs = zip(
        one.files["stdout"].read_text().splitlines(), other.files["stdout"].read_text().splitlines(), strict=True
    )
    assert [line.split()[0] for line, changed in pairs if line != changed] == ["random"]
