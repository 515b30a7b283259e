"""Idempotency keys: what was asked for once under a key is done once and answered the same ever after.

Two parts make it hold through a `kill -9` at any moment. The key stands on disk with the request it was first used for,
and so does the answer once there is one. And the key goes down to what acts, which names its transaction by it: a
request that was cut off in the middle is taken up again, not done anew. Refusals are not kept: they can be tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, cast

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from sqlalchemy import Column, Engine, Float, LargeBinary, MetaData, String, Table, delete, insert, select, update
from starlette.responses import Response

from fogchain.database import transaction
from fogchain.errors import Conflict

KEEP_SECONDS = 30 * 86_400.0

tables = MetaData()
_answers = Table(
    "api_answers",
    tables,
    Column("key", String, primary_key=True),
    Column("request", LargeBinary, nullable=False),  # SHA-256 of method, path and body
    Column("answer", LargeBinary),  # JSON; absent while there is none
    Column("created", Float, nullable=False),
)

Key = Annotated[
    str | None,
    Header(
        min_length=1, max_length=200, pattern="^[!-~]([ -~]*[!-~])?$",
        description="any text of one's own choice: sent again with the same one, the request is done once and "
        "answered the same; with another request it is refused (409). Kept for 30 days.",
    ),
]  # fmt: skip


class Answers:
    """The keys that were used, each with its request and, once there is one, its answer."""

    def __init__(self, engine: Engine) -> None:
        """`engine`: a database that has `tables`. Forgets what is older than 30 days."""
        self._engine = engine
        self._busy: dict[str, tuple[asyncio.Lock, list[None]]] = {}
        with transaction(engine) as connection:
            connection.execute(delete(_answers).where(_answers.c.created < time.time() - KEEP_SECONDS))

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """One request of a key at a time; a second one waits for the first."""
        lock, users = self._busy.setdefault(key, (asyncio.Lock(), []))
        users.append(None)
        try:
            async with lock:
                yield
        finally:
            users.pop()
            if not users:
                self._busy.pop(key, None)

    def begin(self, key: str, request: bytes) -> bytes | None:
        """The answer that this request had under this key. Without one, the key is this request's from now on.

        Raises Conflict when the key is another request's.
        """
        with transaction(self._engine) as connection:
            row = connection.execute(select(_answers).where(_answers.c.key == key)).first()
            if row is None:
                connection.execute(insert(_answers).values(key=key, request=request, created=time.time()))
                return None
        if row.request != request:
            raise Conflict("that idempotency key was used for another request", hint="give each request its own key")
        return cast("bytes | None", row.answer)

    def keep(self, key: str, answer: bytes) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(_answers).where(_answers.c.key == key).values(answer=answer))


class Once:
    """A request that may bring an idempotency key."""

    def __init__(self, request: Request, idempotency_key: Key = None) -> None:
        self.key = idempotency_key
        self._request = request
        self._answers: Answers = request.app.state.answers

    async def __call__(self, body: BaseModel | None, act: Callable[[str | None], Awaitable[BaseModel]]) -> Response:
        """Do `act` with the key, or answer what was answered before."""
        if self.key is None:
            return _json((await act(None)).model_dump_json().encode())
        digest = hashlib.sha256(f"{self._request.method} {self._request.url.path}\n".encode())
        digest.update(body.model_dump_json().encode() if body else b"")
        async with self._answers.turn(self.key):
            known = self._answers.begin(self.key, digest.digest())
            if known is None:
                known = (await act(self.key)).model_dump_json().encode()
                self._answers.keep(self.key, known)
        return _json(known)


OnceOnly = Annotated[Once, Depends(Once)]


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
