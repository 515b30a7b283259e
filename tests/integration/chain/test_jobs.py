"""Jobs, batches, fees, bonds and cases on a real chain: what the index shows is what the contracts say, and from it
alone an outsider can end whatever is due."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import astuple, replace
from pathlib import Path

import pytest
from on_chain import FOG, Party, agrees, following, later, party

from fogchain.chain.abi import artifact
from fogchain.chain.calls import BatchItem, Call, Calls, hash_commitment, session_id
from fogchain.chain.client import ChainClient
from fogchain.chain.events import BasePrice, FeesCollected, JobOpened
from fogchain.chain.index import EventIndex
from fogchain.chain.local import LocalChain
from fogchain.chain.records import Delivery, JobRecord, JobState, Reason
from fogchain.chain.reverts import Reverted
from fogchain.errors import Conflict
from fogchain.market.messages import Acceptance, Replica, Terms, Voucher, Work
from fogchain.wallet.eip712 import sign
from fogchain.wallet.permit import sign_authorization, sign_permit

pytestmark = pytest.mark.chain

RESULT, OTHER_RESULT = b"\x0d" * 32, b"\x0e" * 32
MINUTE, DAY = 60, 86_400


class World:
    """A buyer with 500 FOG in the market, a provider with 4,000 FOG bonded, an outsider, and the index that watches."""

    def __init__(self, chain: LocalChain, client: ChainClient, index: EventIndex, folder: Path) -> None:
        self.chain, self.client, self.index, self.folder = chain, client, index, folder
        self.calls, self.domain = Calls(client.deployment), client.deployment.domain
        self.parties: dict[str, Party] = {}

    async def join(self, name: str, fog: int = 0, bond: int = 0, deposit: int = 0) -> Party:
        joined = self.parties[name] = await party(self.chain, self.client, self.folder / f"{name}.db", fog)
        if bond:
            await joined.send(self.calls.approve(bond, self.client.deployment.stake))
            await joined.send(self.calls.bond(bond))
        if deposit:
            await joined.send(self.calls.approve(deposit))
            await joined.send(self.calls.deposit(deposit))
        return joined

    def __getitem__(self, name: str) -> Party:
        return self.parties[name]

    async def terms(self, **changes: object) -> Terms:
        """10 FOG at most, 1 FOG a Gfuel; inputs in 10 minutes, due in an hour, grace of another."""
        now = (await self.client.head()).timestamp
        base = Terms(
            self["buyer"].address, self["provider"].address, 10 * FOG, FOG, 0,
            now + 10 * MINUTE, now + 60 * MINUTE, now + 120 * MINUTE, RESULT,
        )  # fmt: skip
        return replace(base, **changes)  # type: ignore[arg-type]

    async def opened(self, terms: Terms) -> bytes:
        await self["buyer"].send(self.calls.open_job(terms, sign(self["provider"].key, self.domain, terms)))
        return self.domain.digest(terms)

    async def delivered(self, fuel: int = 4 * 10**9, **changes: object) -> bytes:
        terms = await self.terms(**changes)
        job = await self.opened(terms)
        await self["provider"].send(self.calls.deliver(terms, RESULT, fuel))
        await self.seen()
        return job

    async def seen(self) -> None:
        """Until the index is at the head of now."""
        number = (await self.client.head()).number
        await self.index.wait_for(lambda: self.index.head is not None and self.index.head.number >= number, 10)

    async def job(self, job: bytes) -> JobRecord:
        await self.seen()
        found = self.index.job(job)
        assert found is not None
        return found

    async def end_what_is_due(self) -> list[Call]:
        """As somebody who knows the index only."""
        now = (await self.client.head()).timestamp
        await self.seen()
        calls = [self.calls.end_job(job) for job in self.index.jobs_due(now)]
        for call in calls:
            await self["outsider"].send(call)
        return calls

    async def adds_up(self) -> None:
        await self.seen()
        everybody = [one.address for one in self.parties.values()]
        assert await agrees(self.index, self.client, everybody, [])


@pytest.fixture
async def world(chain: LocalChain, client: ChainClient, tmp_path: Path) -> AsyncIterator[World]:
    async with following(client, tmp_path / "index.db") as index:
        world = World(chain, client, index, tmp_path)
        try:
            await world.join("buyer", 1000 * FOG, deposit=500 * FOG)
            await world.join("provider", 4000 * FOG, bond=4000 * FOG)
            await world.join("outsider")
            yield world
        finally:
            for one in world.parties.values():
                await one.sender.stop()


# ---------------------------------------------------------------- what is signed


async def test_the_package_hashes_and_reckons_as_the_contracts_do(world: World) -> None:
    replicas = tuple(sorted(one.address for one in world.parties.values()))
    work = Work(RESULT, 2, replicas, 2**256 - 1)
    terms = await world.terms(breach=FOG, work=work.hash)
    job = world.domain.digest(terms)

    async def market(function: str, *values: object) -> object:
        return await world.client.read("market", function, *values)

    assert await market("hashWork", astuple(work)) == work.hash
    assert await market("hashTerms", astuple(terms)) == job
    assert await market("hashAcceptance", job, FOG) == world.domain.digest(Acceptance(job, FOG))
    assert await market("hashReplica", job, RESULT, 7) == world.domain.digest(Replica(job, RESULT, 7))
    for fuel in (0, 1, 3 * 10**9 + 1, 2**64 - 1):
        for at in (0, terms.due, terms.due + 1, terms.late_by - 1, terms.late_by, 2**40 - 1):
            for kind in (terms, replace(terms, rate=0), replace(terms, late_by=terms.due)):
                assert await market("payOf", astuple(kind), fuel, at) == kind.pay(fuel, at)
    auditor = world["outsider"].address
    said = await world.client.read("court", "hashCommitment", job, auditor, RESULT, 9, b"\x05" * 32)
    assert said == hash_commitment(job, auditor, RESULT, 9, b"\x05" * 32)


async def test_deposits_and_bonds_by_signature(world: World) -> None:
    buyer, calls, deployment = world["buyer"], world.calls, world.client.deployment
    now = (await world.client.head()).timestamp
    signature = sign_authorization(buyer.key, deployment, 3 * FOG, 0, now + DAY, b"\x21" * 32)
    call = calls.deposit_with_authorization(buyer.address, 3 * FOG, 0, now + DAY, b"\x21" * 32, signature)
    await world["outsider"].send(call)
    assert await world.client.free_balance(buyer.address) == 503 * FOG
    with pytest.raises(Reverted, match="used or cancelled before"):
        await world["outsider"].send(call)
    nonce = await world.client.permit_nonce(buyer.address)
    permit = sign_permit(buyer.key, deployment, 5 * FOG, nonce, now + DAY, spender=deployment.stake)
    await buyer.send(calls.bond_with_permit(5 * FOG, now + DAY, permit))
    assert await world.client.bonded(buyer.address) == 5 * FOG
    await world.adds_up()


# ---------------------------------------------------------------- jobs


async def test_a_delivery_that_nobody_judges_is_paid_by_anybody_from_the_index_alone(world: World) -> None:
    job = await world.delivered()
    record = await world.job(job)
    window = (await world.client.current()).parameters.challenge_window
    assert (record.state, record.deadline) == (JobState.DELIVERED, record.since + window)
    assert (await world.client.job(job)).since == record.since
    assert await world.end_what_is_due() == []
    await world.adds_up()
    await later(world.client, window)
    assert len(await world.end_what_is_due()) == 1
    record = await world.job(job)
    fee = 4 * FOG // 100
    assert (record.state, record.reason) == (JobState.SETTLED, Reason.UNCHALLENGED)
    assert (record.paid, record.fee, record.refund) == (4 * FOG - fee, fee, 6 * FOG)
    account = world.index.account(world["provider"].address)
    assert (account.free, account.earned, account.fees) == (4 * FOG - fee, 4 * FOG - fee, fee)
    await world.adds_up()
    with pytest.raises(Conflict, match="is over"):
        world.calls.end_job(record)


async def test_a_job_of_which_nothing_comes_is_refunded_by_anybody_with_the_breach(world: World) -> None:
    terms = await world.terms(breach=2 * FOG)
    job = await world.opened(terms)
    await world.adds_up()
    assert world.index.account(terms.buyer).locked == 10 * FOG
    await later(world.client, 120 * MINUTE)
    assert len(await world.end_what_is_due()) == 1
    assert (await world.job(job)).state is JobState.EXPIRED
    (slash,) = world.index.slashes()
    assert (slash.job, slash.owner, slash.victim, slash.taken, slash.breach) == (
        job, terms.provider, terms.buyer, 2 * FOG, True,
    )  # fmt: skip
    assert world.index.account(terms.provider).bonded == 3998 * FOG
    await world.adds_up()


async def test_jobs_end_as_their_parties_say(world: World) -> None:
    calls, buyer, provider = world.calls, world["buyer"], world["provider"]
    accepted, cancelled = await world.terms(), await world.terms(price=9 * FOG)
    job = await world.opened(accepted)
    signature = sign(buyer.key, world.domain, Acceptance(job, 3 * FOG))
    await provider.send(calls.settle_signed(accepted, 3 * FOG, signature))
    assert (await world.job(job)).reason is Reason.ACCEPTED
    with pytest.raises(Reverted, match="is settled"):
        await provider.send(calls.deliver(accepted, RESULT, 1))
    job = await world.opened(cancelled)
    await buyer.send(calls.cancel_job(cancelled))
    assert (await world.job(job)).state is JobState.CANCELLED
    await world.adds_up()
    assert await world.end_what_is_due() == []


async def test_replicas_that_agree_are_paid_alike(world: World) -> None:
    replicas = sorted([await world.join(f"replica {number}") for number in range(3)], key=lambda one: one.address)
    work = Work(RESULT, 2, tuple(one.address for one in replicas), 0)
    terms = await world.terms(price=9 * FOG, rate=0, work=work.hash)
    job = await world.opened(terms)
    word = Replica(job, OTHER_RESULT, 5)
    signatures = [sign(replicas[0].key, world.domain, word), b"", sign(replicas[2].key, world.domain, word)]
    await world["outsider"].send(world.calls.settle_quorum(terms, work, OTHER_RESULT, 5, signatures))
    record = await world.job(job)
    assert (record.reason, record.paid + record.fee, record.refund) == (Reason.QUORUM, 6 * FOG, 3 * FOG)
    assert [world.index.account(one.address).earned for one in replicas] == [
        3 * FOG * 99 // 100,
        0,
        3 * FOG * 99 // 100,
    ]
    assert world.index.account(terms.provider).earned == 0
    await world.adds_up()


# ---------------------------------------------------------------- batches, vouchers, fees


async def test_a_batch_pays_each_number_once(world: World) -> None:
    buyer, payees = world["buyer"], [world["provider"].address, world["outsider"].address]
    items = [BatchItem(payees[number % 2], number, FOG // 10) for number in range(250, 290)]
    await buyer.send(world.calls.settle_batch(items))
    await world.adds_up()
    assert world.index.account(buyer.address).spent == 4 * FOG
    assert [world.index.account(payee).earned for payee in payees] == [2 * FOG * 99 // 100] * 2
    for number in (249, 250, 289, 290):
        assert world.index.is_settled(buyer.address, number) == await world.client.is_settled(buyer.address, number)
        assert world.index.is_settled(buyer.address, number) == (250 <= number < 290)
    with pytest.raises(Reverted, match="number 260 was paid") as caught:
        await buyer.send(world.calls.settle_batch([BatchItem(payees[0], 5, 1), BatchItem(payees[0], 260, 1)]))
    assert caught.value.hint == "leave out item 1"


async def test_many_vouchers_are_claimed_at_once_and_a_bad_one_stops_no_other(world: World) -> None:
    buyer, provider, calls = world["buyer"], world["provider"], world.calls
    expiry = (await world.client.head()).timestamp + DAY
    claims = []
    for number in range(3):
        name = bytes([number]) * 32
        session = session_id(buyer.address, provider.address, name)
        await buyer.send(calls.open_session(provider.address, 5 * FOG, expiry, name))
        key = buyer.key if number != 1 else provider.key
        claims.append((session, 2 * FOG, sign(key, world.domain, Voucher(session, 2 * FOG))))
    await world["outsider"].send(calls.claim_many(claims))
    await world.seen()
    assert await agrees(world.index, world.client, [buyer.address, provider.address], [claim[0] for claim in claims])
    records = [world.index.session(session) for session, _, _ in claims]
    assert [record.claimed if record else None for record in records] == [2 * FOG, 0, 2 * FOG]
    await later(world.client, DAY)
    await world["outsider"].send(calls.close_session(claims[1][0]))
    await world.adds_up()
    assert world.index.account(buyer.address).locked == 6 * FOG


async def test_fees_are_collected_for_audits_and_for_bonds_that_vote(world: World) -> None:
    provider, calls, client = world["provider"], world.calls, world.client
    await provider.send(calls.delegate(provider.address))
    terms = await world.terms(price=100 * FOG, rate=0)
    await world.opened(terms)
    await world["buyer"].send(calls.settle_signed(terms, 100 * FOG))
    assert await client.withheld(provider.address) == FOG
    await world["outsider"].send(calls.collect_fees([provider.address]))
    await world.adds_up()
    account = world.index.account(provider.address)
    assert (account.fees, account.withheld) == (FOG, 0)
    assert (account.votes, account.delegate) == (4000 * FOG, provider.address)
    assert await client.audit_pool() == FOG // 2
    assert (await client.reward_stream()).rate > 0
    assert await client.total_bonded() == 4000 * FOG
    await later(client, 7 * DAY)
    assert (await client.bond(provider.address)).rewards > 49 * FOG // 100
    await provider.send(calls.claim_rewards())
    await world.adds_up()
    rewards = world.index.account(provider.address).rewards
    assert 49 * FOG // 100 < rewards <= FOG // 2
    (collected,) = world.index.history([FeesCollected])
    assert isinstance(collected, FeesCollected) and collected.fees == FOG


# ---------------------------------------------------------------- the court


async def judged(world: World, job: bytes, answers: Sequence[tuple[bytes, int]]) -> None:
    """The case of `job`, whose drawn auditors say these things in turn, to its end."""
    record = await world.job(job)
    assert record.delivery is not None
    await later(world.client, 1)
    await later(world.client, 1)
    await world["outsider"].send(world.calls.draw_committee(job))
    await world.seen()
    case = world.index.case(job)
    assert case is not None
    members = case.rounds[-1].members
    assert members == await world.client.committee(job, 0)
    auditors = {one.address: one for one in world.parties.values()}
    said = list(zip((auditors[member] for member in members), answers, strict=True))
    for auditor, (result, fuel) in said:
        commitment = hash_commitment(job, auditor.address, result, fuel, b"\x31" * 32)
        await auditor.send(world.calls.commit(job, commitment))
    with pytest.raises(Reverted, match="not in the phase"):
        await said[0][0].send(world.calls.reveal(job, *said[0][1], b"\x31" * 32))
    await later(world.client, 10 * MINUTE)
    for auditor, (result, fuel) in said:
        await auditor.send(world.calls.reveal(job, result, fuel, b"\x31" * 32))
    await world.adds_up()
    await world["outsider"].send(world.calls.close_case(record.terms, record.delivery))
    await world.adds_up()


async def seat(world: World, count: int = 3) -> None:
    for number in range(count):
        auditor = await world.join(f"auditor {number}", 1000 * FOG, bond=1000 * FOG)
        await auditor.send(world.calls.enlist(1))


async def test_a_cheat_is_slashed_and_the_index_has_the_evidence(world: World) -> None:
    await seat(world)
    buyer, provider = world["buyer"], world["provider"]
    job = await world.delivered()
    record = await world.job(job)
    assert record.delivery == Delivery(RESULT, 4 * 10**9, record.since)
    await buyer.send(world.calls.challenge(record.terms, record.delivery))
    await world.adds_up()
    assert world.index.account(buyer.address).locked == 20 * FOG  # the price and the bond
    case = await world.client.case(job)
    assert (case.finder, case.bond, case.provider) == (buyer.address, 10 * FOG, provider.address)

    await judged(world, job, [(OTHER_RESULT, 3)] * 3)
    assert (await world.job(job)).state is JobState.SLASHED
    found, slash = world.index.case(job), world.index.slash(job)
    assert found is not None and slash is not None
    assert (found.guilty, found.slash, slash.owner, slash.victim) == (True, 400 * FOG, provider.address, buyer.address)
    assert {(reveal.result, reveal.fuel) for reveal in found.rounds[-1].reveals} == {(OTHER_RESULT, 3)}
    assert (slash.to_victim, slash.to_finder, slash.burnt, slash.taken) == (10 * FOG, 0, 390 * FOG, 400 * FOG)
    account = world.index.account(buyer.address)
    assert (account.token, account.free, account.locked) == (520 * FOG, 490 * FOG, 0)
    assert world.index.account(provider.address).bonded == 3600 * FOG


async def test_who_was_right_is_paid_and_the_challenger_loses_his_bond(world: World) -> None:
    await seat(world)
    job = await world.delivered()
    record = await world.job(job)
    assert record.delivery is not None
    await world["buyer"].send(world.calls.challenge(record.terms, record.delivery))
    await judged(world, job, [(RESULT, 4 * 10**9), (RESULT, 4 * 10**9), (OTHER_RESULT, 1)])
    record = await world.job(job)
    assert (record.state, record.reason) == (JobState.SETTLED, Reason.ACQUITTED)
    assert world.index.account(world["buyer"].address).locked == 0
    assert world.index.slashes() == []
    case = world.index.case(job)
    assert case is not None and case.guilty is False and case.pay == 5 * FOG
    right = [reveal.auditor for reveal in case.rounds[-1].reveals if reveal.result == RESULT]
    assert [world.index.account(auditor).audit_pay for auditor in right] == [5 * FOG] * 2
    auditor = next(one for one in world.parties.values() if one.address == right[0])
    await auditor.send(world.calls.collect_audit_pay())
    await auditor.send(world.calls.enlist(0))
    await world.adds_up()
    assert world.index.account(right[0]).token == 5 * FOG


async def test_without_a_verdict_anybody_ends_the_job_from_the_index_alone(world: World) -> None:
    job = await world.delivered()
    record = await world.job(job)
    assert record.delivery is not None
    await world["buyer"].send(world.calls.challenge(record.terms, record.delivery))
    await later(world.client, 2 * DAY)
    assert await world.end_what_is_due() == []
    await later(world.client, DAY)
    assert len(await world.end_what_is_due()) == 1
    assert (await world.job(job)).reason is Reason.ACQUITTED
    await world.adds_up()
    assert world.index.account(world["buyer"].address).locked == 10 * FOG  # the bond, until the court closes its case
    await world["outsider"].send(world.calls.close_case(record.terms, record.delivery))
    await world.adds_up()
    assert world.index.account(world["buyer"].address).locked == 0


async def test_a_court_that_a_vote_names_is_followed(world: World) -> None:
    deployment, rpc = world.client.deployment, world.client.rpc
    parameters = astuple(await world.client.court_parameters())
    code = artifact("FogCourt").deployment_code(
        deployment.market, deployment.stake, deployment.timelock, deployment.token, parameters
    )
    await rpc.call("anvil_setBalance", deployment.timelock, hex(10 * FOG))
    await rpc.call("anvil_impersonateAccount", deployment.timelock)

    async def as_timelock(data: bytes, to: str | None) -> dict[str, str]:
        order = {"from": deployment.timelock, "data": "0x" + data.hex(), "gas": hex(8_000_000)}
        transaction = await rpc.call("eth_sendTransaction", {**order, "to": to} if to else order)
        while (receipt := await rpc.call("eth_getTransactionReceipt", transaction)) is None:
            pass
        assert receipt["status"] == "0x1"
        return dict(receipt)

    court = (await as_timelock(code, None))["contractAddress"].lower()
    now = (await world.client.current()).parameters
    change = world.calls.set_parameters(replace(now, court=court, fee_bps=300))
    await as_timelock(change.data, change.to)
    auditor = await world.join("auditor", 1000 * FOG, bond=1000 * FOG)
    await auditor.send(world.calls.judged_by(court).enlist(1))
    await world.adds_up()
    assert world.index.account(auditor.address).seats == 1
    job = await world.delivered()
    record = await world.job(job)
    assert (record.version, record.fee_bps) == (2, 300)
    assert record.delivery is not None
    await world["buyer"].send(world.calls.challenge(record.terms, record.delivery))
    await world.adds_up()
    assert world.index.account(record.buyer).locked == 20 * FOG
    assert world.index.case(job) is not None
    assert world.index.court_of(record) == court
    assert (await world.client.case(job)).bond == 10 * FOG
    assert await world.client.courts() == [deployment.court, court]
    assert [one.court for one in world.index.all_parameters()] == [deployment.court, court]
    assert await world.client.parameters_of(1) == now
    assert await world.client.court_of(job) == court
    await same_as_rebuilt(world)


# ---------------------------------------------------------------- the whole of it


async def same_as_rebuilt(world: World) -> None:
    """The tables of an index built anew hold the same bytes as those of the one that followed all along."""
    await world.seen()
    path = world.folder / "fresh.db"
    fresh = EventIndex(world.client, path)
    await fresh.catch_up()
    fresh.close()
    with closing(sqlite3.connect(world.folder / "index.db")) as old, closing(sqlite3.connect(path)) as new:
        named = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        tables = [name for (name,) in new.execute(named) if name not in ("checkpoint", "undo")]
        assert {"event", "account", "job", "court_case", "slash", "parameters"} <= set(tables)
        for table in tables:
            rows = f"SELECT * FROM {table} ORDER BY 1, 2" if table != "index_owner" else f"SELECT * FROM {table}"
            assert old.execute(rows).fetchall() == new.execute(rows).fetchall(), table


@pytest.mark.complaint(17)
async def test_rebuilt_from_nothing_it_has_the_same_bytes(world: World) -> None:
    terms = await world.terms(breach=2 * FOG)
    await world.opened(terms)
    await world["buyer"].send(world.calls.settle_batch([BatchItem(terms.provider, 7, FOG)]))
    await later(world.client, 120 * MINUTE)
    await world.end_what_is_due()
    await seat(world)
    job = await world.delivered()
    record = await world.job(job)
    assert record.delivery is not None
    await world["buyer"].send(world.calls.challenge(record.terms, record.delivery))
    await judged(world, job, [(OTHER_RESULT, 3)] * 3)
    assert len(world.index.slashes()) == 2
    assert len(world.index.history([JobOpened], 1)) == 1
    assert world.index.history([BasePrice]) != []
    await same_as_rebuilt(world)


async def test_a_node_that_tells_no_times_with_its_logs_is_asked_for_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.delivered()
    plain = world.client.rpc.batch

    async def without_times(requests: object) -> list[object]:
        answers = await plain(requests)  # type: ignore[arg-type]
        for answer in answers:
            for log in answer if isinstance(answer, list) else ():
                log.pop("blockTimestamp", None)
        return answers

    monkeypatch.setattr(world.client.rpc, "batch", without_times)
    await same_as_rebuilt(world)
