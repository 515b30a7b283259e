# Made of fogchain/api/aio/operators.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""Who runs nodes."""

from __future__ import annotations

from fogchain.api.operators import DAY, AgreementRequest, OperatorAgreement, OperatorView, ReleaseRequest
from fogchain.api.sync.link import Link


class OperatorsApi(Link):
    def operator(self) -> OperatorView:
        """Who runs this node, and which nodes its wallet runs."""
        return self._get(OperatorView, "operator")

    def sign_agreement(self, node: str, valid: int = DAY) -> OperatorAgreement:
        """That this node's wallet runs the node of this owner, who can bind it within `valid` milliseconds."""
        return self._post(OperatorAgreement, AgreementRequest(node=node, valid=valid), "operator", "agreements")

    def bind_operator(self, agreement: OperatorAgreement, key: str | None = None) -> OperatorView:
        """At the node that the agreement is for. Returns when it is mined, as `release_operator`."""
        return self._post(OperatorView, agreement, "operator", "bind", key=key)

    def release_operator(self, node: str | None = None, key: str | None = None) -> OperatorView:
        """Of this node; or, as its operator, of the one whose owner is `node`."""
        return self._post(OperatorView, ReleaseRequest(node=node), "operator", "release", key=key)
