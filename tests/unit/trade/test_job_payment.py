"""What a job's providers are paid: vouchers in order, and deposits that are made once for what they are for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from coincurve import PrivateKey

from fogchain.chain.reverts import Reverted
from fogchain.chain.sender import Sender
from fogchain.jobs.events import Delivered, Ended, JobEvent, Sent, SessionPlanned
from fogchain.jobs.machine import JobMachine, Share
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec
from fogchain.market.messages import Exit
from fogchain.units import GFUEL, WEI
from fogchain.wallet.eip712 import Domain
from node.trade.funding import JobFunding
from node.trade.openjob import Funding
from node.trade.payment import JobPayment
from node.trade.wire import EMPTY, SignedVoucher

SESSION = "0x" + "5e" * 32
PRICE = WEI  # a run of 1 Gfuel costs 1 FOG


class Job:
    """As much of an open job as payment looks at; keeps what its provider was sent."""

    def __init__(self, tasks: int) -> None:
        spec = JobSpec(
            name="job",
            module=BlobRef(sha256="00" * 32, size=1),
            budget=100 * WEI,
            limits=Limits(fuel=GFUEL),
            tasks=tuple(TaskSpec() for _ in range(tasks)),
        )
        self.machine = JobMachine("ab" * 32, spec, 0.0)
        self.machine.apply(SessionPlanned(0.0, "A", "A", "A", PRICE, SESSION, 50 * WEI))
        self.vouchers: list[SignedVoucher] = []
        self.around = SimpleNamespace(
            network=SimpleNamespace(request=self._request),
            wallet=SimpleNamespace(key=PrivateKey(bytes(31) + b"\1"), address="0x" + "01" * 20),
            domain=Domain(1, "0x" + "02" * 20),
            index=SimpleNamespace(session=lambda session: None),
        )
        self.on_account, self.unpaid, self.problems = False, set[int](), dict[str, str]()
        self.wake, self.tasks = asyncio.Event(), list[asyncio.Task[None]]()

    async def _request(self, peer: str, subject: str, data: bytes, *, timeout: float) -> bytes:
        assert (peer, subject) == ("A", "voucher")
        self.vouchers.append(SignedVoucher.decode(data))
        await asyncio.sleep(0)
        return EMPTY

    def record(self, *events: JobEvent) -> None:
        for event in events:
            self.machine.apply(event)

    def spawn(self, coroutine: Any) -> None:
        self.tasks.append(asyncio.create_task(coroutine))

    def session_open(self, share: Share) -> bool:
        return share.provider == "A"

    def run(self, task: int) -> None:
        attempt = self.machine.next_attempt
        self.record(
            Sent(task + 1.0, task, attempt, "A", "work", "00", "11"),
            Delivered(task + 1.5, attempt, "aa" * 32, GFUEL, int(Exit.OK), 0, 0, "99", False),
        )


async def test_no_voucher_calls_itself_the_last_while_there_is_more_to_sign() -> None:
    """A provider closes its session with the last one: what a cancelled job has still to sign comes first."""
    job = Job(3)
    payment = JobPayment(job, SimpleNamespace())  # type: ignore[arg-type]
    job.run(0)
    payment.vouch(2.0)
    job.run(1)
    job.record(Ended(3.0, "cancelled", "by its owner"))  # before anything was sent, and before the second is signed for
    while job.tasks:
        await job.tasks.pop()
    payment.vouch(3.0)
    while job.tasks:
        await job.tasks.pop()
    said = [(signed.voucher.amount, signed.last) for signed in job.vouchers]
    assert said == [(WEI, False), (2 * WEI, True)]
    payment.vouch(4.0)
    assert not job.tasks  # it has been heard


class Chain:
    """A market that holds `free` for us, and what became of each transaction."""

    next_tag, _is_over = Sender.next_tag, Sender._is_over

    def __init__(self, free: int = 0, token: int = 1000 * WEI) -> None:
        self.free, self.token = free, token
        self.done: dict[str, bool] = {}  # tag to whether the chain took it
        self.sent: list[str] = []
        self.refuse: set[str] = set()

    async def free_balance(self, _address: str) -> int:
        return self.free

    async def token_balance(self, _address: str) -> int:
        return self.token

    async def allowance(self, _address: str) -> int:
        return 2**96

    def deposit(self, amount: int) -> int:
        return amount

    def knows(self, tag: str) -> bool:
        return tag in self.done

    def result(self, tag: str) -> object | None:
        if self.done.get(tag) is False:
            raise Reverted("refused")
        return self.done.get(tag)

    async def send(self, amount: int, *, tag: str) -> None:
        self.sent.append(tag)
        self.done[tag] = tag not in self.refuse
        if tag in self.refuse:
            raise Reverted("refused")
        self.free += amount
        self.token -= amount


def funding_of(chain: Chain, budget: int = 40 * WEI) -> tuple[JobFunding, Funding]:
    spec = SimpleNamespace(budget=budget)
    around = SimpleNamespace(
        funding=Funding(), wallet=SimpleNamespace(address="0x01"), client=chain, sender=chain, calls=chain
    )
    job = SimpleNamespace(machine=SimpleNamespace(spec=spec, shares={}), around=around, on_account=False)
    return JobFunding(job), around.funding  # type: ignore[arg-type]


async def test_the_first_session_brings_in_what_the_whole_budget_needs() -> None:
    chain = Chain()
    funding, _ = funding_of(chain)
    await funding.fund(10 * WEI, "open-a")
    await funding.fund(30 * WEI, "open-b")
    assert chain.free == 40 * WEI and len(chain.sent) == 1


async def test_what_others_are_about_to_lock_is_not_there_and_ones_own_promise_is() -> None:
    chain = Chain(free=40 * WEI)
    funding, around = funding_of(chain, budget=40 * WEI)
    around.promised.update({"open-other": 35 * WEI, "open-mine": 5 * WEI})
    await funding.fund(5 * WEI, "open-mine")
    assert chain.sent == []
    around.promised["open-other"] = 36 * WEI
    await funding.fund(5 * WEI, "open-mine")
    assert chain.free >= 41 * WEI
    chain.done["open-other"] = True  # it has locked what it was promised
    chain.free, chain.sent = 5 * WEI, []
    await funding.fund(5 * WEI, "open-mine")
    assert chain.sent == []


async def test_a_deposit_that_was_locked_or_refused_is_made_again_under_another_name() -> None:
    chain = Chain()
    funding, _ = funding_of(chain)
    await funding.fund(40 * WEI, "open-a")
    chain.free = 0  # another session has locked it
    await funding.fund(40 * WEI, "open-a")
    assert chain.sent == [f"deposit-open-a-{40 * WEI}", f"deposit-open-a-{40 * WEI}-1"]
    chain.free = 0
    chain.refuse.add(f"deposit-open-a-{40 * WEI}-2")
    for _ in range(2):
        try:
            await funding.fund(40 * WEI, "open-a")
        except Reverted:
            continue
    assert chain.sent[-1] == f"deposit-open-a-{40 * WEI}-3" and chain.free == 40 * WEI


async def test_what_jobs_on_account_may_come_to_is_not_there_for_others_and_shrinks_as_it_is_paid() -> None:
    chain, left = Chain(free=40 * WEI), [35 * WEI]
    funding, around = funding_of(chain)
    around.accounts["ab"] = lambda: left[0]
    await funding.fund(5 * WEI, "open-mine")
    assert chain.sent == []
    around.promised.clear()
    left[0] = 36 * WEI
    await funding.fund(5 * WEI, "open-mine")
    assert len(chain.sent) == 1
    around.promised.clear()
    chain.free, chain.sent, left[0] = 15 * WEI, [], 10 * WEI  # 26 of it were paid
    await funding.fund(5 * WEI, "open-mine")
    assert chain.sent == []
