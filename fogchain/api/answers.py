"""What both clients make of requests and answers."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from fogchain.api.rest import NODE_HINT, path_of
from fogchain.errors import FogchainError, Unavailable

M = TypeVar("M", bound=BaseModel)

TIMEOUT = 60.0  # seconds for one answer; a deposit waits for blocks
MAX_EVENT = 8 << 20


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def events_url(url: str, after: int | None = None) -> str:
    return "ws" + url.removeprefix("http") + path_of("events", query={"after": after})


def encode(body: BaseModel | None, key: str | None) -> tuple[bytes, dict[str, str]]:
    """A request's body and headers; what has the same idempotency `key` is done once."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    return body.model_dump_json().encode() if body is not None else b"", headers


def decode(kind: type[M], url: str, body: bytes | str) -> M:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise FogchainError(
            f"{url} does not answer like a fogchain node of this version", hint="bring both to one version"
        ) from error


def ended(url: str, hint: str = NODE_HINT) -> Unavailable:
    return Unavailable(f"the node at {url} ended the stream of events", hint=hint)
