"""A wire between nodes that a test can cut: what is sent over it then arrives once it is whole again, or never."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path


class Wire:
    """Listens on `port`; what comes goes to the port that the node has written into its file."""

    def __init__(self, node: Path) -> None:
        self._node = node
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Nothing gets through, and nobody is told: connections stay open and silent."""
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    async def stop(self) -> None:
        self.mend()
        if self._server is not None:
            self._server.close()
        for end in list(self._ends):
            end.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", int((self._node / "port").read_text()))
        except (OSError, ValueError):
            writer.close()
            return
        await asyncio.gather(self._carry(reader, there[1]), self._carry(there[0], writer))

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        self._ends.add(sink)
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                await self._whole.wait()
                sink.write(data)
                await sink.drain()
        self._ends.discard(sink)
        sink.close()
