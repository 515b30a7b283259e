"""The harvester's figures without a real worker: how fast policies are asked, how well they keep what they must."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from node.harvest.batch import compile
from node.harvest.expression import sensors
from node.harvest.fuzz import fuzz, machines
from node.harvest.holdout import held_out
from node.harvest.policy import Held, Policy
from node.harvest.profile import PROFILES, builtin
from node.harvest.sensors import SENSORS, Snapshot
from node.harvest.simulation import Heating, heated, most_in_a_window, sawtooth, transitions

GUARDS = "laptop"  # the profile with ten of them
_FLEET = 16_384  # machines that are decided on in one go
_ASKED, _BLOCKS = 50, 41  # times, of a single machine: each block is shorter than the scheduler's turns
_STEP, _SPAN = 1800.0, 7200.0  # seconds: of the phones' trace, and ahead
WELL: Snapshot = {
    "power.source": "mains", "power.saver": False, "battery.present": True, "battery.charge": 90.0,
    "battery.charging": True, "battery.thermometer": True, "battery.temperature": 25.0, "battery.slope": 1.0,
    "thermal.present": True,
    "thermal.cpu": 45.0, "cpu.foreign": 5.0, "memory.free": 8000.0, "memory.used": 30.0, "disk.free": 90_000.0,
    "user.present": True, "user.idle": 1000.0, "screen.off": 1000.0, "screen.locked": True,
    "network.kind": "ethernet", "network.metered": False, "time.clock": 23 * 60.0, "time.weekend": False,
}  # fmt: skip
ILL: Snapshot = {
    **WELL, "power.source": "battery", "power.saver": True, "battery.charge": 20.0, "battery.temperature": 55.0,
    "battery.slope": -9.0, "thermal.cpu": 97.0, "cpu.foreign": 90.0, "memory.free": 10.0, "memory.used": 99.0,
    "disk.free": 10.0, "user.idle": 0.0,
}  # fmt: skip


def batch_evaluations(rows: int, repeats: int) -> list[float]:
    """Machines a second. One evaluation is one machine against all ten guards, state and decision included; of `rows` a
    repeat, a fleet's worth at a time."""
    program = compile(builtin(GUARDS))
    fleet = min(rows, _FLEET)
    table, state, now = machines(program, fleet, np.random.default_rng(1)), program.start(fleet), 0.0
    found = list[float]()
    for _ in range(repeats):
        rates = []
        for _ in range(-(-rows // fleet)):
            begun = time.perf_counter()
            state = program.decide(table, now, state).state
            rates.append(fleet / (time.perf_counter() - begun))
            now += 20.0
        found.append(statistics.median(rates))
    return found


def single_evaluation(repeats: int) -> list[float]:
    """Microseconds of `Policy.decide` with ten guards, vetoes with all their causes included: of the slowest of four
    situations, in which all are clear, warming, vetoing, or unknown."""
    policy = builtin(GUARDS)
    clear = tuple(Held(clear=True) for _ in policy.guards)
    blind: Snapshot = dict.fromkeys(SENSORS)
    situations = ((WELL, clear), (WELL, policy.start()), (ILL, clear), (blind, clear))
    return [max(_each(policy, snapshot, state) for snapshot, state in situations) for _ in range(repeats)]


def _each(policy: Policy, snapshot: Snapshot, state: tuple[Held, ...]) -> float:
    found = []
    for _ in range(_BLOCKS):
        begun = time.perf_counter()
        for _ in range(_ASKED):
            policy.decide(snapshot, 0.0, state)
        found.append((time.perf_counter() - begun) / _ASKED * 1e6)
    return statistics.median(found)


def sawtooth_transitions() -> list[float]:
    """The most in any ten minutes of an hour in which the charge goes up and down between 79 and 81 %: of each profile
    that asks for it."""
    found = []
    for name in PROFILES:
        policy = builtin(name)
        if any("battery.charge" in sensors(guard.leave) for guard in policy.guards):
            course = ((at, {**WELL, "battery.charge": level}) for at, level in sawtooth(79, 81, 240, 3600))
            settled = [at for at in transitions(policy, course) if at > 400]  # dwells are over
            found.append(float(most_in_a_window(settled)))
    return found


def thermal_overshoot() -> list[float]:
    """Degrees above its limit that a machine came to in half an hour under full load: of machines that heat up fast and
    slowly, by little and by much, with good and bad sensors."""
    return [
        heated(builtin(GUARDS), Heating(constant=constant, full=full, lag=lag), 1800.0, WELL).overshoot
        for constant in (20.0, 60.0, 240.0)
        for full in (90.0, 105.0, 125.0)
        for lag in (1.0, 4.0)
    ]


def forecast(trace: Path) -> dict[str, float]:
    """Of phones' availability two hours ahead, its last day held out."""
    held = held_out(np.load(trace, allow_pickle=False), _STEP, _SPAN)
    return {"brier": held.brier, "calibration_error": held.calibration_error, "moments": held.moments}


def unsafe_runs(rows: int) -> dict[str, int]:
    """Over all profiles together so many machines of which a safety sensor is unknown."""
    found = [fuzz(builtin(name), -(-rows // len(PROFILES)), seed) for seed, name in enumerate(PROFILES)]
    return {
        "rows": sum(one.rows for one in found),
        "at_risk": sum(one.at_risk for one in found),
        "unsafe": sum(one.unsafe for one in found),
    }


def measure(request: dict[str, Any], say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """`rows`, `repeats`, and `trace`, a file or None."""
    say("asking policies")
    answer: dict[str, Any] = {
        "batch_evaluations": batch_evaluations(request["rows"], request["repeats"]),
        "single_evaluation": single_evaluation(request["repeats"]),
        "sawtooth_transitions": sawtooth_transitions(),
    }
    say("heating machines up")
    answer["thermal_overshoot"] = thermal_overshoot()
    say("looking for unsafe runs")
    answer["unsafe_runs"] = unsafe_runs(request["rows"])
    if request["trace"] is not None:
        say("forecasting")
        answer["forecast"] = forecast(Path(request["trace"]))
    return answer
