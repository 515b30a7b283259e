"""Which runtimes this node offers, with which engine, and why not the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from fogchain.errors import Unavailable
from fogchain.jobs.spec import RunSpec
from fogchain.market.engines import RUNTIMES, Runtime
from fogchain.units import show_size
from node.executor import interpreter, native
from node.executor.child import command
from node.executor.version import ENGINE

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RuntimeState:
    """`engine` is None while it can't be offered; `detail` says why, in words."""

    runtime: Runtime
    engine: str | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """What can be run now."""

    states: tuple[RuntimeState, ...]

    @property
    def engines(self) -> tuple[str, ...]:
        return tuple(sorted(state.engine for state in self.states if state.engine is not None))

    def state(self, runtime: Runtime) -> RuntimeState:
        unknown = RuntimeState(runtime, None, "it is not known here")
        return next((state for state in self.states if state.runtime == runtime), unknown)

    def engine_for(self, runtime: Runtime) -> str | None:
        return self.state(runtime).engine

    def why_not(self, spec: RunSpec, memory_cap: int) -> str | None:
        """Why a run of this spec would be refused, in words."""
        if self.engine_for(spec.runtime) is None:
            return f"this node does not run {spec.runtime}: {self.state(spec.runtime).detail}"
        if spec.limits.memory > memory_cap:
            given = show_size(memory_cap)
            return f"it asks for {show_size(spec.limits.memory)} of memory; here a task gets {given}"
        return None


class Runtimes:
    """`wanted` is what the owner wants to offer; `cache` the node's own folder of compiled modules."""

    def __init__(self, wanted: Sequence[Runtime], cache: Path, changed: Callable[[], None]) -> None:
        self._cache = cache
        self._changed = changed
        self._compiling: asyncio.Task[None] | None = None
        self._native = "native" in wanted
        self.python = interpreter.find() if "python" in wanted else None
        self._states = {
            runtime: RuntimeState(runtime, None, "it is not among provider.runtimes in config.toml")
            for runtime in RUNTIMES
        }
        if "wasm" in wanted:
            self._states["wasm"] = RuntimeState("wasm", ENGINE)
        if "python" in wanted:
            missing = "its interpreter is not installed here: run scripts/setup"
            self._states["python"] = RuntimeState("python", None, "it is being compiled" if self.python else missing)

    @property
    def offered(self) -> Offered:
        return Offered(tuple(self._states.values()))

    async def prepare(self, *, walled: bool) -> None:
        """Look what this machine can do, and begin to make ready what takes time. `walled`: workers have a group."""
        if self._native:
            detail = await asyncio.to_thread(native.why_not, walled)
            self._states["native"] = RuntimeState("native", None if detail else native.NATIVE_ENGINE, detail)
            if detail:
                log.warning("executor.no_native", why=detail)
        if self.python is not None and self._compiling is None:
            self._compiling = asyncio.create_task(self._compile(self.python), name="compile-python")

    async def prepared(self) -> None:
        """Return when nothing is being made ready any more."""
        if self._compiling is not None:
            await asyncio.wait([self._compiling])

    def stop(self) -> None:
        if self._compiling is not None:
            self._compiling.cancel()

    async def _compile(self, module: Path) -> None:
        folder = interpreter.compiled_folder(module, self._cache)
        log.info("executor.compiling_python", note="once, about 15 s; then Python jobs are offered")
        try:
            await _compile_in_child(module, folder)
            state = RuntimeState("python", interpreter.PYTHON_ENGINE)
            log.info("executor.python_ready", engine=state.engine)
        except (Unavailable, OSError) as error:
            log.warning("executor.no_python", why=str(error))
            state = RuntimeState("python", None, str(error))
        self._states["python"] = state
        self._changed()


async def _compile_in_child(module: Path, folder: Path) -> None:
    """Return once the compiled form is in `folder`. Cancelling this ends the compilation. Raises Unavailable."""
    process = await asyncio.create_subprocess_exec(
        *command("node.executor.interpreter", str(module), str(folder)),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, errors = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    if process.returncode:
        last = errors.decode(errors="replace").strip().splitlines()
        raise Unavailable(
            f"CPython can't be compiled here: {last[-1] if last else f'exit code {process.returncode}'}",
            hint=f"delete {module} and run scripts/setup again",
        )
