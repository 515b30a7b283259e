"""Whether runs may begin, said from other threads."""

from __future__ import annotations

import asyncio
import threading
import time

from node.executor.admission import Admission


def _say(admission: Admission, is_open: bool) -> None:
    thread = threading.Thread(target=admission.say, args=(is_open,))
    thread.start()
    thread.join()


async def test_who_waits_goes_on_when_another_thread_opens() -> None:
    admission = Admission()
    admission.begin()
    await admission.opened()
    _say(admission, False)
    waiting = asyncio.create_task(admission.opened())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    _say(admission, True)
    await asyncio.wait_for(waiting, 20)


async def test_one_that_closes_again_at_once_lets_nobody_in() -> None:
    admission = Admission()
    admission.begin()
    _say(admission, False)
    waiting = asyncio.create_task(admission.opened())
    await asyncio.sleep(0)
    for is_open in (True, False):
        _say(admission, is_open)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    admission.end()
    await asyncio.wait_for(waiting, 20)


def test_it_counts_the_time_for_which_it_was_closed_and_no_other() -> None:
    admission = Admission()
    assert admission.closed() == (False, 0.0)
    begun = time.monotonic()
    admission.say(False)
    admission.say(False)
    time.sleep(0.02)
    closed, seconds = admission.closed()
    assert closed and 0.02 <= seconds <= time.monotonic() - begun
    admission.say(True)
    _, once = admission.closed()
    time.sleep(0.01)
    assert admission.closed() == (False, once) and once >= seconds


async def test_what_is_to_be_done_after_a_change_is_done_in_its_own_thread_once() -> None:
    admission, where = Admission(), list[int]()
    admission.begin()
    admission.say(False, lambda: where.append(threading.get_ident()))
    admission.say(False, lambda: where.append(0))
    await asyncio.sleep(0.01)
    assert where == [threading.get_ident()]
