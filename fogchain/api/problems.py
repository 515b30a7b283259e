"""Errors on the wire: which HTTP status an error gets, and which error a problem becomes again."""

from __future__ import annotations

import json

from fogchain.errors import (
    BadInput,
    BadMessage,
    BadSignature,
    Conflict,
    CorruptData,
    FogchainError,
    Forbidden,
    NotFound,
    PaymentRequired,
    TooLarge,
    Unauthorized,
    Unavailable,
    WrongMediaType,
)  # fmt: skip

STATUS: dict[type[FogchainError], int] = {
    BadInput: 400,
    BadMessage: 400,
    BadSignature: 400,
    Unauthorized: 401,
    PaymentRequired: 402,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    WrongMediaType: 415,
    CorruptData: 500,
    FogchainError: 500,
    Unavailable: 503,
}
BY_CODE = {kind.code: kind for kind in STATUS}


def status_of(error: FogchainError) -> int:
    """The status of the error's class, or of the nearest base that has one."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_from(status: int, body: bytes) -> FogchainError:
    """The error a problem-details answer stands for; for any other body, one that names the status."""
    try:
        problem = json.loads(body)
        kind = BY_CODE.get(problem["code"]) or _by_status(status)
        return kind(str(problem["detail"]), hint=str(problem.get("hint", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return FogchainError(
            f"the node answered with status {status} and no explanation",
            hint="is that address a fogchain node's? Its own is in run/api.json of its data folder",
        )


def _by_status(status: int) -> type[FogchainError]:
    """For codes of narrower errors, such as `reverted`: the first class that has the status."""
    return next((kind for kind, known in STATUS.items() if known == status), FogchainError)
