"""The API as an ASGI application: the gate, the problems, one router a subject."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.middleware import Middleware

from fogchain.api.models import API_PREFIX
from fogchain.config import SignInSection
from node.api import openapi, problem
from node.api.gate import OPEN, Gate
from node.api.message import only_known_parameters
from node.api.problem import Refused
from node.api.routes.accounts import account_routes
from node.api.routes.auth import auth_routes
from node.api.routes.blobs import blob_routes
from node.api.routes.dao import dao_routes
from node.api.routes.data import data_routes
from node.api.routes.events import event_routes
from node.api.routes.fleet import fleet_routes
from node.api.routes.harvest import harvest_routes
from node.api.routes.jobs import job_routes
from node.api.routes.node import node_routes
from node.api.routes.operators import operator_routes
from node.api.routes.prices import price_routes
from node.api.routes.slashings import slashing_routes
from node.api.routes.stake import stake_routes
from node.api.routes.statement import statement_routes
from node.api.routes.wallet import wallet_routes
from node.api.services import NodeServices
from node.api.sessions import Sessions
from node.api.upload import sweep


def create_app(
    services: NodeServices,
    token: str,
    version: str,
    rules: SignInSection | None = None,
    refused: Refused = lambda subject, error: None,
) -> FastAPI:
    """Every path but the two to sign in with a wallet, /openapi.json too, wants `Authorization: Bearer <token>`.

    `refused` is told of each request that is refused, as of subject "api".
    """
    sessions = Sessions(rules or SignInSection())
    app = FastAPI(
        title="fogchain node",
        version=version,
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        middleware=[
            Middleware(Gate, token=token, sessions=sessions, own_limit=f"{API_PREFIX}/blobs/", refused=refused)
        ],
    )
    app.state.answers = services.answers
    problem.install(app, refused)
    openapi.install(app, frozenset(OPEN))
    known = [Depends(only_known_parameters)]
    for routes in (
        node_routes, wallet_routes, statement_routes, account_routes, job_routes, blob_routes, data_routes,
        operator_routes, fleet_routes, stake_routes, dao_routes, price_routes, slashing_routes,
        harvest_routes,
    ):  # fmt: skip
        app.include_router(routes(services), prefix=API_PREFIX, dependencies=known)
    app.include_router(auth_routes(services, sessions), prefix=API_PREFIX, dependencies=known)
    app.include_router(event_routes(services), prefix=API_PREFIX)
    sweep(services.blobs)
    return app
