"""What the panel's browser tests stand on: a node to look at, the panel's process, and a signed-in browser.

The tests know a node only as `StagedNode`; a real daemon can take the place of the imaginary one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from fogchain.api.client import Client
from fogchain.api.models import JobSummary

FIXTURE = Path(__file__).with_name("fixture_node.py")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 60.0
expect.set_options(timeout=PATIENCE * 1000)


@dataclass
class StagedNode:
    """A running node and how to hand it a job."""

    url: str
    token_file: Path
    pid: int
    submit: Callable[[str, int], JobSummary]  # name, number of tasks

    @property
    def token(self) -> str:
        return self.token_file.read_text().strip()

    def freeze(self) -> None:
        """It still holds its port, but answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@dataclass
class Visit:
    """A page and everything it should not have done."""

    page: Page
    panel: str
    complaints: list[str] = field(default_factory=list)
    external: list[str] = field(default_factory=list)

    async def sign_in(self, token: str, path: str = "/") -> None:
        await self.page.goto(self.panel + path)
        await self.page.fill("#token", token)
        await self.page.click("button[type=submit]")
        await self.page.wait_for_selector(".fc-page h1")

    def expect_clean(self) -> None:
        """No error in the console, nothing asked of any other server."""
        assert self.complaints == []
        assert self.external == []


@contextlib.contextmanager
def process(arguments: list[str], ready: Path) -> Iterator[dict[str, object]]:
    """A child that says it is ready in a JSON file; stopped at the end."""
    log = ready.with_suffix(".log")
    with log.open("wb") as out:
        child = subprocess.Popen([sys.executable, *arguments], stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: ready.exists() or child.poll() is not None, "a ready file")
        assert ready.exists(), log.read_text()
        yield json.loads(ready.read_text())
    finally:
        child.send_signal(signal.SIGCONT)
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(10)


def wait_for(met: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def staged_node(folder: Path, *options: str, port: int = 0) -> Iterator[StagedNode]:
    folder.mkdir(parents=True, exist_ok=True)
    token_file = folder / "api.token"
    if not token_file.exists():
        token_file.write_text("t-" + os.urandom(16).hex() + "\n")
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    command = [str(FIXTURE), "--token-file", str(token_file), "--ready-file", str(ready), "--port", str(port), *options]
    with process(command, ready) as told:
        url, pid = str(told["url"]), int(str(told["pid"]))

        def submit(name: str, count: int) -> JobSummary:
            from fixture_things import spec

            with Client(url, token_file.read_text().strip()) as client:
                return client.submit(spec(name, count))

        yield StagedNode(url, token_file, pid, submit)


@contextlib.contextmanager
def staged_panel(node: StagedNode, folder: Path, *options: str) -> Iterator[str]:
    """The panel's own process; gives its address."""
    ready = folder / "panel.json"
    ready.unlink(missing_ok=True)
    command = [
        "-m",
        "ui",
        "--node",
        node.url,
        "--token-file",
        str(node.token_file),
        "--ready-file",
        str(ready),
        *options,
    ]
    with process(command, ready) as told:
        yield str(told["url"])


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        try:
            yield started
        finally:
            await started.close()


@contextlib.asynccontextmanager
async def visiting(started: Browser, panel: str, width: int = 1280, height: int = 800) -> AsyncIterator[Visit]:
    context = await started.new_context(viewport={"width": width, "height": height}, color_scheme="dark")
    context.set_default_timeout(PATIENCE * 1000)
    page = await context.new_page()
    visit = Visit(page, panel)
    page.on("console", lambda m: visit.complaints.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("dialog", lambda dialog: visit.complaints.append(f"a dialog said {dialog.message}"))
    page.on("request", lambda r: None if r.url.startswith((panel, "data:", "blob:")) else visit.external.append(r.url))
    page.on(
        "websocket", lambda s: None if s.url.startswith(panel.replace("http", "ws")) else visit.external.append(s.url)
    )
    try:
        yield visit
    finally:
        await context.close()
