"""What becomes of those who fail, are late or go silent: what they get again, what they are paid, and that both sides'
receipts say so in the same word."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from eth_hash.auto import keccak
from hostile import FUNDS, PRICE, RogueBuyer, SessionTerms, states_in, until
from moody import FAULT, WANTED
from trade_stage import Market
from wasmtime import wat2wasm

from fogchain.api.models import CallRequest, JobDetail, ReceiptView, RunView, TransactionRequest
from fogchain.bench.books import all_of, disagreements
from fogchain.chain.calls import Calls, session_id
from fogchain.chain.client import ChainClient
from fogchain.chain.events import topic_of
from fogchain.errors import FogchainError, PaymentRequired, Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.machine.folding import FIRST_BACKOFF
from fogchain.jobs.machine.runs import GIVEN_UP
from fogchain.jobs.machine.settling import MAX_TROUBLES
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec, Verify
from fogchain.localnet import LocalNetwork
from fogchain.market.messages import ON_ACCOUNT, late_pay
from fogchain.units import GFUEL, cost, format_fog, parse_fog
from node.trade import wire

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]

MOODY = Path(__file__).with_name("moody.py")
L0 = '[verify]\nlevel = "L0"\n'
ROUNDS = 3_000_000  # some tenths of a second
LIMIT = parse_fog("100 FOG")
TRAP = '(module (memory (export "memory") 1) (func (export "_start") unreachable))'


class Stage(Market):
    """A market of moody providers, all but cedar working on account."""

    def __init__(self, network: LocalNetwork, folder: Path, client: ChainClient) -> None:
        super().__init__(network, folder)
        self.client = client

    def name_of(self, address: str) -> str:
        return next(name for name, owner in self.addresses.items() if owner == address)

    def job(self, tasks: int, rounds: int, **job: str) -> Path:
        """A job file; `job`: more of its section [job]."""
        path = self.spin(tasks, rounds, L0 + f"# {job}")
        lines = "".join(f'{key} = "{value}"\n' for key, value in job.items())
        text = path.read_text().replace('budget = "400 FOG"\n', "") if "budget" in job else path.read_text()
        path.write_text(text.replace("[limits]", lines + "[limits]", 1))
        return path

    async def runs(self, job: str) -> list[RunView]:
        return [run for task in await all_of(partial(self.network.buyer.tasks, job)) for run in task.runs]

    async def receipts(self, job: str) -> tuple[dict[str, ReceiptView], dict[str, ReceiptView]]:
        """The buyer's and the providers', by order."""
        ours = {one.order: one for one in await all_of(partial(self.network.buyer.receipts, role="buyer", job=job))}
        theirs: dict[str, ReceiptView] = {}
        for name in self.network.names:
            ask = partial(self.network.client(name).receipts, role="provider", job=job)
            theirs |= {one.order: one for one in await all_of(ask)}
        return ours, theirs

    async def agreed(self, job: str) -> dict[str, ReceiptView]:
        """The buyer's receipts, once the providers have the same ones that say the same."""

        async def same() -> dict[str, ReceiptView]:
            ours, theirs = await self.receipts(job)
            return (
                ours
                if ours
                and {order: said(one) for order, one in theirs.items()}
                == {order: said(one) for order, one in ours.items()}
                else {}
            )

        found: dict[str, ReceiptView] = await until(same, 60, "the receipts of both sides differ")
        return found

    async def closings(self, sessions: set[str]) -> list[dict[str, Any]]:
        """The logs that say of a session of these that it has ended."""
        return [log for log in await self._logs("SessionClosed") if log["topics"][1] in sessions]

    async def claims(self, sessions: set[str]) -> list[dict[str, Any]]:
        return [log for log in await self._logs("VoucherClaimed") if log["topics"][1] in sessions]

    async def _logs(self, event: str) -> list[dict[str, Any]]:
        where = {"address": self.network.deployment.market, "topics": [topic_of("FogMarket", event)]}
        return list(await self.client.rpc.call("eth_getLogs", where | {"fromBlock": "0x0", "toBlock": "latest"}))

    async def free_at(self, owner: str, block: int) -> int:
        """Of this account, at the end of a block."""
        data = "0x" + bytes(keccak(b"free(address)"))[:4].hex() + owner[2:].rjust(64, "0")
        call = {"to": self.network.deployment.market, "data": data}
        return int(await self.client.rpc.call("eth_call", call, hex(block)), 16)


def said(one: ReceiptView) -> tuple[Any, ...]:
    return one.task, one.reason, one.reason_text, one.cost, one.fee, one.net, one.exit, one.fuel, one.result


def words(log: dict[str, Any]) -> list[int]:
    """The figures of a log."""
    data = bytes.fromhex(log["data"][2:])
    return [int.from_bytes(data[place : place + 32], "big") for place in range(0, len(data), 32)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def m(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("word")
    more = {"slots": 4, "on_account": format_fog(LIMIT)}
    network = LocalNetwork(
        folder / "net",
        lost_after="3 s",
        supervised=False,
        mdns=False,
        commands=dict.fromkeys(("oak", "birch", "cedar"), (sys.executable, str(MOODY))),
        settings={"oak": more, "birch": more, "cedar": {"slots": 4}},
    )
    await network.start()
    client = ChainClient(network.rpc_url, network.deployment)
    try:
        stage = Stage(network, folder, client)
        await stage.learn_addresses()
        yield stage
    finally:
        await client.close()
        await network.stop()


# -------------------------------------------------------------------- those who fail


@pytest.mark.complaint(9)
async def test_who_faults_does_not_get_the_task_again_and_pauses_twice_as_long_each_time(m: Stage) -> None:
    """A Golem node that had failed picked the same task three times (yapapi 456, 274)."""
    birch, seen, problems = m.addresses["birch"], dict[int, float](), set[str]()

    def given_up(detail: JobDetail) -> bool:
        share = next((one for one in detail.providers if one.address == birch), None)
        if share is not None and share.faults and share.paused_until:
            seen[share.faults] = share.paused_until
            problems.add(share.problem)
        return share is not None and share.problem.startswith("given up")

    with m.mood("faulty", "birch"):
        job = await m.submit(m.job(900, ROUNDS))
        await m.until(job, given_up)
        await m.network.buyer.cancel(job)
    detail = await m.paid(job)
    runs = await m.runs(job)
    mine = [run for run in runs if run.provider == birch]
    given = Counter(task.index for task in await all_of(partial(m.network.buyer.tasks, job)) for run in task.runs
                    if run.provider == birch)  # fmt: skip
    assert set(given.values()) == {1}, "no task twice"
    pauses: list[tuple[float, float]] = []
    for failed in sorted(run.finished or 0.0 for run in mine if run.state == "failed"):
        if not pauses or failed >= pauses[-1][1]:
            pauses.append((failed, failed + FIRST_BACKOFF * 2 ** len(pauses)))
    assert len(pauses) >= GIVEN_UP
    assert not [run for run in mine for begin, end in pauses if begin < run.sent < end], "an order in a pause"
    for faults, until_ in seen.items():
        assert until_ == pytest.approx(pauses[faults - 1][1], abs=0.01)
    assert GIVEN_UP in seen
    told = {problem for problem in problems if problem.startswith(("given up", "gets no order of this job"))}
    assert told and all(FAULT in problem for problem in told)
    share = next(one for one in detail.providers if one.address == birch)
    assert (share.tasks, share.owed, share.claimed) == (0, 0, 0) and share.outages >= GIVEN_UP
    ours = await m.agreed(job)
    failures = [one for one in ours.values() if one.counterparty == birch]
    assert {one.reason for one in failures} == {"not_run"} and len(failures) >= GIVEN_UP
    proof = await m.network.buyer.receipt(failures[0].order, job)  # what it signed of its failure is kept
    assert proof.receipt_signed and proof.differences == []


@pytest.mark.complaint(25)
async def test_a_task_that_nobody_can_run_is_given_up_and_says_after_how_often_and_why(m: Stage) -> None:
    """A Bacalhau job was tried for ever (bacalhau 3211)."""
    with m.mood("faulty", *m.network.names):
        job = await m.submit(m.job(1, 1000))
        detail = await m.paid(job)
    assert detail.state == "failed" and detail.spent == 0
    (task,) = (await m.network.buyer.tasks(job)).items
    for words_ in (detail.detail, task.detail):
        assert f"could not be run {MAX_TROUBLES} times, and is tried no more than {MAX_TROUBLES} times" in words_
        assert FAULT in words_
    assert [run.state for run in task.runs] == ["failed"] * MAX_TROUBLES
    assert len({run.provider for run in task.runs}) == 3
    assert {one.reason for one in (await m.agreed(job)).values()} == {"not_run"}
    assert (await m.network.buyer.wallet()).locked == 0


@pytest.mark.complaint(25)
async def test_a_program_that_fails_at_once_frees_its_money_with_the_signed_receipt_in_one_block(m: Stage) -> None:
    """A Bacalhau job waited for its whole timeout though it had failed at once (bacalhau 1647)."""
    module = bytes(wat2wasm(TRAP))
    await m.network.buyer.put_blob(module, name_of(module))
    limits = Limits(fuel=GFUEL, memory=1 << 20, time=600_000, output=1 << 16)
    spec = JobSpec(
        name="trap",
        module=BlobRef(sha256=name_of(module), size=len(module)),
        budget=parse_fog("3 FOG"),
        limits=limits,
        tasks=(TaskSpec(),),
        verify=Verify(level="L0"),
    )
    detail = await m.paid((await m.network.buyer.submit(spec)).id)
    assert detail.state == "failed" and "trapped" in detail.detail
    ours = await m.agreed(detail.id)
    assert [one.reason for one in ours.values()] == ["program_failed"]
    (receipt,) = ours.values()
    for api in (m.network.buyer, m.network.client(m.name_of(receipt.counterparty))):
        proof = await api.receipt(receipt.order, detail.id)
        assert proof.order_signed and proof.receipt_signed and proof.promised and proof.differences == []

    # The chain has the whole of it in one block: the voucher's last, the session's end, and the rest free again.
    sessions = {share.session: share for share in detail.providers}
    closings = {log["topics"][1]: log for log in await m.closings(set(sessions))}
    claims = {log["topics"][1]: log for log in await m.claims(set(sessions))}
    assert closings.keys() == sessions.keys()
    working = next(id for id, share in sessions.items() if share.address == receipt.counterparty)
    assert [id for id in sessions if id in claims] == ([working] if receipt.cost else [])
    for id, log in claims.items():
        assert log["blockHash"] == closings[id]["blockHash"]
        assert log["transactionHash"] == closings[id]["transactionHash"]
    blocks = {int(log["blockNumber"], 16) for log in closings.values()}
    for number in blocks:
        there = [words(log) for log in closings.values() if int(log["blockNumber"], 16) == number]
        buyer = m.addresses["buyer"]
        freed = await m.free_at(buyer, number) - await m.free_at(buyer, number - 1)
        assert freed == sum(refunded for _, refunded in there) > 0
    closed = [words(log) for log in closings.values()]
    assert sum(claimed for claimed, _ in closed) == receipt.cost == detail.spent
    block = await m.client.rpc.call("eth_getBlockByNumber", hex(max(blocks)), False)
    assert int(block["timestamp"], 16) < detail.created + limits.time / 1000, "it waited for the task's timeout"
    assert (await m.network.buyer.wallet()).locked == 0


# -------------------------------------------------------------------- those whose machine is wanted for something else


async def test_who_stands_still_is_waited_for_and_who_hands_back_is_not_to_blame(m: Stage) -> None:
    """A suspended HTCondor job ran out of time, and why it had to go was lost (Babel 842, HTCondor J3117)."""
    path = m.job(3, ROUNDS, penalty="1 FOG")
    path.write_text(path.read_text().replace('time = "60 s"', 'time = "2 s"'))
    with m.mood("still", *m.network.names):
        job = await m.submit(path)

        async def standing() -> list[RunView]:
            runs = [run for run in await m.runs(job) if run.standing]
            return runs if len(runs) == 3 else []

        before: list[RunView] = await until(standing, 60)
        stood = time.time()
        await until(lambda: time.time() > stood + 7, 60)  # longer than its limit and the buyer's patience together
        assert {run.attempt for run in await m.runs(job)} == {run.attempt for run in before}, "nothing went elsewhere"

        # One of them can't wait any longer, and says so.
        name = m.name_of(before[0].provider)
        mine = {run.attempt for run in before if run.provider == before[0].provider}
        with m.mood("wanted", name):

            async def back() -> list[RunView]:
                runs = [run for run in await m.runs(job) if run.attempt in mine and run.state == "lost"]
                return runs if len(runs) == len(mine) else []

            for run in await until(back, 30):
                assert run.detail == f"handed back: {WANTED}" and not run.breached

            async def elsewhere() -> bool:
                return len([run for run in await m.runs(job) if run.standing]) == 3

            await until(elsewhere, 60)
    detail = await m.paid(job)
    assert detail.state == "done", detail.detail
    runs = await m.runs(job)
    assert {run.state for run in runs if run.attempt not in mine} == {"accepted"}
    assert len(runs) == 3 + len(mine) and not any(run.breached for run in runs)
    assert all(run.provider != before[0].provider for run in runs if run.attempt not in mine)
    assert all((share.outages, share.faults, share.penalty) == (0, 0, 0) for share in detail.providers)
    assert {one.reason for one in (await m.agreed(job)).values()} == {"ok"}
    printed = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fogchain.cli.main", "job", "logs", job, "--data", str(m.network.folder / "buyer"),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await printed.communicate()
    assert f"handed back: {WANTED}" in " ".join(out.decode().split())


# -------------------------------------------------------------------- those who are late


async def test_late_results_earn_less_and_in_the_end_nothing_in_sessions_and_on_account(m: Stage) -> None:
    terms = [("session", "5 min"), ("batch", "5 min"), ("session", "1 s"), ("batch", "1 s")]
    before = await m.balances()
    with m.mood("held", *m.network.names):
        jobs = [
            await m.submit(m.job(1, ROUNDS, deadline="3 s", grace=grace, pay=pay, budget="3 FOG"))
            for pay, grace in terms
        ]
        for job in jobs:
            await m.until(job, lambda detail: detail.tasks.running == 1)
        await check_promises(m, [job for job, (pay, _) in zip(jobs, terms, strict=True) if pay == "batch"])
        last = max([run.deadline for job in jobs for run in await m.runs(job)])
        await until(lambda: time.time() > last + 2, 60)
    details = [await m.paid(job) for job in jobs]
    for detail, (pay, grace) in zip(details, terms, strict=True):
        assert detail.state == "done", detail.detail
        (run,) = [run for run in await m.runs(detail.id) if run.state == "accepted"]
        (receipt,) = [one for one in (await m.agreed(detail.id)).values() if one.reason != "not_run"]
        assert receipt.reason == "late" and run.late, (pay, grace)
        gross, late_by = cost(receipt.fuel, PRICE), run.deadline + (300 if grace == "5 min" else 1)
        assert receipt.cost == late_pay(gross, receipt.finished, run.deadline, late_by)
        if grace == "5 min":
            assert receipt.cost == gross * (late_by - receipt.finished) // (late_by - run.deadline) < gross
        else:
            assert receipt.finished >= late_by and receipt.cost == 0
        assert detail.spent == receipt.cost == sum(share.claimed for share in detail.providers)
    assert details[0].spent > 0 < details[1].spent
    after = await m.balances()
    assert before["buyer"] - after["buyer"] == sum(detail.spent for detail in details)
    assert await disagreements(m.network) == []
    wallet = await m.network.buyer.wallet()
    assert wallet.promised == 0 and (await m.network.buyer.withdraw(wallet.free)).free == 0


async def check_promises(m: Stage, jobs: list[str]) -> None:
    """What running jobs on account count on stays in the market: by API, panel and command line."""
    buyer = m.network.buyer
    wallet = await buyer.wallet()
    details = [await buyer.job(job) for job in jobs]
    assert all(detail.finished is None for detail in details), "they are to run still"
    promised = sum(detail.budget for detail in details)
    assert wallet.promised == promised <= wallet.free
    too_much = wallet.free - promised + 1
    with pytest.raises(PaymentRequired, match="promised to running jobs") as refused:
        await buyer.withdraw(too_much)
    assert "cancel them" in refused.value.hint
    with pytest.raises(PaymentRequired, match="promised"):
        await buyer.plan(wallet.address, TransactionRequest(action="withdraw", amount=too_much))
    call = Calls(m.network.deployment).withdraw(too_much)
    body = CallRequest(to=call.to, data="0x" + call.data.hex(), gas=call.gas, what=call.what).model_dump_json()
    with pytest.raises(PaymentRequired, match="promised"):
        await buyer._raw(
            "POST", "/v1/wallet/calls", content=body.encode(), headers={"Content-Type": "application/json"}
        )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fogchain.cli.main", "wallet", "withdraw", format_fog(too_much),
        "--data", str(m.network.folder / "buyer"), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await process.communicate()
    assert process.returncode != 0 and "promised to running" in " ".join(complaint.decode().split())
    assert (await buyer.wallet()).free == wallet.free
    if too_much > 1:
        assert (await buyer.withdraw(too_much - 1)).free == promised


# -------------------------------------------------------------------- those who promise and don't deliver


async def test_promises_not_kept_cost_the_same_on_both_sides_in_sessions_and_on_account(m: Stage) -> None:
    """birch works on and is not heard: what it promised is lost, done by others, and delivered too late."""
    penalty, birch = parse_fog("0.002 FOG"), m.addresses["birch"]
    before = await m.balances()
    had = await m.network.client("birch").wallet()
    jobs = [await m.submit(m.job(400, 5 * ROUNDS, penalty=format_fog(penalty), pay=pay, budget="60 FOG"))
            for pay in ("session", "batch")]  # fmt: skip

    def share(detail: JobDetail) -> Any:
        return next((one for one in detail.providers if one.address == birch), None)

    async def everywhere(condition: Callable[[RunView], bool]) -> bool:
        """Whether birch has such a run in each of the jobs."""
        return all([any(run.provider == birch and condition(run) for run in await m.runs(job)) for job in jobs])

    async def worked_off() -> bool:
        status = await m.network.client("birch").status()
        return status.running == status.waiting == 0

    for job in jobs:
        await m.until(job, lambda detail: (one := share(detail)) is not None and one.tasks >= 2)
    with ExitStack() as silence:
        with m.mood("held", "birch"):
            await until(partial(everywhere, lambda run: run.promised and run.state in ("sent", "running")), 60)
            silence.enter_context(m.mood("deaf", "birch"))
        await until(partial(everywhere, lambda run: run.breached), 60)
        await until(worked_off, 60)
    for job in jobs:
        await until(partial(has_reason, m, job, "penalty"), 60, "no receipt that came too late")
        await m.network.buyer.cancel(job)
    details = [await m.paid(job) for job in jobs]
    paid = 0
    for detail in details:
        ours = await m.agreed(detail.id)
        broken = [run for run in await m.runs(detail.id) if run.breached]
        assert {run.provider for run in broken} == {birch} and all(run.promised for run in broken)
        kept = [one for one in ours.values() if one.reason == "penalty"]
        assert 0 < len(kept) <= len(broken)
        assert all(one.cost == one.net == 0 and one.counterparty == birch for one in kept)
        gross = sum(one.cost for one in ours.values() if one.counterparty == birch)
        mine = share(detail)
        assert mine.penalty == min(gross, penalty * len(broken)) > 0
        assert mine.owed == mine.claimed == gross - mine.penalty > 0
        paid += mine.claimed
    (session,) = [one for one in (await m.network.client("birch").sessions(role="provider", limit=100)).items
                  if one.job == jobs[0]]  # fmt: skip
    assert session.penalty == share(details[0]).penalty and session.claimed == share(details[0]).claimed

    async def booked() -> bool:  # an account is closed when it is paid in full, less the penalty
        wallet = await m.network.client("birch").wallet()
        assert wallet.earned + wallet.fees == had.earned + had.fees + paid
        return (await m.network.client("birch").status()).earned == wallet.earned + wallet.fees

    await until(booked, 30, "birch's books say something else was earned")
    after = await m.balances()
    assert before["buyer"] - after["buyer"] == sum(detail.spent for detail in details)
    assert sum(before.values()) == sum(after.values())


async def has_reason(m: Stage, job: str, reason: str) -> bool:
    ours, _ = await m.receipts(job)
    return any(one.reason == reason for one in ours.values())


# -------------------------------------------------------------------- those who take their money away


async def test_a_balance_that_is_taken_away_stops_the_work_on_account_until_it_is_back(m: Stage) -> None:
    mallory = RogueBuyer(m.folder / "mallory", m.network.deployment, m.network.rpc_url)
    await mallory.start()
    try:
        oak = await m.network.client("oak").status()
        await mallory.meet(oak)
        job = os.urandom(32)
        account = SessionTerms(oak.address, job, ON_ACCOUNT)
        run = mallory.run_spec(rounds=1_000_000, fuel=20_000_000)
        most = cost(run.limits.fuel, PRICE)

        async def put(order: Any) -> str:
            return await mallory.place(oak.peer_id, order)

        async def states(orders: list[Any]) -> list[str]:
            digests = [mallory.domain.digest(one.order) for one in orders]
            return states_in(await mallory.ask(oak.peer_id, "status", wire.encode_list(digests)), len(digests))

        async def covered() -> bool:
            with suppress(Unavailable):  # it has not seen the deposit yet
                return await put(orders[0]) in (wire.QUEUED, wire.RUNNING)
            return False

        with m.mood("held", "oak"):
            orders = [mallory.order(account, run, task=number) for number in range(6)]
            await until(covered)
            for order in orders[1:]:
                await put(order)

            async def four_run() -> bool:
                return (await states(orders)).count(wire.RUNNING) == 4

            await until(four_run, 60)
            gone = await mallory.sender.send(mallory.calls.withdraw(FUNDS - 2 * most))

            async def seen() -> bool:
                return (await m.network.client("oak").status()).chain.block >= gone.block

            await until(seen, 60)

        async def rest_waits() -> bool:
            found = await states(orders)
            return sorted(found) == [wire.DELIVERED] * 4 + [wire.UNPAID] * 2

        await until(rest_waits, 60)
        await until(lambda: len(mallory.receipts) == 4)
        owed = sum(cost(one[0].receipt.fuel, PRICE) for one in mallory.receipts.values())
        assert owed + most > 2 * most, "it covers what is owed, and no more runs"
        with pytest.raises(Unavailable, match="too little"):
            await mallory.ask(oak.peer_id, "order", mallory.order(account, run, task=9).encode())
        await mallory.sender.send(mallory.calls.deposit(FUNDS - 2 * most))
        await until(lambda: len(mallory.receipts) == 6, 60, "it did not go on")
    finally:
        await mallory.stop()


# -------------------------------------------------------------------- those who fall silent; here the clock is put on


@pytest.mark.complaint(20)
async def test_who_falls_silent_in_a_task_is_paid_for_nothing_more_and_the_rest_comes_back(m: Stage) -> None:
    """An Akash lease was gone at its provider and billed on (support 265)."""
    cedar, buyer = m.addresses["cedar"], m.addresses["buyer"]
    before = await m.balances()
    job = await m.submit(m.job(120, ROUNDS))

    def at_work(detail: JobDetail) -> bool:
        return any(share.address == cedar and share.tasks >= 2 for share in detail.providers)

    await m.until(job, at_work)
    pid = m.network.members["cedar"].pid
    assert pid is not None
    with m.mood("held", "cedar"):  # what it has now it does not end
        await until(lambda: busy(m, "cedar"), 60)
        os.kill(pid, signal.SIGSTOP)
        try:
            await m.until(job, lambda detail: detail.finished is not None)
            detail = await m.network.buyer.job(job)
            assert detail.state in ("settling", "done") and detail.tasks.done == 120
            runs = [run for run in await m.runs(job) if run.provider == cedar]
            accepted = sum(run.cost or 0 for run in runs if run.state == "accepted")
            # What it does not end is given up, or still out when others have ended it; only the accepted is paid.
            states = {run.state for run in runs}
            assert {"accepted"} < states <= {"accepted", "lost", "superseded"}
            assert not any(run.cost for run in runs if run.state != "accepted")
            share = next(one for one in detail.providers if one.address == cedar)
            assert share.owed == accepted > 0

            # It holds vouchers that it does not claim. From the expiry on anyone closes the session: the buyer does.
            session = bytes.fromhex(share.session[2:])
            assert session == session_id(buyer, cedar, bytes.fromhex(job))
            held = await m.client.session(session)
            assert held.open and held.claimed <= accepted
            left = held.expiry - (await m.client.head()).timestamp + 10
            await m.client.rpc.call("evm_increaseTime", left)
            await m.client.rpc.call("evm_mine")

            async def closed() -> bool:
                return not (await m.client.session(session)).open

            await until(closed, 60)
            (closing,) = await m.closings({share.session})
            claimed, refunded = words(closing)
            assert (claimed, refunded) == (held.claimed, held.cap - held.claimed)
            number = int(closing["blockNumber"], 16)
            assert await m.free_at(buyer, number) - await m.free_at(buyer, number - 1) == refunded > 0
            detail = await m.paid(job)
            assert (await m.network.buyer.wallet()).locked == 0
            others = sum(one.claimed for one in detail.providers if one.address != cedar)
            after = await m.balances()
            assert before["buyer"] - after["buyer"] == others + held.claimed
        finally:
            os.kill(pid, signal.SIGCONT)


async def busy(m: Stage, name: str) -> bool:
    with suppress(FogchainError):
        return bool((await m.network.client(name).status()).running)
    return False
