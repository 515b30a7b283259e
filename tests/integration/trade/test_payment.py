"""Money between real processes: statements, credit, claims, payment in batches. What the two sides and the chain say is
the same to the base unit."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hostile import PRICE, RogueBuyer, states_in, until

from fogchain.api.statement import StatementView
from fogchain.bench.books import all_of, disagreements
from fogchain.chain.client import ChainClient
from fogchain.chain.events import topic_of
from fogchain.errors import FogchainError, PaymentRequired
from fogchain.jobs.file import load_job_file
from fogchain.market.messages import Voucher
from fogchain.units import cost, format_fog, parse_fog
from fogchain.wallet.eip712 import sign
from node.trade import wire

pytestmark = [pytest.mark.slow, pytest.mark.chain]


async def on_chain(client: ChainClient, address: str) -> tuple[int, int, int]:
    return (
        await client.token_balance(address),
        await client.free_balance(address),
        await client.locked_balance(address),
    )


def adds_up(view: StatementView) -> None:
    before = view.opening.wallet + view.opening.free + view.opening.locked + view.opening.bonded
    assert before + view.came - view.went == (
        view.closing.wallet + view.closing.free + view.closing.locked + view.closing.bonded
    )


async def test_statements_are_the_chain_to_the_base_unit(market: Callable[..., Any]) -> None:
    async with market(providers=2) as m:
        detail = await m.paid(await m.submit(m.spin(6, 20_000)))
        assert detail.state == "done", detail.detail
        await m.network.buyer.withdraw(10**18)
        client = ChainClient(m.network.rpc_url, m.network.deployment)
        kinds: dict[str, set[str]] = {}
        try:
            for name in ("buyer", *m.network.names):
                view = await m.network.client(name).statement(limit=1000)
                adds_up(view)
                closing = view.closing
                assert (closing.wallet, closing.free, closing.locked) == await on_chain(client, m.addresses[name])
                kinds[name] = {line.kind for line in view.items}
        finally:
            await client.close()
        assert kinds["buyer"] >= {
            "transfer", "deposit", "session opened", "voucher claimed", "session closed", "withdrawal",
        }  # fmt: skip
        assert kinds["oak"] == {"voucher claimed"}
        page = await m.network.buyer.statement(limit=2)
        assert page.total > 2 and page.next_cursor == "2" and len(page.items) == 2
        raw = await m.network.buyer._raw("GET", "/v1/statement", headers={"Accept": "text/csv"})
        rows = list(csv.reader(io.StringIO(raw.decode(), newline="")))
        assert len(rows) == page.total + 3 and rows[-1][2] == "closing balance"


@asynccontextmanager
async def rogue(m: Any, folder: Path) -> AsyncIterator[RogueBuyer]:
    buyer = RogueBuyer(folder / "rogue", m.network.deployment, m.network.rpc_url)
    await buyer.start()
    try:
        yield buyer
    finally:
        await buyer.stop()


@pytest.mark.complaint(15)
async def test_a_buyer_that_takes_results_and_never_signs_gets_one_increment(
    market: Callable[..., Any], tmp_path: Path
) -> None:
    fuel = 20_000_000
    most = cost(fuel, PRICE)
    increment = 5 * most
    async with (
        market(providers=1, settings={"oak": {"increment": format_fog(increment)}}) as m,
        rogue(m, tmp_path) as mallory,
    ):
        oak = await m.network.client("oak").status()
        await mallory.meet(oak)
        spec = mallory.run_spec(rounds=1_000_000, fuel=fuel)  # of which it burns about two thirds
        terms = [await mallory.open(oak.address) for _ in range(3)]
        orders = [mallory.order(terms[number % 3], spec) for number in range(24)]
        for signed in orders:
            assert await mallory.place(oak.peer_id, signed) in (wire.QUEUED, wire.UNPAID)
        digests = [mallory.domain.digest(signed.order) for signed in orders]

        async def states() -> list[str]:
            answer = await mallory.ask(oak.peer_id, "status", wire.encode_list(digests))
            return states_in(answer, len(digests))

        def had() -> int:
            return sum(cost(one[0].receipt.fuel, PRICE) for one in mallory.receipts.values())

        async def all_wait() -> bool:
            return set(await states()) == {wire.DELIVERED, wire.UNPAID}

        await until(all_wait, 60)
        await asyncio.sleep(2)
        assert await all_wait()
        delivered = (await states()).count(wire.DELIVERED)
        assert increment - most < had() <= increment and len(mallory.receipts) == delivered < 24
        with pytest.raises(PaymentRequired, match="ahead of its pay"):
            await mallory.ask(oak.peer_id, "order", mallory.order(terms[0], mallory.run_spec(fuel=6 * fuel)).encode())

        # Whoever pays is served on, and what was taken is not lost.
        for term in terms:
            bill = sum(
                cost(mallory.receipts[mallory.domain.digest(signed.order)][0].receipt.fuel, PRICE)
                for signed in orders
                if signed.order.session == term.session and mallory.domain.digest(signed.order) in mallory.receipts
            )
            await mallory.ask(oak.peer_id, "voucher", mallory.voucher(term, bill))
        before = had()
        await until(lambda: had() > before + increment - most, 60)


@pytest.mark.complaint(30)
async def test_vouchers_of_many_sessions_are_claimed_at_once_and_dust_in_front_costs_nothing(
    market: Callable[..., Any], tmp_path: Path
) -> None:
    above = "0.03 FOG"
    async with market(providers=1, settings={"oak": {"claim_above": above}}) as m, rogue(m, tmp_path) as mallory:
        oak = await m.network.client("oak").status()
        await mallory.meet(oak)
        terms = [await mallory.open(oak.address) for _ in range(4)]
        bills = []
        for term in terms:
            signed = mallory.order(term, mallory.run_spec(rounds=1_000_000, fuel=20_000_000))
            await mallory.place(oak.peer_id, signed)
            bills.append(cost((await mallory.delivered(signed)).receipt.fuel, PRICE))
        log = m.network.members["oak"].log_path

        # Little by little: nothing is worth a transaction yet.
        for term, bill in zip(terms, bills, strict=True):
            await mallory.ask(oak.peer_id, "voucher", mallory.voucher(term, bill))
        await asyncio.sleep(5)
        assert [(await mallory.state(term.session)).claimed for term in terms] == [0, 0, 0, 0]
        assert "vouchers claimed" not in log.read_text()

        # More than that: all four in one transaction, while she claims old vouchers of hers in front of it.
        async def dust(number: int) -> None:
            amount = bills[number] // 1000
            voucher = Voucher(terms[number].session, amount)
            call = mallory.calls.claim(terms[number].session, amount, sign(mallory.wallet.key, mallory.domain, voucher))
            with contextlib.suppress(FogchainError):  # too late
                await mallory.sender.send(call)

        more = parse_fog(above)
        paid = [bills[0] + more, *bills[1:]]
        await asyncio.gather(
            mallory.ask(oak.peer_id, "voucher", mallory.voucher(terms[0], paid[0])), *(dust(n) for n in range(4))
        )

        async def all_claimed() -> bool:
            return [(await mallory.state(term.session)).claimed for term in terms] == paid

        await until(all_claimed, 30)
        await until(lambda: "vouchers claimed" in log.read_text(), 20)
        found = [json.loads(line) for line in log.read_text().splitlines() if '"vouchers claimed"' in line]
        assert [(line["vouchers"], line["gas_saved"]) for line in found] == [(4, 63_000)]
        assert found[0]["gas_each"] < 60_000
        assert [(await mallory.state(term.session)).open for term in terms] == [True] * 4
        wallet = await m.network.client("oak").wallet()
        assert wallet.free + wallet.fees == sum(paid)

        # The jobs are over: what is left is claimed, and every session closed.
        await mallory.ask(oak.peer_id, "voucher", mallory.voucher(terms[1], paid[1] + 1000, last=True))
        for term, amount in zip(terms, paid, strict=True):
            await mallory.ask(oak.peer_id, "voucher", mallory.voucher(term, amount, last=True))

        async def all_closed() -> bool:
            return [(await mallory.state(term.session)).open for term in terms] == [False] * 4

        await until(all_closed, 30)
        assert (await mallory.state(terms[1].session)).claimed == paid[1] + 1000

        async def all_brought_in() -> bool:
            wallet = await m.network.client("oak").wallet()
            return wallet.unclaimed == 0 and wallet.free + wallet.fees == sum(paid) + 1000

        await until(all_brought_in, 30)


ON_ACCOUNT = {name: {"on_account": "100 FOG"} for name in ("oak", "birch", "cedar")}


def batch_job(m: Any, tasks: int, rounds: int, name: str) -> Path:
    """As `spin`, paid in a batch."""
    file = m.spin(tasks, rounds, f"# {name}\n")
    text = (
        file.read_text().replace("[job]", '[job]\npay = "batch"', 1).replace('budget = "400 FOG"', 'budget = "60 FOG"')
    )
    file.write_text(text)
    return Path(file)


async def batches(client: ChainClient) -> list[Any]:
    """(payments' transactions, items) of the whole chain, by the events."""
    topic = topic_of("FogMarket", "BatchSettled")
    where = {"address": client.deployment.market, "topics": [topic], "fromBlock": "0x0", "toBlock": "latest"}
    return list(await client.rpc.call("eth_getLogs", where))


async def owed_to(m: Any, job: str) -> dict[str, int]:
    receipts = await all_of(partial(m.network.buyer.receipts, role="buyer", job=job))
    owed: dict[str, int] = {}
    for one in receipts:
        if one.state == "accepted":
            owed[one.counterparty] = owed.get(one.counterparty, 0) + one.cost
    return owed


async def test_jobs_on_account_are_paid_in_one_transaction_whenever_the_buyer_is_killed(
    market: Callable[..., Any],
) -> None:
    async with market(providers=3, settings=ON_ACCOUNT) as m:
        first, second = [await m.submit(batch_job(m, 8, 200_000, name)) for name in ("one", "other")]
        await m.until(first, lambda detail: detail.tasks.done >= 2)
        client = ChainClient(m.network.rpc_url, m.network.deployment)
        try:
            assert await client.locked_balance(m.addresses["buyer"]) == 0
            kills = 0
            paid = False
            while not paid and kills < 6:  # around the end: before the bills, between signing and mining, after it
                await m.until(first, lambda detail: detail.state not in ("planning", "running"))
                await asyncio.sleep(0.4 * kills)
                await m.network.kill("buyer")
                kills += 1
                await m.network.launch_node("buyer")
                await m.network.ready("buyer")
                paid = (await m.network.buyer.job(first)).paid and (await m.network.buyer.job(second)).paid
            details = [await m.paid(job) for job in (first, second)]
            assert [detail.state for detail in details] == ["done", "done"]
            owed: dict[str, int] = {}
            for job in (first, second):
                for payee, amount in (await owed_to(m, job)).items():
                    owed[payee] = owed.get(payee, 0) + amount
            assert len(owed) >= 2 and sum(owed.values()) == sum(detail.spent for detail in details)
            for name in m.network.names:
                wallet = await m.network.client(name).wallet()
                assert wallet.earned + wallet.fees == owed.get(m.addresses[name], 0)
            buyer = await m.network.buyer.wallet()
            assert buyer.spent == sum(owed.values()) and buyer.locked == 0
            assert len(await batches(client)) <= 2
            lines = (await m.network.buyer.statement(limit=1000)).items
            assert sum(line.went for line in lines if line.kind == "batch payment") == sum(owed.values())
            assert not any(line.kind.startswith("session") for line in lines)
            assert await disagreements(m.network) == []
        finally:
            await client.close()


async def test_a_small_account_is_paid_as_it_fills_and_a_node_that_gives_none_gets_no_work(
    market: Callable[..., Any],
) -> None:
    few = {"oak": {"on_account": "0.02 FOG"}, "birch": {"on_account": "0.02 FOG"}}
    async with market(providers=3, settings=few) as m:
        file = batch_job(m, 12, 200_000, "small")
        found = await m.network.buyer.match(load_job_file(file).spec)
        given = {one.name: one.offer.on_account for one in found.offers if one.offer}
        assert given == {"oak": parse_fog("0.02 FOG"), "birch": parse_fog("0.02 FOG"), "cedar": 0}
        (cedar,) = [one for one in found.offers if one.name == "cedar"]
        assert [(each.constraint, each.detail) for each in cedar.failed] == [("pay", "works on account for nobody")]
        assert "1 can't be paid in a batch: works on account for nobody" in found.reasons
        detail = await m.paid(await m.submit(file))
        assert detail.state == "done", detail.detail
        shares = {share.name: share for share in detail.providers}
        assert "cedar" not in shares
        earned = [(await m.network.client(name).wallet()) for name in ("oak", "birch", "cedar")]
        assert sum(one.earned + one.fees for one in earned) == detail.spent > 0
        assert earned[2].earned == 0


async def test_receipts_of_both_sides_agree_on_why_and_how_much(market: Callable[..., Any]) -> None:
    async with market(providers=2) as m:
        checked = await m.submit(m.spin(4, 100_000, '[verify]\nsample = "100 %"\n'))
        short = m.spin(2, 1_000_000, "# too little fuel\n")
        text = short.read_text()
        short.write_text(text.replace(f'fuel = "{2 * 1_000_000 * 13} fuel"', 'fuel = "1 Mfuel"'))
        assert short.read_text() != text
        begun = time.monotonic()
        failing = await m.submit(short)
        failed = await m.paid(failing)
        assert failed.state == "failed" and time.monotonic() - begun < 60
        await m.paid(checked)
        assert (await m.network.buyer.wallet()).locked == 0  # what was not spent is free at once
        for job, wanted in ((checked, {"checked_ok"}), (failing, {"out_of_fuel"})):
            ours = {one.order: one for one in await all_of(partial(m.network.buyer.receipts, role="buyer", job=job))}
            theirs = {}
            for name in m.network.names:
                ask = partial(m.network.client(name).receipts, role="provider", job=job)
                theirs |= {one.order: one for one in await all_of(ask)}
            assert ours.keys() == theirs.keys() and len(ours) > 1
            for order, mine in ours.items():
                other = theirs[order]
                assert (mine.reason, mine.cost, mine.fee, mine.net, mine.reason_text) == (
                    other.reason, other.cost, other.fee, other.net, other.reason_text,
                )  # fmt: skip
            assert {one.reason for one in ours.values()} == wanted
            detail = await m.network.buyer.job(job)
            assert sum(one.cost for one in theirs.values()) == detail.spent > 0
        assert await disagreements(m.network) == []
