"""A node's API without a node, for the panel's tests and for working on its looks: same models, data that moves.

`python tests/e2e/fixture_node.py --token-file F --ready-file R [--empty] [--speed TASKS_PER_S] [--port N]`. A job that
is handed in runs on three imaginary providers until it is done; `--empty` begins without any history.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import io
import json
import os
import random
import secrets
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, Response
from PIL import Image

from fogchain.api.data import AttemptLogs, LogView, TaskLogs
from fogchain.api.models import (
    AmountRequest,
    AuctionView,
    BlobView,
    ChainView,
    CountView,
    Event,
    JobDetail,
    JobSummary,
    MatchView,
    NodeStatus,
    OfferMatch,
    OfferView,
    Page,
    ProviderShare,
    ProviderView,
    Quote,
    ReceiptProof,
    ReceiptView,
    RunView,
    SessionView,
    TaskCounts,
    TaskView,
    UnmetView,
    WalletView,
)
from fogchain.api.statement import BalancesView, StatementLine, StatementView
from fogchain.jobs.blobname import name_of
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, ResultFile, TaskSpec
from fogchain.units import cost, format_price, parse_fog, parse_fuel, parse_price

NAMES = ("heron", "otter", "lynx")
PRICES = ("0.4 FOG/Gfuel", "0.5 FOG/Gfuel", "0.55 FOG/Gfuel")


def fake_hex(seed: str, digits: int = 64) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()[:digits]


def tile(job: str, index: int, count: int) -> bytes:
    """A PNG: one tile of a Mandelbrot picture."""
    side = max(1, round(count**0.5))
    left, top = -2.1 + 2.8 * (index % side) / side, -1.2 + 2.4 * (index // side) / side
    picture = Image.new("RGB", (72, 54))
    for x in range(72):
        for y in range(54):
            c = complex(left + 2.8 / side * x / 72, top + 2.4 / side * y / 54)
            z, n = 0j, 0
            while abs(z) < 2 and n < 48:
                z, n = z * z + c, n + 1
            picture.putpixel((x, y), (0, 0, 0) if n == 48 else (20 + n * 4, 40 + n * 3, 90 + n * 3))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


class Imaginary:
    """The state of a node that is not there."""

    def __init__(self, speed: float, empty: bool) -> None:
        self.speed, self.empty, self.began = speed, empty, time.time()
        self.random = random.Random(7)
        self.address = "0x" + fake_hex("buyer", 40)
        self.jobs: dict[str, JobDetail] = {}
        self.tasks: dict[str, list[TaskView]] = {}
        self.receipts: list[ReceiptView] = []
        self.blobs: set[str] = set()
        self.keys: dict[str, str] = {}
        self.listeners: set[asyncio.Queue[Event]] = set()
        self.token_amount, self.free, self.spent = parse_fog("874.25 FOG"), parse_fog("120 FOG"), 0
        self.block0 = 18_204
        if not empty:
            self._history()

    # -- what is there already

    def _history(self) -> None:
        now = time.time()
        for age, name, count, state, detail in (
            (9_000, "option-prices", 40, "done", ""),
            (5_200, "word-count moby-dick", 24, "done", ""),
            (2_700, "ray-trace teapot", 30, "failed", "task 17 failed on 3 providers: out of fuel (limit 2 Gfuel)"),
            (900, "mandelbrot preview", 12, "cancelled", "cancelled by the buyer"),
        ):
            job = self.make(spec(name, count), now - age)
            for index in range(count):
                bad = state == "failed" and index == 17
                left = state == "cancelled" and index > 6
                self._finish(
                    job, index, "failed" if bad else "cancelled" if left else "done", now - age + 2 + index * 1.3
                )
            self._save(job, state=state, detail=detail, paid=True, finished=now - age + count * 1.4)
        waiting = self.make(spec("protein fold sweep", 400), now - 60)
        why = "waiting: 3 of 3 providers ask more than 0.2 FOG/Gfuel; least: 0.4 FOG/Gfuel"
        self._save(waiting, state="planning", detail=why)

    # -- jobs

    def make(self, given: JobSpec, created: float) -> str:
        job_id = secrets.token_hex(32)
        self.jobs[job_id] = JobDetail(
            id=job_id,
            name=given.name,
            state="planning",
            detail="",
            tasks=TaskCounts(queued=len(given.tasks)),
            budget=given.budget,
            spent=0,
            paid=False,
            fuel=0,
            created=created,
            spec=given,
            providers=[],
            checks_done=0,
            checks_failed=0,
        )
        self.tasks[job_id] = [
            TaskView(index=n, state="queued", args=list(task.args), runs=[]) for n, task in enumerate(given.tasks)
        ]
        return job_id

    def _save(self, job_id: str, **changes: Any) -> None:
        tasks = self.tasks[job_id]
        counts = {state: sum(task.state == state for task in tasks) for state in TaskCounts.model_fields}
        runs = [run for task in tasks for run in task.runs if run.state == "accepted"]
        job = self.jobs[job_id].model_copy(
            update={
                "tasks": TaskCounts(**counts),
                "spent": sum(run.cost or 0 for run in runs),
                "fuel": sum(run.fuel or 0 for run in runs),
                **changes,
            }
        )
        closed = job.paid
        shares = []
        for number, name in enumerate(NAMES):
            own = [run for run in runs if run.provider_name == name]
            if own or job.state in {"running", "settling"}:
                owed = sum(run.cost or 0 for run in own)
                shares.append(
                    ProviderShare(
                        address=provider_address(number),
                        name=name,
                        tasks=sum(run.purpose == "work" for run in own),
                        checks=sum(run.purpose == "check" for run in own),
                        fuel=sum(run.fuel or 0 for run in own),
                        owed=owed,
                        claimed=owed if closed else 0,
                        session="0x" + fake_hex(job_id + name),
                        session_state="closed" if closed else "open",
                    )
                )
        checks = sum(run.purpose == "check" for run in runs)
        self.jobs[job_id] = job.model_copy(update={"providers": shares, "checks_done": checks})
        self.emit(Event(kind="job", time=time.time(), job=self.summary(job_id)))

    def summary(self, job_id: str) -> JobSummary:
        return JobSummary.model_validate(self.jobs[job_id].model_dump())

    def _set_task(self, job_id: str, index: int, **changes: Any) -> TaskView:
        task = self.tasks[job_id][index].model_copy(update=changes)
        self.tasks[job_id][index] = task
        self.emit(Event(kind="task", time=time.time(), task=task, job_id=job_id))
        return task

    def _finish(self, job_id: str, index: int, state: str, when: float) -> None:
        who = self.random.randrange(3)
        fuel = parse_fuel("0.6 Gfuel") + self.random.randrange(10**9)
        price = parse_price(PRICES[who])
        runs = []
        if state != "cancelled":
            purposes = ["work", "check"] if state == "done" and index % 7 == 3 else ["work"]
            for number, purpose in enumerate(purposes):
                provider = (who + number) % 3
                good = state == "done"
                runs.append(
                    RunView(
                        attempt=number + 1,
                        purpose=purpose,
                        provider=provider_address(provider),
                        provider_name=NAMES[provider],
                        state="accepted" if good else "failed",
                        detail="" if good else "out of fuel (limit 2 Gfuel)",
                        fuel=fuel,
                        cost=cost(fuel, price) if good else 0,
                        result=fake_hex(f"{job_id}{index}") if good else None,
                        exit="ok" if good else "out of fuel",
                        sent=when - 1.4,
                        finished=when,
                    )
                )
                if good:
                    self.receipts.insert(
                        0,
                        ReceiptView(
                            order=fake_hex(f"{job_id}{index}{purpose}"),
                            job=job_id,
                            job_name=self.jobs[job_id].name,
                            task=index,
                            role="buyer",
                            counterparty=provider_address(provider),
                            result=fake_hex(f"{job_id}{index}"),
                            fuel=fuel,
                            price=price,
                            cost=cost(fuel, price),
                            fee=cost(fuel, price) // 100,
                            net=cost(fuel, price) - cost(fuel, price) // 100,
                            exit="ok",
                            state="accepted",
                            reason="checked_ok" if len(purposes) > 1 else "ok",
                            reason_text="accepted" + (": other providers got the same" if len(purposes) > 1 else ""),
                            purpose=purpose,
                            started=int(when - 1),
                            finished=int(when),
                        ),
                    )
        files = self.files(job_id, index) if state == "done" else {}
        self._set_task(
            job_id,
            index,
            state=state,
            runs=runs,
            detail="out of fuel (limit 2 Gfuel)" if state == "failed" else "",
            result=fake_hex(f"{job_id}{index}") if files else None,
            files=[ResultFile(name=n, sha256=name_of(d), size=len(d)) for n, d in sorted(files.items())],
        )

    def files(self, job_id: str, index: int) -> dict[str, bytes]:
        name, count = self.jobs[job_id].name, len(self.jobs[job_id].spec.tasks)
        words = f"task {index} of {name}\nmean 10.4{index:02d}31 stderr 0.0021\n<script>alert('never run')</script>\n"
        files = {"stdout": words.encode(), "stderr": b""}
        if "mandelbrot" in name or "poster" in name:
            files["tile.png"] = tile(job_id, index, count)
        else:
            files["result.csv"] = "\n".join(f"{n},{n * n + index}" for n in range(40)).encode()
        return files

    async def run(self, job_id: str) -> None:
        """Work on the job as three providers would, at `speed` tasks a second."""
        await asyncio.sleep(0.4)
        self._save(job_id, state="running")
        self.emit(Event(kind="wallet", time=time.time()))
        count = len(self.tasks[job_id])
        window = 6
        for index in range(count + window):
            if self.jobs[job_id].state == "cancelled":
                return
            if index < count:
                self._set_task(job_id, index, state="sent")
            if 2 <= index < count + 2:
                self._set_task(job_id, index - 2, state="running")
            if 5 <= index < count + 5 and (index - 5) % 7 == 3:
                self._set_task(job_id, index - 5, state="checking")
            if index >= window:
                self._finish(job_id, index - window, "done", time.time())
            self._save(job_id)
            await asyncio.sleep(1 / self.speed)
        self._save(job_id, state="settling", detail="providers claim their vouchers")
        await asyncio.sleep(0.8)
        self.spent += self.jobs[job_id].spent
        self._save(job_id, state="done", detail="", paid=True, finished=time.time())
        self.emit(Event(kind="wallet", time=time.time()))

    # -- views

    def emit(self, event: Event) -> None:
        for queue in self.listeners:
            queue.put_nowait(event)

    def status(self) -> NodeStatus:
        block = self.block0 + int((time.time() - self.began) / 2)
        busy = any(job.state == "running" for job in self.jobs.values())
        return NodeStatus(
            name="buyer",
            version="0.1.0",
            state="working" if busy else "ready",
            roles=["buyer"],
            address=self.address,
            peer_id="12D3KooW" + fake_hex("peer", 44),
            listen=["/ip4/127.0.0.1/tcp/4001"],
            pid=os.getpid(),
            uptime_s=time.time() - self.began,
            memory=143_211_520,
            peers=0 if self.empty else 3,
            slots=0,
            running=0,
            waiting=0,
            done=0,
            earned=0,
            registered=False,
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
                        engines=["wasmtime-50.0.1/fog-1"],
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
            reasons=match.reasons,
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


def provider_address(number: int) -> str:
    return "0x" + fake_hex(f"provider {number}", 40)


def spec(name: str, count: int) -> JobSpec:
    return JobSpec(
        name=name,
        module=BlobRef(sha256=fake_hex(name), size=29_114),
        budget=parse_fog("250 FOG"),
        max_price=parse_price("0.6 FOG/Gfuel"),
        limits=Limits(fuel=parse_fuel("2 Gfuel")),
        tasks=tuple(TaskSpec(args=("--tile", str(n), "--of", str(count))) for n in range(count)),
    )


def paged(items: list[Any], limit: int, cursor: str | None) -> dict[str, Any]:
    at = int(cursor or 0)
    more = at + limit < len(items)
    return {
        "items": [item.model_dump(mode="json") for item in items[at : at + limit]],
        "next_cursor": str(at + limit) if more else None,
        "total": len(items),
    }


def create(node: Imaginary, token: str) -> FastAPI:
    def wants_token(request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {token}":
            raise HTTPException(401)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async def beat() -> None:
            while True:
                await asyncio.sleep(2)
                node.emit(Event(kind="node", time=time.time(), node=node.status()))

        task = asyncio.create_task(beat())
        yield
        task.cancel()

    app = FastAPI(lifespan=lifespan)
    running: set[asyncio.Task[None]] = set()

    def problem(status: int, code: str, detail: str, hint: str = "") -> JSONResponse:
        return JSONResponse({"title": code, "status": status, "detail": detail, "code": code, "hint": hint}, status)

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        code = {401: "unauthorized", 404: "not-found"}.get(error.status_code, "error")
        return problem(error.status_code, code, str(error.detail))

    def find(job_id: str) -> JobDetail:
        if job_id not in node.jobs:
            raise HTTPException(404, f"there is no job {job_id[:12]}")
        return node.jobs[job_id]

    guard = [Depends(wants_token)]

    @app.get("/v1/node", dependencies=guard)
    async def status() -> NodeStatus:
        return node.status()

    @app.get("/v1/wallet", dependencies=guard)
    async def wallet() -> WalletView:
        return node.wallet()

    @app.post("/v1/wallet/{way}", dependencies=guard, response_model=None)
    async def move(way: str, request: AmountRequest) -> Any:
        sign = 1 if way == "deposit" else -1
        if request.amount > (node.token_amount if sign > 0 else node.free):
            return problem(402, "payment-required", "the balance does not cover that", "use a smaller amount")
        await asyncio.sleep(0.3)
        node.token_amount -= sign * request.amount
        node.free += sign * request.amount
        node.emit(Event(kind="wallet", time=time.time()))
        return JSONResponse(node.wallet().model_dump(mode="json"))

    @app.get("/v1/sessions", dependencies=guard)
    async def sessions(role: str | None = None, limit: int = 50, cursor: str | None = None) -> dict[str, Any]:
        return paged([s for s in node.sessions() if role in {None, s.role}], limit, cursor)

    @app.get("/v1/receipts", dependencies=guard)
    async def receipts(
        role: str | None = None, job: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> dict[str, Any]:
        wanted = [r for r in node.receipts if role in {None, r.role} and job in {None, r.job}]
        return paged(wanted, limit, cursor)

    @app.get("/v1/receipts/{order}", dependencies=guard)
    async def receipt(order: str, job: str) -> ReceiptProof:
        found = next((one for one in node.receipts if (one.order, one.job) == (order, job)), None)
        if found is None:
            raise HTTPException(404, "there is no such receipt")
        return ReceiptProof(
            booked=found,
            buyer=node.address,
            provider=found.counterparty,
            order_signed=True,
            promised=True,
            receipt_signed=True,
            differences=[],
        )

    @app.get("/v1/statement", dependencies=guard, response_model=None)
    async def statement(request: Request) -> Any:
        if "text/csv" in request.headers.get("accept", ""):
            return Response("time,kind\r\n", media_type="text/csv")
        return node.statement()

    @app.get("/v1/providers", dependencies=guard)
    async def providers() -> Page[ProviderView]:
        known = node.providers()
        return Page(items=known, total=len(known))

    @app.get("/v1/jobs", dependencies=guard)
    async def jobs(limit: int = 50, cursor: str | None = None) -> dict[str, Any]:
        newest = sorted(node.jobs, key=lambda key: -node.jobs[key].created)
        return paged([node.summary(key) for key in newest], limit, cursor)

    @app.get("/v1/offers", dependencies=guard)
    async def offers() -> MatchView:
        return node.match(None)

    @app.get("/v1/auction", dependencies=guard)
    async def auction(resource_class: str = "cpu") -> AuctionView:
        now = int(time.time())
        return AuctionView(
            resource_class=resource_class,
            round=now // 600,
            now=now,
            ends=now - now % 600 + 600,
            lot=parse_fuel("100 Gfuel"),
            bids=2,
            asks=5,
            cleared=now // 600 - 1,
            price=parse_price("0.42 FOG/Gfuel"),
            trades=3,
            final=True,
        )

    @app.post("/v1/match", dependencies=guard)
    async def match(given: JobSpec) -> MatchView:
        return node.match(given)

    @app.post("/v1/quote", dependencies=guard)
    async def quote(given: JobSpec) -> Quote:
        return node.quote(given)

    @app.head("/v1/blobs/{sha256}", dependencies=guard)
    async def has_blob(sha256: str) -> Response:
        return Response(status_code=200 if sha256 in node.blobs else 404)

    @app.put("/v1/blobs/{sha256}", dependencies=guard)
    async def put_blob(sha256: str, request: Request) -> BlobView:
        data = await request.body()
        node.blobs.add(sha256)
        return BlobView(sha256=sha256, size=len(data))

    @app.get("/v1/jobs/{job_id}/tasks/{n}/logs", dependencies=guard)
    async def logs(job_id: str, n: int) -> TaskLogs:
        find(job_id)
        return node.logs(job_id, n)

    @app.delete("/v1/jobs/{job_id}", dependencies=guard)
    async def delete(job_id: str) -> Response:
        find(job_id)
        del node.jobs[job_id], node.tasks[job_id]
        return Response(status_code=204)

    @app.post("/v1/jobs", dependencies=guard)
    async def submit(given: JobSpec, idempotency_key: Annotated[str | None, Header()] = None) -> JobSummary:
        if idempotency_key in node.keys:
            return node.summary(node.keys[idempotency_key])
        job_id = node.make(given, time.time())
        if idempotency_key is not None:
            node.keys[idempotency_key] = job_id
        node.emit(Event(kind="job", time=time.time(), job=node.summary(job_id)))
        task = asyncio.create_task(node.run(job_id))
        running.add(task)
        return node.summary(job_id)

    @app.get("/v1/jobs/{job_id}", dependencies=guard)
    async def job(job_id: str) -> JobDetail:
        return find(job_id)

    @app.get("/v1/jobs/{job_id}/tasks", dependencies=guard)
    async def tasks(job_id: str, limit: int = 100, cursor: str | None = None) -> dict[str, Any]:
        find(job_id)
        return paged(node.tasks[job_id], limit, cursor)

    @app.get("/v1/jobs/{job_id}/tasks/{n}/files/{name:path}", dependencies=guard)
    async def result_file(job_id: str, n: int, name: str) -> Response:
        find(job_id)
        files = node.files(job_id, n)
        if name not in files:
            raise HTTPException(404, f"task {n} left no file {name}")
        return Response(files[name], media_type="application/octet-stream")

    @app.post("/v1/jobs/{job_id}/cancel", dependencies=guard)
    async def cancel(job_id: str) -> JobSummary:
        find(job_id)
        for task in node.tasks[job_id]:
            if task.state not in {"done", "failed"}:
                node._set_task(job_id, task.index, state="cancelled")
        node._save(job_id, state="cancelled", detail="cancelled by the buyer", finished=time.time(), paid=True)
        return node.summary(job_id)

    @app.websocket("/v1/events")
    async def events(socket: WebSocket) -> None:
        if socket.headers.get("authorization") != f"Bearer {token}":
            await socket.close()
            return
        await socket.accept()
        queue: asyncio.Queue[Event] = asyncio.Queue()
        node.listeners.add(queue)
        gone = asyncio.create_task(socket.receive_text())  # raises when the other side leaves
        try:
            while not gone.done():
                waiting = asyncio.create_task(queue.get())
                await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
                if waiting.done():
                    await socket.send_text(waiting.result().model_dump_json())
                else:
                    waiting.cancel()
        except WebSocketDisconnect:
            pass
        finally:
            gone.cancel()
            node.listeners.discard(queue)

    return app


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--speed", type=float, default=6.0)
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--start", action="store_true", help="begin with a poster job under way")
    given = parser.parse_args()
    node = Imaginary(given.speed, given.empty)
    listener = socket.create_server(("127.0.0.1", given.port))
    app = create(node, given.token_file.read_text().strip())
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.02)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    given.ready_file.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    if given.start:
        job_id = node.make(spec("mandelbrot poster", 144), time.time())
        started = asyncio.create_task(node.run(job_id))
    await serving
    if given.start:
        started.cancel()


if __name__ == "__main__":
    asyncio.run(main())
