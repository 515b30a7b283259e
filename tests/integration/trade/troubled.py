"""A node in trouble, started like `python -m node` with a port before its options: `troubled.py PORT --data DIR`.

It says that it listens on PORT of this machine, where a test may cut the wire (see `cut_wire.py`). Files in its data
folder do the rest, at any time:

    clock    by how many seconds its clock is wrong
    repeat   when there: it sends every message twice, and some a third time much later, each after a while of its own
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path
from typing import Any

PORT = int(sys.argv.pop(1))
DATA = Path(sys.argv[sys.argv.index("--data") + 1])
LOOK = 0.05  # seconds between looks at the clock's file

real_time = time.time


class Clock:
    def __init__(self) -> None:
        self.wrong, self._looked = 0.0, -LOOK

    def __call__(self) -> float:
        if time.monotonic() - self._looked > LOOK:
            self._looked = time.monotonic()
            try:
                self.wrong = float((DATA / "clock").read_text())
            except (OSError, ValueError):
                self.wrong = 0.0
        return real_time() + self.wrong


time.time = Clock()

from node import __main__, daemon  # noqa: E402 - the clock comes first
from node.p2p import host  # noqa: E402

dice = random.Random(DATA.name)
late: set[asyncio.Task[Any]] = set()
request = host.P2PHost.request


async def sent(self: host.P2PHost, *message: Any, timeout: float) -> bytes:
    if not (DATA / "repeat").exists():
        return await request(self, *message, timeout=timeout)

    async def once(pause: float) -> bytes:
        await asyncio.sleep(pause)
        return await request(self, *message, timeout=timeout)

    if dice.random() < 0.2:
        task = asyncio.create_task(once(dice.uniform(1, 6)))
        late.add(task)
        task.add_done_callback(lambda done: (late.discard(done), done.cancelled() or done.exception()))
    answers = await asyncio.gather(*(once(dice.uniform(0, 0.3)) for _ in range(2)), return_exceptions=True)
    answer = dice.choice(answers)
    if isinstance(answer, BaseException):
        raise answer
    return answer


def announced(bound: Any) -> tuple[str, ...]:
    """The wire's end instead of one's own, which the wire finds in a file."""
    (DATA / "port").write_text(bound[0].rsplit("/", 1)[1])
    return (f"/ip4/127.0.0.1/tcp/{PORT}",)


if __name__ == "__main__":
    host.P2PHost.request = sent  # type: ignore[method-assign]
    host._reachable = announced
    daemon._keep_ports = lambda folder, addresses: None
    sys.exit(__main__.main())
