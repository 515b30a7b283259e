"""Bonds, votes, prices and verdicts through a node's API, on a real chain."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from coincurve import PrivateKey
from court_case import FALSE, FUEL, TRUE, Stage, convict_a_cheat
from on_chain import FOG, following

from fogchain.api.client import AsyncClient
from fogchain.api.commons import ProposeRequest
from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.local import LocalChain
from fogchain.chain.sender import Sender
from fogchain.errors import BadInput, Conflict, NotFound, PaymentRequired, Unavailable
from fogchain.wallet.eip712 import address_of
from node.api.app import create_app
from node.api.server import ApiServer
from node.commons import Commons

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "api"))
from api_memory import MemoryServices

pytestmark = pytest.mark.chain

TOKEN = "t" * 43


@dataclass
class Node:
    api: AsyncClient
    address: str
    stage: Stage
    mined: Callable[[int], Awaitable[None]]

    async def seen(self) -> None:
        """The node knows all that is on the chain by now."""
        await self.mined((await self.stage.client.head()).number)


@pytest.fixture
async def node(chain: LocalChain, client: ChainClient, funded: PrivateKey, tmp_path: Path) -> AsyncIterator[Node]:
    """The API of a node whose wallet holds 1,000 FOG; bonds, votes, prices and verdicts are the chain's."""
    address = address_of(funded.public_key)
    await chain.fund(address, 0, 9000 * FOG)
    sender = Sender(client, funded, tmp_path / "chain.db")
    await sender.start()
    services = MemoryServices(tmp_path)
    async with following(client, tmp_path / "index.db") as index:

        async def mined(block: int) -> None:
            await index.wait_for(lambda: (head := index.head) is not None and head.number >= block, 15)

        services.commons = Commons(
            client=client, index=index, calls=Calls(client.deployment), sender=sender, address=address, mined=mined
        )
        server = ApiServer(create_app(services, TOKEN, "1"))
        api = AsyncClient(await server.start("127.0.0.1", 0), TOKEN)
        yield Node(api, address, Stage(chain, client), mined)
        await api.close()
        await server.stop()
    await sender.stop()


async def test_a_bond_is_made_leaves_through_the_queue_and_comes_back(node: Node) -> None:
    api = node.api
    empty = await api.stake()
    assert (empty.bonded, empty.wallet, empty.delegatee, empty.unbonding) == (0, 10_000 * FOG, None, [])
    with pytest.raises(PaymentRequired, match="holds 10000 FOG"):
        await api.bond(10_001 * FOG)
    bonded = await api.bond(5000 * FOG)
    assert (bonded.bonded, bonded.total, bonded.wallet, bonded.votes) == (5000 * FOG, 5000 * FOG, 5000 * FOG, 0)
    assert (await api.delegate("me")).votes == 5000 * FOG

    await api.unbond(1000 * FOG)
    await node.stage.pass_time(5)
    leaving = await api.unbond(500 * FOG)
    assert [entry.amount for entry in leaving.unbonding] == [1000 * FOG, 500 * FOG]
    assert leaving.unbonding[0].release - leaving.time > leaving.unbonding_period - 60 == 7 * 86_400 - 60
    assert leaving.votes == 3500 * FOG
    with pytest.raises(Conflict, match="no bond has finished"):
        await api.withdraw_stake()
    with pytest.raises(Conflict, match="no longer"):
        await api.cancel_unbonding(1, leaving.unbonding[0])
    back = await api.cancel_unbonding(0, leaving.unbonding[0])
    assert (back.bonded, [entry.amount for entry in back.unbonding]) == (4500 * FOG, [500 * FOG])

    await node.stage.pass_time(7 * 86_400)
    out = await api.withdraw_stake()
    assert (out.unbonding, out.wallet, out.bonded) == ([], 5500 * FOG, 4500 * FOG)


async def test_rewards_stream_and_are_taken(node: Node) -> None:
    await node.api.bond(1000 * FOG)
    at = node.stage.client.deployment
    treasury = await node.stage.bring(at.timelock)
    await node.stage.act(treasury, Calls(at).approve(700 * FOG, at.stake), node.stage.call("stake", "fund", 700 * FOG))
    await node.stage.pass_time(86_400)
    earning = await node.api.stake()
    assert earning.stream_end > earning.time
    assert 99 * FOG < earning.stream * 86_400 < 101 * FOG
    assert 99 * FOG < earning.rewards < 101 * FOG
    taken = await node.api.claim_rewards()
    assert taken.rewards < FOG
    assert taken.wallet - earning.wallet >= earning.rewards - 10**9


async def test_a_proposal_goes_all_the_way_and_is_told_in_words(node: Node) -> None:
    api, pass_time = node.api, node.stage.pass_time
    await api.bond(5000 * FOG)
    await api.delegate("me")
    with pytest.raises(BadInput, match=r"market\.tax"):
        await api.propose(ProposeRequest(description="x", settings={"market.tax": "1 %"}))
    with pytest.raises(BadInput, match="unit"):
        await api.propose(ProposeRequest(description="x", settings={"market.fee": "0.5"}))
    before = await api.dao()
    assert before.proposals == [] and before.votes == 5000 * FOG
    assert {setting.name: setting.value for setting in before.settings}["market.fee"] == "1 %"

    await pass_time(2)  # votes count from the second after they were given
    proposed = await api.propose(
        ProposeRequest(description="Halve the fee\nJobs are few, the fee is felt.", settings={"market.fee": "0.5 %"})
    )
    assert (proposed.state, proposed.title, proposed.mine) == ("pending", "Halve the fee", True)
    assert [(change.name, change.old, change.new) for change in proposed.changes] == [("market.fee", "1 %", "0.5 %")]
    (call,) = proposed.calls
    assert (call.contract, call.function) == ("FogMarket", "setParameters")
    assert ("parameters.feeBps", "50") in [(argument.name, argument.value) for argument in call.arguments]
    with pytest.raises(Conflict, match="pending and can't be voted on"):
        await api.vote(proposed.id, "for")

    await pass_time(proposed.snapshot - proposed.time + 1)
    open_ = await api.proposal(proposed.id[:8])
    assert (open_.state, open_.weight, open_.voted, open_.until) == ("active", 5000 * FOG, None, open_.deadline)
    assert open_.quorum == 1000 * FOG
    voted = await api.vote(proposed.id, "for", "It is <b>too</b> high.")
    assert (voted.votes_for, voted.voted) == (5000 * FOG, "for")
    assert [(one.voter, one.vote, one.weight, one.reason) for one in voted.ballots] == [
        (node.address, "for", 5000 * FOG, "It is <b>too</b> high.")
    ]
    with pytest.raises(Conflict, match="voted already"):
        await api.vote(proposed.id, "against")

    await pass_time(voted.deadline - voted.time + 1)
    assert (await api.proposal(proposed.id)).state == "succeeded"
    queued = await api.move_proposal(proposed.id, "queue")
    assert queued.state == "queued" and queued.eta is not None
    with pytest.raises(Conflict, match="waits in the timelock"):
        await api.move_proposal(proposed.id, "execute")
    await pass_time(queued.eta - queued.time + 1)
    done = await api.move_proposal(proposed.id, "execute")
    assert (done.state, done.until) == ("executed", None)
    assert [(change.old, change.new) for change in done.changes] == [("1 %", "0.5 %")]
    after = await api.dao()
    assert {setting.name: setting.value for setting in after.settings}["market.fee"] == "0.5 %"
    assert [one.id for one in after.proposals] == [proposed.id] and after.total == 1
    with pytest.raises(NotFound):
        await api.proposal("abcd1234")


async def test_a_proposal_is_taken_back(node: Node) -> None:
    await node.api.bond(5000 * FOG)
    await node.api.delegate("me")
    await node.stage.pass_time(2)
    proposed = await node.api.propose(
        ProposeRequest(
            description="Oops",
            settings={"court.seat_bond": "2000 FOG"},
            calls=['market.setPricing("0x' + "00" * 20 + '")'],
        )
    )
    assert [call.function for call in proposed.calls] == ["setParameters", "setPricing"]
    assert [change.name for change in proposed.changes] == ["court.seat_bond"]
    gone = await node.api.move_proposal(proposed.id, "cancel")
    assert gone.state == "canceled" and gone.until is None


async def test_who_has_too_few_votes_is_told_how_many_it_takes(node: Node) -> None:
    other = await node.stage.person("d", bond=100_000 * FOG)
    await node.stage.act(other, node.stage.call("stake", "delegate", other))
    await node.stage.pass_time(1200)  # the total of all bonds is remembered by periods of 600 s
    dao = await node.api.dao()
    assert dao.threshold == 500 * FOG and dao.votes == 0
    with pytest.raises(Conflict, match="takes 500 FOG"):
        await node.api.propose(ProposeRequest(description="x", settings={"market.fee": "0 %"}))


async def test_prices_and_their_history(node: Node) -> None:
    prices = await node.api.prices()
    (cpu,) = prices.classes
    assert (cpu.name, cpu.fuel.now, cpu.capacity, cpu.use) == ("cpu", FOG // 10, 0, None)
    assert (prices.target_use, prices.step_cap, prices.epoch) == (7000, 1250, 600)
    owner = await node.stage.person("e", bond=1000 * FOG)
    cpu_class = b"cpu".ljust(32, b"\0")
    record = (b"\x11" * 32, b"\x22" * 64, cpu_class, 1, 1000, "/ip4/10.0.0.1/tcp/4001", "0x" + "00" * 20, 0, b"")
    await node.stage.act(owner, node.stage.call("registry", "register", record))
    for _ in range(3):
        await node.stage.pass_time(601)
        await node.stage.act(owner, node.stage.call("pricing", "advance", cpu_class))
    await node.stage.pass_time(5)
    (cpu,) = (await node.api.prices()).classes
    assert (cpu.capacity, cpu.use) == (1000, 0)
    history = await node.api.price_history("cpu")
    assert history.total == 4
    falling = [step.fuel for step in reversed(history.items)]
    assert falling[0] == FOG // 10 and falling[-1] == cpu.fuel.now
    assert all(late < early for early, late in itertools.pairwise(falling))  # nothing was used
    times = [step.time for step in history.items]
    assert times == sorted(times, reverse=True) and times[0] - times[2] >= 1200
    first = await node.api.price_history("cpu", limit=3)
    rest = await node.api.price_history("cpu", limit=3, cursor=first.next_cursor)
    assert [*first.items, *rest.items] == history.items and rest.next_cursor is None
    with pytest.raises(NotFound, match="gpu"):
        await node.api.price_history("gpu")


async def test_a_slashing_shows_its_evidence_and_where_the_money_went(node: Node) -> None:
    assert (await node.api.cases()).items == []
    done = await convict_a_cheat(node.stage)
    await node.seen()
    page = await node.api.cases()
    (case,) = page.items
    assert page.total == 1 and case == await node.api.case(done.job.hex())
    assert (case.state, case.kind, case.provider, case.buyer) == ("guilty", "challenge", done.provider, done.buyer)
    assert (case.delivered.result, case.delivered.fuel) == (FALSE.hex(), FUEL)
    (committee,) = case.rounds
    assert {member.auditor for member in committee.members} == set(done.auditors)
    for member in committee.members:
        assert member.answer is not None
        assert (member.answer.result, member.answer.fuel, member.agrees) == (TRUE.hex(), FUEL, False)
    # 40 times the price: the victim has the price once more, its own finding earns it nothing, the rest is burnt
    assert (case.asked, case.taken) == (400 * FOG, 400 * FOG)
    assert (case.to_victim, case.to_finder, case.burnt) == (10 * FOG, 0, 390 * FOG)
    assert (case.refund, case.paid) == (10 * FOG, 0)
    assert await node.stage.client.bonded(done.provider) == 600 * FOG
    with pytest.raises(NotFound):
        await node.api.case("ab" * 32)


async def test_a_silent_auditor_brings_a_second_committee_and_both_are_shown(node: Node) -> None:
    done = await convict_a_cheat(node.stage, silent=1)
    await node.seen()
    case = await node.api.case(done.job.hex())
    assert [(part.number, len(part.members)) for part in case.rounds] == [(1, 3), (2, 5)]
    silent = [member for member in case.rounds[0].members if member.answer is None]
    assert [(member.committed, member.agrees) for member in silent] == [(False, None)]
    assert all(member.agrees is False for member in case.rounds[1].members)
    assert case.state == "guilty"


async def test_a_chain_that_is_away_is_said(node: Node) -> None:
    await node.api.dao()
    await node.stage.chain.stop()
    assert (await node.api.cases()).items == []  # what the index knows is shown all the same
    for question in (node.api.stake, node.api.dao, node.api.prices):
        with pytest.raises(Unavailable, match="does not answer"):
            await asyncio.wait_for(question(), 20)
