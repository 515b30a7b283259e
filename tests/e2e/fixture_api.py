"""The API of the imaginary node."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Header, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, Response
from fixture_views import Imaginary

from fogchain.api.data import TaskLogs
from fogchain.api.models import (
    AmountRequest,
    AuctionView,
    BlobView,
    Event,
    JobDetail,
    JobSummary,
    MatchView,
    NodeStatus,
    Page,
    ProviderView,
    Quote,
    ReceiptProof,
    WalletView,
)
from fogchain.database import open_database
from fogchain.jobs.spec import JobSpec
from fogchain.units import parse_fuel, parse_price
from node.api import problem as problems
from node.api.once import Answers, tables
from node.api.routes.fleet import fleet_routes
from node.api.routes.harvest import harvest_routes


def paged(items: list[Any], limit: int, cursor: str | None) -> dict[str, Any]:
    at = int(cursor or 0)
    more = at + limit < len(items)
    return {
        "items": [item.model_dump(mode="json") for item in items[at : at + limit]],
        "next_cursor": str(at + limit) if more else None,
        "total": len(items),
    }


def create(node: Imaginary, token: str, folder: Path) -> FastAPI:
    """`folder`: what it keeps on disk."""

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
        if node.machine is not None:
            await node.machine.start(folder)
        yield
        task.cancel()
        if node.machine is not None:
            await node.machine.stop()

    app = FastAPI(lifespan=lifespan)
    app.state.answers = Answers(open_database(folder / "answers.db", tables, 1))
    problems.install(app, lambda subject, error: None)
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

    app.include_router(harvest_routes(node), prefix="/v1", dependencies=guard)  # type: ignore[arg-type]
    app.include_router(fleet_routes(node), prefix="/v1", dependencies=guard)  # type: ignore[arg-type]

    @app.post("/v1/fixture/join", dependencies=guard)
    async def join(number: int, name: str, code: Annotated[str, Body(embed=True)]) -> None:
        assert node.machine is not None
        await node.machine.join(number, code, name)

    @app.post("/v1/fixture/cut", dependencies=guard)
    async def cut(number: int, away: bool) -> None:
        assert node.machine is not None
        node.machine.cut(number, away)

    @app.post("/v1/fixture/machine", dependencies=guard)
    def machine(
        readings: Annotated[dict[str, float | bool | str | None], Body()],
        ahead: Annotated[float, Body()] = 0.0,
        tasks: Annotated[int | None, Body()] = None,
    ) -> None:
        assert node.machine is not None
        node.machine.say(dict(readings), ahead, tasks)

    @app.get("/v1/node", dependencies=guard)
    async def status() -> NodeStatus:
        return node.status()

    @app.get("/v1/wallet", dependencies=guard)
    async def wallet() -> WalletView:
        return node.wallet()

    @app.post("/v1/wallet/{way}", dependencies=guard, response_model=None)
    async def move(way: str, request: AmountRequest, idempotency_key: Annotated[str | None, Header()] = None) -> Any:
        """Once for each key; while answers are to be lost, it is done and not told."""
        done = node.moved.get(idempotency_key or "")
        if done is None:
            sign = 1 if way == "deposit" else -1
            if request.amount > (node.token_amount if sign > 0 else node.free):
                return problem(402, "payment-required", "the balance does not cover that", "use a smaller amount")
            await asyncio.sleep(0.3)
            node.token_amount -= sign * request.amount
            node.free += sign * request.amount
            node.emit(Event(kind="wallet", time=time.time()))
            done = node.wallet().model_dump(mode="json")
            if idempotency_key is not None:
                node.moved[idempotency_key] = done
        if node.answers_to_lose:
            node.answers_to_lose -= 1
            return problem(503, "unavailable", "the node went away")
        return JSONResponse(done)

    @app.post("/v1/fixture/lose", dependencies=guard)
    async def lose(answers: int) -> None:
        node.answers_to_lose = answers

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
    async def job(job_id: str) -> Response:
        return Response(find(job_id).model_dump_json(), media_type="application/json")  # unchecked, as a node answers

    @app.get("/v1/jobs/{job_id}/tasks", dependencies=guard)
    async def tasks(job_id: str, limit: int = 100, cursor: str | None = None) -> Response:
        find(job_id)
        own, at = node.tasks[job_id], int(cursor or 0)
        more = str(at + limit) if at + limit < len(own) else None
        page = Page(items=own[at : at + limit], next_cursor=more, total=len(own))
        return Response(page.model_dump_json(), media_type="application/json")

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
