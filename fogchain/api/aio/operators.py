"""Who runs nodes."""

from __future__ import annotations

from fogchain.api.aio.link import AsyncLink
from fogchain.api.operators import DAY, AgreementRequest, OperatorAgreement, OperatorView, ReleaseRequest


class AsyncOperatorsApi(AsyncLink):
    async def operator(self) -> OperatorView:
        """Who runs this node, and which nodes its wallet runs."""
        return await self._get(OperatorView, "operator")

    async def sign_agreement(self, node: str, valid: int = DAY) -> OperatorAgreement:
        """That this node's wallet runs the node of this owner, who can bind it within `valid` milliseconds."""
        return await self._post(OperatorAgreement, AgreementRequest(node=node, valid=valid), "operator", "agreements")

    async def bind_operator(self, agreement: OperatorAgreement, key: str | None = None) -> OperatorView:
        """At the node that the agreement is for. Returns when it is mined, as `release_operator`."""
        return await self._post(OperatorView, agreement, "operator", "bind", key=key)

    async def release_operator(self, node: str | None = None, key: str | None = None) -> OperatorView:
        """Of this node; or, as its operator, of the one whose owner is `node`."""
        return await self._post(OperatorView, ReleaseRequest(node=node), "operator", "release", key=key)
