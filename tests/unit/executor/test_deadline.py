"""The epoch moves on when a run's time is up, once, and never for the run after it."""

from __future__ import annotations

import pytest
import wasmtime

from node.executor.deadline import Deadline
from node.executor.engine import make_engine, make_store

SPIN = """(module (func (export "run") (param $n i64)
  (loop $again
    (local.set $n (i64.sub (local.get $n) (i64.const 1)))
    (br_if $again (i64.ne (local.get $n) (i64.const 0))))))"""
ENDLESS, SHORT = -1, 1000
LONG = 3600.0


class Guest:
    def __init__(self) -> None:
        self.engine = make_engine()
        self.deadline = Deadline(self.engine)
        self.module = wasmtime.Module(self.engine, wasmtime.wat2wasm(SPIN))

    def run(self, rounds: int, seconds: float) -> int:
        """The fuel it burned. Raises Trap."""
        store = make_store(self.engine)
        store.set_fuel(2**62)
        with self.deadline.after(seconds):
            start = wasmtime.Instance(store, self.module, []).exports(store)["run"]
            assert isinstance(start, wasmtime.Func)
            start(store, rounds)
        return 2**62 - store.get_fuel()


def test_a_program_is_trapped_when_its_time_is_up_and_the_next_has_its_own() -> None:
    guest = Guest()
    burned = guest.run(SHORT, LONG)
    for seconds in (0.05, 0.02, 0.0):
        with pytest.raises(wasmtime.Trap) as caught:
            guest.run(ENDLESS, seconds)
        assert caught.value.trap_code is wasmtime.TrapCode.INTERRUPT
        assert guest.run(SHORT, LONG) == burned


def test_the_time_of_a_run_that_has_ended_does_not_interrupt_another() -> None:
    guest = Guest()
    with guest.deadline.after(0.05):
        pass
    store = make_store(guest.engine)
    store.set_fuel(2**62)
    start = wasmtime.Instance(store, guest.module, []).exports(store)["run"]
    assert isinstance(start, wasmtime.Func)
    with guest.deadline.after(LONG):
        start(store, 1_000_000_000)  # some tenths of a second, and the old time passes meanwhile
