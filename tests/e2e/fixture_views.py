"""What the imaginary node answers when it is asked."""

from __future__ import annotations

import os
import time

from fixture_harvest import Machine
from fixture_jobs import Jobs
from fixture_things import NAMES, PRICES, fake_hex, provider_address

from fogchain.api.data import AttemptLogs, LogView, TaskLogs
from fogchain.api.models import (
    ChainView,
    CountView,
    MatchView,
    NodeStatus,
    OfferMatch,
    OfferView,
    ProviderView,
    Quote,
    RefusalView,
    SessionView,
    UnmetView,
    WalletView,
)
from fogchain.api.statement import BalancesView, StatementLine, StatementView
from fogchain.errors import NotFound
from fogchain.jobs.spec import JobSpec
from fogchain.units import cost, format_price, parse_fog, parse_price
from node.devices import Devices
from node.harvesting import Harvesting

ENGINES = ["wasmtime-50.0.1/fog-1", "cpython-3.12.0/wasmtime-50.0.1/fog-1", "native-x86_64/fog-1"]


class Imaginary(Jobs):
    """The whole of a node that is not there, but for its machine."""

    machine: Machine | None = None  # when it works for others

    @property
    def harvesting(self) -> Harvesting:
        if self.machine is None:
            raise NotFound("this node is no provider: it runs nothing for others")
        return self.machine.view

    @property
    def fleet(self) -> Devices:
        return self.machine.devices if self.machine is not None else Devices(None, "", lambda: None)

    def status(self) -> NodeStatus:
        block = self.block0 + int((time.time() - self.began) / 2)
        busy = any(job.state == "running" for job in self.jobs.values())
        return NodeStatus(
            name="buyer",
            version="0.1.0",
            state="working" if busy else "ready",
            roles=["buyer", "provider"] if self.machine else ["buyer"],
            address=self.address,
            peer_id="12D3KooW" + fake_hex("peer", 44),
            listen=["/ip4/127.0.0.1/tcp/4001"],
            pid=os.getpid(),
            uptime_s=time.time() - self.began,
            memory=143_211_520,
            peers=0 if self.empty else 3,
            slots=2 if self.machine else 0,
            running=self.machine.workers.running if self.machine else 0,
            waiting=0,
            done=0,
            earned=0,
            registered=False,
            refusals=[
                RefusalView(
                    subject="receipt",
                    reason="bad-message",
                    count=3,
                    time=int(self.began),
                    detail="its result is not what its receipt says: the manifest's hash differs",
                ),
                RefusalView(
                    subject="api",
                    reason="bad-input",
                    count=1,
                    time=int(self.began) + 5,
                    detail="budget: '5' has no unit",
                ),
            ],
            refused_by_peers=[
                RefusalView(
                    subject="order",
                    reason="conflict",
                    count=12,
                    time=int(self.began) + 9,
                    detail="this node has no room for the task's output",
                )
            ],
            chain=ChainView(
                chain_id=31337,
                rpc_url="http://127.0.0.1:8545",
                market="0x" + fake_hex("market", 40),
                token="0x" + fake_hex("token", 40),
                block=block,
                block_time=int(time.time() - time.time() % 2),
                healthy=True,
            ),
        )

    def wallet(self) -> WalletView:
        locked = sum(job.budget for job in self.jobs.values() if job.state in {"running", "settling"})
        return WalletView(
            address=self.address,
            eth=10**18 - 31_337_000_000_000,
            token=self.token_amount,
            free=self.free,
            locked=locked,
            earned=0,
            spent=self.spent,
            unclaimed=0,
            bonded=0,
        )

    def providers(self) -> list[ProviderView]:
        if self.empty and not self.jobs:
            return []
        found = []
        for number, name in enumerate(NAMES):
            own = [r for r in self.receipts if r.counterparty == provider_address(number)]
            found.append(
                ProviderView(
                    address=provider_address(number),
                    peer_id="12D3KooW" + fake_hex(name, 44),
                    name=name,
                    found_by=["registry", "mdns"],
                    state="ready",
                    last_seen=int(time.time() - 3),
                    tasks_done=len(own),
                    checks_passed=sum(r.purpose == "check" for r in own),
                    paid=sum(r.cost for r in own),
                    offer=OfferView(
                        multiplier=(8_000, 10_000, 11_000)[number],
                        regions=(["eu-de"], ["eu"], [])[number],
                        survival={"10 min": 9990, "1 h": 9700, "2 h": 9350},
                        price=parse_price(PRICES[number]),
                        slots=number + 1,
                        memory=512 << 20,
                        fuel_rate=900_000_000,
                        engines=ENGINES[: number + 1],
                        expires=int(time.time() + 240),
                    ),
                )
            )
        found.append(
            ProviderView(
                address=provider_address(8),
                peer_id="12D3KooW" + fake_hex("badger", 44),
                name="badger",
                found_by=["registry"],
                state="unreachable",
                detail="no answer on 3 of its addresses since 14 min",
                last_seen=int(time.time() - 840),
                tasks_done=12,
                tasks_wrong=1,
            )
        )
        return found

    def match(self, given: JobSpec | None) -> MatchView:
        """By the price alone."""
        most = given.max_price if given is not None else None
        offers = []
        for known in self.providers():
            dear = known.offer is not None and most is not None and known.offer.price > most
            failed = (
                []
                if known.offer
                else [UnmetView(constraint="reachable", detail="no answer on 3 of its addresses since 14 min")]
            )
            if known.offer is not None and dear:
                failed = [UnmetView(constraint="price", detail=format_price(known.offer.price))]
            offers.append(
                OfferMatch(
                    address=known.address,
                    peer_id=known.peer_id,
                    name=known.name,
                    offer=known.offer,
                    age_s=12.0 if known.offer else None,
                    heard_s=3.0 if known.offer else 840.0,
                    score=820_000_000 if known.name == "heron" else None,
                    matches=not failed,
                    failed=failed,
                )
            )
        matching = [offer for offer in offers if offer.matches]
        dear = [offer.offer.price for offer in offers if offer.offer is not None and not offer.matches]
        least = min(dear, default=None)
        words = f"; least price that matches: {format_price(least)}" if least is not None else ""
        return MatchView(
            matching=len(matching),
            total=len(offers),
            summary=f"of {len(offers)} known, {len(matching) + len(dear)} run it, {len(matching)} at this price{words}",
            reasons=[f"{len(dear)} of {len(offers)} ask more than {format_price(most or 0)}{words}"] if dear else [],
            counts=[
                CountView(constraint="price", wanted=format_price(most), alone=len(matching), together=len(matching))
            ]
            if most is not None
            else [],
            least_price=least,
            engine="wasmtime-50.0.1/fog-1" if matching else None,
            offers=sorted(offers, key=lambda offer: (not offer.matches, offer.name)),
        )

    def quote(self, given: JobSpec) -> Quote:
        match = self.match(given)
        prices = [offer.offer.price for offer in match.offers if offer.matches and offer.offer]
        runs = len(given.tasks) * given.replicas
        return Quote(
            tasks=len(given.tasks),
            providers=len(prices),
            slots=sum(offer.offer.slots for offer in match.offers if offer.matches and offer.offer),
            cheapest=min(prices, default=None),
            dearest=max(prices, default=None),
            most=min(given.budget, cost(runs * given.limits.fuel, max(prices, default=0))),
            budget=given.budget,
            free=self.free,
            missing=max(0, given.budget - self.free),
            reasons=[
                *match.reasons,
                *([f"privacy '{given.privacy}' is served by nobody yet; direct is"] * (given.privacy != "direct")),
            ],
            deadline=given.deadline,
            grace=given.grace,
            penalty=given.penalty_at(max(prices, default=0)),
            privacy=given.privacy,
        )

    def statement(self) -> StatementView:
        free, lines = parse_fog("5000 FOG"), []
        for number, job in enumerate(job for job in self.jobs.values() if job.spent):
            after = BalancesView(wallet=self.token_amount, free=free - job.spent, locked=0, bonded=0)
            lines.append(
                StatementLine(
                    time=int(job.created),
                    block=self.block0 - 100 + number,
                    kind="voucher claimed",
                    job=job.id,
                    job_name=job.name,
                    counterparty=provider_address(0),
                    counterparty_name=NAMES[0],
                    came=0,
                    went=job.spent,
                    fee=job.spent // 100,
                    after=after,
                    transaction="0x" + fake_hex(job.id),
                )
            )
            free -= job.spent
        none = BalancesView(wallet=0, free=0, locked=0, bonded=0)
        return StatementView(
            items=lines, total=len(lines), address=self.address, block=self.block0, opening=none,
            closing=lines[-1].after if lines else none, came=0, went=0, fees=0,
        )  # fmt: skip

    def logs(self, job_id: str, index: int) -> TaskLogs:
        task = self.tasks[job_id][index]

        def of(data: bytes) -> LogView:
            return LogView(size=len(data), left_out=0, text=data.decode())

        attempts = [
            AttemptLogs(
                attempt=run.attempt,
                purpose=run.purpose,
                provider=run.provider,
                provider_name=run.provider_name,
                state=run.state,
                exit=run.exit,
                detail=run.detail,
                finished=run.finished,
                stdout=of(self.files(job_id, index)["stdout"]),
                stderr=of(b"" if run.state == "accepted" else b"panic: out of fuel in frame 17\n"),
            )
            for run in task.runs
        ]
        return TaskLogs(job=job_id, task=index, state=task.state, detail=task.detail, attempts=attempts)

    def sessions(self) -> list[SessionView]:
        return [
            SessionView(
                id=share.session,
                role="buyer",
                counterparty=share.address,
                job=job.id,
                cap=job.budget // 3,
                signed=share.owed,
                claimed=share.claimed,
                fee=share.claimed // 100,
                net=share.claimed - share.claimed // 100,
                expires=int(job.created + 3600),
                state=share.session_state,
            )
            for job in reversed(self.jobs.values())
            for share in job.providers
        ]
