"""A served node for the command line to talk to, and the command as a person runs it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "api"))  # the services in memory live with the API's tests

from api_memory import MemoryServices

from fogchain.api.address import ApiAddress
from fogchain.config import DataFolder
from node.api.app import create_app
from node.api.server import ApiServer

TOKEN = "0" * 43


class ServedNode:
    """The real API over services in memory, in a thread, with a data folder as a node leaves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = DataFolder(folder)
        folder.mkdir()
        self.folder.token.write_text(TOKEN)
        self.folder.config.write_text("")
        self.services = MemoryServices(folder)
        self._loop = asyncio.new_event_loop()
        self._server: ApiServer | None = None
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.start()

    def start(self) -> None:
        async def begin() -> str:
            self._server = ApiServer(create_app(self.services, TOKEN, "1"))
            return await self._server.start("127.0.0.1", 0)

        ApiAddress(self._await(begin()), os.getpid()).save(self.folder)

    def stop(self) -> None:
        """The address stays in the folder, as after a kill."""
        assert self._server is not None
        self._await(self._server.stop())

    def do(self, action: Callable[[], Any]) -> Any:
        """Run something in the server's loop."""

        async def run() -> Any:
            return action()

        return self._await(run())

    def end(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _await(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)


def environment(data: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOGCHAIN_HOME")}
    return {**kept, "FOGCHAIN_HOME": str(data), "COLUMNS": "120"}


def fogchain(data: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it, in a process of its own."""
    command = [sys.executable, "-m", "fogchain.cli.main", *words]
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    return subprocess.run(command, capture_output=True, text=True, timeout=90, env=environment(data), **options)


def fogchain_json(data: Path, *words: str, **options: Any) -> Any:
    result = fogchain(data, *words, "--json", **options)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
