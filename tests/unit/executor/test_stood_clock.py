"""The clock that a worker's time limits go by: it stands while the worker does, and never goes back."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from node.executor.clock import WHOLE, StoodClock


@pytest.fixture
def clocks(tmp_path: Path) -> tuple[StoodClock, StoodClock]:
    """The daemon's, and the worker's."""
    writer = StoodClock(tmp_path / "clock", make=True)
    return writer, StoodClock(tmp_path / "clock")


def test_one_that_was_never_set_is_the_monotonic_clock(clocks: tuple[StoodClock, StoodClock]) -> None:
    before = time.monotonic()
    assert before <= clocks[1].now() <= time.monotonic()
    assert clocks[1].stood() == 0


def test_it_stands_for_its_reader_as_long_as_its_writer_says(clocks: tuple[StoodClock, StoodClock]) -> None:
    writer, reader = clocks
    writer.set(WHOLE)
    begun, shown = time.monotonic(), reader.now()
    time.sleep(0.05)
    assert reader.now() == pytest.approx(shown, abs=1e-6)
    assert reader.stood() >= 0.05
    writer.set(0)
    stood = reader.stood()
    assert stood <= time.monotonic() - begun + 0.01
    time.sleep(0.01)
    assert reader.stood() == writer.stood() == stood


def test_it_is_slower_for_what_is_held_to_a_share(clocks: tuple[StoodClock, StoodClock]) -> None:
    writer, reader = clocks
    begun = time.monotonic_ns()
    writer.set(WHOLE // 4)
    time.sleep(0.04)
    stood, seen = reader.stood(), (time.monotonic_ns() - begun) / 1e9
    assert 0.01 <= stood <= seen / 4


def test_a_clock_that_is_begun_anew_leaves_the_old_one_to_who_has_it(tmp_path: Path) -> None:
    old = StoodClock(tmp_path / "clock", make=True)
    old.set(WHOLE)
    assert StoodClock(tmp_path / "clock", make=True).stood() == 0
    time.sleep(0.001)
    assert old.stood() > 0


def test_a_reader_never_sees_it_go_back_nor_run_ahead(clocks: tuple[StoodClock, StoodClock]) -> None:
    writer, reader = clocks
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            for slack in (WHOLE, 300, 0):
                writer.set(slack)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        last, least = 0.0, 0.0
        for _ in range(5_000):
            stood = reader.stood()
            now = reader.now()
            assert last <= now <= time.monotonic()
            assert least <= stood
            last, least = now, stood
    finally:
        over.set()
        thread.join()
