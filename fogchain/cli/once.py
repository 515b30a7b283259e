"""What a command has the node do, once: one key goes with all its tries, and with the command given again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from fogchain.cli import output
from fogchain.cli.link import rest_to
from fogchain.errors import FogchainError, Unavailable
from fogchain.folder import DataFolder

T = TypeVar("T")

PATIENCE = 600.0  # seconds for blocks to come, and for a node that is being restarted
PAUSE = 1.0


def key_or_new(key: str | None) -> str:
    return key or secrets.token_hex(16)


def post_once(folder: DataFolder, path: str, body: bytes, key: str) -> Any:
    """The answer's JSON value. A lost answer is asked for again, of a restarted node, too, which may listen elsewhere.

    Raises what the node refuses with; Unavailable when it is not known what became of it.
    """
    return patiently(lambda: rest_to(folder).json("POST", path, body, {"Idempotency-Key": key}), key)


def patiently(ask: Callable[[], T], key: str) -> T:
    """`ask` until there is an answer. It has to take the same key each time. Raises as `post_once`."""
    deadline = time.monotonic() + PATIENCE
    with told_if_interrupted(key):
        while True:
            try:
                return ask()
            except Unavailable as error:
                if time.monotonic() > deadline:
                    raise on_its_way(error, key) from error
                output.note(output.dim(f"{error.message}; trying again"))
                time.sleep(PAUSE)


@contextmanager
def told_if_interrupted(key: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        output.note(f"it may be done still; {_again(key)}")
        raise


def on_its_way(error: FogchainError, key: str) -> Unavailable:
    return Unavailable(
        f"it is not known whether this was done: {error.message}",
        hint=_again(key),
    )


def _again(key: str) -> str:
    return f"give the same command with --key {key}: it waits on, and nothing is done twice"
