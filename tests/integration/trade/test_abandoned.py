"""Those who leave: a provider that restarts, a buyer that never comes back. What is owed is paid, what is locked comes
free, and nobody's capacity stays taken."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from hostile import RogueBuyer, until
from trade_stage import Market
from wasmtime import wat2wasm

from fogchain.chain.client import ChainClient
from fogchain.chain.index import EventIndex
from fogchain.chain.records import SessionRecord
from fogchain.jobs.blobname import name_of
from fogchain.jobs.file import load_job_file
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec, Verify
from fogchain.localnet import LocalNetwork
from fogchain.market.messages import Exit
from fogchain.units import GFUEL, parse_fog

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 8
HOUR = 3600 * 10**9  # nanoseconds
SLEEP = """
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i64.store (i32.const 24) (i64.const {nanoseconds}))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))
"""
JOBS = 10
ABANDONED_AFTER = 12  # seconds that the abandoned jobs may take
MARGIN = 60  # seconds for which an order may outlast its job


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def m(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    folder = tmp_path_factory.mktemp("abandoned")
    network = LocalNetwork(
        folder / "net",
        lost_after="20 s",
        supervised=False,
        mdns=False,
        settings={"oak": {"slots": AT_ONCE}, "buyer": {"newcomer_tasks": 100}},
    )
    await network.start()
    try:
        market = Market(network, folder)
        await market.learn_addresses()
        yield market
    finally:
        await network.stop()


# -------------------------------------------------------------------- a provider that restarts


@pytest.mark.complaint(19, "notice")
async def test_a_restart_with_eight_running_tasks_breaks_nothing(m: Market) -> None:
    """An Akash provider's restart closed 32 leases (support 15, 270, 128)."""
    job = await m.submit(m.spin(2 * AT_ONCE, 12_000_000, '[verify]\nlevel = "L0"\n'))
    oak = m.network.client("oak")

    async def all_at_once() -> bool:
        return (await oak.status()).running == AT_ONCE

    await until(all_at_once, 60)
    await m.network.end("oak")
    buyers_log = (m.network.folder / "logs" / "buyer.log").read_text()
    assert "a provider stops" in buyers_log  # it was told, and did not have to find out
    await m.network.launch_node("oak")
    await m.network.ready("oak")
    detail = await m.paid(job)
    assert (detail.state, detail.tasks.done) == ("done", 2 * AT_ONCE)
    for task in (await m.network.buyer.tasks(job, limit=100)).items:
        (accepted,) = [run for run in task.runs if run.state == "accepted"]
        # None was lost or late: what else there is was a slow one's second provider, and called back.
        assert not accepted.late and {run.detail for run in task.runs if run is not accepted} <= {"no longer needed"}
    share = next(share for share in detail.providers if share.name == "oak")
    assert share.tasks >= AT_ONCE and share.claimed == share.owed
    receipts = (await m.network.client("oak").receipts(role="provider", job=job, limit=100)).items
    assert len(receipts) == share.tasks


# -------------------------------------------------------------------- time is no work


@pytest.mark.complaint("sleeping job")
async def test_a_job_that_sleeps_for_hours_costs_as_much_as_one_that_does_not(m: Market) -> None:
    """BOINC and Gridcoin credited waiting as work (BOINC 2132, 2498; Gridcoin-Tasks 245)."""
    costs, began = [], time.monotonic()
    for nanoseconds in (1, 5 * HOUR):
        module = bytes(wat2wasm(SLEEP.format(nanoseconds=nanoseconds)))
        await m.network.buyer.put_blob(module, name_of(module))
        spec = JobSpec(
            name="sleep",
            module=BlobRef(sha256=name_of(module), size=len(module)),
            budget=parse_fog("1 FOG"),
            limits=Limits(fuel=GFUEL // 10, memory=16 << 20, time=10_000, output=1 << 16),
            tasks=(TaskSpec(),),
            verify=Verify(level="L0"),
        )
        detail = await m.paid((await m.network.buyer.submit(spec)).id)
        assert detail.state == "done"
        costs.append((detail.fuel, detail.spent))
    assert costs[0] == costs[1]
    assert time.monotonic() - began < 3600


# -------------------------------------------------------------------- a buyer whose input never comes


@pytest.mark.complaint(17)
async def test_a_provider_whose_input_never_arrives_gives_the_order_back_unpaid_and_is_free(m: Market) -> None:
    """An Akash tenant never sent its manifest, and the bid stayed (support 438, 435)."""
    rogue = RogueBuyer(m.folder / "nothing", m.network.deployment, m.network.rpc_url)
    await rogue.start()
    try:
        oak = await m.network.client("oak").status()
        await rogue.meet(oak)
        terms = await rogue.open(oak.address)
        nowhere = rogue.run_spec().model_copy(update={"module": BlobRef(sha256="ab" * 32, size=1000)})
        signed = rogue.order(terms, nowhere, deadline=int(time.time()) + 4)
        await rogue.place(oak.peer_id, signed)
        receipt = await rogue.delivered(signed, 60)
        assert receipt.receipt.exit == Exit.REFUSED and receipt.receipt.fuel == 0 and receipt.detail

        async def idle() -> bool:
            status = await m.network.client("oak").status()
            return status.running == status.waiting == 0

        await until(idle)
        await rogue.ask(oak.peer_id, "voucher", rogue.voucher(terms, 0, last=True))

        async def closed() -> bool:
            return not (await rogue.state(terms.session)).open

        await until(closed)
        assert (await rogue.state(terms.session)).claimed == 0
    finally:
        await rogue.stop()


# -------------------------------------------------------------------- a buyer that never comes back


@dataclass
class Left:
    """What a buyer left behind that is gone for good, with its key."""

    buyer: str
    late_by: float  # when its last order ends at the latest
    sessions: dict[str, SessionRecord]  # those that are open, by id


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def left(m: Market) -> Left:
    """Ten jobs without end, some of whose tasks are delivered and signed for; then the buyer's folder is deleted."""
    paying = await m.submit(m.spin(400, 3_000_000, '[verify]\nlevel = "L0"\n'))
    await m.until(paying, lambda detail: all(share.tasks for share in detail.providers) and len(detail.providers) == 3)
    endless = m.spin(3, 300_000_000, '[verify]\nlevel = "L0"\n')
    text = endless.read_text().replace('time = "60 s"', 'time = "2 s"')
    endless.write_text(text.replace('budget = "400 FOG"', f'budget = "40 FOG"\ntime_limit = "{ABANDONED_AFTER} s"'))
    spec = load_job_file(endless)
    for name, source in spec.blobs.items():
        await m.network.buyer.put_blob(source, name)
    jobs = [(await m.network.buyer.submit(spec.spec)).id for _ in range(JOBS)]
    for job in jobs:
        await m.until(job, lambda detail: detail.tasks.sent + detail.tasks.running > 0)
    await until(lambda: _all_reserved_is_shown(m))
    await m.network.kill("buyer")
    shutil.rmtree(m.network.folder / "buyer")
    late_by = time.time() + ABANDONED_AFTER + MARGIN
    open_ = {"0x" + session.id.hex(): session for session in await _opened(m) if session.open}
    assert len({session.provider.lower() for session in open_.values()}) == 3
    return Left(m.addresses["buyer"], late_by, open_)


async def _all_reserved_is_shown(m: Market) -> bool:
    """How much, for whom and until when: whatever is opened, raised or claimed meanwhile."""
    wallet, sessions = await m.network.buyer.wallet(), (await m.network.buyer.sessions(limit=100)).items
    open_ = [session for session in sessions if session.state == "open"]
    assert all(session.expires > time.time() for session in open_)
    return wallet.locked == sum(session.cap - session.claimed for session in open_) > 0


async def _opened(m: Market) -> list[SessionRecord]:
    """Every session that the buyer ever opened, by the chain."""
    client = ChainClient(m.network.rpc_url, m.network.deployment)
    index = EventIndex(client, m.folder / "opened.db")
    following = asyncio.create_task(index.run())
    try:
        head = (await client.head()).number + 2  # what was under way is mined then
        await until(lambda: index.head is not None and index.head.number >= head, 60)
        return index.sessions(buyer=m.addresses["buyer"])
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        index.close()
        await client.close()


@pytest.mark.complaint(14)
async def test_ten_abandoned_jobs_leave_the_capacity_free_by_their_deadline(m: Market, left: Left) -> None:
    """Golem's requestors blocked the network by abandoned tasks (yagna 1506, 1100)."""
    abandoned = 3 * JOBS

    async def free() -> bool:
        states = [await m.network.client(name).status() for name in m.network.names]
        return all(status.running == 0 and status.waiting == 0 for status in states)

    await until(free, max(0.0, left.late_by - time.time()) + 20, f"{abandoned} orders still hold their places")
    rogue = RogueBuyer(m.folder / "next", m.network.deployment, m.network.rpc_url)
    await rogue.start()
    try:
        oak = await m.network.client("oak").status()
        await rogue.meet(oak)
        terms = await rogue.open(oak.address)
        signed = rogue.order(terms)
        await rogue.place(oak.peer_id, signed)
        assert (await rogue.delivered(signed)).receipt.exit == Exit.OK
    finally:
        await rogue.stop()


@pytest.mark.complaint(1, 6)
async def test_a_buyer_whose_key_is_gone_pays_what_it_signed_and_anybody_frees_the_rest(m: Market, left: Left) -> None:
    """A Golem provider's last invoice was never accepted (yagna 3126), a killed one's allocations stayed (1246)."""
    client = ChainClient(m.network.rpc_url, m.network.deployment)
    await client.connect()
    cedar = m.addresses["cedar"]
    held = {
        view.id: view.signed
        for name in m.network.names
        for view in (await m.network.client(name).sessions(role="provider", limit=100)).items
        if view.id in left.sessions
    }
    assert sum(signed > 0 for signed in held.values()) >= 3
    await m.network.kill("cedar")  # it does not come back either: nobody claims its session
    outsider = RogueBuyer(m.folder / "outsider", m.network.deployment, m.network.rpc_url)
    await outsider.start()
    try:
        ends = max(session.expiry for session in left.sessions.values())
        await client.rpc.call("evm_increaseTime", ends - (await client.head()).timestamp + 10)
        await client.rpc.call("evm_mine")
        for id, session in left.sessions.items():
            if session.provider.lower() == cedar or id not in held:
                await outsider.sender.send(outsider.calls.close_session(session.id))

        async def all_closed() -> bool:
            return not [id for id in left.sessions if (await client.session(bytes.fromhex(id[2:]))).open]

        await until(all_closed, 60)
        for id, session in left.sessions.items():
            paid = (await client.session(session.id)).claimed
            assert paid <= session.cap
            if session.provider.lower() != cedar:
                assert paid == held.get(id, 0)  # to the base unit
        assert await client.locked_balance(left.buyer) == 0
    finally:
        await outsider.stop()
        await client.close()
