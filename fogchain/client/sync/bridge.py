"""What the blocking classes stand on: an event loop in a thread, calls that wait for it, and iterators over it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from fogchain.client.aio import AsyncClient

A = TypeVar("A")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class AsyncSource(Protocol[T_co]):
    """An asynchronous generator, or what can be used like one."""

    def __anext__(self) -> Coroutine[Any, Any, T_co]: ...

    def aclose(self) -> Coroutine[Any, Any, None]: ...


class Loop:
    """An event loop in a thread. Ends with the program."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fogchain client", daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for it. On Ctrl-C it is cancelled."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def await_(self, work: Coroutine[Any, Any, T]) -> T:
        """The same for a caller that has a loop of its own."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def end(self) -> None:
        """What still goes on is cancelled and waited for."""

        async def finish() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._loop.shutdown_asyncgens()

        self.do(finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


class Blocking(Generic[A]):
    """An asynchronous object, whose calls are waited for. The subclasses, which are generated, say which."""

    def __init__(self, loop: Loop, inner: A) -> None:
        self._loop, self._inner = loop, inner


class BlockingClient(Blocking[AsyncClient]):
    """A client with a loop of its own. It may be used from any thread, and inside a running event loop."""

    def __init__(self, url: str | None = None, token: str | None = None, *, data: str | Path | None = None) -> None:
        """Raises BadInput. The node is not asked before it is needed."""
        super().__init__(Loop(), AsyncClient(url, token, data=data))

    def close(self) -> None:
        """Jobs go on; iterators over them end."""
        self._loop.do(self._inner.close())
        self._loop.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Stream(Blocking[AsyncSource[T]]):
    """To be iterated over with `for`, or with `async for`."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        try:
            return self._loop.do(_next(self._inner))
        except StopAsyncIteration:
            raise StopIteration from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        return await self._loop.await_(_next(self._inner))

    def close(self) -> None:
        """Stop listening; the job goes on."""
        self._loop.do(self._inner.aclose())


async def _next(source: AsyncSource[T]) -> T:
    return await source.__anext__()
