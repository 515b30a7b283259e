"""Runs Linux programs behind bubblewrap, for providers that opt in: a static executable, or a command in a tar image.

The walls, all of them or none: namespaces for users, processes, network, mounts and the rest (bubblewrap); a root that
is the image and nothing else, read-only; no capability; uid 65534; `seccomp.py`; a control group for memory and
processes; the kernel's limit on the size of any file; a watch over all output and processor time. `why_not` says what
a machine lacks.

There is no fuel in it: one nanosecond of processor time counts as one fuel. Two runs may give different bytes and never
give the same fuel, so results are not checked by hash.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fogchain.jobs.blobname import hash_file
from fogchain.jobs.names import is_plain_name
from node.executor import seccomp
from node.executor.cgroup import Cgroup
from node.executor.endings import BAD_MODULE, NONZERO, OK, OUT_OF_FUEL, OUTPUT_LIMIT, REFUSED, TRAP
from node.executor.filesystem import MAX_RESULT_NAME
from node.executor.image import BadImage, unpack
from node.executor.inodes import MAX_FILES
from node.executor.trees import remove_tree

if TYPE_CHECKING:
    from node.executor.sandbox import Run

NATIVE_ENGINE = f"native-{platform.machine()}/fog-1"
PROGRAM = "program"  # a static executable's place in its otherwise empty root
KEPT_IMAGES = 8
_POLL = 0.02
_UID = "65534"
_MOUNT_POINTS = ("in", "out", "tmp", "dev")
_SCRATCH = "/tmp"  # noqa: S108 - in the task's own root
_PATH = "/usr/local/bin:/usr/bin:/bin"


def why_not(walled: bool) -> str:
    """What keeps this machine from running native tasks; empty if nothing does. `walled`: workers have a group."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "native tasks run on Linux on x86-64 only"
    if (bwrap := shutil.which("bwrap")) is None:
        return "bubblewrap is missing: install your system's package `bubblewrap`"
    if not walled:
        return (
            "this node may not make control groups, without which memory and processes have no limit: "
            "run it as a service with Delegate=yes"
        )
    root = ["--ro-bind", "/", "/", "--chdir", "/"]
    with _filter() as descriptor:
        command = [bwrap, *_walls(descriptor), *root, "--", "/bin/true"]
        try:
            tried = subprocess.run(command, pass_fds=[descriptor], capture_output=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"bubblewrap does not start: {error}"
    said = tried.stderr.decode(errors="replace").strip()
    return f"bubblewrap can't build its walls here: {said}" if tried.returncode else ""


def _walls(filter_descriptor: int) -> list[str]:
    return [
        "--unshare-all", "--die-with-parent", "--new-session", "--uid", _UID, "--gid", _UID, "--hostname", "task",
        "--cap-drop", "ALL", "--clearenv", "--seccomp", str(filter_descriptor),
    ]  # fmt: skip


@contextmanager
def _filter() -> Iterator[int]:
    descriptor = os.memfd_create("seccomp")
    try:
        os.write(descriptor, seccomp.program())
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Ending:
    exit: int
    code: int = 0
    detail: str = ""


class Native:
    """Runs one task after the other; `cache` is where unpacked images are kept."""

    def __init__(self, cache: Path) -> None:
        self._images = cache / "images"
        self._used = 0  # nanoseconds of processor time, by the last run

    def run(self, run: Run) -> dict[str, Any]:
        """The answer frame for `run`. Raises OSError when this machine is at fault."""
        out = run.folder / "out"
        out.mkdir(mode=0o700)
        files: list[list[Any]] = []
        try:
            with self._image(run) as (root, command):
                ending = self._execute(run, root, command, out)
        except BadImage as error:
            ending = _Ending(BAD_MODULE, detail=str(error))
        except ValueError as error:
            ending = _Ending(REFUSED, detail=str(error))
        fuel = 0
        if ending.exit in (OK, NONZERO, TRAP, OUT_OF_FUEL, OUTPUT_LIMIT):
            fuel = min(run.fuel, self._used)
            if fuel == run.fuel and ending.exit in (OK, NONZERO, TRAP):
                ending = _Ending(OUT_OF_FUEL, detail="the fuel limit is used up")
            files, left_out = _results(run, out, keep=ending.exit != OUTPUT_LIMIT)
            if left_out:
                ending.detail += f" ({left_out} result files were left out: their names are not plain, or are links)"
        return {
            "exit": ending.exit, "code": ending.code, "fuel": fuel, "detail": ending.detail[:2000], "files": files,
        }  # fmt: skip

    # ── the image ─────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _image(self, run: Run) -> Iterator[tuple[Path, list[str]]]:
        """The task's root and its command. Raises BadImage; ValueError if the file does not hash to its name."""
        with run.module.open("rb") as file:
            if hash_file(file).hexdigest() != run.sha256:
                raise ValueError(f"the module's file does not hash to {run.sha256}")
            file.seek(0)
            executable = file.read(4) == b"\x7fELF"
        if not executable and not run.args:
            raise BadImage("an image wants the program to run in it as the first argument")
        self._images.mkdir(mode=0o700, exist_ok=True)
        root = self._images / run.sha256
        with (self._images / f"{run.sha256}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not root.exists():
                scratch = self._images / f"{run.sha256}.part"
                remove_tree(scratch)
                scratch.mkdir(mode=0o755)
                if executable:
                    shutil.copyfile(run.module, scratch / PROGRAM)
                    (scratch / PROGRAM).chmod(0o555)
                else:
                    unpack(run.module, scratch)
                for name in _MOUNT_POINTS:
                    _mount_point(scratch / name)
                scratch.rename(root)
            os.utime(root)
            fcntl.flock(lock, fcntl.LOCK_SH)  # as long as this is held, no other worker removes it
            self._trim()
            yield root, [f"/{PROGRAM}", *run.args] if executable else list(run.args)

    def _trim(self) -> None:
        """Remove the images longest unused, but for those in use."""
        with suppress(FileNotFoundError):
            images = sorted((p for p in self._images.iterdir() if p.is_dir()), key=lambda path: path.stat().st_mtime)
            for image in images[:-KEPT_IMAGES]:
                with (self._images / f"{image.name.removesuffix('.part')}.lock").open("w") as lock, suppress(OSError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove_tree(image)

    # ── the run ───────────────────────────────────────────────────────────────────────────────────────────────

    def _execute(self, run: Run, root: Path, command: list[str], out: Path) -> _Ending:
        if run.cgroup is None:
            raise ValueError("this node has no control group for native tasks")
        bwrap = shutil.which("bwrap", path=os.defpath) or "bwrap"
        group = Cgroup.from_paths(run.cgroup)
        status_read, status_write = os.pipe()
        stdout, stderr = run.folder / "stdout", run.folder / "stderr"
        arguments = [
            "--ro-bind", str(root), "/", "--dev", "/dev", "--size", str(run.memory), "--tmpfs", _SCRATCH,
            "--tmpfs", "/in",
        ]  # fmt: skip
        for name, path in run.inputs.items():
            arguments += ["--ro-bind", str(path), f"/in/{name}"]
        arguments += ["--remount-ro", "/in", "--remount-ro", "/dev", "--bind", str(out), "/out", "--chdir", "/out"]
        for name, value in {"PATH": _PATH, "HOME": _SCRATCH, **run.env}.items():
            arguments += ["--setenv", name, value]
        with (
            _filter() as descriptor,
            stdout.open("wb") as to_stdout,
            stderr.open("wb") as to_stderr,
            (run.stdin or Path(os.devnull)).open("rb") as standard_input,
        ):
            process = subprocess.Popen(
                [bwrap, *_walls(descriptor), "--json-status-fd", str(status_write), *arguments, "--", *command],
                stdin=standard_input, stdout=to_stdout, stderr=to_stderr, pass_fds=[descriptor, status_write],
                preexec_fn=lambda: _confine(group, run), env={"PATH": os.defpath},
            )  # fmt: skip
        os.close(status_write)
        try:
            stopped = _watch(run, process, group, [stdout, stderr], out)
        finally:
            process.kill()
            process.wait()
            if not group.end_all():
                raise OSError("a native task's processes can't be killed")
            self._used = group.processor_time()
            with os.fdopen(status_read) as pipe:
                status = _status(pipe.read(65536))
        if stopped is not None:
            return stopped
        return _ending(process.returncode, status, group, stderr)


def _watch(run: Run, process: subprocess.Popen[bytes], group: Cgroup, printed: list[Path], out: Path) -> _Ending | None:
    """Wait for its end; the ending if it had to be stopped."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_POLL)
            over = _output(printed, out) > run.output
            return _Ending(OUTPUT_LIMIT, detail="the task wrote more than its output limit") if over else None
        if _output(printed, out) > run.output:
            return _Ending(OUTPUT_LIMIT, detail="the task wrote more than its output limit")
        if group.processor_time() > run.fuel:
            return _Ending(OUT_OF_FUEL, detail="the fuel limit is used up")


def _confine(group: Cgroup, run: Run) -> None:
    """In the child before it becomes bubblewrap."""
    if not group.add(os.getpid()):
        os._exit(125)
    seconds = run.fuel // 10**9 + 1
    limits = {
        resource.RLIMIT_FSIZE: run.output + 4096, resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CPU: seconds, resource.RLIMIT_MEMLOCK: 0,
    }  # fmt: skip
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = most if hard < 0 else min(most, hard)
        resource.setrlimit(kind, (value, value))


def _status(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in text.splitlines():
        with suppress(ValueError):
            found |= json.loads(line)
    return found


def _ending(returned: int, status: dict[str, Any], group: Cgroup, stderr: Path) -> _Ending:
    """How the program ended. bubblewrap passes its exit code on, and 128 plus the number of a signal."""
    if group.out_of_memory():
        return _Ending(TRAP, detail="the task used more memory than its limit")
    if "exit-code" not in status:
        if returned == 125:
            raise ValueError("the task could not be put into its control group")
        with stderr.open("rb") as file:
            said = file.read(2000).decode(errors="replace").strip()
        if "child-pid" in status and returned < 0:
            return _Ending(TRAP, detail=f"it was killed by {signal.Signals(-returned).name}")
        if said.startswith("bwrap: execvp "):
            return _Ending(BAD_MODULE, detail=f"the program can't be started: {said.removeprefix('bwrap: execvp ')}")
        raise ValueError(f"the walls could not be built: {said or f'exit code {returned}'}")
    code = int(status["exit-code"])
    if code == 0:
        return _Ending(OK)
    if code > 128 and (number := code - 128) in {int(number) for number in signal.Signals}:
        name = signal.Signals(number).name
        if number == signal.SIGXFSZ:
            return _Ending(OUTPUT_LIMIT, detail="the task wrote more than its output limit")
        if number == signal.SIGXCPU:
            return _Ending(OUT_OF_FUEL, detail="the fuel limit is used up")
        return _Ending(TRAP, detail=f"it was killed by {name}")
    return _Ending(NONZERO, code)


# ── output ────────────────────────────────────────────────────────────────────────────────────────────────────


def _tree(folder: Path) -> Iterator[tuple[str, int, os.stat_result, str]]:
    """Regular files below a folder that a hostile program made: path, descriptor of the folder it is in, status, name.

    Never follows a link, and ends after MAX_FILES entries.
    """
    stack = [("", os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))]
    seen = 0
    try:
        while stack:
            prefix, descriptor = stack.pop()
            try:
                with os.scandir(descriptor) as entries:
                    for entry in entries:
                        seen += 1
                        if seen > MAX_FILES:
                            raise _TooMany
                        with suppress(FileNotFoundError):
                            if entry.is_dir(follow_symlinks=False):
                                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                                inner = os.open(entry.name, flags, dir_fd=descriptor)
                                stack.append((f"{prefix}{entry.name}/", inner))
                            elif entry.is_file(follow_symlinks=False):
                                status = entry.stat(follow_symlinks=False)
                                yield f"{prefix}{entry.name}", descriptor, status, entry.name
            finally:
                os.close(descriptor)
    finally:
        for _, descriptor in stack:
            os.close(descriptor)


class _TooMany(Exception):
    pass


def _output(printed: list[Path], out: Path) -> float:
    """Bytes written so far; infinite when there are too many files."""
    try:
        return sum(path.stat().st_size for path in printed) + sum(status.st_size for _, _, status, _ in _tree(out))
    except _TooMany:
        return float("inf")
    except OSError:  # a folder turned into something else, or closed to us, while we looked
        return 0


def _results(run: Run, out: Path, *, keep: bool) -> tuple[list[list[Any]], int]:
    """The run's files as the answer has them, moved to numbered names, and how many were left out because their names
    are not plain. Nothing of the task runs any more."""
    found = [(name, run.folder / name) for name in ("stdout", "stderr")]
    left_out = 0
    if keep:
        for number, (name, folder, status, own) in enumerate(_tree(out)):
            result = f"out/{name}"
            plain = len(result) <= MAX_RESULT_NAME and all(map(is_plain_name, name.split("/")))
            if not plain or status.st_nlink > 1:
                left_out += 1
                continue
            target = run.folder / str(number)
            os.rename(own, target, src_dir_fd=folder)
            target.chmod(0o600)
            found.append((result, target))
    else:
        left = run.output
        for _, path in found:
            size = min(left, path.stat().st_size)
            os.truncate(path, size)
            left -= size
    remove_tree(out)
    return [[name, *_hashed(path), str(path)] for name, path in sorted(found)], left_out


def _hashed(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        hasher = hash_file(file)
    return hasher.digest(), hasher.size


def _mount_point(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        path.mkdir(mode=0o755)
