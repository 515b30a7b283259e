"""The bridge between the asyncio loop and the trio thread in which libp2p runs, and that thread's keeper.

    asyncio                                     trio thread (`wire.py`, one `Wire` per life)
    Bridge.call   ── run_sync_soon ───────────▶ Link, one stream per peer and subject ──▶ peer
                  ◀─ call_soon_threadsafe ─────
    P2PHost       ◀─ requested ──────────────── one task per stream                   ◀── peer
                  ── run_sync_soon ───────────▶

When the trio side dies it is started again on the same ports; requests under way fail, later ones dial again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import structlog

from fogchain.errors import FogchainError, Unavailable
from node.p2p import frames, wire
from node.p2p.address import short
from node.p2p.call import Call
from node.p2p.frames import Envelope, Kind
from node.p2p.peers import Peers
from node.p2p.wire import Guest, Pipe, Wire, why_of

log = structlog.get_logger(__name__)

FIRST_RESTART, LAST_RESTART = 0.1, 10.0  # seconds before the trio side is started again
STOP_TIMEOUT = 10.0

T = TypeVar("T")


class Bridge:
    """Between the loop and the trio thread; keeps the thread alive. Its methods belong to the asyncio loop."""

    def __init__(self, seed: bytes, listen: Sequence[str], topic: str) -> None:
        self.seed, self.topic = seed, topic
        self.heard: Callable[[str, bytes], None] = lambda _peer, _data: None
        self.refused: Callable[[str, FogchainError], None] = lambda _subject, _error: None  # what peers answered with
        self.too_often = 0  # announcements that were passed over, their makers having made one just before
        self.listen = tuple(listen)  # with real ports once they are known: a restart must listen where peers dial
        self.subjects: set[str] = set()
        self.peers: Peers
        self.respond: Callable[[str, str, bytes], Awaitable[tuple[Kind, bytes]]]
        self.tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Future[Any]] = set()
        self._stopping = threading.Event()
        self._wire: Wire | None = None

    async def start(self) -> None:
        """Raises Conflict when an address can't be listened on."""
        self._loop = asyncio.get_running_loop()
        self._first: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="libp2p", daemon=True)
        self._thread.start()
        await self._first

    async def stop(self) -> None:
        self._stopping.set()
        if self._wire is not None:
            self._down(self._wire.stop)
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.to_thread(self._thread.join, STOP_TIMEOUT)
        self._ended(None)

    def _run(self) -> None:
        """The thread: one `Wire` after another."""
        delay = FIRST_RESTART
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                wire.run(self)
                error: BaseException | None = None
            except BaseException as caught:  # noqa: BLE001 - trio wraps what it likes, and this thread must go on
                error = caught
            self.post(self._ended, error)
            if time.monotonic() - began > 60:
                delay = FIRST_RESTART
            self._stopping.wait(delay)
            delay = min(delay * 2, LAST_RESTART)

    def post(self, work: Callable[..., object], *args: Any) -> None:
        """Run `work` in the asyncio loop, soon; from any thread, in the order of the calls."""
        try:
            self._loop.call_soon_threadsafe(work, *args)
        except RuntimeError:
            pass  # the loop is closed: nobody is left to hear it

    def began(self, life: Wire, bound: tuple[str, ...]) -> None:
        self._wire, self.listen = life, bound
        for subject in self.subjects:  # those added since it was built
            self._down(life.serve, subject)
        log.info("p2p.listening", addresses=bound)
        if not self._first.done():
            self._first.set_result(None)
        if self._stopping.is_set():
            self._down(life.stop)

    def _ended(self, error: BaseException | None) -> None:
        self._wire = None
        if not self._first.done():
            self._stopping.set()
            self._first.set_exception(_first_failure(error))
        elif not self._stopping.is_set():
            log.error("p2p.restart", reason=why_of(error) if error else "it ended", exc_info=error)
        for future in self._waiting:
            if not future.done():
                future.set_exception(Unavailable("the network layer stopped; it is starting again", hint="try again"))
        self._waiting.clear()
        self.peers.all_gone()

    def _down(self, work: Callable[..., object], *args: Any) -> None:
        """Run `work` in the trio thread, soon, in the order of the calls. Raises Unavailable when it is not there."""
        try:
            if self._wire is not None:
                self._wire.token.run_sync_soon(work, *args)
                return
        except RuntimeError:
            pass
        raise _not_running()

    async def dial(self, peer_id: str, addrs: Sequence[str]) -> None:
        life = self._wire
        if life is None:
            raise _not_running()
        done: asyncio.Future[None] = self._loop.create_future()

        def settle(error: FogchainError | None) -> None:
            if not done.done() and error is None:
                done.set_result(None)
            elif not done.done() and error is not None:
                done.set_exception(error)

        async def run() -> None:
            try:
                await life.dial(peer_id, addrs)
            except FogchainError as error:
                self.post(settle, error)
            else:
                self.post(settle, None)

        self._down(life.start_soon, run)
        await self._wait(done)

    async def call(self, peer_id: str, subject: str, payload: bytes, timeout: float) -> bytes:
        """One request over a connection that is there. Raises Unavailable, BadMessage, or what the peer raised."""
        life = self._wire
        call = Call(self._loop.create_future())
        if life is None:
            raise _not_running()
        self._down(life.submit, peer_id, subject, call, payload)
        try:
            async with asyncio.timeout(timeout):
                return await self._wait(call.future)
        except FogchainError as error:
            if call.refused and not isinstance(error, Unavailable):  # that one only says "not now"
                self.refused(subject, error)
            raise
        except TimeoutError as error:
            raise Unavailable(f"peer {short(peer_id)} did not answer on {subject!r} within {timeout:g} s") from error
        finally:
            if call.future.cancelled() and self._wire is life:
                self._down(life.forget, peer_id, subject, call)

    async def _wait(self, future: asyncio.Future[T]) -> T:
        self._waiting.add(future)
        try:
            return await future
        finally:
            self._waiting.discard(future)

    def hang_up(self, peer_id: str) -> None:
        if self._wire is not None:
            self._down(self._wire.hang_up, peer_id)

    def announce(self, data: bytes) -> None:
        """Say something to all who listen, near and far. Raises Unavailable."""
        self._down(self._announce, data)

    def _announce(self, data: bytes) -> None:
        if self._wire is not None:
            self._wire.announce(data)

    def announced(self, peer_id: str, data: bytes) -> None:
        """A peer, which may not be connected to us, said something to all."""
        self.heard(peer_id, data)

    def overheard(self, refused: int) -> None:
        self.too_often = max(self.too_often, refused)

    def serve(self, subject: str) -> None:
        self.subjects.add(subject)
        if self._wire is not None:
            self._down(self._wire.serve, subject)

    def requested(self, life: Wire, pipe: Pipe, guest: Guest, peer_id: str, subject: str, request: Envelope) -> None:
        """A peer's request came up; have it answered."""

        async def answer() -> None:
            kind, payload = await self.respond(peer_id, subject, request.payload)
            frame = frames.encode(Envelope(request.id, kind, payload))
            with suppress(Unavailable):  # the connection it came by is gone, and whoever asked with it
                if self._wire is life:
                    self._down(life.answer, pipe, guest, frame)

        task = self._loop.create_task(answer())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def _first_failure(error: BaseException | None) -> FogchainError:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, FogchainError):
        return error
    return Unavailable(f"libp2p does not start: {why_of(error) if error else 'it ended at once'}")


def _not_running() -> Unavailable:
    return Unavailable("the network layer is not running", hint="it is starting again; try in a moment")
