"""Who runs this node, and which nodes its wallet runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from fogchain.api.operators import AgreementRequest, OperatorAgreement, OperatorView, ReleaseRequest
from node.api.message import answer, read
from node.api.once import OnceOnly
from node.api.openapi import body_of, problems
from node.api.services import NodeServices

SPENDS = problems(402, 404, 409)


def operator_routes(services: NodeServices) -> APIRouter:
    router = APIRouter(prefix="/operator", tags=["operators"])

    @router.get("", response_model=OperatorView)
    async def operator() -> Response:
        return answer(services.operators.view())

    @router.post(
        "/agreements",
        response_model=OperatorAgreement,
        openapi_extra=body_of(AgreementRequest, node="0x" + "5e" * 20, valid="1 d"),
        responses=problems(404, 409),
    )
    async def sign_agreement(
        body: Annotated[AgreementRequest, Depends(read(AgreementRequest))], once: OnceOnly
    ) -> Response:
        """Signs that this node's wallet runs the node. Nothing changes until that node is bound by it."""
        return await once(body, lambda _: services.operators.sign(body))

    @router.post("/bind", response_model=OperatorView, openapi_extra=body_of(OperatorAgreement), responses=SPENDS)
    async def bind_operator(
        body: Annotated[OperatorAgreement, Depends(read(OperatorAgreement))], once: OnceOnly
    ) -> Response:
        """Writes into this node's record who runs it, and answers once that is mined."""
        return await once(body, lambda key: services.operators.bind(body, key))

    @router.post("/release", response_model=OperatorView, openapi_extra=body_of(ReleaseRequest), responses=SPENDS)
    async def release_operator(
        body: Annotated[ReleaseRequest, Depends(read(ReleaseRequest))], once: OnceOnly
    ) -> Response:
        """Ends it, from either side. An operator's word ends agreements of his that were not used yet, too."""
        return await once(body, lambda key: services.operators.release(body, key))

    return router
