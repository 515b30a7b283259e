"""A real network with its panel, each part a process, and a browser that looks at it.

Playwright's own async API is used throughout: the network's processes are watched by the same event loop.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from panel_stage import PATIENCE, Visit, browser, visiting
from playwright.async_api import Locator, Page, expect

from fogchain.api.models import JobDetail
from fogchain.jobs.file import load_job_file
from fogchain.localnet import LocalNetwork

T = TypeVar("T")


@dataclass
class Stage:
    """The network, its panel, and a signed-in visitor."""

    network: LocalNetwork
    folder: Path
    visit: Visit

    @property
    def page(self) -> Page:
        return self.visit.page

    async def go(self, name: str) -> None:
        """By the navigation, as a person does."""
        await self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(name)

    def section(self, title: str) -> Locator:
        return self.page.locator("section", has=self.page.get_by_role("heading", name=title, exact=True))

    async def submit(self, toml: str) -> str:
        file = self.folder / "job.toml"
        file.write_text(toml)
        resolved = load_job_file(file)
        for sha256, source in resolved.blobs.items():
            await self.network.buyer.put_blob(source, sha256)
        return (await self.network.buyer.submit(resolved.spec)).id

    async def paid(self, job_id: str) -> JobDetail:
        return await until(lambda: self.network.buyer.job(job_id), lambda detail: detail.paid, "the job to be paid")


async def until(ask: Callable[[], Awaitable[T]], good: Callable[[T], bool], what: str, seconds: float = PATIENCE) -> T:
    deadline = time.monotonic() + seconds
    while not good(answer := await ask()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}; at the end: {answer!s:.400}"
        await asyncio.sleep(0.1)
    return answer


@asynccontextmanager
async def staged(folder: Path, **network_options: Any) -> AsyncIterator[Stage]:
    """A network with its panel, and a visitor who looks at the jobs."""
    async with browser() as chromium:
        network = LocalNetwork(folder / "net", supervised=False, **network_options)
        await network.start()
        try:
            panel = await start_panel(network, folder / "panel.json")
            async with visiting(chromium, panel) as visit:
                await visit.sign_in((network.folder / "buyer" / "api.token").read_text().strip(), "/jobs")
                yield Stage(network, folder, visit)
        finally:
            await network.stop()


async def start_panel(network: LocalNetwork, ready: Path, of: str = "buyer") -> str:
    """Of this node, as the demo starts the buyer's; a process of the network, which ends with it."""
    folder = network.folder
    argv = [
        sys.executable, "-m", "ui", "--node", network.client(of).url, "--ready-file", str(ready),
        "--token-file", str(folder / of / "api.token"),
    ]  # fmt: skip
    for name in (other for other in network.names if other != of):
        argv += ["--other", f"{name}={network.client(name).url}={folder / name / 'api.token'}"]
    member = await network.launch(f"panel of {of}", argv)

    async def answer() -> bool:
        assert member.pid is not None, member.log_path.read_text()
        return ready.exists()

    await until(answer, bool, "the panel")
    return str(json.loads(ready.read_text())["url"])
