"""How quickly a machine is given back to its owner, and how fast and how safely that is decided.

The harvester is the node's, which the library may not import: it is run as a process and asked. Each reaction is timed
from what is written into a machine that is made of files, through real probes, until a real worker is seen to stand.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fogchain.bench.program import ask_program
from fogchain.bench.report import Metric, Missing

SUITE = "harvest"
SAMPLES = 20  # of each reaction; their 95th percentile is reported, not the median
ROUNDS, SECONDS = 3, 10.0  # of work at a duty
ROWS, REPEATS = 1_000_000, 5
TIMEOUT = 900.0
TRACE = Path(__file__).resolve().parents[3] / "shared" / "data" / "flash_phone_availability_241x723.npy"
_REACTIONS = {"freeze_on_input": "input", "freeze_on_heat": "heat", "freeze_on_unplug": "unplug"}


async def run(say: Callable[[str], None] = lambda _: None) -> tuple[list[Metric], list[Missing]]:
    """Raises Unavailable when the harvester does not run."""
    say("the harvester is measured: some five minutes; keep the machine quiet")
    answer = await asyncio.to_thread(_ask)
    for name, times in answer["freeze"].items():
        say(f"{name}: {', '.join(f'{each:.0f}' for each in sorted(times))} ms")
    fuzzed = answer["unsafe_runs"]
    say(f"{fuzzed['rows']} machines of unknown safety, {fuzzed['at_risk']} of them at risk")
    metrics = [
        Metric.of(SUITE, "batch_evaluations", answer["batch_evaluations"]),
        Metric.of(SUITE, "single_evaluation", answer["single_evaluation"]),
        *(_late(name, answer["freeze"][kind]) for name, kind in _REACTIONS.items()),
        Metric.of(SUITE, "duty_error", _duty_errors(answer["duty"]["slices"], say)),
        _worst("sawtooth_transitions", answer["sawtooth_transitions"]),
        _worst("thermal_overshoot", answer["thermal_overshoot"]),
        replace(Metric.of(SUITE, "unsafe_runs", [fuzzed["unsafe"]]), samples=fuzzed["rows"]),
    ]
    if "forecast" not in answer:
        why = f"the phones' record is not here: {TRACE.name} in a folder shared/data beside the checkout"
        return metrics, [Missing(name, why) for name in ("forecast_brier_2h", "forecast_calibration_error")]
    forecast = answer["forecast"]
    brier = Metric.of(SUITE, "forecast_brier_2h", [forecast["brier"]])
    error = Metric.of(SUITE, "forecast_calibration_error", [forecast["calibration_error"]])
    return [*metrics, *(replace(each, samples=forecast["moments"]) for each in (brier, error))], []


def _duty_errors(measured: Sequence[dict[str, float]], say: Callable[[str], None]) -> list[float]:
    """Of each round the worst, by how long the worker was let run: how much it got of that, others had a hand in."""
    for each in measured:
        say(f"duty {each['duty']}: let run {each['ran']:.4f} of the time, {each['received']:.4f} of it on a processor")
    errors = [abs(each["ran"] - each["duty"]) for each in measured]
    a_round = len(errors) // ROUNDS
    return [max(errors[first : first + a_round]) for first in range(0, len(errors), a_round)]


def _late(name: str, times: Sequence[float]) -> Metric:
    """A promise to the owner is kept by what is seldom exceeded: the 95th percentile, by the nearest rank."""
    rank = math.ceil(0.95 * len(times)) - 1
    return replace(Metric.of(SUITE, name, [sorted(times)[rank]]), samples=len(times))


def _worst(name: str, values: Sequence[float]) -> Metric:
    """Of machines that differ, the one that does worst."""
    return replace(Metric.of(SUITE, name, [max(values)]), samples=len(values))


def _ask() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="fogchain-bench-") as folder:
        request = {
            "folder": folder, "samples": SAMPLES, "rounds": ROUNDS, "seconds": SECONDS, "rows": ROWS,
            "repeats": REPEATS, "trace": str(TRACE) if TRACE.exists() else None,
        }  # fmt: skip
        return ask_program("node.reflexes", request, TIMEOUT)
