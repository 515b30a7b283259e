"""Problem-details answers (RFC 9457) for everything that goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from fogchain.api.models import Problem
from fogchain.api.problems import status_of
from fogchain.config import explain_items
from fogchain.errors import (
    BadInput,
    Conflict,
    FogchainError,
    Forbidden,
    NotFound,
    PaymentRequired,
    TooLarge,
    Unauthorized,
    Unavailable,
    WrongMediaType,
)

Refused = Callable[[str, FogchainError], None]  # is told of what was refused, and why

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:fogchain:problem:"  # and the error's code


def problem_response(
    error: FogchainError, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """`status` when another one fits better than that of the error's class."""
    code = status or status_of(error)
    problem = Problem(
        type=f"{TYPE}{error.code}",
        title=TITLES.get(code, "Error"),
        status=code,
        detail=error.message,
        code=error.code,
        hint=error.hint,
    )
    more = {**(headers or {}), **({"WWW-Authenticate": "Bearer"} if code == 401 else {})}
    return Response(problem.model_dump_json(), code, more, MEDIA_TYPE)


def example_of(code: int) -> dict[str, object]:
    """A problem of this status, for the API's description."""
    error = _EXAMPLES.get(code) or FogchainError(TITLES[code])
    return dict(json.loads(bytes(problem_response(error, code).body)))


def install(app: FastAPI, refused: Refused) -> None:
    """Answer every exception of a route with a problem."""

    @app.exception_handler(FogchainError)
    async def _known(_: Request, error: FogchainError) -> Response:
        refused("api", error)
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        # The first step of each place says where it stood (query, path, header): of no use to the reader.
        items = [{**item, "loc": item["loc"][1:]} for item in error.errors()]
        wrong = BadInput(explain_items(items), hint="see /openapi.json")
        refused("api", wrong)
        return problem_response(wrong)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        place = request.url.path[:200]
        if error.status_code == 404:
            return problem_response(NotFound(f"there is nothing at {place}", hint="see /openapi.json"))
        if error.status_code == 405:
            allowed = ", ".join(_allowed(app, request))
            wrong = BadInput(f"{place} takes no {request.method[:20]}", hint=f"it takes {allowed}")
            refused("api", wrong)
            return problem_response(wrong, 405, {"Allow": allowed})
        wrong = BadInput(f"{request.method[:20]} {place}: {error.detail}", hint="see /openapi.json")
        refused("api", wrong)
        return problem_response(wrong, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def _unknown(request: Request, error: Exception) -> Response:
        # The server logs the exception itself; its text may hold what must not leave the node.
        message = f"the node failed at {request.method} {request.url.path[:200]}: {type(error).__name__}"
        return problem_response(FogchainError(message, hint="the node's log says more; please report it"))


def _allowed(app: FastAPI, request: Request) -> list[str]:
    """What any route at this path takes: the one that matched knows only its own."""
    return [
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in app.routes)
    ]


TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    402: "Payment required",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Content too large",
    415: "Unsupported media type",
    500: "Internal error",
    503: "Unavailable",
}

_EXAMPLES: dict[int, FogchainError] = {
    400: BadInput("amount: '5' has no unit; write an amount of FOG like '1.5 FOG'", hint="see /openapi.json"),
    401: Unauthorized("the API wants a token", hint="send it as `Authorization: Bearer …`"),
    402: PaymentRequired("the wallet holds 1 FOG, less than 5 FOG", hint="deposit less"),
    403: Forbidden("that is not allowed here", hint="ask the node's owner"),
    404: NotFound("there is no job ab12", hint="`fogchain job list` shows the ids"),
    409: Conflict("that job has ended already"),
    413: TooLarge("a request of more than 32.0 MiB", hint="send less at once: split the job"),
    415: WrongMediaType("a body of text/plain is not taken here", hint="send application/json"),
    503: Unavailable("the chain does not answer", hint="try again later"),
}
