"""wasmtime's settings and the cache of compiled modules. Imported in workers only, but for the name in `version.py`.

Two things end a program by wall clock. The engine's epoch (`deadline.py`) traps it at its limit, inside, and the worker
stays as it is. What is not compiled code (compilation, a call into the host, a disk that hangs) the epoch does not
interrupt; that the daemon ends by SIGKILL from outside, a moment later. To look at the epoch at every loop and call
costs 5 % over the examples of `fogchain bench sandbox` (nothing for the sweep, 11 % for SQLite, 17 % for counting
words); it changes neither results nor fuel.

The settings are part of what makes results comparable, so `version.ENGINE` changes with them. Compiled modules are
native code: the cache folder is private to the node, and its keys name the module's hash, the engine and this file's
settings; wasmtime itself refuses a file made for another processor or version, and it is then made anew.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import wasmtime

from fogchain.jobs.blobname import name_of
from node.executor.canonical import Unknown, canonicalise
from node.executor.version import ENGINE

STACK_BYTES = 1 << 20
MAX_TABLE_ELEMENTS = 1 << 20
MAX_TABLES = 16
CACHE_BYTES = 1 << 30
_KEPT_MODULES = 4


class BadModule(Exception):
    """Not a module this engine takes, in words for its author."""


def make_engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.strategy = "cranelift"
    config.cranelift_opt_level = "speed"
    config.consume_fuel = True
    config.epoch_interruption = True
    config.cranelift_nan_canonicalization = False  # canonical.py does it before compilation
    config.parallel_compilation = False  # a slot is one processor, also while it compiles
    config.max_wasm_stack = STACK_BYTES
    config.native_unwind_info = False
    config.wasm_simd = True  # exact on every processor, unlike the relaxed instructions
    config.wasm_bulk_memory = True
    config.wasm_reference_types = True
    config.wasm_multi_value = True
    config.wasm_tail_call = True
    config.wasm_relaxed_simd = False
    config.wasm_threads = False
    config.wasm_memory64 = False
    config.wasm_multi_memory = False
    config.wasm_exceptions = False
    config.wasm_function_references = False
    config.wasm_gc = False
    config.wasm_component_model = False
    config.wasm_wide_arithmetic = False
    config.wasm_custom_page_sizes = False
    config.wasm_stack_switching = False
    return wasmtime.Engine(config)


def make_store(engine: wasmtime.Engine) -> wasmtime.Store:
    """For one run: its program is trapped when the engine's epoch moves on."""
    store = wasmtime.Store(engine)
    store.set_epoch_deadline(1)
    return store


class Modules:
    """Compiled modules: the last few in memory, the others in `folder`."""

    def __init__(self, engine: wasmtime.Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._recent: dict[str, wasmtime.Module] = {}

    def load(self, sha256: str, source: Path) -> wasmtime.Module:
        """The module `source` holds, whose hash is `sha256`. Raises BadModule; ValueError if the hash is another."""
        module = self._recent.pop(sha256, None) or self._cached(sha256) or self._compile(sha256, source)
        self._recent[sha256] = module
        if len(self._recent) > _KEPT_MODULES:
            del self._recent[next(iter(self._recent))]
        return module

    def _place(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.{ENGINE.replace('/', '.')}.cwasm"

    def _cached(self, sha256: str) -> wasmtime.Module | None:
        place = self._place(sha256)
        if not place.exists():
            return None
        try:
            module = wasmtime.Module.deserialize_file(self._engine, str(place))
        except wasmtime.WasmtimeError:  # another version's, another processor's, or cut short by a full disk
            return None
        with contextlib.suppress(OSError):
            os.utime(place)
        return module

    def _compile(self, sha256: str, source: Path) -> wasmtime.Module:
        data = source.read_bytes()
        if name_of(data) != sha256:
            raise ValueError(f"the module's file does not hash to {sha256}")
        if data[:4] != b"\0asm":  # the package would take the text format too
            raise BadModule("not a WebAssembly module: it does not begin like one")
        try:
            wasmtime.Module.validate(self._engine, data)
            module = wasmtime.Module(self._engine, canonicalise(data))
        except wasmtime.WasmtimeError as error:
            raise BadModule(f"not a WebAssembly module this engine takes: {error}") from None
        except Unknown as error:
            raise BadModule(f"the module uses what this engine does not know: {error}") from None
        self._keep(sha256, module)
        return module

    def _keep(self, sha256: str, module: wasmtime.Module) -> None:
        place = self._place(sha256)
        scratch = place.with_suffix(f".{os.getpid()}.part")
        try:
            scratch.write_bytes(module.serialize())
            scratch.replace(place)
            self._trim()
        except OSError:  # no room: the module is compiled again next time
            scratch.unlink(missing_ok=True)

    def _trim(self) -> None:
        """Forget the modules longest unused once the cache is over its size."""
        files = []
        for path in self._folder.iterdir():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files)[:-1]:
            if total <= CACHE_BYTES:
                return
            path.unlink(missing_ok=True)
            total -= size
