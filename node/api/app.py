"""The API as an ASGI application: the gate, the problems, one router a subject."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware import Middleware

from fogchain.api.models import API_PREFIX
from fogchain.config import SignInSection
from node.api import problem
from node.api.gate import Gate
from node.api.routes.accounts import account_routes
from node.api.routes.auth import auth_routes
from node.api.routes.blobs import blob_routes
from node.api.routes.events import event_routes
from node.api.routes.jobs import job_routes
from node.api.routes.node import node_routes
from node.api.routes.wallet import wallet_routes
from node.api.services import NodeServices
from node.api.sessions import Sessions
from node.api.upload import sweep


def create_app(services: NodeServices, token: str, version: str, rules: SignInSection | None = None) -> FastAPI:
    """Every path but the two to sign in with a wallet, /openapi.json too, wants `Authorization: Bearer <token>`."""
    sessions = Sessions(rules or SignInSection())
    app = FastAPI(
        title="fogchain node",
        version=version,
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
        middleware=[Middleware(Gate, token=token, sessions=sessions, own_limit=f"{API_PREFIX}/blobs/")],
    )
    problem.install(app)
    for routes in (node_routes, wallet_routes, account_routes, job_routes, blob_routes, event_routes):
        app.include_router(routes(services), prefix=API_PREFIX)
    app.include_router(auth_routes(services, sessions), prefix=API_PREFIX)
    sweep(services.blobs)
    return app
