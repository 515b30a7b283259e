"""Models in requests and answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from typing import Annotated, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from fogchain.config import explain
from fogchain.errors import BadInput, WrongMediaType

M = TypeVar("M", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=200)]


def read(kind: type[M]) -> Callable[[Request], Awaitable[M]]:
    """A dependency that parses the body as JSON in one step, in which a bare number is no amount."""

    async def parse(request: Request) -> M:
        check_media(request, "application/json")
        try:
            return kind.model_validate_json(await request.body())
        except ValidationError as error:
            raise BadInput(explain(error), hint="see /openapi.json for the request's shape") from error

    return parse


def check_media(request: Request, wanted: str) -> None:
    """Raises WrongMediaType for a body that says it is something else; one that says nothing is taken as wanted."""
    given = request.headers.get("content-type")
    if given is not None and given.partition(";")[0].strip().lower() != wanted:
        raise WrongMediaType(f"a body of {given[:80]!r} is not taken here", hint=f"send it as {wanted}")


async def only_known_parameters(request: Request) -> None:
    """A dependency of every route: a query parameter that a route does not have is refused, not ignored."""
    if not request.query_params:
        return
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    for name in request.query_params:
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known here are: {', '.join(sorted(known)) or 'none'}"
            raise BadInput(f"unknown query parameter {name[:80]!r}", hint=hint)


def answer(model: BaseModel) -> Response:
    """Straight to JSON: FastAPI would validate the model once more."""
    return Response(model.model_dump_json(), media_type="application/json")
