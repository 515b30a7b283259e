"""What each suite measures: the figure's name, its unit and the bar it must meet on a 2-core machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Op = Literal["<=", ">="]


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    unit: str
    op: Op
    bar: float

    def met(self, value: float) -> bool:
        return value <= self.bar if self.op == "<=" else value >= self.bar


SUITES: dict[str, tuple[Bar, ...]] = {
    "e2e": (
        Bar("first_paid_job", "s", "<=", 60),
        Bar("batch_efficiency", "ratio", ">=", 0.85),
        Bar("task_overhead", "ms", "<=", 25),
        Bar("dead_provider_makespan", "ratio", "<=", 1.3),
        Bar("audit_overhead", "ratio", "<=", 1.10),
        Bar("audit_wrong_accepted", "ratio", "<=", 0.002),
        Bar("cli_help", "ms", "<=", 400),
        Bar("cli_job_list", "ms", "<=", 800),
        Bar("node_idle_memory", "MiB", "<=", 250),
        Bar("chaos_lost", "count", "<=", 0),
        Bar("chaos_doubled", "count", "<=", 0),
    ),
    "chain": (
        Bar("index_rebuild", "events/s", ">=", 5000),
        Bar("sender_throughput", "tx/s", ">=", 300),
    ),
    "market": (
        Bar("gas_open_and_settle_signed", "gas", "<=", 105_000),
        Bar("gas_settle_quorum3", "gas", "<=", 70_000),
        Bar("gas_claim", "gas", "<=", 57_000),
        Bar("gas_batch100_per_job", "gas", "<=", 1900),
        Bar("gas_batch1000_per_job", "gas", "<=", 1400),
        Bar("gas_stake_first", "gas", "<=", 80_000),
        Bar("gas_propose", "gas", "<=", 85_000),
        Bar("gas_vote", "gas", "<=", 86_000),
        Bar("gas_deliver", "gas", "<=", 33_000),
    ),
    "sandbox": (
        Bar("start_warm", "ms", "<=", 5),
        Bar("native_ratio", "ratio", "<=", 2.0),
    ),
    "harvest": (
        Bar("batch_evaluations", "1/s", ">=", 1_000_000),
        Bar("single_evaluation", "us", "<=", 50),
        Bar("freeze_on_input", "ms", "<=", 250),
        Bar("freeze_on_heat", "ms", "<=", 1000),
        Bar("freeze_on_unplug", "ms", "<=", 2000),
        Bar("duty_error", "ratio", "<=", 0.02),
        Bar("sawtooth_transitions", "per 10 min", "<=", 2),
        Bar("thermal_overshoot", "C", "<=", 1.0),
        Bar("forecast_brier_2h", "score", "<=", 0.185),
        Bar("forecast_calibration_error", "ratio", "<=", 0.05),
        Bar("unsafe_runs", "count", "<=", 0),
    ),
}


def bar(suite: str, name: str) -> Bar:
    """Raises KeyError for a name that the suite does not have."""
    for found in SUITES[suite]:
        if found.name == name:
            return found
    raise KeyError(f"{suite}.{name}")
