"""Models in requests and answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from fogchain.config import explain
from fogchain.errors import BadInput

M = TypeVar("M", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=200)]


def read(kind: type[M]) -> Callable[[Request], Awaitable[M]]:
    """A dependency that parses the body as JSON in one step, in which a bare number is no amount."""

    async def parse(request: Request) -> M:
        try:
            return kind.model_validate_json(await request.body())
        except ValidationError as error:
            raise BadInput(explain(error), hint="see /openapi.json for the request's shape") from error

    return parse


def body_of(kind: type[BaseModel], **example: str) -> dict[str, Any]:
    """What /openapi.json says of a body that `read` parses."""
    content = {"schema": kind.model_json_schema(mode="serialization"), **({"example": example} if example else {})}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def answer(model: BaseModel) -> Response:
    """Straight to JSON: FastAPI would validate the model once more."""
    return Response(model.model_dump_json(), media_type="application/json")
