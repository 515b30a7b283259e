"""The files of a run: what paths lead to, and that the output limit holds whatever is done to the files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.executor.abi import Errno, Refused
from node.executor.filesystem import FileSystem
from node.executor.inodes import MAX_FILES, OutputFile, OutputLimit

IN, OUT = 3, 4
LIMIT = 1000


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FileSystem]:
    (tmp_path / "input").write_bytes(b"abc")
    (tmp_path / "run").mkdir()
    files = FileSystem(tmp_path / "run", {"x": tmp_path / "input"}, None, LIMIT)
    yield files
    files.close()


def make(files: FileSystem, path: str, folder: int = OUT) -> int:
    return files.open(
        folder, path, create=True, directory=False, exclusive=False, truncate=False,
        readable=True, writable=True, append=False,
    )  # fmt: skip


def look(files: FileSystem, path: str, folder: int = OUT) -> int:
    return files.open(
        folder, path, create=False, directory=False, exclusive=False, truncate=False,
        readable=True, writable=False, append=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("/etc/passwd", Errno.NOTCAPABLE),
        ("/x", Errno.NOTCAPABLE),
        ("..", Errno.NOTCAPABLE),
        ("../out/f", Errno.NOTCAPABLE),
        ("a/../../f", Errno.NOTCAPABLE),
        ("./././../x", Errno.NOTCAPABLE),
        ("a/b/../../../x", Errno.NOTCAPABLE),
        ("", Errno.NOENT),
        ("nothing", Errno.NOENT),
        ("nothing/f", Errno.NOENT),
        ("f/g", Errno.NOTDIR),
        ("f/", Errno.NOTDIR),
        ("f/..", Errno.NOTDIR),
    ],
)
def test_paths_that_lead_nowhere_or_out_are_refused(files: FileSystem, path: str, errno: Errno) -> None:
    files.make_directory(OUT, "a")
    files.make_directory(OUT, "a/b")
    make(files, "f")
    with pytest.raises(Refused) as caught:
        look(files, path)
    assert caught.value.errno is errno


def test_paths_may_go_back_the_way_they_came(files: FileSystem) -> None:
    files.make_directory(OUT, "a")
    make(files, "a/../f")
    assert look(files, "./a/.././f") > OUT
    assert [name for name, _ in files.results()] == ["out/f", "stderr", "stdout"]


@pytest.mark.parametrize("name", [".f", "-f", "a\nb", "a\\b", "a:b", "*", "\x1b[2J", "x" * 101, "a\u202eb"])
def test_names_that_a_disk_or_terminal_trips_over_are_refused(files: FileSystem, name: str) -> None:
    with pytest.raises(Refused):
        make(files, name)
    with pytest.raises(Refused):
        files.make_directory(OUT, name)
    make(files, "good")
    with pytest.raises(Refused):
        files.rename(OUT, "good", OUT, name)


def test_inputs_can_be_read_and_nothing_else(files: FileSystem) -> None:
    assert look(files, "x", IN) > OUT
    for attempt in (
        lambda: make(files, "x", IN),
        lambda: make(files, "y", IN),
        lambda: files.unlink(IN, "x"),
        lambda: files.rename(IN, "x", OUT, "x"),
        lambda: files.rename(IN, "x", IN, "y"),
        lambda: files.make_directory(IN, "d"),
    ):
        with pytest.raises(Refused):
            attempt()
    assert list(files.incoming.entries) == ["x"]


def test_deeper_names_than_a_result_may_have_are_refused(files: FileSystem) -> None:
    path = "d"
    with pytest.raises(Refused) as caught:
        for _ in range(200):
            files.make_directory(OUT, path)
            path += "/d"
    assert caught.value.errno is Errno.NAMETOOLONG


def test_files_made_and_removed_over_and_over_leave_nothing_behind(files: FileSystem, tmp_path: Path) -> None:
    for _ in range(2 * MAX_FILES):
        handle = make(files, "f")
        node = files.handle(handle).node
        assert isinstance(node, OutputFile)
        node.write(memoryview(b"x" * 600), 0)
        files.unlink(OUT, "f")
        files.close_handle(handle)
    assert files.quota.left == LIMIT
    assert len(list((tmp_path / "run").iterdir())) == 2  # standard output and error


def test_a_file_removed_while_open_still_counts(files: FileSystem) -> None:
    handle = make(files, "f")
    node = files.handle(handle).node
    assert isinstance(node, OutputFile)
    node.write(memoryview(b"x" * LIMIT), 0)
    files.unlink(OUT, "f")
    with pytest.raises(OutputLimit):
        files.stdout.write(memoryview(b"y"), 0)
    files.close_handle(handle)
    files.stdout.write(memoryview(b"y"), 0)


def test_a_write_over_the_limit_keeps_what_there_was_room_for(files: FileSystem) -> None:
    files.stdout.write(memoryview(b"a" * 900), 0)
    with pytest.raises(OutputLimit):
        files.stderr.write(memoryview(b"b" * 200), 0)
    assert files.stderr.path.read_bytes() == b"b" * 100


def test_a_gap_counts_as_written(files: FileSystem) -> None:
    with pytest.raises(OutputLimit):
        files.stdout.write(memoryview(b"z"), 10**12)
    assert files.stdout.size == 0
    with pytest.raises(OutputLimit):
        files.stdout.resize(10**12)
    assert files.stdout.path.stat().st_size == 0


_steps = st.one_of(
    st.tuples(st.just("write"), st.sampled_from("abc"), st.integers(0, 700), st.integers(0, 400)),
    st.tuples(st.just("resize"), st.sampled_from("abc"), st.integers(0, 700), st.just(0)),
    st.tuples(st.just("unlink"), st.sampled_from("abc"), st.just(0), st.just(0)),
    st.tuples(st.just("rename"), st.sampled_from("abc"), st.integers(0, 2), st.just(0)),
    st.tuples(st.just("close"), st.just("a"), st.integers(5, 12), st.just(0)),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_steps, max_size=30))
def test_the_quota_is_always_the_limit_less_what_is_there(
    steps: list[tuple[str, str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    files = FileSystem(folder, {}, None, LIMIT)
    for kind, name, number, size in steps:
        try:
            if kind in ("write", "resize"):
                node = files.handle(make(files, name)).node
                assert isinstance(node, OutputFile)
                node.write(memoryview(bytes(size)), number) if kind == "write" else node.resize(number)
            elif kind == "unlink":
                files.unlink(OUT, name)
            elif kind == "rename":
                files.rename(OUT, name, OUT, "abc"[number])
            else:
                files.close_handle(number)
        except (Refused, OutputLimit):
            pass
        on_disk = sum(path.stat().st_size for path in folder.iterdir())
        assert on_disk + files.quota.left == LIMIT
    assert {name for name, _ in files.results()} >= {"stdout", "stderr"}
    files.close()
