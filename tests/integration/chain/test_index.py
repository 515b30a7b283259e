"""The index against a real chain: what it shows is what the contracts say, also after the chain went back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from on_chain import FOG, Party, agrees, following, party, until

from fogchain.chain.calls import Calls, session_id
from fogchain.chain.client import ChainClient
from fogchain.chain.events import Event, RolledBack, SessionOpened, VoucherClaimed
from fogchain.chain.index import EventIndex
from fogchain.chain.local import LocalChain
from fogchain.errors import CorruptData, Unavailable
from fogchain.identity import NodeIdentity, check_binding
from fogchain.market.messages import Voucher
from fogchain.wallet.eip712 import sign

pytestmark = pytest.mark.chain

JOB = b"\x0a" * 32


@pytest.fixture
async def buyer(chain: LocalChain, client: ChainClient, tmp_path: Path) -> AsyncIterator[Party]:
    buyer = await party(chain, client, tmp_path / "buyer.db")
    yield buyer
    await buyer.sender.stop()


@pytest.fixture
async def provider(chain: LocalChain, client: ChainClient, tmp_path: Path) -> AsyncIterator[Party]:
    provider = await party(chain, client, tmp_path / "provider.db")
    yield provider
    await provider.sender.stop()


@pytest.fixture
async def index(client: ChainClient, tmp_path: Path) -> AsyncIterator[EventIndex]:
    async with following(client, tmp_path / "index.db") as index:
        yield index


async def trade(client: ChainClient, buyer: Party, provider: Party) -> bytes:
    """A session of 10 FOG, topped up by 5, of which 7 are claimed in two vouchers, and closed; another stays open."""
    calls, domain = Calls(client.deployment), client.deployment.domain
    expiry = (await client.head()).timestamp + 3600
    session = session_id(buyer.address, provider.address, JOB)
    await buyer.sender.send(calls.approve(40 * FOG))
    await buyer.sender.send(calls.deposit(40 * FOG))
    await buyer.sender.send(calls.open_session(provider.address, 10 * FOG, expiry, JOB))
    await buyer.sender.send(calls.open_session(provider.address, 3 * FOG, expiry, b"\x0b" * 32))
    await buyer.sender.send(calls.top_up(session, 5 * FOG))
    await buyer.sender.send(calls.withdraw(2 * FOG))
    for amount in (4 * FOG, 7 * FOG):
        signature = sign(buyer.key, domain, Voucher(session, amount))
        claim = calls.claim if amount == 4 * FOG else calls.claim_and_close
        await provider.sender.send(claim(session, amount, signature))
    await provider.sender.send(calls.approve(30 * FOG, client.deployment.stake))
    await provider.sender.send(calls.bond(30 * FOG))
    await provider.sender.send(calls.unbond(10 * FOG))
    return session


async def test_a_trade_as_the_index_shows_it(
    client: ChainClient, buyer: Party, provider: Party, index: EventIndex
) -> None:
    batches: list[list[Event]] = []
    index.subscribe(batches.append)
    session = await trade(client, buyer, provider)
    await index.wait_for(lambda: index.account(provider.address).unbonding, 10)

    record = index.session(session)
    assert record is not None
    assert (record.buyer, record.provider, record.job) == (buyer.address, provider.address, JOB)
    assert (record.cap, record.claimed, record.open) == (15 * FOG, 7 * FOG, False)
    account = index.account(buyer.address)
    assert (account.token, account.free, account.locked, account.spent) == (62 * FOG, 28 * FOG, 3 * FOG, 7 * FOG)
    account = index.account(provider.address.upper().replace("0X", "0x"))
    fee = 4 * FOG // 100 + 3 * FOG // 100
    assert (account.token, account.free) == (70 * FOG, 7 * FOG - fee)
    assert (account.earned, account.fees, account.withheld) == (7 * FOG - fee, fee, fee)
    assert (account.bonded, account.unbonding) == (20 * FOG, 10 * FOG)
    assert await agrees(index, client, [buyer.address, provider.address], [session])
    assert [record.job for record in index.sessions(buyer=buyer.address)] == [b"\x0b" * 32, JOB]
    assert len(index.sessions(provider=provider.address)) == 2
    assert index.sessions(buyer=provider.address) == []

    events = [event for batch in batches for event in batch]
    claims = [event for event in events if isinstance(event, VoucherClaimed)]
    assert [event.paid + event.fee for event in claims] == [4 * FOG, 3 * FOG]
    assert [event.fee for event in claims] == [4 * FOG // 100, 3 * FOG // 100]
    assert len([event for event in events if isinstance(event, SessionOpened)]) == 2
    assert index.healthy


async def test_rebuilt_from_nothing_it_is_the_same(
    client: ChainClient, buyer: Party, provider: Party, index: EventIndex, tmp_path: Path
) -> None:
    session = await trade(client, buyer, provider)
    await index.wait_for(lambda: index.account(provider.address).unbonding, 10)
    fresh = EventIndex(client, tmp_path / "fresh.db")
    await fresh.catch_up()
    for address in (buyer.address, provider.address):
        assert fresh.account(address) == index.account(address)
    assert fresh.session(session) == index.session(session)
    assert fresh.event_count() == index.event_count()
    fresh.close()
    # And from disk, with the chain away.
    again = EventIndex(ChainClient("http://127.0.0.1:9", client.deployment), tmp_path / "fresh.db")
    assert again.session(session) == index.session(session)
    assert not again.healthy
    again.close()


async def test_providers_and_their_signed_keys(
    client: ChainClient, provider: Party, index: EventIndex, tmp_path: Path
) -> None:
    calls, domain = Calls(client.deployment), client.deployment.domain
    identity = NodeIdentity.create(tmp_path / "node.seed")
    signature = identity.bind(provider.address, domain)
    await provider.sender.send(calls.register(identity.node_key, signature, 2, "/ip4/10.0.0.1/tcp/4001"))
    (record,) = await index.wait_for(index.providers, 10)
    assert (record.owner, record.slots, record.endpoints) == (provider.address, 2, "/ip4/10.0.0.1/tcp/4001")
    check_binding(record.node_key, record.signature, record.owner, domain)
    await provider.sender.send(calls.register(identity.node_key, signature, 4, ""))
    await index.wait_for(lambda: index.providers()[0].slots == 4, 10)
    await provider.sender.send(calls.deregister())
    await index.wait_for(lambda: not index.providers(), 10)


async def test_endpoints_that_are_not_text_do_not_stop_the_index(
    client: ChainClient, provider: Party, index: EventIndex, tmp_path: Path
) -> None:
    identity = NodeIdentity.create(tmp_path / "node.seed")
    call = Calls(client.deployment).register(
        identity.node_key, identity.bind(provider.address, client.deployment.domain), 1, "????????"
    )
    evil = type(call)(call.to, call.data.replace(b"????????", b"\xff\xfe\xfd\xfc\xff\xff\xff\xff"), call.gas)
    await provider.sender.send(evil)
    await provider.sender.send(Calls(client.deployment).approve(1))
    here = (await client.head()).number
    await index.wait_for(lambda: index.head is not None and index.head.number > here, 10)
    assert index.healthy
    assert index.providers() == []


async def test_a_reorganisation_is_followed(
    client: ChainClient, buyer: Party, provider: Party, index: EventIndex
) -> None:
    batches: list[list[Event]] = []
    index.subscribe(batches.append)
    session = await trade(client, buyer, provider)
    await index.wait_for(lambda: index.account(provider.address).unbonding, 10)
    # The last blocks are replaced by empty ones; the senders then bring their transactions again.
    await client.rpc.call("anvil_reorg", 12, [])

    async def told() -> bool:
        return any(isinstance(event, RolledBack) for batch in batches for event in batch)

    await until(told)

    async def settled() -> bool:
        if buyer.sender.pending() or provider.sender.pending():
            return False
        return index.account(provider.address).unbonding == 10 * FOG and await agrees(
            index, client, [buyer.address, provider.address], [session]
        )

    await until(settled)
    assert index.session(session).claimed == 7 * FOG  # type: ignore[union-attr]


async def test_a_local_chain_from_an_older_snapshot_is_followed_back_and_forth(
    chain: LocalChain, client: ChainClient, buyer: Party, provider: Party, index: EventIndex
) -> None:
    calls = Calls(client.deployment)
    await buyer.sender.send(calls.approve(40 * FOG))
    await chain.save()
    state = max((chain.folder / "state").glob("*.json.gz"))
    kept = state.read_bytes()
    session = await trade(client, buyer, provider)
    await index.wait_for(lambda: index.account(provider.address).unbonding, 10)
    batches: list[list[Event]] = []
    index.subscribe(batches.append)
    await chain.stop()
    await asyncio.gather(buyer.sender.stop(), provider.sender.stop())
    for newer in (chain.folder / "state").iterdir():
        newer.unlink()
    state.write_bytes(kept)
    await chain.start()
    await index.wait_for(lambda: index.session(session) is None, 20)
    assert await agrees(index, client, [buyer.address, provider.address], [session])
    assert isinstance(batches[0][0], RolledBack)
    # The senders bring back what was lost, and the index with it.
    await buyer.sender.start()
    await provider.sender.start()

    async def settled() -> bool:
        done = index.account(provider.address).unbonding == 10 * FOG
        return done and await agrees(index, client, [buyer.address, provider.address], [session])

    await until(settled, 40)


async def test_waiting_ends_in_words_when_nothing_comes(index: EventIndex) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable, match="did not show"):
        await index.wait_for(lambda: index.session(b"\0" * 32), 0.3)
    assert time.monotonic() - began < 5


async def test_it_shows_that_the_chain_is_away_and_comes_back(chain: LocalChain, index: EventIndex) -> None:
    await until(lambda: _is(lambda: index.healthy))
    await chain.stop()
    await until(lambda: _is(lambda: not index.healthy))
    assert "does not answer" in index.detail
    await chain.start()
    await until(lambda: _is(lambda: index.healthy))


async def _is(condition) -> bool:
    return bool(condition())


async def test_a_file_of_another_network_is_emptied_and_a_broken_one_refused(
    client: ChainClient, tmp_path: Path
) -> None:
    path = tmp_path / "other.db"
    first = EventIndex(client, path)
    await first.catch_up()
    assert first.event_count() > 0
    first.close()
    other = replace(client.deployment, chain_id=1)
    second = EventIndex(ChainClient(client.rpc.url, other), path)
    assert second.event_count() == 0
    second.close()
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(CorruptData):
        EventIndex(client, path)
