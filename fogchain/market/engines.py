"""What runs a task, by name. A job wants a runtime; a provider offers engines; an order names the one engine to use.

An engine's name says all that can change a result or its fuel, so only runs of equally named engines are compared:

    wasmtime-50.0.1/fog-1                  runtime wasm      compiler and version / our settings
    cpython-3.12/wasmtime-50.0.1/fog-1     runtime python    interpreter / the engine it runs in
    native-x86_64/fog-1                    runtime native    processor / our settings

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

Runtime = Literal["wasm", "python", "native"]

RUNTIMES: Final[dict[Runtime, str]] = {"wasm": "wasmtime-", "python": "cpython-", "native": "native-"}


def runtime_of(engine: str) -> Runtime | None:
    """The runtime an engine is for; None for one of a kind not known here."""
    return next((runtime for runtime, prefix in RUNTIMES.items() if engine.startswith(prefix)), None)


def engine_for(engines: Iterable[str], runtime: Runtime) -> str | None:
    """The engine among these that runs `runtime`, the first by name if there are several."""
    return min((engine for engine in engines if runtime_of(engine) == runtime), default=None)


def join(engines: Iterable[str]) -> str:
    """As an offer has them: sorted, each once, with commas between."""
    return ",".join(sorted(set(engines)))


def split(text: str) -> tuple[str, ...]:
    """The engines of an offer; empty names are left out."""
    return tuple(name for name in text.split(",") if name)
