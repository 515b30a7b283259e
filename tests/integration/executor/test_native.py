"""Native programs behind bubblewrap. Each of them is bounded before it starts: by its control group of at most 64
processes and little memory, by its limits of processor time and output, and by the wall clock."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from fogchain.market.messages import Exit
from node.executor import native, seccomp
from node.executor.pool import Evicted, Executor, RunOutcome

from .conftest import MIB, Runner, request
from .ways import BEST, GROUP, OLD, missing, take, until

# x86-64, static: write(1, "hello\n", 6); exit(7)
_CODE = bytes.fromhex(
    "b801000000 bf01000000 488d3513000000 ba06000000 0f05 b83c000000 bf07000000 0f05".replace(" ", "")
)
HELLO_ELF = (
    bytes.fromhex("7f454c46020101000000000000000000 02003e0001000000 7800400000000000 4000000000000000")
    + bytes.fromhex("0000000000000000 00000000 4000 3800 0100 0000 0000 0000")
    + bytes.fromhex("01000000 05000000 0000000000000000 0000400000000000 0000400000000000")
    + bytes.fromhex("0010000000000000 0010000000000000 0010000000000000")
    + _CODE
    + b"hello\n"
)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A tar image with Perl and a shell, which this machine has, and the libraries they need."""
    perl, shell = shutil.which("perl"), shutil.which("sh")
    assert perl is not None and shell is not None
    libraries = subprocess.run(["ldd", perl, shell], capture_output=True, text=True, check=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in sorted({word for word in libraries if word.startswith("/") and not word.endswith(":")}):
            tar.add(os.path.realpath(name), name)
        tar.add(os.path.realpath(perl), "usr/bin/perl")
        tar.add(os.path.realpath(shell), "bin/sh")
    return buffer.getvalue()


@pytest.fixture
async def executor(tmp_path: Path) -> AsyncIterator[Executor]:
    executor = Executor(tmp_path / "executor", 1, memory_cap=128 * MIB, wanted=("wasm", "native"))
    await executor.start()
    assert executor.runtimes.engine_for("native") == native.NATIVE_ENGINE, executor.runtimes.state("native").detail
    yield executor
    await executor.stop()


@pytest.fixture
def run(executor: Executor, tmp_path: Path) -> Runner:
    blobs = tmp_path / "blobs"
    blobs.mkdir()

    async def run(code: bytes, **options: Any) -> RunOutcome:
        options = {"fuel": 10 * 10**9, "memory": 64 * MIB, "time": 20_000} | options
        return await executor.run(request(blobs, code, runtime="native", **options))

    return run


@pytest.fixture
def perl(run: Runner, image: bytes) -> Runner:
    async def perl(text: str, *args: str, **options: Any) -> RunOutcome:
        return await run(image, args=("/usr/bin/perl", "-e", text, *args), **options)

    return perl


def _out(outcome: RunOutcome, name: str = "stdout") -> str:
    return outcome.files[name].read_text()


async def test_a_static_executable_runs(run: Runner) -> None:
    outcome = await run(HELLO_ELF)
    assert (outcome.exit, outcome.code, _out(outcome)) == (Exit.NONZERO, 7, "hello\n")
    assert 0 < outcome.fuel < 10**9


async def test_a_command_in_an_image_reads_its_inputs_and_leaves_results(perl: Runner) -> None:
    text = """
        open(F, "<", "/in/a.txt"); my $given = <F>; my $typed = <STDIN>;
        mkdir "/out/deep"; open(G, ">", "/out/deep/r.txt"); print G "$given$typed$ENV{WHO}"; close G;
        opendir(D, "/"); print "@ARGV $> $ENV{HOME} ", join(",", sort grep { !/^[.]/ } readdir D);
    """
    outcome = await perl(text, "x", "y", stdin=b"in", inputs={"a.txt": b"file "}, env={"WHO": " me"})
    assert (outcome.exit, _out(outcome, "stderr")) == (Exit.OK, "")
    assert _out(outcome, "out/deep/r.txt") == "file in me"
    assert _out(outcome).startswith("x y 65534 /tmp bin,dev,in,lib")


async def test_processor_time_of_all_its_processes_is_its_fuel(perl: Runner) -> None:
    burn = "fork; fork; 1 while (times)[0] + (times)[1] < 0.2; 1 while wait > 0;"
    outcome = await perl(burn)
    assert outcome.exit is Exit.OK
    assert 0.75e9 < outcome.fuel < 3e9


@pytest.mark.parametrize(
    ("text", "exit_"),
    [("1 while 1", Exit.OUT_OF_FUEL), ("fork; fork; 1 while 1", Exit.OUT_OF_FUEL), ("kill 11, $$; sleep 9", Exit.TRAP)],
    ids=["endless", "endless-forks", "signal"],
)
async def test_a_program_that_does_not_end_well_is_ended(perl: Runner, text: str, exit_: Exit) -> None:
    outcome = await perl(text, fuel=10**9 // 2)
    assert outcome.exit is exit_, outcome.detail
    assert outcome.fuel <= 10**9 // 2


async def test_one_that_only_waits_is_killed_by_the_wall_clock_with_all_it_started(
    perl: Runner, executor: Executor
) -> None:
    started = time.monotonic()
    outcome = await perl("fork; fork; sleep 3600", time=1_000)
    assert outcome.exit is Exit.TIMEOUT
    assert time.monotonic() - started < 10
    for _ in range(100):
        left = [p.pid for p in psutil.process_iter(["cmdline"]) if "sleep 3600" in " ".join(p.info["cmdline"] or ())]
        if not left:
            break
        await asyncio.sleep(0.05)
    assert not left
    assert (await perl("print 1")).exit is Exit.OK


async def test_memory_is_limited_for_all_its_processes_together(perl: Runner) -> None:
    outcome = await perl("my $x = 'x' x (200 << 20); print 'got it'", memory=32 * MIB)
    assert outcome.exit is not Exit.OK
    assert "got it" not in _out(outcome)
    temporary = 'open(F, ">", "/tmp/f"); print F "x" x (1 << 20) for 1 .. 200; close F or exit 3; print "got it"'
    assert "got it" not in _out(await perl(temporary, memory=32 * MIB))


async def test_a_fork_bomb_meets_its_limit(perl: Runner) -> None:
    text = (
        "my $n = 0; while ($n < 100) { my $p = fork; last if !defined $p; if (!$p) { sleep 60; exit } $n++ } print $n"
    )
    outcome = await perl(text)
    assert outcome.exit is Exit.OK
    assert 20 < int(_out(outcome)) < 64


@pytest.mark.parametrize(
    "text",
    [
        'print "x" x 65536 while 1',
        'open(F, ">", "/out/f"); print F "x" x 65536 while 1',
        'for (1 .. 5000) { open(F, ">", "/out/f$_"); close F } sleep 60',
        'open(F, ">", "/out/f"); truncate(F, 4 << 30) or kill(25, $$); sleep 60',
        'my $d = "/out"; for (1 .. 5000) { mkdir "$d/d"; chdir "$d/d"; $d = "." } sleep 60',
    ],
    ids=["endless-stdout", "endless-file", "many-files", "sparse-file", "deep-folders"],
)
async def test_output_is_limited(perl: Runner, text: str) -> None:
    outcome = await perl(text, output=MIB)
    assert outcome.exit is Exit.OUTPUT_LIMIT, outcome.detail
    assert sum(path.stat().st_size for path in outcome.files.values()) <= MIB


async def test_links_it_leaves_lead_nowhere(perl: Runner, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the owner's")
    text = f"""
        symlink "{secret}", "/out/a"; symlink "/", "/out/root"; open(F, ">", "/out/b"); print F "b"; close F;
        link "/out/b", "/out/c"; mkdir "/out/d"; symlink "{tmp_path}", "/out/d/e"; open(F, ">", "/out/.hidden");
    """
    outcome = await perl(text)
    assert outcome.exit is Exit.OK
    assert set(outcome.files) == {"stdout", "stderr"}
    assert "3 result files were left out" in outcome.detail


PROBES = {
    "the host's files": 'print -e "/etc/passwd" ? 1 : 0',
    "the data folder": "print opendir(D, $ARGV[0]) ? 1 : 0",
    "writing to the root": 'print open(F, ">", "/new") ? 1 : 0',
    "writing to an input": 'print open(F, ">>", "/in/a.txt") ? 1 : 0',
    "writing to a device's folder": 'print open(F, ">", "/dev/new") ? 1 : 0',
    "the network": "print syscall(41, 2, 1, 0) >= 0 ? 1 : 0",
    "vsock": "print syscall(41, 40, 1, 0) >= 0 ? 1 : 0",
    "netlink": "print syscall(41, 16, 3, 0) >= 0 ? 1 : 0",
    "a user namespace": "print syscall(272, 0x10000000) >= 0 ? 1 : 0",
    "a namespace by clone": "print syscall(56, 0x10000011, 0, 0, 0, 0) >= 0 ? 1 : 0",
    "clone3": "print syscall(435, 0, 0) >= 0 || $! != 38 ? 1 : 0",
    "mount": 'my ($a, $b) = ("none\\0", "/out\\0"); print syscall(165, $a, $b, $a, 0, 0) >= 0 || $! != 1 ? 1 : 0',
    "ptrace": "print syscall(101, 0, 0, 0, 0) >= 0 ? 1 : 0",
    "bpf": "print syscall(321, 0, 0, 0) >= 0 || $! != 1 ? 1 : 0",
    "io_uring": "print syscall(425, 1, 0) >= 0 || $! != 1 ? 1 : 0",
    "keys": "print syscall(250, 0, 0, 0) >= 0 || $! != 1 ? 1 : 0",
    "typing into the terminal": "print syscall(16, 0, 0x5412, 0) >= 0 || $! != 1 ? 1 : 0",
    "a new call": "print syscall(9999) >= 0 || $! != 38 ? 1 : 0",
    "signals to others": "my $n = kill(0, 1 .. 100); print $n > 2 ? 1 : 0",
    "the real host name": 'my $b = "\\0" x 390; syscall(63, $b); print index($b, "task") == 65 ? 0 : 1',
    "being root": "print $< == 0 || $> == 0 ? 1 : 0",
    "changing the owner": 'open(F, ">", "/out/f"); close F; print chown(0, 0, "/out/f") > 0 ? 1 : 0',
    "other variables": 'print join("", map { /^(PATH|HOME|PWD)$/ ? "" : $_ } keys %ENV) eq "" ? 0 : 1',
    "other descriptors": 'my $n = 0; for (3 .. 255) { $n++ if open(F, "<&=", $_) && -e F } print $n ? 1 : 0',
}


@pytest.mark.parametrize("probe", PROBES)
async def test_nothing_outside_its_walls_can_be_reached(perl: Runner, tmp_path: Path, probe: str) -> None:
    outcome = await perl(PROBES[probe], str(tmp_path), inputs={"a.txt": b"a"})
    assert (outcome.exit, _out(outcome)) == (Exit.OK, "0"), _out(outcome, "stderr")


async def test_calls_of_the_other_processor_mode_kill(perl: Runner) -> None:
    outcome = await perl("syscall(0x40000000 + 39); print 'lived'")
    assert outcome.exit is Exit.TRAP
    assert "SIGSYS" in outcome.detail


async def test_honest_programs_still_may(perl: Runner) -> None:
    text = """
        socketpair(A, B, 1, 1, 0) or die "socketpair"; pipe(C, D) or die "pipe";
        open(F, ">", "/tmp/x") or die "tmp"; open(N, ">", "/dev/null") or die "null";
        my $p = fork; if (!$p) { exec "/bin/sh", "-c", "exit 5" } waitpid($p, 0); print $? >> 8;
    """
    outcome = await perl(text)
    assert _out(outcome) == "5", _out(outcome, "stderr")


def _tar(*entries: tuple[str, dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, fields in entries:
            content = fields.pop("content", b"")
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in fields.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


LINK, HARD, DEVICE = {"type": tarfile.SYMTYPE}, {"type": tarfile.LNKTYPE}, {"type": tarfile.CHRTYPE, "devmajor": 1}
BAD_IMAGES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "above": (lambda out: _tar(("../../evil", {"content": b"x"})), "leads out"),
    "through a link": (
        lambda out: _tar(("a", LINK | {"linkname": str(out)}), ("a/evil", {"content": b"x"})),
        "is a link or a file",
    ),
    "hard link": (lambda out: _tar(("a", HARD | {"linkname": "../../../../etc/passwd"})), "leads out"),
    "device": (lambda out: _tar(("a", dict(DEVICE))), "only files, folders and links"),
    "text": (lambda out: b"not an image", "neither a Linux executable nor a tar"),
    "cut short": (lambda out: _tar(("a", {"content": b"x" * 9000}))[:3000], ""),
}


@pytest.mark.parametrize("case", BAD_IMAGES)
async def test_an_image_that_leads_out_is_refused(run: Runner, tmp_path: Path, case: str) -> None:
    out = tmp_path / "outside"
    out.mkdir()
    make, said = BAD_IMAGES[case]
    outcome = await run(make(out), args=("/a",))
    assert outcome.exit is Exit.BAD_MODULE
    assert said in outcome.detail
    assert not list(out.iterdir())


async def test_an_image_without_its_program_says_so(run: Runner, image: bytes) -> None:
    outcome = await run(image, args=("/usr/bin/none",))
    assert outcome.exit is Exit.BAD_MODULE
    assert outcome.detail == "the program can't be started: /usr/bin/none: No such file or directory"
    assert (await run(image)).exit is Exit.BAD_MODULE


async def test_native_is_offered_only_by_those_who_asked_for_it_and_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = Executor(tmp_path / "executor", 1, memory_cap=128 * MIB)
    await executor.start()
    try:
        outcome = await executor.run(request(tmp_path, HELLO_ELF, runtime="native"))
        assert outcome.exit is Exit.REFUSED
        assert "not among provider.runtimes" in outcome.detail
    finally:
        await executor.stop()
    assert native.why_not(walled=True) == ""
    assert "control groups" in native.why_not(walled=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "bubblewrap is missing" in native.why_not(walled=True)


def test_the_filter_fits_what_the_kernel_takes() -> None:
    program = seccomp.program()
    assert len(program) % 8 == 0
    assert len(program) // 8 < 4096


# Eight processes, each in a session of its own (call 112); each wakes whatever it may signal, and burns processor time.
RESTLESS = """
    fork; fork; fork; syscall(112); $SIG{$_} = "IGNORE" for qw(TSTP TTIN TTOU HUP TERM CONT);
    while (1) { kill CONT => -1; 1 for 1..20000 }
"""


@pytest.mark.parametrize("way", [BEST, OLD, GROUP])
async def test_a_program_with_many_processes_stands_as_a_whole_and_dies_as_one(
    way: str, image: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why := missing(way):
        pytest.skip(why)
    take(way, monkeypatch.setattr)
    executor = Executor(tmp_path / "executor", 1, memory_cap=128 * MIB, wanted=("native",))
    await executor.start()
    try:
        limits = {"fuel": 600 * 10**9, "memory": 64 * MIB, "time": 600_000}
        wanted = request(tmp_path, image, runtime="native", args=("/usr/bin/perl", "-e", RESTLESS), **limits)
        run = asyncio.create_task(executor.run(wanted))
        await until(lambda: len(_busy()) == 8)
        for _ in range(3):
            executor.suspend()
            await until(executor.standing)
            before = executor.processor_time()
            await asyncio.sleep(0.2)
            assert executor.processor_time() == before
            executor.resume()
            await until(lambda used=before: executor.processor_time() > used + 0.05)  # type: ignore[misc]
        executor.suspend()
        await until(executor.standing)
        tasks = _busy()
        executor.kill()
        with pytest.raises(Evicted):
            await run
        await until(lambda: not any(task.is_running() and task.status() != psutil.STATUS_ZOMBIE for task in tasks))
        executor.resume()
        outcome = await executor.run(request(tmp_path, HELLO_ELF, runtime="native", **limits))
        assert outcome.code == 7
    finally:
        await executor.stop()


async def test_a_program_that_stood_still_has_all_of_its_time(perl: Runner, executor: Executor) -> None:
    executor.suspend()
    run = asyncio.create_task(perl("print 1", time=1_000))
    await until(lambda: executor.running)
    stood = time.monotonic()
    await until(lambda: time.monotonic() > stood + 2)
    assert not run.done()
    executor.resume()
    outcome = await run
    assert (outcome.exit, _out(outcome)) == (Exit.OK, "1"), outcome.detail
    assert outcome.stood > 1.9


def _busy() -> list[psutil.Process]:
    """The native task's own processes."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name() == "perl":
                found.append(process)
    return found
