"""Peers that lie, forge, repeat and fall silent at the trade's doors: both roles stand, and the money stays right."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from coincurve import PrivateKey
from hostile import (
    FUEL,
    LIES,
    LOUD_BYTES,
    LOUD_OUTPUT,
    PRICE,
    Mute,
    Rogue,
    RogueBuyer,
    RogueProvider,
    Staller,
    forged_signature,
    manifest,
    states_in,
    until,
)

from fogchain import cbor
from fogchain.api.models import API_PREFIX, ReceiptView
from fogchain.bench.e2e import spin_job
from fogchain.chain.calls import Calls, session_id
from fogchain.chain.client import ChainClient
from fogchain.chain.faucet import fund
from fogchain.chain.sender import Sender
from fogchain.config import DataFolder
from fogchain.errors import (
    BadMessage,
    BadSignature,
    Conflict,
    FogchainError,
    NotFound,
    PaymentRequired,
    Unavailable,
)
from fogchain.jobs.file import load_job_file
from fogchain.jobs.spec import BlobRef, ResultManifest
from fogchain.localnet import LocalNetwork
from fogchain.market.messages import Voucher
from fogchain.nodefolder import create_node
from fogchain.units import GFUEL, MAX_UINT96, cost, parse_eth, parse_fog
from fogchain.wallet.eip712 import Domain, verify
from fogchain.wallet.keystore import Wallet
from node.p2p.blobs import fetch_blob
from node.trade import wire
from node.trade.wire import SignedOffer, SignedOrder, SignedVoucher

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

ENDLESS = 1 << 40  # rounds
BILL = cost(FUEL, PRICE)  # of an order at its fuel limit
LONG = 100 * GFUEL  # fuel of a run that nobody waits for
LONG_BILL = cost(LONG, PRICE)
TASKS = 150
LOCKED = parse_fog("3 FOG")


@dataclass
class Doors:
    """The network under attack, and those who keep to no rules."""

    network: LocalNetwork
    oak: str  # peer id
    oak_address: str
    birch_address: str
    mallory: RogueBuyer
    other: RogueBuyer
    liar: RogueProvider
    staller: Staller
    mute: Mute
    offerers: dict[str, RogueProvider]  # whose offers are not good
    job: str  # of the network's buyer, placed with all of them
    kept: bytes  # a session of the buyer with the liar, which expires soon

    @property
    def honest(self) -> set[str]:
        return {self.oak_address, self.birch_address}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doors(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doors]:
    folder = tmp_path_factory.mktemp("hostile")
    network = LocalNetwork(folder / "net", providers=2, lost_after="3 s", supervised=False)
    async with AsyncExitStack() as stack:
        (folder / "net" / "logs").mkdir(parents=True)
        stack.push_async_callback(network.stop)
        await network.start_chain()
        deployment, rpc_url = network.deployment, network.rpc_url
        wallet = Wallet.of(PrivateKey()).address
        sides = (deployment, rpc_url)
        mallory, other = (RogueBuyer(folder / name, *sides) for name in ("mallory", "other"))
        liar, staller, mute = (
            RogueProvider(folder / "liar", *sides, LIES, slots=12),
            Staller(folder / "staller", *sides),
            Mute(folder / "mute", *sides),
        )
        offerers = {
            "wallet": RogueProvider(folder / "wallet", *sides, provider=wallet),
            "node": RogueProvider(folder / "node", *sides, node=liar.identity.node_key),
            "expired": RogueProvider(folder / "expired", *sides, issued=1, expiry=int(time.time()) - 10),
            "unregistered": RogueProvider(folder / "unregistered", *sides),
            "borrowed": RogueProvider(
                folder / "borrowed", *sides
            ),  # registers the node key of the one before as its own
        }

        async def start(rogue: Rogue) -> None:
            await rogue.start()
            stack.push_async_callback(rogue.stop)
            if isinstance(rogue, RogueProvider) and rogue is not offerers["unregistered"]:
                borrowed = offerers["unregistered"].identity.node_key
                await rogue.register(borrowed if rogue is offerers["borrowed"] else None)

        for rogue in (mallory, other):
            await start(rogue)
        await asyncio.gather(*map(start, (liar, staller, mute, *offerers.values())))
        kept = await prepare_buyer(network, liar, offerers["unregistered"].host.addresses[0])
        await network.start_nodes()
        oak, birch = [await network.client(name).status() for name in ("oak", "birch")]
        await asyncio.gather(mallory.meet(oak), other.meet(oak))
        sellers = {oak.address, birch.address, *(rogue.wallet.address for rogue in (liar, staller, mute))}
        await until(lambda: _ready(network, sellers))
        job = await submit(network, folder)
        yield Doors(
            network, oak.peer_id, oak.address, birch.address, mallory, other, liar, staller, mute, offerers, job, kept
        )


async def prepare_buyer(network: LocalNetwork, liar: Rogue, bootstrap: str) -> bytes:
    """The buyer's folder, with a short session that its wallet opened with the liar before the node's first start."""
    deployment, rpc_url = network.deployment, network.rpc_url
    folder = DataFolder(network.folder / "buyer")
    wallet = create_node(
        folder,
        name="buyer",
        roles=("buyer",),
        rpc_url=rpc_url,
        deployment=deployment,
        light=True,
        # as many providers as there are rogues, who are cheaper; and work enough for each of their tricks
        buyer={"lost_after": "3 s", "max_providers": 3, "newcomer_tasks": 64},
        p2p={"listen": ["/ip4/127.0.0.1/tcp/0"], "bootstrap": [bootstrap]},
    )
    client, calls = ChainClient(rpc_url, deployment), Calls(deployment)
    sender = Sender(client, wallet.key, network.folder / "opening.db")
    await sender.start()
    try:
        await fund(client.rpc, deployment, wallet.address, parse_eth("10 ETH"), parse_fog("1000 FOG"))
        await sender.send(calls.approve(LOCKED))
        await sender.send(calls.deposit(LOCKED))
        job = sha256(b"an old job").digest()
        await sender.send(calls.open_session(liar.wallet.address, LOCKED, int(time.time()) + 25, job))
        return session_id(wallet.address, liar.wallet.address, job)
    finally:
        await sender.stop()
        await client.close()


async def _ready(network: LocalNetwork, wanted: set[str]) -> bool:
    return wanted <= {known.address for known in await network.buyer.providers() if known.state == "ready"}


async def submit(network: LocalNetwork, folder: Path) -> str:
    """A job of tasks that take a moment, over which the providers' claims alone decide who gets them first."""
    file = spin_job(folder / "job", TASKS, 1000, '[verify]\nlevel = "L0"\n')
    file.write_text(file.read_text().replace('time = "60 s"', 'time = "1 s"'))
    resolved = load_job_file(file)
    for name, source in resolved.blobs.items():
        await network.buyer.put_blob(source, name)
    return (await network.buyer.submit(resolved.spec)).id


# -------------------------------------------------------------------- orders


async def test_an_honest_order_is_run_and_paid(doors: Doors) -> None:
    m = doors.mallory
    terms = await m.open(doors.oak_address)
    signed = m.order(terms)
    assert await m.place(doors.oak, signed) == wire.QUEUED
    receipt = await m.delivered(signed)
    verify(m.domain, receipt.receipt, receipt.signature, doors.oak_address)
    bill = cost(receipt.receipt.fuel, PRICE)
    assert bill > 0
    await m.ask(doors.oak, "voucher", m.voucher(terms, bill, last=True))
    await until(lambda: _closed(m, terms.session))
    assert (await m.state(terms.session)).claimed == bill


async def _closed(buyer: RogueBuyer, session: bytes) -> bool:
    return not (await buyer.state(session)).open


async def test_orders_that_would_not_be_paid_or_cannot_be_run_are_refused(doors: Doors) -> None:
    m, oak = doors.mallory, doors.oak
    now = int(time.time())
    terms, brief, elsewhere, foreign = await asyncio.gather(
        m.open(doors.oak_address),
        m.open(doors.oak_address, lasts=90),
        m.open(doors.birch_address),
        doors.other.open(doors.oak_address),
    )
    await doors.other.place(oak, doors.other.order(foreign))  # oak has seen the newest session, and so all
    market, hungry = m.domain.market, m.run_spec(memory=1 << 30)
    refused: list[tuple[type[FogchainError], str, SignedOrder]] = [
        (BadSignature, "signed by", m.order(terms, key=PrivateKey())),
        (BadSignature, "signed by", m.order(terms, domain=Domain(m.domain.chain_id + 1, market))),
        (BadSignature, "signed by", m.order(terms, domain=Domain(m.domain.chain_id, "0x" + "11" * 20))),
        (BadSignature, "signed by", replace(m.order(terms), order=replace(m.order(terms).order, task=9))),
        (Unavailable, "not seen the payment session", m.order(terms, session=b"\7" * 32)),
        (Conflict, "between others", m.order(foreign)),
        (Conflict, "between others", m.order(elsewhere, provider=doors.oak_address)),
        (Conflict, "another job", m.order(terms, job=foreign.job)),
        (Conflict, "for " + doors.birch_address, m.order(elsewhere)),
        (Conflict, "about to expire", m.order(brief)),
        (Conflict, "wants engine", m.order(terms, engine="wasmtime-1/fog-1")),
        (Conflict, "this node asks", m.order(terms, price=PRICE - 1)),
        (Conflict, "privacy 'onion'", m.order(terms, privacy="onion")),
        (Conflict, "no verification of level 9", m.order(terms, level=9)),
        (Conflict, "penalty", m.order(terms, penalty=PRICE)),
        (Conflict, "fee", m.order(terms, fee=0)),
        (Conflict, "from the future", m.order(terms, issued=now + 1000)),
        (Conflict, "deadline has passed", m.order(terms, deadline=now - 1)),
        (Conflict, "outlives its payment session", m.order(terms, deadline=now + 3600)),
        (BadMessage, "not the one the order names", m.order(terms, sent=m.run_spec(rounds=7).encode())),
        (BadMessage, "fuel limit", m.order(terms, fuel_limit=FUEL - 1)),
        (BadMessage, "run spec", m.order(terms, sent=b"\x81\x01", spec=sha256(b"\x81\x01").digest())),
        (Conflict, "memory", m.order(terms, hungry)),
        (PaymentRequired, "capped", m.order(terms, m.run_spec(fuel=3 * 10**9))),
    ]
    before = (await doors.network.client("oak").status()).done
    for kind, words, signed in refused:
        with pytest.raises(kind, match=words):
            await m.ask(oak, "order", signed.encode())
        digest = m.domain.digest(signed.order)
        assert states_in(await m.ask(oak, "status", wire.encode_list([digest])), 1) == [wire.UNKNOWN]
    assert (await doors.network.client("oak").status()).done - before <= 1  # the other's


async def test_orders_in_sum_stay_under_the_cap(doors: Doors) -> None:
    m = doors.mallory
    terms = await m.open(doors.oak_address, cap=2 * LONG_BILL + 1)
    endless = m.run_spec(rounds=ENDLESS, fuel=LONG)
    orders = [m.order(terms, endless) for _ in range(3)]
    assert [await m.place(doors.oak, signed) for signed in orders[:2]] == [wire.QUEUED, wire.QUEUED]
    with pytest.raises(PaymentRequired, match="capped at"):
        await m.place(doors.oak, orders[2])
    await m.ask(doors.oak, "cancel", wire.encode_cancel([m.domain.digest(signed.order) for signed in orders], []))
    assert await m.place(doors.oak, orders[2]) == wire.QUEUED  # what was called back no longer counts
    await m.ask(doors.oak, "cancel", wire.encode_cancel([m.domain.digest(orders[2].order)], []))


async def test_work_that_a_buyer_never_accepts_is_not_done_for_ever(doors: Doors) -> None:
    m = doors.mallory
    spec = m.run_spec(rounds=500_000, fuel=10_000_000)
    terms = await m.open(doors.oak_address, cap=cost(15_000_000, PRICE))
    m.verdict, done = wire.SUPERSEDED, 0
    try:
        with pytest.raises(PaymentRequired, match="refused by it or not paid"):
            for _ in range(12):
                signed = m.order(terms, spec)
                await m.place(doors.oak, signed)
                await m.delivered(signed)
                await until(partial(_handed, doors, signed))
                done += 1
    finally:
        m.verdict = wire.ACCEPTED
    assert 2 <= done <= 3  # about what the session could have paid for


async def _handed(doors: Doors, signed: SignedOrder) -> bool:
    digest = doors.mallory.domain.digest(signed.order).hex()
    receipts = (await doors.network.client("oak").receipts(role="provider")).items
    return any(view.order.removeprefix("0x") == digest and view.state == "superseded" for view in receipts)


async def test_a_repeated_order_gets_the_same_answer_and_runs_once(doors: Doors) -> None:
    m = doors.mallory
    terms = await m.open(doors.oak_address)
    signed = m.order(terms, m.run_spec(rounds=200_000))
    await m.place(doors.oak, signed)
    words = await asyncio.gather(*(m.place(doors.oak, signed) for _ in range(5)))
    assert set(words) <= {wire.QUEUED, wire.RUNNING, wire.DELIVERED}
    receipt = await m.delivered(signed)
    assert [await m.place(doors.oak, signed) for _ in range(2)] == [wire.DELIVERED, wire.DELIVERED]
    assert {handed.signature for handed in m.receipts[m.domain.digest(signed.order)]} == {receipt.signature}
    booked = await doors.network.client("oak").receipts(role="provider", job=terms.job.hex())
    assert [one.order for one in booked.items] == [m.domain.digest(signed.order).hex()]


async def test_a_closed_session_takes_no_orders_and_runs_none(doors: Doors) -> None:
    m = doors.mallory
    terms = await m.open(doors.oak_address, cap=4 * LONG_BILL)
    first = m.order(terms)
    await m.place(doors.oak, first)
    await m.delivered(first)
    endless = [m.order(terms, m.run_spec(rounds=ENDLESS, fuel=LONG)) for _ in range(3)]
    for signed in endless:
        await m.place(doors.oak, signed)
    await m.ask(doors.oak, "voucher", m.voucher(terms, 1, last=True))
    await until(lambda: _closed(m, terms.session))

    async def refused() -> bool:
        try:
            await m.place(doors.oak, m.order(terms))
        except Conflict as error:
            return "closed or about to expire" in error.message
        return False

    await until(refused)

    digests = [m.domain.digest(signed.order) for signed in endless]

    async def dropped() -> bool:
        states = states_in(await m.ask(doors.oak, "status", wire.encode_list(digests)), len(digests))
        return states == [wire.DROPPED] * len(digests)

    await until(dropped, 30)
    assert not any(digest in m.receipts for digest in digests)


# -------------------------------------------------------------------- others' orders and results


async def test_another_peer_can_neither_cancel_nor_ask_nor_fetch(doors: Doors) -> None:
    m, other = doors.mallory, doors.other
    terms = await m.open(doors.oak_address)
    signed = m.order(terms, m.run_spec(loud=True))
    running = m.order(terms, m.run_spec(rounds=3_000_000))
    await m.place(doors.oak, running)
    await m.place(doors.oak, signed)
    digests = [m.domain.digest(running.order), m.domain.digest(signed.order)]
    await other.ask(doors.oak, "cancel", wire.encode_cancel(digests, []))
    assert states_in(await other.ask(doors.oak, "status", wire.encode_list(digests)), 2) == [wire.UNKNOWN] * 2
    receipt = await m.delivered(signed)
    await m.delivered(running)
    (stdout,) = [file for file in ResultManifest.decode(receipt.manifest).files if file.name == "stdout"]
    assert (stdout.sha256, stdout.size) == (LOUD_OUTPUT, LOUD_BYTES)
    assert bytes.fromhex(stdout.sha256) not in receipt.blobs
    ref = BlobRef(sha256=stdout.sha256, size=stdout.size)
    for blob in (stdout.sha256, m.loud.sha256):  # the result, and the module it was made with
        with pytest.raises(NotFound, match="no blob"):
            await other.ask(doors.oak, "blob", cbor.dumps([1, bytes.fromhex(blob), 0, 1000, b""]))
    await fetch_blob(m.host, m.blobs, doors.oak, ref, timeout=10)
    assert m.blobs.read(stdout.sha256) == bytes(LOUD_BYTES)


# -------------------------------------------------------------------- vouchers


async def test_forged_vouchers_are_refused_and_the_best_one_is_kept(doors: Doors) -> None:
    m, other = doors.mallory, doors.other
    terms, second = await asyncio.gather(m.open(doors.oak_address), m.open(doors.oak_address))
    signed = m.order(terms)
    await m.place(doors.oak, signed)
    await m.delivered(signed)
    market = m.domain.market
    best = 3 * BILL // 4
    await m.ask(doors.oak, "voucher", m.voucher(terms, best))
    forged: list[tuple[type[FogchainError], bytes]] = [
        (BadSignature, m.voucher(terms, best + 1, key=PrivateKey())),
        (BadSignature, m.voucher(terms, best + 1, key=other.wallet.key)),
        (BadSignature, m.voucher(terms, best + 1, signed_for=second.session)),
        (BadSignature, m.voucher(terms, best + 1, domain=Domain(m.domain.chain_id + 1, market))),
        (BadSignature, m.voucher(terms, best + 1, domain=Domain(m.domain.chain_id, "0x" + "22" * 20))),
        (BadSignature, m.voucher(terms, 0, last=True, key=other.wallet.key)),
        (BadSignature, SignedVoucher(Voucher(terms.session, 0), b"", True).encode()),
        (BadSignature, SignedVoucher(Voucher(terms.session, 1), b"\0" * 65, True).encode()),
        (PaymentRequired, m.voucher(terms, parse_fog("1 FOG") + 1)),
        (PaymentRequired, m.voucher(terms, MAX_UINT96, last=True)),
        (NotFound, m.voucher(replace(terms, session=b"\5" * 32), 1, last=True)),
    ]  # fmt: skip
    for kind, message in forged:
        for peer in (m, other):
            with pytest.raises(kind):
                await peer.ask(doors.oak, "voucher", message)
    # Lower and older ones are no news, and no reason to complain.
    for amount in (best - 1, 1, best):
        await m.ask(doors.oak, "voucher", m.voucher(terms, amount))
    assert (await m.state(terms.session)).open
    await m.ask(doors.oak, "voucher", m.voucher(terms, 2, last=True))
    await until(lambda: _closed(m, terms.session))
    assert (await m.state(terms.session)).claimed == best


async def test_only_its_buyer_can_end_a_session_without_work(doors: Doors) -> None:
    m, other = doors.mallory, doors.other
    terms, newer = await m.open(doors.oak_address), await m.open(doors.oak_address)
    await m.place(doors.oak, m.order(newer))  # oak has seen both
    unsigned = SignedVoucher(Voucher(terms.session, 0), b"", True).encode()
    for message in (unsigned, m.voucher(terms, 0, last=True, key=other.wallet.key)):
        with pytest.raises(BadSignature):
            await other.ask(doors.oak, "voucher", message)
    await m.ask(doors.oak, "voucher", m.voucher(newer, 0, last=True))
    await until(lambda: _closed(m, newer.session))
    assert (await m.state(terms.session)).open
    await m.ask(doors.oak, "voucher", m.voucher(terms, 0, last=True))
    await until(lambda: _closed(m, terms.session))


async def test_a_buyer_gone_silent_is_charged_before_its_session_expires(doors: Doors) -> None:
    m = doors.mallory
    terms = await m.open(doors.oak_address, lasts=127)
    state = await m.state(terms.session)
    signed = m.order(terms, deadline=int(time.time()) + 5, grace=0)
    await m.place(doors.oak, signed)
    receipt = await m.delivered(signed)
    bill = cost(receipt.receipt.fuel, PRICE)
    await m.ask(doors.oak, "voucher", m.voucher(terms, bill))
    await until(lambda: _closed(m, terms.session), 20)
    assert time.time() < state.expiry - 60
    assert (await m.state(terms.session)).claimed == bill


# -------------------------------------------------------------------- garbage


def garbage() -> list[bytes]:
    """Payloads that are no message of any subject."""
    source = random.Random(5)
    shapes: list[object] = [
        None, 1, -1, 2**200, "", b"", [], {}, [1, 1], [2], [1, None], [True], ["1"], [1, [], b"", b""],
        [1, [b"x" * 31]],
        [1, [1] * 12, b"", b""], [1, [b"\0" * 32, -1], b"\0" * 65, False], [1, [b"\0" * 32, 2**96], b"\0" * 65, False],
        [1, ["\0" * 32, 1], b"\0" * 65, False], [1, [b"\0" * 32] * 5000], [1, [[[[[[[[[[]]]]]]]]]]],
        [1, b"\0" * 32, -1, 10], [1, b"\0" * 32, 0, 2**40], [1, b"\0" * 31, 0, 1], [1, {"a": 1}, b"", ""],
        [1, b"\xff" * 300_000],
    ]  # fmt: skip
    return [
        b"", b"\xff", b"\x9f", b"\x5b" + b"\xff" * 8, b"\xc2\x41\x01", b"\x81" * 2000, b"\x81\x18\x01", b"\x81\x01\x00",
        *(cbor.dumps(shape) for shape in shapes),
        *(source.randbytes(source.randrange(1, 200)) for _ in range(40)),
    ]  # fmt: skip


@pytest.mark.parametrize("subject", ["offer", "order", "status", "cancel", "voucher", "blob"])
async def test_a_provider_calls_garbage_a_bad_message(doors: Doors, subject: str) -> None:
    await check_garbage(doors.mallory, doors.oak, subject)
    offer = SignedOffer.decode(await doors.mallory.ask(doors.oak, "offer", wire.EMPTY))
    verify(doors.mallory.domain, offer.offer, offer.signature, doors.oak_address)


async def check_garbage(rogue: RogueBuyer, peer: str, subject: str) -> None:
    async def send(payload: bytes) -> str:
        try:
            await rogue.ask(peer, subject, payload)
        except BadMessage:
            return ""
        except FogchainError as error:
            return f"{payload[:60]!r}: {type(error).__name__} {error.message}"
        return f"{payload[:60]!r} was taken"

    assert not [said for said in await asyncio.gather(*map(send, garbage())) if said]


# -------------------------------------------------------------------- the buyer among rogues


async def test_garbage_for_a_receipt_or_blob_is_a_bad_message(doors: Doors) -> None:
    buyer = await doors.network.client("buyer").status()
    await doors.other.meet(buyer)
    for subject in ("receipt", "blob"):
        await check_garbage(doors.other, buyer.peer_id, subject)


async def test_strangers_get_nothing_of_a_job_from_its_buyer(doors: Doors) -> None:
    buyer = await doors.network.client("buyer").status()
    await doors.other.meet(buyer)
    spec = (await doors.network.buyer.job(doors.job)).spec
    request = cbor.dumps([1, bytes.fromhex(spec.module.sha256), 0, 100, b""])
    with pytest.raises(NotFound, match="no blob"):
        await doors.other.ask(buyer.peer_id, "blob", request)
    assert await until(lambda: doors.liar.buyer) == buyer.peer_id
    assert cbor.loads(await doors.liar.ask(buyer.peer_id, "blob", request))[1] == spec.module.size


async def test_offers_that_are_not_their_senders_good_word_draw_no_work(doors: Doors) -> None:
    offerers = doors.offerers

    async def verdicts() -> dict[str, tuple[str, str]]:
        known = {view.peer_id: view for view in await doors.network.buyer.providers()}
        found: dict[str, tuple[str, str]] = {
            name: (known[rogue.host.peer_id].state, known[rogue.host.peer_id].detail)
            for name, rogue in offerers.items()
            if rogue.host.peer_id in known
        }
        asked = len(found) == 4 and all(detail != "not asked yet" for _, detail in found.values())
        return found if asked else {}

    found = await until(verdicts)
    assert found["wallet"][0] == "refused" and "signed by" in found["wallet"][1]
    assert found["node"] == ("refused", "its offer is another node's")
    assert found["expired"][0] == "refused" and "expired" in found["expired"][1]
    assert found["unregistered"][0] == "unregistered"
    borrower = offerers["borrowed"].wallet.address
    assert borrower not in {view.address for view in await doors.network.buyer.providers()}
    detail = await doors.network.buyer.job(doors.job)
    assert not {share.address for share in detail.providers} & {rogue.wallet.address for rogue in offerers.values()}
    assert not any(rogue.orders for rogue in offerers.values())


async def test_a_receipt_for_anothers_order_is_refused(doors: Doors) -> None:
    async def accepted() -> ReceiptView | None:
        receipts = (await doors.network.buyer.receipts(role="buyer", job=doors.job)).items
        return next((view for view in receipts if view.counterparty in doors.honest), None)

    receipt = await until(accepted)
    order = bytes.fromhex(receipt.order.removeprefix("0x"))
    await doors.liar.hand_over(order, manifest())
    answer = doors.liar.answers[order]
    assert isinstance(answer, BadSignature) and receipt.counterparty in answer.message


@pytest.mark.complaint(29)
async def test_a_job_among_rogues_ends_right_and_pays_the_honest_alone(doors: Doors) -> None:
    liar, staller, mute = doors.liar, doors.staller, doors.mute
    buyer = doors.network.buyer

    async def finished() -> bool:
        return (await buyer.job(doors.job)).finished is not None

    await until(finished, 90)
    detail = await buyer.job(doors.job)
    assert (detail.state, detail.tasks.done) in {("settling", TASKS), ("done", TASKS)}
    tasks, cursor = [], None
    while True:
        page = await buyer.tasks(doors.job, 100, cursor)
        tasks += page.items
        if (cursor := page.next_cursor) is None:
            break
    assert len({task.result for task in tasks}) == 1  # equal tasks have equal results, all of the honest
    runs = {run.attempt: run for task in tasks for run in task.runs}

    # Others' orders fill oak meanwhile: it may have had no room for any of this job.
    working = {run.provider for run in runs.values() if run.state == "accepted"}
    assert working and working <= doors.honest
    assert all(rogue.orders for rogue in (liar, staller, mute))

    assert set(liar.played) == {trick.__name__ for trick in LIES}
    for trick in LIES:
        order = liar.played[trick.__name__]
        run = runs[liar.orders[order].order.attempt]
        assert trick.__doc__ is not None and trick.__doc__ in run.detail, (trick.__name__, run)
        if trick is forged_signature:
            assert run.state == "lost" and isinstance(liar.answers[order], BadSignature)
        else:
            assert run.state == "failed" and liar.answers[order] == wire.SUPERSEDED
    for state, signed in zip(Staller.STATES, staller.orders.values(), strict=True):
        run = runs[signed.order.attempt]
        assert (run.state == "lost" and "says" in run.detail) or run.detail == "no longer needed", (state, run)
    for signed in mute.orders.values():
        run = runs[signed.order.attempt]
        assert run.state == "lost" or run.detail == "no longer needed", run

    async def claimed() -> bool:
        shares = {share.address: share for share in (await buyer.job(doors.job)).providers}
        return all(shares[address].session_state == "closed" for address in working)

    await until(claimed)
    detail = await buyer.job(doors.job)
    for share in detail.providers:
        if share.address in working:
            assert share.owed == share.claimed > 0
        else:
            assert (share.tasks, share.checks, share.owed, share.claimed) == (0, 0, 0, 0)
    assert detail.spent == sum(share.claimed for share in detail.providers)


async def test_receipts_after_the_job_change_nothing(doors: Doors) -> None:
    liar, before = doors.liar, await doors.network.buyer.job(doors.job)
    assert before.finished is not None
    for order in [liar.played[trick.__name__] for trick in LIES]:
        await liar.hand_over(order, manifest("stdout", b"late"), blobs={sha256(b"late").digest(): b"late"})
        assert liar.answers[order] in (wire.SUPERSEDED, wire.BREACHED)
    after = await doors.network.buyer.job(doors.job)
    assert (after.tasks, after.spent, after.fuel) == (before.tasks, before.spent, before.fuel)


@pytest.mark.complaint(20)
async def test_what_a_provider_never_releases_is_taken_back_after_expiry(doors: Doors) -> None:
    async def state() -> bool:
        return not (await doors.liar.client.session(doors.kept)).open

    await until(state, 90)
    session = await doors.liar.client.session(doors.kept)
    assert (session.cap, session.claimed) == (LOCKED, 0)
    assert time.time() >= session.expiry
    wallet = await doors.network.buyer.wallet()
    assert wallet.free >= LOCKED


# -------------------------------------------------------------------- counted


async def test_specs_beyond_all_bounds_are_refused_at_the_rim(doors: Doors) -> None:
    m, oak = doors.mallory, doors.oak
    terms = await m.open(doors.oak_address)
    huge = cbor.dumps([1, [b"x" * 1000] * 700])
    with pytest.raises(BadMessage, match="run spec"):
        await m.ask(oak, "order", m.order(terms, sent=huge, spec=sha256(huge).digest()).encode())
    folder = DataFolder(doors.network.folder / "buyer")
    spec = (await doors.network.buyer.job(doors.job)).spec.model_dump(mode="json")
    spec["tasks"] = spec["tasks"][:1] * 10_001
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {folder.token.read_text().strip()}"}) as api:
        url = json.loads(folder.api_file.read_text())["url"]
        answer = await api.post(f"{url}{API_PREFIX}/jobs", json=spec, headers={"Idempotency-Key": "too much"})
    assert answer.status_code == 400 and "tasks" in answer.json()["detail"]


async def test_what_was_refused_is_counted_by_what_and_why(doors: Doors) -> None:
    counted = {
        name: {(one.subject, one.reason): one for one in (await doors.network.client(name).status()).refusals}
        for name in ("oak", "buyer")
    }
    for name, subject, reason in (
        ("oak", "order", "bad-signature"),  # forged, and made for another chain
        ("oak", "order", "bad-message"),
        ("oak", "order", "conflict"),
        ("oak", "voucher", "bad-signature"),
        ("buyer", "offer", "bad-signature"),
        ("buyer", "receipt", "bad-message"),  # what it says of its result is not so
        ("buyer", "receipt", "bad-signature"),
        ("buyer", "api", "bad-input"),
    ):
        one = counted[name][subject, reason]
        assert one.count >= 1 and one.detail and time.time() - one.time < 3600, (name, one)
