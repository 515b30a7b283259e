"""What the tests do with a gateway and its devices, all of them processes of their own."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fogchain.api.client import AsyncClient
from fogchain.api.fleet import DeviceDetail, FleetView
from fogchain.bench.e2e import spin_job
from fogchain.errors import FogchainError
from fogchain.jobs.file import load_job_file
from fogchain.localnet import LocalNetwork

PATIENCE = 120.0


class FleetMarket:
    def __init__(self, network: LocalNetwork, folder: Path) -> None:
        self.network, self.folder = network, folder
        self.homes: dict[str, Path] = {}

    @property
    def gateway(self) -> AsyncClient:
        return self.network.client("oak")

    async def command(self, *words: str, check: bool = True) -> tuple[int, str, str]:
        """`fogchain …`: exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "fogchain.cli.main", *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        if check and process.returncode != 0:
            pytest.fail(f"{' '.join(words)[:200]}: {err.decode()}")
        return process.returncode or 0, out.decode(), err.decode()

    async def at_gateway(self, *words: str) -> dict[str, Any]:
        """`fogchain fleet … --json` at the gateway."""
        _, out, _ = await self.command("fleet", *words, "--data", str(self.network.folder / "oak"), "--json")
        return dict(json.loads(out))

    async def join(self, name: str, code: str | None = None, check: bool = True) -> tuple[int, str, str]:
        home = self.homes.setdefault(name, self.folder / name)
        code = code or (await self.gateway.invite_device()).code
        options = ("--name", name, "--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns", "--profile", "dedicated")
        return await self.command("fleet", "join", code, "--data", str(home), *options, check=check)

    async def run(self, name: str, called: str = "") -> None:
        """Start a device's process and wait until it takes work. `called`: its name at the gateway."""
        words = ("fleet", "run", "--data", str(self.homes[name]))
        await self.network.launch(name, [sys.executable, "-m", "fogchain.cli.main", *words])
        await self.device_is(called or name, lambda device: device.state == "ready")

    async def at_device(self, name: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """`fogchain fleet status --json` at the device, once `condition` holds."""

        async def ask() -> dict[str, Any]:
            return dict(json.loads((self.homes[name] / "run" / "device.json").read_text()))

        await self._until(ask, condition)
        _, out, _ = await self.command("fleet", "status", "--data", str(self.homes[name]), "--json")
        return dict(json.loads(out))

    async def device_is(self, name: str, condition: Callable[[DeviceDetail], bool]) -> DeviceDetail:
        return await self._until(lambda: self.gateway.device(name), condition)

    async def fleet_is(self, condition: Callable[[FleetView], bool]) -> FleetView:
        return await self._until(self.gateway.fleet, condition)

    async def offers(self, slots: int) -> None:
        """Wait until the buyer has an offer of so many slots. It looks seldom, but at its start."""
        await self.network.end("buyer")
        await self.network.launch_node("buyer")
        await self.network.ready("buyer")
        await self._until(
            self.network.buyer.providers,
            lambda found: any(one.offer is not None and one.offer.slots == slots for one in found),
        )

    async def submit(self, tasks: int, rounds: int) -> str:
        unchecked = '[verify]\nlevel = "L0"\n'  # there is but one provider
        resolved = load_job_file(spin_job(self.folder / f"spin-{tasks}-{rounds}", tasks, rounds, unchecked))
        for sha256, source in resolved.blobs.items():
            await self.network.buyer.put_blob(source, sha256)
        return (await self.network.buyer.submit(resolved.spec)).id

    async def job_is(self, job_id: str, condition: Callable[[Any], bool]) -> Any:
        return await self._until(lambda: self.network.buyer.job(job_id), condition)

    async def _until(self, ask: Callable[[], Any], condition: Callable[[Any], bool]) -> Any:
        """What `ask` says once `condition` holds; fails with what it said last."""
        deadline, said = time.monotonic() + PATIENCE, None
        while time.monotonic() < deadline:
            try:
                said = await ask()
                if condition(said):
                    return said
            except (FogchainError, FileNotFoundError) as error:
                said = error
            await asyncio.sleep(0.1)
        pytest.fail(f"not in {PATIENCE:g} s: {said!r}"[:3000])
