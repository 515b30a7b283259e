"""The API's models of who runs nodes. Endpoints (under `/v1`, see `fogchain.api.models` for the rest of the rules):

    GET    /operator                          OperatorView
    POST   /operator/agreements               AgreementRequest -> OperatorAgreement    signed with this node's wallet
    POST   /operator/bind                     OperatorAgreement -> OperatorView        at the node that it is for
    POST   /operator/release                  ReleaseRequest -> OperatorView   by either side

A node's operator answers for whom it belongs to: runs that are compared are never by two nodes of one operator. Without
an agreement a node's operator is its own wallet.
"""

from __future__ import annotations

from pydantic import Field

from fogchain.api.models import View
from fogchain.jobs.spec import AccountAddress, SpanAmount, Value

DAY = 86_400_000  # milliseconds
MAX_VALID = 365 * DAY


class OperatedNode(View):
    """A node that this node's wallet runs, and whose owner is another."""

    address: str  # its owner's
    node_key: str


class OperatorView(View):
    address: str  # this node's wallet
    registered: bool  # whether this node has a record; without one it has no operator
    operator: str = ""  # who runs this node: its own wallet unless another has signed that he does
    nodes: list[OperatedNode]  # what this wallet runs of others


class AgreementRequest(Value):
    node: AccountAddress  # the owner of the node that is to be run by this wallet; it has a record
    valid: SpanAmount = Field(default=DAY, ge=60_000, le=MAX_VALID)  # in which the node can be bound by it


class OperatorAgreement(Value):
    """What the operator signed, as EIP-712 `Operates`. Once the node is bound it holds until one side ends it."""

    node: AccountAddress
    operator: AccountAddress
    node_key: str = Field(pattern=r"^0x[0-9a-f]{64}$")
    expiry: int = Field(ge=0, lt=2**40)  # Unix seconds; the node must be bound before
    signature: str = Field(pattern=r"^0x([0-9a-f]{2}){1,2048}$")


class ReleaseRequest(Value):
    """`node`: the owner whose node this wallet shall run no more; None: this node shall be its own."""

    node: AccountAddress | None = None
