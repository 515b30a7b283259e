"""Python and native jobs through a whole market: ordered, run, checked where they can be, and paid."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from fogchain.localnet import PROVIDER_NAMES

# x86-64, static: exit(0)
NOTHING = bytes.fromhex(
    "7f454c46020101000000000000000000 02003e0001000000 7800400000000000 4000000000000000"
    "0000000000000000 00000000 4000 3800 0100 0000 0000 0000"
    "01000000 05000000 0000000000000000 0000400000000000 0000400000000000"
    "0010000000000000 0010000000000000 0010000000000000"
    "b83c000000 bf00000000 0f05"
)

pytestmark = pytest.mark.chain


async def _offered(m: Any, runtime: str, count: int) -> None:
    """Until so many providers' offers, as the buyer has them, name this runtime's engine."""
    prefix = {"python": "cpython-", "native": "native-"}[runtime]
    deadline = time.monotonic() + 90
    while True:
        offers = [p.offer for p in await m.network.buyer.providers() if p.offer is not None]
        if sum(any(engine.startswith(prefix) for engine in offer.engines) for offer in offers) >= count:
            return
        assert time.monotonic() < deadline, offers
        await asyncio.sleep(0.2)


async def test_scripts_and_native_programs_are_paid_like_modules(market: Callable[..., Any]) -> None:
    first, second = PROVIDER_NAMES[:2]
    native = {"runtimes": ["wasm", "python", "native"]}
    async with market(providers=2, settings={first: native}) as m:
        (m.folder / "main.py").write_text("import sys\nprint(sum(range(int(sys.argv[1]))))\n")
        (m.folder / "nothing").write_bytes(NOTHING)
        script, program = m.folder / "script.toml", m.folder / "program.toml"
        script.write_text(
            '[job]\nruntime = "python"\nscript = "main.py"\nbudget = "20 FOG"\n[limits]\nfuel = "2 Gfuel"\n'
            '[verify]\nsample = "100 %"\n[array]\ncount = 2\nargs = ["{index}00"]\n'
        )
        program.write_text(
            '[job]\nruntime = "native"\nmodule = "nothing"\nbudget = "5 FOG"\n[limits]\nfuel = "1 Gfuel"\n'
            '[verify]\nlevel = "L0"\n[array]\ncount = 1\n'
        )
        await _offered(m, "python", 2)
        await _offered(m, "native", 1)
        detail = await m.paid(await m.submit(script))
        assert detail.state == "done", detail.detail
        assert detail.checks_done == 2 and detail.checks_failed == 0
        assert await m.network.buyer.result_file(detail.id, 1, "stdout") == b"4950\n"
        detail = await m.paid(await m.submit(program))
        assert detail.state == "done", detail.detail
        status = await m.network.client(first).status()
        assert {view.runtime: view.engine is not None for view in status.runtimes} == {
            "wasm": True, "python": True, "native": True,
        }  # fmt: skip
        assert status.ended["ok"] >= 2
        other = await m.network.client(second).status()
        (refused,) = [view for view in other.runtimes if view.runtime == "native"]
        assert "provider.runtimes" in refused.detail
