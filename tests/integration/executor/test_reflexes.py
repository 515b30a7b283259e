"""What `fogchain bench harvest` runs: a real worker stands still for a key, for heat and for a plug that is pulled."""

from __future__ import annotations

from pathlib import Path

from fogchain.bench.bars import SUITES
from fogchain.bench.harvest import _late
from node.harvest.device import State
from node.harvest.measure import measure
from node.reflexes import Reflexes


async def test_a_busy_worker_stands_for_each_trouble_and_goes_on_after_it(tmp_path: Path) -> None:
    """`time` waits for work to go on before each, and sees that a worker which stands uses no processor."""
    async with Reflexes(tmp_path).working() as made:
        machine = made.machine
        for trouble, relief in (
            (machine.press, lambda: None),
            (lambda: machine.heat(96), lambda: machine.heat(45)),
            (lambda: machine.plug(False), lambda: machine.plug(True)),
        ):
            (taken,) = await made.time(trouble, relief, 1)
            assert taken > 0
        await made.until(made.runs, "goes on")
    frozen = [one.cause for one in made.journal.course(0) if one.after is State.FROZEN]
    assert {cause.split(":")[0] for cause in frozen} >= {"user", "heat", "power"}


def test_what_needs_no_worker_is_measured() -> None:
    found = measure({"rows": 6000, "repeats": 2, "trace": None})
    assert all(rate > 0 for rate in found["batch_evaluations"]) and all(us > 0 for us in found["single_evaluation"])
    assert len(found["sawtooth_transitions"]) >= 2 and max(found["sawtooth_transitions"]) <= 2
    assert max(found["thermal_overshoot"]) <= 1.0
    assert found["unsafe_runs"]["unsafe"] == 0 < found["unsafe_runs"]["at_risk"]
    assert "forecast" not in found


def test_what_is_late_is_reported_as_such() -> None:
    late = _late("freeze_on_input", [10.0] * 18 + [400.0, 900.0])
    assert (late.value, late.samples, late.met) == (400.0, 20, False)
    assert _late("freeze_on_input", [float(each) for each in range(1, 21)]).value == 19.0
    assert len(SUITES["harvest"]) == 11
