"""The API's server: uvicorn inside the daemon's own event loop."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from fogchain.errors import BadInput, Conflict, Unavailable

STOP_SECONDS = 3  # for requests under way


class ApiServer:
    """`start` and `stop` once each."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen, on any free port for 0; returns the URL. Raises Conflict for a busy port, BadInput for a bad host."""
        listener = _listen(host, port)
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=1 << 16,  # clients have nothing to say on the events socket
            ws_per_message_deflate=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=STOP_SECONDS,
            server_header=False,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([listener]), name="api server")
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not self._server.ready.is_set():
            ready.cancel()
            listener.close()
            self._task.result()
            raise Unavailable("the API's server ended at its start", hint="the node's log says why")
        name, number = listener.getsockname()[:2]
        return f"http://[{name}]:{number}" if ":" in name else f"http://{name}:{number}"

    async def stop(self) -> None:
        """Take no more requests, let those under way end, close the event sockets."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        await self._task


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the daemon's."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise BadInput(
            f"{host!r} is no address to listen on", hint='set [api] host = "127.0.0.1" in config.toml'
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            hint = "stop the other program, or set another [api] port in config.toml (0 takes any free one)"
            raise Conflict(f"port {port} of {host} is in use by another program", hint=hint) from error
        hint = "set [api] host and port in config.toml to ones this machine may listen on"
        raise Unavailable(f"can't listen on {host} port {port}: {error.strerror}", hint=hint) from error
    return listener
