"""One run of a task: module, limits, how it ended, its result files by hash."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wasmtime

from fogchain.errors import BadMessage
from fogchain.jobs.blobname import BlobHasher, hash_file
from fogchain.jobs.checkpoint import OVERHEAD
from node.executor import interpreter
from node.executor.deadline import Deadline
from node.executor.endings import BAD_MODULE, NONZERO, OK, OUT_OF_FUEL, OUTPUT_LIMIT, REFUSED, TIMEOUT, TRAP
from node.executor.engine import MAX_TABLE_ELEMENTS, MAX_TABLES, BadModule, Modules, make_engine, make_store
from node.executor.filesystem import FileSystem
from node.executor.host import Host, NoMemory
from node.executor.inodes import OutputFile, OutputLimit
from node.executor.native import Native
from node.executor.saving import Saver, Saving
from node.executor.wasi import OutOfFuel, TaskExit, Wasi

_FILE_SLACK = 4096  # the accounting in filesystem.py ends a run first; the kernel's limit is the second wall


@dataclass(frozen=True)
class Run:
    """What to run, as it comes from the daemon. `folder` is empty and this run's own; `memory`, `output` in bytes,
    `time` in milliseconds. `fuel` counts from where the run begins, which `saving` says."""

    runtime: str
    module: Path  # or the script, executable or image
    sha256: str
    args: list[str]
    env: dict[str, str]
    stdin: Path | None
    inputs: dict[str, Path]
    seed: bytes
    fuel: int
    memory: int
    time: int
    output: int
    folder: Path
    saving: Saving | None = None  # of a task that has checkpoints
    cgroup: list[str] | None = None  # of a native task: its folders, as `cgroup.Cgroup` has them

    @classmethod
    def from_frame(cls, frame: dict[str, Any]) -> Run:
        stdin, saving = frame["stdin"], frame.get("saving")
        return cls(
            **{
                **frame,
                "module": Path(frame["module"]),
                "stdin": Path(stdin) if stdin is not None else None,
                "inputs": {name: Path(path) for name, path in frame["inputs"].items()},
                "folder": Path(frame["folder"]),
                "saving": Saving.from_frame(saving) if saving is not None else None,
            }
        )


class Sandbox:
    """An engine and its modules, for one run after the other."""

    def __init__(
        self, cache: Path, python: Path | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        """`now`: seconds by the clock that time limits go by."""
        self.engine = make_engine()
        self._modules = Modules(self.engine, cache)
        self._python = python
        self._native = Native(cache)
        self._interpreters = Modules(self.engine, interpreter.compiled_folder(python, cache)) if python else None
        self._host = Host(self.engine)
        self._deadline = Deadline(self.engine, now)

    def run(self, run: Run) -> dict[str, Any]:
        """The answer frame for `run`. Raises OSError when this machine is at fault (disk full, input gone)."""
        if run.runtime == "native":
            return self._native.run(run)
        script = {Path(interpreter.SCRIPT).name: run.module} if run.runtime == "python" else None
        saving = run.saving
        try:
            begun = saving.read() if saving is not None else None
        except BadMessage as error:
            return {"exit": REFUSED, "code": 0, "fuel": 0, "detail": error.message, "files": []}
        files = FileSystem(
            run.folder, run.inputs, run.stdin, run.output, script,
            saved=begun.files if begun else None, save_limit=saving.limit if saving else 0,
        )  # fmt: skip
        if saving is not None and begun is not None:
            saver, burnt = Saver(saving), begun.fuel
            files.committed = lambda: saver.commit(files.saved, burnt + self._host.fuel_used())
        try:
            exit_, code, fuel, detail = self._execute(files, run)
            results = files.results() if exit_ < TIMEOUT else ()
            return {
                "exit": exit_, "code": code, "fuel": fuel, "detail": detail[:2000],
                "files": [[name, _hash(file), file.size, str(file.path)] for name, file in results],
            }  # fmt: skip
        finally:
            files.close()

    def _module(self, run: Run) -> wasmtime.Module:
        """Raises BadModule, ValueError."""
        if run.runtime == "wasm":
            return self._modules.load(run.sha256, run.module)
        if run.runtime != "python" or self._interpreters is None or self._python is None:
            raise ValueError(f"this node does not run {run.runtime}")
        with run.module.open("rb") as file:
            if hash_file(file).hexdigest() != run.sha256:
                raise ValueError(f"the script's file does not hash to {run.sha256}")
        return self._interpreters.load(interpreter.NAME, self._python)

    def _execute(self, files: FileSystem, run: Run) -> tuple[int, int, int, str]:
        """Exit class, exit code, fuel used, detail."""
        store = make_store(self.engine)
        try:
            with self._deadline.after(run.time / 1000):
                return self._run_in(store, files, run)
        finally:
            self._host.end()
            store.close()

    def _run_in(self, store: wasmtime.Store, files: FileSystem, run: Run) -> tuple[int, int, int, str]:
        try:
            module = self._module(run)
        except BadModule as error:
            return BAD_MODULE, 0, 0, str(error)
        except ValueError as error:
            return REFUSED, 0, 0, str(error)
        host = self._host
        store.set_fuel(run.fuel)
        store.set_limits(
            memory_size=run.memory, table_elements=MAX_TABLE_ELEMENTS, instances=1, tables=MAX_TABLES, memories=1
        )
        python = run.runtime == "python"
        command: tuple[str, ...] = interpreter.ARGUMENTS if python else ("task",)
        environment = interpreter.ENVIRONMENT if python else {}
        wasi = Wasi(
            files=files, args=[*command, *run.args], env={**environment, **run.env}, seed=run.seed,
            fuel_used=host.fuel_used, use_fuel=host.use_fuel,
        )  # fmt: skip
        host.begin(wasi, run.fuel)
        exit_, code, detail = self._call(store, module, run.memory, _largest_file(run))
        if exit_ == TIMEOUT:
            return TIMEOUT, 0, 0, f"its time limit of {run.time / 1000:g} s was over"
        fuel = run.fuel if exit_ == OUT_OF_FUEL else 0 if exit_ == BAD_MODULE else run.fuel - store.get_fuel()
        return exit_, code, fuel, detail

    def _call(self, store: wasmtime.Store, module: wasmtime.Module, memory: int, largest: int) -> tuple[int, int, str]:
        """Exit class, exit code, detail. `largest`: bytes of any one file."""
        host = self._host
        started = False
        try:
            instance = host.linker.instantiate(store, module)
            start = instance.exports(store).get("_start")
            if not isinstance(start, wasmtime.Func):
                return BAD_MODULE, 0, "the module exports no function '_start': compile it as a WASI command"
            signature = start.type(store)
            if signature.params or signature.results:
                return BAD_MODULE, 0, "the module's '_start' takes or gives values: compile it as a WASI command"
            started = True
            with _FileSizeLimit(largest):  # not before: wasmtime keeps a module's data in a file of its own
                start(store)
            return OK, 0, ""
        except wasmtime.Trap as trap:
            ending = host.ending
            if ending is None:
                if trap.trap_code is wasmtime.TrapCode.OUT_OF_FUEL:
                    return OUT_OF_FUEL, 0, "the fuel limit is used up"
                if trap.trap_code is wasmtime.TrapCode.INTERRUPT:
                    return TIMEOUT, 0, ""
                return TRAP, 0, trap.message
        except wasmtime.WasmtimeError as error:
            ending = host.ending
            if ending is None:
                if started:
                    raise
                return BAD_MODULE, 0, _why_not(module, memory, error)
        match ending:
            case TaskExit(code=code):
                return (NONZERO if code else OK), code, ""
            case OutOfFuel():
                return OUT_OF_FUEL, 0, "the fuel limit is used up"
            case OutputLimit():
                return OUTPUT_LIMIT, 0, str(ending)
            case NoMemory():
                return TRAP, 0, str(ending)
        raise ending


def _largest_file(run: Run) -> int:
    """Bytes."""
    archive = run.saving.limit + OVERHEAD if run.saving else 0
    return max(run.output, archive) + _FILE_SLACK


class _FileSizeLimit:
    """The kernel's limit on any one file this process writes, for the time of a run."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


def _why_not(module: wasmtime.Module, memory: int, error: wasmtime.WasmtimeError) -> str:
    """Why a module can't be instantiated, for its author."""
    for export in module.exports:
        if isinstance(export.type, wasmtime.MemoryType) and export.type.limits.min * 65536 > memory:
            needed, given = export.type.limits.min * 65536 / 2**20, memory / 2**20
            return f"the module starts with {needed:.1f} MiB of memory, over its limit of {given:.1f} MiB: raise that"
    return f"the module does not start here: {error}"


def _hash(file: OutputFile) -> bytes:
    hasher = BlobHasher()
    position = 0
    while position < file.size:
        chunk = os.pread(file.descriptor, 1 << 20, position)
        hasher.update(chunk)
        position += len(chunk)
    return hasher.digest()
