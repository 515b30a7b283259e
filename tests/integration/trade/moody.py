"""A node of many moods, started like `python -m node`. Files in its data folder say how it is, at any time:

faulty   when there: whatever it runs, its worker dies
held     when there: no run of it ends
deaf     when there: it neither hears nor says anything, while its work goes on
still    when there: its runs stand still, real processes and all
wanted   when there: its machine is wanted for something else. No run begins, those under way are handed back
stands   when there: a run stands still as soon as its task has saved something, until it is ended
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

from fogchain.errors import Unavailable
from fogchain.market.messages import Exit
from node import __main__, plugs
from node.executor.backend import HarvestedBackend
from node.p2p import host
from node.p2p.frames import Kind, encode_error
from node.trade.ports import Ran

DATA = Path(sys.argv[sys.argv.index("--data") + 1] if "--data" in sys.argv else ".")  # tests import its words
WANTED = "unplugged: power.source is battery"
FAULT = "its worker died, as it always does"


class MoodySandbox(plugs.SandboxPlug):
    def __init__(self, executor: HarvestedBackend, *more: Any, **options: Any) -> None:
        super().__init__(executor, *more, **options)
        self._feeling = asyncio.create_task(self._feel(executor))

    async def _feel(self, executor: HarvestedBackend) -> None:
        still = wanted = False
        while True:
            if still != (DATA / "still").exists():
                still = not still
                (executor.suspend if still else executor.resume)()
            if wanted != (DATA / "wanted").exists():
                wanted = not wanted
                executor.admit(not wanted)
                if wanted:
                    executor.evict(WANTED)
            await asyncio.sleep(0.02)

    async def run(self, *args: Any, **options: Any) -> Ran:
        if (DATA / "faulty").exists():
            return Ran(Exit.CRASHED, 0, None, {}, time.time(), time.time(), FAULT)
        stands = asyncio.create_task(self._stands(args[0]))
        try:
            ran = await super().run(*args, **options)
        finally:
            stands.cancel()
        while (DATA / "held").exists():
            await asyncio.sleep(0.05)
            ran = dataclasses.replace(ran, finished=time.time())
        return ran

    async def _stands(self, run_id: str) -> None:
        while not (DATA / "stands").exists() or self.checkpoint(run_id) is None:
            await asyncio.sleep(0.002)
        self._executor.suspend()  # type: ignore[attr-defined]
        try:
            await asyncio.Event().wait()
        finally:
            self._executor.resume()  # type: ignore[attr-defined]


request, respond = host.P2PHost.request, host.P2PHost._respond


async def _say(self: host.P2PHost, *message: Any, timeout: float) -> bytes:
    if (DATA / "deaf").exists():
        raise Unavailable("this node says nothing")
    return await request(self, *message, timeout=timeout)


async def _hear(self: host.P2PHost, peer_id: str, subject: str, payload: bytes) -> Any:
    if (DATA / "deaf").exists():
        return Kind.ERROR, encode_error(Unavailable("this node hears nothing"))
    return await respond(self, peer_id, subject, payload)


if __name__ == "__main__":
    plugs.SandboxPlug = MoodySandbox  # type: ignore[misc]
    host.P2PHost.request, host.P2PHost._respond = _say, _hear  # type: ignore[method-assign]
    sys.exit(__main__.main())
