"""Idempotency keys, the media types of bodies, unknown parameters, and the shape of every refusal."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import httpx
import pytest
from api_memory import MemoryServices
from api_running import TOKEN, Running, spec_over

from fogchain.api.models import Problem
from fogchain.database import open_database
from fogchain.errors import Conflict
from fogchain.units import WEI
from node.api.app import create_app
from node.api.once import KEEP_SECONDS, Answers, tables


def bare(api: Running, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=api.url, headers={"Authorization": f"Bearer {TOKEN}", **headers})


async def test_a_deposit_sent_again_with_its_key_moves_money_once_and_answers_the_same(api: Running) -> None:
    first = await api.client.deposit(2 * WEI, key="k")
    await api.client.deposit(WEI, key="another")
    assert await api.client.deposit(2 * WEI, key="k") == first
    assert api.services.free == 3 * WEI


async def test_a_key_of_another_amount_or_another_path_is_refused(api: Running) -> None:
    await api.client.deposit(2 * WEI, key="k")
    with pytest.raises(Conflict, match="another request"):
        await api.client.deposit(WEI, key="k")
    with pytest.raises(Conflict, match="another request"):
        await api.client.withdraw(2 * WEI, key="k")
    assert api.services.free == 2 * WEI


async def test_twenty_at_once_with_one_key_are_one(api: Running) -> None:
    answers = await asyncio.gather(*(api.client.deposit(WEI, key="k") for _ in range(20)))
    assert api.services.free == WEI and len({answer.model_dump_json() for answer in answers}) == 1


async def test_a_refused_request_can_be_tried_again_with_its_key(api: Running) -> None:
    await api.client.deposit(WEI)
    with pytest.raises(Conflict):
        await api.client.withdraw(2 * WEI, key="k")
    await api.client.deposit(WEI)
    assert (await api.client.withdraw(2 * WEI, key="k")).free == 0


async def test_a_job_of_another_spec_does_not_get_in_under_a_used_key(api: Running) -> None:
    await api.client.deposit(WEI)
    await api.client.submit(spec_over(api, 1), key="k")
    with pytest.raises(Conflict):
        await api.client.submit(spec_over(api, 2), key="k")


@pytest.mark.parametrize("key", ["", "a\ttab", "k" * 201, "ä"])
async def test_a_key_that_is_none_is_refused(api: Running, key: str) -> None:
    async with bare(api) as http_:
        answer = await http_.post(
            "/v1/wallet/deposit", json={"amount": "1 FOG"}, headers={b"Idempotency-Key": key.encode("latin-1")}
        )
    assert answer.status_code == 400 and api.services.free == 0


def test_answers_outlive_the_process_and_are_forgotten_after_a_month(tmp_path: Path) -> None:
    path = tmp_path / "db"
    first = Answers(open_database(path, tables, 1))
    assert first.begin("k", b"r") is None
    assert first.begin("k", b"r") is None  # cut off before it was answered: to be done again
    first.keep("k", b"a")
    again = Answers(open_database(path, tables, 1))
    assert again.begin("k", b"r") == b"a"
    with pytest.raises(Conflict):
        again.begin("k", b"other")
    with sqlite3.connect(path) as database:
        database.execute("UPDATE api_answers SET created = created - ?", (KEEP_SECONDS,))
    assert Answers(open_database(path, tables, 1)).begin("k", b"other") is None


async def test_every_refusal_is_a_whole_problem(api: Running) -> None:
    sent = [
        ("GET", "/v1/nothing", {}, 404),
        ("GET", "/elsewhere", {}, 404),
        ("PATCH", "/v1/jobs", {}, 405),
        ("POST", "/v1/node", {}, 405),
        ("GET", "/v1/jobs?limit=x", {}, 400),
        ("GET", "/v1/jobs?limt=5", {}, 400),
        ("GET", "/v1/jobs/ffff", {}, 404),
        ("POST", "/v1/quote", {"content": b"{}"}, 400),
        ("POST", "/v1/quote", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ("PUT", "/v1/blobs/" + "0" * 64, {"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415),
        ("POST", "/v1/auth/challenge", {"content": b" " * 20_000}, 413),
        ("GET", "/v1/events?after=x", {"headers": dict(UPGRADE)}, 400),
    ]
    async with bare(api) as http_:
        for method, path, options, status in sent:
            answer = await http_.request(method, path, **options)
            assert answer.status_code == status, (method, path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            problem = Problem.model_validate_json(answer.content)
            assert problem.status == status and problem.title and problem.detail
            assert problem.type == f"urn:fogchain:problem:{problem.code}"
        api.services.explode = True
        answer = await http_.get("/v1/node")
    assert answer.status_code == 500 and answer.headers["content-type"] == "application/problem+json"


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
}


async def test_a_wrong_method_is_told_all_that_are_right(api: Running) -> None:
    async with bare(api) as http_:
        assert (await http_.delete("/v1/jobs")).headers["allow"] == "GET, POST"
        assert (await http_.delete("/v1/blobs/" + "0" * 64)).headers["allow"] == "GET, HEAD, PUT"


async def test_a_mistyped_parameter_is_told_which_was_meant(api: Running) -> None:
    async with bare(api) as http_:
        assert (await http_.get("/v1/jobs?limt=5")).json()["hint"] == "did you mean 'limit'?"


async def test_providers_come_in_pages(api: Running) -> None:
    async with bare(api) as http_:
        page = (await http_.get("/v1/providers", params={"limit": 1})).json()
    assert page["total"] == 1 and page["next_cursor"] is None
    assert [view.name for view in await api.client.providers()] == ["p1"]


def test_the_description_says_what_may_go_wrong_and_names_every_operation(tmp_path: Path) -> None:
    schema = create_app(MemoryServices(tmp_path), TOKEN, "1").openapi()
    ids = set()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            ids.add(operation["operationId"])
            assert operation["tags"], path
            assert {"400", "401", "500"} <= set(operation["responses"]) and "422" not in operation["responses"]
            asks = ("/v1/auth", "/v1/quote", "/v1/match", "/v1/accounts", "/v1/harvest/lint", "/v1/harvest/replay")
            keyless = (*asks, "/v1/fleet/invitations")  # a code is kept nowhere, not even as an answer
            spends = method == "post" and not path.startswith(keyless)
            named = [one["name"].lower() for one in operation.get("parameters", ())]
            assert ("idempotency-key" in named) == spends, path
            if method == "post" and "requestBody" in operation:
                assert "415" in operation["responses"]
    assert len(ids) == sum(len(methods) for methods in schema["paths"].values())
    assert schema["paths"]["/v1/auth/challenge"]["post"]["security"] == []
    text = json.dumps(schema)
    for reference in {part.split('"')[0] for part in text.split('"#/')[1:]}:
        found = schema
        for step in reference.split("/"):
            found = found[step]
    assert "http://" not in text.replace("http://127.0.0.1", "") and "https://" not in text
