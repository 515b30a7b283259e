"""All results of a job as one ZIP file, made while it is sent: never more than one file of it is in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any

from fogchain.api.models import TaskView
from ui.feed import NodeFeed

PAGE = 500
STORED = (".png", ".jpg", ".jpeg", ".gif", ".zip", ".gz", ".zst", ".xz", ".mp4", ".webp")  # is compressed already


class _Outlet(io.RawIOBase):
    """Collects what the archive writes, to be taken away piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._at

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


async def zipped(feed: NodeFeed, job_id: str) -> AsyncIterator[bytes]:
    """`TASK/NAME` for every result file that is there. Raises FogchainError when the node goes away meanwhile."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        async for task in _tasks(feed, job_id):
            for file in task.files:
                index, name = task.index, file.name
                data = await feed.ask(lambda client, i=index, n=name: client.result_file(job_id, i, n))  # type: ignore[misc]
                kind = zipfile.ZIP_STORED if name.lower().endswith(STORED) else zipfile.ZIP_DEFLATED
                archive.writestr(f"{index}/{name}", data, kind)
                yield outlet.take()
    yield outlet.take()


async def _tasks(feed: NodeFeed, job_id: str) -> AsyncIterator[TaskView]:
    cursor: str | None = None
    while True:
        at = cursor
        page = await feed.ask(lambda client: client.tasks(job_id, limit=PAGE, cursor=at))  # noqa: B023
        for task in page.items:
            yield task
        cursor = page.next_cursor
        if cursor is None:
            return
