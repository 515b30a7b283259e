"""The checkpoint folder as a task sees it, and copies of it that are whole whenever the machine is cut off."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fogchain.jobs.checkpoint import MAX_FILES, Checkpoint
from node.executor.abi import Errno, Refused
from node.executor.filesystem import FileSystem
from node.executor.inodes import Directory, OutputFile, OutputLimit
from node.executor.saving import Saver, Saving, part_of, wanted_at

OUT, SAVED = 4, 5
LIMIT = 100


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FileSystem]:
    (tmp_path / "run").mkdir()
    files = FileSystem(tmp_path / "run", {}, None, 1000, saved={"state": b"before"}, save_limit=LIMIT)
    yield files
    files.close()


def write(files: FileSystem, path: str, content: bytes, folder: int = SAVED) -> None:
    number = files.open(
        folder, path, create=True, directory=False, exclusive=False, truncate=True,
        readable=True, writable=True, append=False,
    )  # fmt: skip
    node = files.handle(number).node
    assert isinstance(node, OutputFile)
    try:
        node.write(memoryview(content), 0)
    finally:
        files.close_handle(number)


def test_what_was_carried_is_there_and_a_rename_commits(files: FileSystem) -> None:
    commits: list[dict[str, bytes]] = []
    files.committed = lambda: commits.append(files.saved())
    assert files.handle(SAVED).preopen == "/checkpoint"
    assert files.saved() == {"state": b"before"}
    write(files, "state.tmp", b"after")
    assert files.saved() == {"state": b"before"}
    assert commits == []
    files.rename(SAVED, "state.tmp", SAVED, "other.tmp")
    assert commits == []
    files.rename(SAVED, "other.tmp", SAVED, "state")
    assert commits == [{"state": b"after"}]
    assert [name for name, _ in files.results()] == ["stderr", "stdout"]


def test_it_counts_by_itself_and_nothing_crosses_to_the_results(files: FileSystem) -> None:
    with pytest.raises(OutputLimit, match="checkpoint limit"):
        write(files, "large", bytes(LIMIT))
    assert files.quota.left == 1000
    write(files, "result", b"x", OUT)
    for source, target in ((OUT, SAVED), (SAVED, OUT)):
        with pytest.raises(Refused) as refused:
            files.rename(source, "result" if source == OUT else "state", target, "there")
        assert refused.value.errno is Errno.XDEV


def test_what_is_given_up_gives_its_room_back(files: FileSystem) -> None:
    for _ in range(50):
        write(files, "state.tmp", bytes(LIMIT // 2))
        files.rename(SAVED, "state.tmp", SAVED, "state")
    assert files.saved() == {"state": bytes(LIMIT // 2)}
    files.unlink(SAVED, "state")
    write(files, "state", bytes(LIMIT))


def test_it_is_flat_and_holds_so_many_files(files: FileSystem) -> None:
    with pytest.raises(Refused) as refused:
        files.make_directory(SAVED, "folder")
    assert refused.value.errno is Errno.NOTSUP
    for path in ("../out/x", "/x", "..", "a/../../x"):
        with pytest.raises(Refused):
            write(files, path, b"")
    for number in range(MAX_FILES - 1):
        write(files, f"file{number}", b"")
    with pytest.raises(OutputLimit, match=f"more than {MAX_FILES} files"):
        write(files, "one more", b"")
    files.make_directory(OUT, "folder")  # the results have room of their own
    with pytest.raises(Refused) as refused:
        files.rename(OUT, "folder", SAVED, "folder")
    assert refused.value.errno is Errno.XDEV


def test_without_checkpoints_there_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    files = FileSystem(tmp_path / "run", {}, None, 1000)
    assert SAVED not in files.handles
    assert files.saving is None
    files.close()


def test_it_comes_behind_a_scripts_own_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "main.py").write_text("pass")
    files = FileSystem(tmp_path / "run", {}, None, 10, {"main.py": tmp_path / "main.py"}, saved={}, save_limit=LIMIT)
    assert [files.handle(number).preopen for number in (5, 6)] == ["/job", "/checkpoint"]
    assert isinstance(files.handle(6).node, Directory)
    files.close()


# ── copies ────────────────────────────────────────────────────────────────────────────────────────────────────


class Clock:
    """Each look costs `step` seconds."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def fuel_of(place: Path) -> int:
    return Checkpoint.decode(place.read_bytes(), LIMIT).fuel


def test_copies_come_as_often_as_their_cost_and_the_forecast_say(tmp_path: Path) -> None:
    place, clock = tmp_path / "run.kept", Clock(0.0)
    saver = Saver(Saving(place, LIMIT, bytes(32), 800.0, None), clock)

    def slow() -> dict[str, bytes]:
        clock.now += 1.0  # seconds that the copy takes: one in sqrt(2 x 1 x 800) = 40 s
        return {"state": b""}

    copies = []
    for fuel in range(200):
        clock.now += 1.0
        saver.commit(slow, fuel)
        if not copies or fuel_of(place) != copies[-1]:
            copies.append(fuel_of(place))
    assert copies == [0, 40, 80, 120, 160]
    wanted_at(place).touch()
    saver.commit(slow, 1000)
    assert fuel_of(place) == 1000


def test_where_no_copy_can_be_made_the_one_before_stays(tmp_path: Path) -> None:
    place = tmp_path / "folder" / "run.kept"
    saver = Saver(Saving(place, LIMIT, bytes(32), 0.0, None))
    saver.commit(lambda: {"state": b"1"}, 1)  # there is no such folder
    place.parent.mkdir()
    saver.commit(lambda: {"state": b"2"}, 2)
    assert fuel_of(place) == 2
    part_of(place).mkdir()  # nothing can be written there
    saver.commit(lambda: {"state": b"3"}, 3)
    assert fuel_of(place) == 2
    part_of(place).rmdir()
    saver.commit(lambda: {"state": b"4"}, 4)
    assert fuel_of(place) == 4


WRITER = """
import sys
from pathlib import Path
from fogchain.jobs.checkpoint import Checkpoint
from node.executor.saving import write_whole
print("ready", flush=True)
for fuel in range(10**6):
    write_whole(Path(sys.argv[1]), Checkpoint(bytes(32), fuel, {"state": bytes([fuel % 256]) * 200_000}).encode())
"""


def test_a_kill_at_any_moment_leaves_a_whole_copy(tmp_path: Path) -> None:
    place = tmp_path / "run.kept"
    for _ in range(12):
        before = place.stat().st_mtime_ns if place.exists() else None
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(place)], stdout=subprocess.PIPE)
        try:
            assert writer.stdout is not None
            writer.stdout.readline()
            while writer.poll() is None and (not place.exists() or place.stat().st_mtime_ns == before):
                time.sleep(0.001)
            time.sleep(random.uniform(0, 0.03))
        finally:
            writer.kill()
            writer.wait()
            assert writer.stdout is not None
            writer.stdout.close()
        found = Checkpoint.decode(place.read_bytes(), 1 << 20)
        assert found.files == {"state": bytes([found.fuel % 256]) * 200_000}


def test_the_engine_can_write_down_compiled_code_and_nothing_that_is_at_work() -> None:
    """What docs/architecture.md says of memory snapshots. An engine that can do more is a reason to think again."""
    from wasmtime import _bindings

    able = {name for name in vars(_bindings) if not name.startswith("_") and "serialize" in name}
    assert {name.split("serialize")[0] for name in able} == {
        "wasm_module_", "wasm_module_de", "wasmtime_module_", "wasmtime_module_de",
        "wasmtime_component_", "wasmtime_component_de",
    }  # fmt: skip
    assert not [name for name in vars(_bindings) if "snapshot" in name or "stack_save" in name]
