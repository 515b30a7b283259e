"""Freezes and slices, over workers that a test holds in its hands."""

from __future__ import annotations

import random
import threading
import time

from harvest_fakes import ToldWorkers

from node.harvest.throttle import Throttle


def wait(condition: object) -> None:
    deadline = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_slices_come_and_go_and_a_freeze_wins() -> None:
    workers = ToldWorkers()
    workers.running = 1
    throttle = Throttle(workers)
    throttle.start()
    throttle.set(0.5)
    wait(lambda: workers.suspended)
    wait(lambda: not workers.suspended)
    throttle.freeze()
    for _ in range(50):
        assert workers.suspended
        time.sleep(0.01)
    throttle.set(0.9)
    throttle.set(1.0)
    time.sleep(0.2)
    assert workers.suspended
    throttle.thaw()
    wait(lambda: not workers.suspended)
    time.sleep(0.2)
    assert not workers.suspended
    throttle.stop()


def test_a_duty_of_nothing_stands_and_is_left_again() -> None:
    workers = ToldWorkers()
    workers.running = 1
    throttle = Throttle(workers)
    throttle.set(0.0)
    assert workers.suspended
    throttle.freeze()
    throttle.thaw()
    assert workers.suspended
    throttle.set(1.0)
    assert not workers.suspended


def test_no_order_of_words_from_many_threads_resumes_what_is_frozen() -> None:
    workers = ToldWorkers()
    workers.running = 1
    throttle = Throttle(workers)
    throttle.start()
    dice = random.Random(5)
    throttle.set(0.5)
    stop = threading.Event()

    def shout() -> None:
        while not stop.is_set():
            throttle.set(dice.choice((0.0, 0.2, 0.5, 0.7, 1.0)))

    threads = [threading.Thread(target=shout) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            throttle.freeze()
            for _ in range(20):
                assert workers.suspended
                time.sleep(0.001)
            throttle.thaw()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    throttle.set(1.0)
    wait(lambda: not workers.suspended)
    throttle.stop()
