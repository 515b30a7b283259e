"""Who runs this node, and which nodes of other owners its wallet runs: FogRegistry's agreements of both sides.

The operator signs with his node's wallet that he runs a node, the node's owner puts that into its record, and either of
them ends it. The registry takes no such word from one side alone.
"""

from __future__ import annotations

import uuid

from fogchain.api.operators import (
    MAX_VALID,
    AgreementRequest,
    OperatedNode,
    OperatorAgreement,
    OperatorView,
    ReleaseRequest,
)
from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.index import EventIndex
from fogchain.chain.records import NOBODY, NodeRecord
from fogchain.chain.sender import Sender
from fogchain.errors import BadInput, Conflict, NotFound
from fogchain.market.messages import Operates
from fogchain.wallet.eip712 import Domain, sign
from fogchain.wallet.keystore import Wallet
from node.trade.provider import Provider
from node.trade.registration import Registration

SIGHT = 30.0  # seconds for a transaction to be in the index
FOREVER = MAX_VALID // 1000  # seconds: no agreement that exists is valid for longer


class Operators:
    """Implements `node.api.services.Operators`."""

    def __init__(
        self,
        *,
        wallet: Wallet,
        client: ChainClient,
        index: EventIndex,
        sender: Sender,
        calls: Calls,
        provider: Provider | None,
    ) -> None:
        self._wallet, self._client, self._index = wallet, client, index
        self._sender, self._calls, self._provider = sender, calls, provider
        self._domain = Domain(client.deployment.chain_id, client.deployment.registry)

    def view(self) -> OperatorView:
        me, mine = self._wallet.address, self._record(self._wallet.address)
        others = [r for r in self._index.providers() if r.owner.lower() != me and r.operator.lower() == me]
        return OperatorView(
            address=me,
            registered=mine is not None,
            operator=_operator_of(mine) if mine else "",
            nodes=[OperatedNode(address=r.owner.lower(), node_key="0x" + r.node_key.hex()) for r in others],
        )

    async def sign(self, request: AgreementRequest) -> OperatorAgreement:
        """Raises NotFound for a node without a record, BadInput for this one."""
        me = self._wallet.address
        if request.node == me:
            raise BadInput("that is this node itself", hint="name another owner's node: a node runs itself without")
        record = self._record(request.node)
        if record is None:
            raise NotFound(
                f"the registry has no node of {request.node}",
                hint="a node with role provider registers by itself",
            )
        head = await self._client.head()
        void = int(await self._client.read("registry", "disownedUpTo", me, request.node))
        expiry = max(head.timestamp + request.valid // 1000, void + 1)
        if expiry > head.timestamp + FOREVER:
            raise Conflict("this wallet has released that node just now", hint="sign again in a minute")
        signature = sign(self._wallet.key, self._domain, Operates(request.node, me, record.node_key, expiry))
        return OperatorAgreement(
            node=request.node,
            operator=me,
            node_key="0x" + record.node_key.hex(),
            expiry=expiry,
            signature="0x" + signature.hex(),
        )

    async def bind(self, agreement: OperatorAgreement, key: str | None) -> OperatorView:
        """Raises BadInput for another node's agreement, Conflict (Reverted) for one that does not hold."""
        registration, me, tag = self._registration(), self._wallet.address, _tag("operator", key)
        if agreement.node != me:
            raise BadInput(f"this agreement is for the node of {agreement.node}, not of {me}", hint="bind it there")
        if agreement.operator == me:
            raise BadInput("a node runs itself without an agreement", hint="`release` ends another's part")
        if not self._sender.knows(tag):
            if (mine := registration.record) is not None and "0x" + mine.node_key.hex() != agreement.node_key:
                raise Conflict("it was signed for another key of this node", hint="have the operator sign anew")
            if agreement.expiry <= (await self._client.head()).timestamp:
                raise Conflict("the agreement has expired", hint="have the operator sign anew, valid for longer")
            signed = bytes.fromhex(agreement.signature[2:])
            await registration.run_by(agreement.operator, (agreement.expiry, signed), tag)
        else:
            await self._done(tag)
        return self.view()

    async def release(self, request: ReleaseRequest, key: str | None) -> OperatorView:
        """Raises Conflict when there is nothing to release."""
        me, tag = self._wallet.address, _tag("release", key)
        if self._sender.knows(tag):
            await self._done(tag)
        elif request.node is None or request.node == me:
            registration = self._registration()
            if (mine := registration.record) is not None and _operator_of(mine) == me:
                raise Conflict("this node runs itself already", hint="to run another's node no more, name its owner")
            await registration.run_by(me, (0, b""), tag)
        else:
            # The owner could use an older agreement again: all that can have been signed end with this one.
            up_to = (await self._client.head()).timestamp + FOREVER
            await self._sender.send(self._calls.disown(request.node, up_to), tag=tag)
            await self._done(tag)
        return self.view()

    def _record(self, owner: str) -> NodeRecord | None:
        return next((r for r in self._index.providers() if r.owner.lower() == owner), None)

    def _registration(self) -> Registration:
        if self._provider is None:
            raise Conflict(
                "this node is no provider, it has no record", hint='add "provider" to node.roles in its config.toml'
            )
        return self._provider.registration

    async def _done(self, tag: str) -> None:
        """Wait until the transaction of the tag is in the index. Raises Reverted when it was mined and refused."""
        done = await self._index.wait_for(lambda: self._sender.result(tag), SIGHT)
        await self._index.wait_for(lambda: (head := self._index.head) and head.number >= done.block, SIGHT)


def _operator_of(record: NodeRecord) -> str:
    operator = record.operator.lower()
    return record.owner.lower() if operator == NOBODY else operator


def _tag(what: str, key: str | None) -> str:
    return f"{what}:{key or uuid.uuid4().hex}"
