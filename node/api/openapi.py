"""/openapi.json: what FastAPI knows of the routes, and what it does not: the token, the problems, the bodies."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from fogchain.api.models import Problem
from node.api.problem import MEDIA_TYPE, TITLES, example_of

DESCRIPTION = """\
The API of one fogchain node. Amounts are texts with their unit (`"1.5 FOG"`); times are Unix seconds.

What goes wrong is answered as a problem (RFC 9457): its `code` names the kind of error, its `hint` says what to do.

`GET /v1/events` is a WebSocket with the same token: each message an `Event` as JSON; `?after=SEQ` resumes it.
"""

_TAGS = {
    "node": "The node itself, and the providers it knows",
    "wallet": "Money: balances, deposits, withdrawals, transfers, sessions, receipts",
    "accounts": "Accounts whose keys are elsewhere: balances, and transactions for them to sign",
    "jobs": "Price, submit, follow and cancel jobs; fetch their results",
    "blobs": "Modules and inputs by their SHA-256",
    "operators": "Who runs this node, and which nodes its wallet runs",
    "harvest": "When this machine works for others, and why it does or doesn't",
    "fleet": "Devices that work for this node",
    "stake": "The node's bond",
    "dao": "Proposals and votes",
    "prices": "Base prices and their history",
    "slashings": "Cases before the court",
    "auth": "Signing in with a wallet",
}
_ALWAYS = (400, 401, 403, 500, 503)  # of every operation
_REF = "#/components/schemas/{model}-Input"
_bodies: dict[str, type[BaseModel]] = {}  # every kind that `body_of` was asked about


def body_of(kind: type[BaseModel], **example: Any) -> dict[str, Any]:
    """What /openapi.json says of a body that `node.api.message.read` parses."""
    _bodies[kind.__name__] = kind
    schema = {"$ref": _REF.format(model=kind.__name__)}
    content = {"schema": schema, **({"example": example} if example else {})}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: what may go wrong there beside what may everywhere."""
    return {code: {} for code in codes}


def install(app: FastAPI, open_paths: frozenset[tuple[str, str]]) -> None:
    """`open_paths`: method and path of the operations that want no token."""
    app.openapi = lambda: _schema(app, open_paths)  # type: ignore[method-assign]


def _schema(app: FastAPI, open_paths: frozenset[tuple[str, str]]) -> dict[str, Any]:
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
    )
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            _complete(operation, path)
            if (method.upper(), path) in open_paths:
                operation["security"] = []
    _, inputs = models_json_schema([(kind, "validation") for _, kind in sorted(_bodies.items())], ref_template=_REF)
    schemas |= {f"{name}-Input": body for name, body in inputs.get("$defs", {}).items()}
    schemas["Problem"] = Problem.model_json_schema()
    components["responses"] = {f"Problem{code}": _problem(code) for code in TITLES}
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "the content of `api.token` in the node's data folder, or a session's token",
        }
    }
    schema["security"] = [{"token": []}]
    app.openapi_schema = schema
    return schema


def _complete(operation: dict[str, Any], path: str) -> None:
    answers = operation.setdefault("responses", {})
    answers.pop("422", None)  # FastAPI's own word for what is answered here with 400
    codes = {int(code) for code in answers if int(code) >= 400} | set(_ALWAYS)
    if "{" in path:
        codes.add(404)
    if "requestBody" in operation:
        codes |= {413, 415}
    for code in sorted(codes):
        answers[str(code)] = {"$ref": f"#/components/responses/Problem{code}"}


def _problem(code: int) -> dict[str, Any]:
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example_of(code)}
    return {"description": TITLES[code], "content": {MEDIA_TYPE: content}}
