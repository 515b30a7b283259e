"""Problem-details answers (RFC 9457) for everything that goes wrong."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fogchain.api.models import Problem
from fogchain.api.problems import status_of
from fogchain.config import explain_items
from fogchain.errors import BadInput, FogchainError, NotFound

MEDIA_TYPE = "application/problem+json"


def problem_response(error: FogchainError, status: int | None = None) -> Response:
    """`status` when another one fits better than that of the error's class."""
    code = status or status_of(error)
    problem = Problem(
        title=_TITLES.get(code, "Error"), status=code, detail=error.message, code=error.code, hint=error.hint
    )
    headers = {"WWW-Authenticate": "Bearer"} if code == 401 else None
    return Response(problem.model_dump_json(), code, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every exception of a route with a problem."""

    @app.exception_handler(FogchainError)
    async def _known(_: Request, error: FogchainError) -> Response:
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        # The first step of each place says where it stood (query, path, header): of no use to the reader.
        items = [{**item, "loc": item["loc"][1:]} for item in error.errors()]
        return problem_response(BadInput(explain_items(items), hint="see /openapi.json"))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        known = NotFound(f"there is nothing at {request.url.path[:200]}", hint="see /openapi.json")
        if error.status_code == 404:
            return problem_response(known)
        refused = BadInput(f"{request.method} {request.url.path[:200]}: {error.detail}", hint="see /openapi.json")
        return problem_response(refused, error.status_code)

    @app.exception_handler(Exception)
    async def _unknown(request: Request, error: Exception) -> Response:
        # The server logs the exception itself; its text may hold what must not leave the node.
        message = f"the node failed at {request.method} {request.url.path[:200]}: {type(error).__name__}"
        return problem_response(FogchainError(message, hint="the node's log says more; please report it"))


_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    402: "Payment required",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Content too large",
    500: "Internal error",
    503: "Unavailable",
}
