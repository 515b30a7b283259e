"""What a program sees of the API: answers, refusals, pages, uploads."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from api_running import TOKEN, Running, spec_over

from fogchain.api.client import AsyncClient, Client
from fogchain.api.models import Problem
from fogchain.errors import (
    BadInput,
    Conflict,
    FogchainError,
    NotFound,
    PaymentRequired,
    TooLarge,
    Unauthorized,
    Unavailable,
)  # fmt: skip
from fogchain.jobs.blobname import name_of
from fogchain.jobs.source import FileSlice
from fogchain.jobs.spec import MAX_INPUT_BYTES
from fogchain.units import WEI
from node.api.app import create_app
from node.api.gate import MAX_JSON
from node.api.server import ApiServer


def bare(api: Running, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=api.url, headers={"Authorization": f"Bearer {TOKEN}", **headers})


async def test_status_reaches_the_typed_client(api: Running) -> None:
    status = await api.client.status()
    assert (status.name, status.chain.block) == ("memory", 7)


async def test_money_moves_and_refusals_keep_their_class_and_hint(api: Running) -> None:
    assert (await api.client.deposit(3 * WEI)).free == 3 * WEI
    assert (await api.client.withdraw(WEI)).free == 2 * WEI
    with pytest.raises(PaymentRequired) as refused:
        await api.client.deposit(100 * WEI)
    assert refused.value.hint == "bring tokens to the wallet"
    with pytest.raises(Conflict):
        await api.client.withdraw(100 * WEI)


@pytest.mark.parametrize("amount", ['"1.5"', "1500000000000000000", "1.5", '"-1 FOG"', '"0 FOG"', "null", '"1 ETH"'])
async def test_an_amount_without_its_unit_or_value_is_refused_in_words(api: Running, amount: str) -> None:
    async with bare(api) as http_:
        answer = await http_.post("/v1/wallet/deposit", content=f'{{"amount": {amount}}}')
    problem = Problem.model_validate_json(answer.content)
    assert answer.status_code == 400 and answer.headers["content-type"] == "application/problem+json"
    assert problem.code == "bad-input" and problem.detail.startswith("amount: ") and problem.hint
    assert api.services.free == 0


async def test_malformed_bodies_and_parameters_are_refused_in_words(api: Running) -> None:
    async with bare(api) as http_:
        for content in ("", "{", "[]", '{"amount": "1 FOG", "amout": 1}', "[" * 100_000):
            answer = await http_.post("/v1/wallet/deposit", content=content)
            assert answer.status_code == 400, content[:20]
            assert Problem.model_validate_json(answer.content).detail
        answer = await http_.get("/v1/jobs", params={"limit": 0})
        assert answer.status_code == 400 and answer.json()["detail"].startswith("limit: ")
        assert (await http_.get("/v1/receipts", params={"role": "spy"})).status_code == 400
        assert (await http_.get("/v1/nothing")).json()["code"] == "not-found"
        assert (await http_.delete("/v1/node")).status_code == 405


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"])
async def test_without_the_token_nothing_is_served(api: Running, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with httpx.AsyncClient(base_url=api.url, headers=headers) as http_:
        for path in ("/v1/node", "/v1/jobs", "/v1/blobs/" + "0" * 64, "/openapi.json", "/", "/docs"):
            answer = await http_.get(path)
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["code"] == "unauthorized"
        assert (await http_.post("/v1/wallet/deposit", json={"amount": "1 FOG"})).status_code == 401
    assert api.services.free == 0


async def test_a_wrong_token_is_said_by_every_client_method(api: Running) -> None:
    async with AsyncClient(api.url, "wrong") as stranger:
        for call in (stranger.status(), stranger.has_blob("0" * 64), stranger.put_blob(b"x" * (1 << 20))):
            with pytest.raises(Unauthorized):
                await call
        with pytest.raises(Unauthorized):
            async for _ in stranger.events():
                pass

    def sync() -> None:
        with Client(api.url, "wrong") as client:
            for call in (client.status, lambda: client.has_blob("0" * 64), lambda: client.put_blob(b"x" * (8 << 20))):
                with pytest.raises(Unauthorized):
                    call()
            with pytest.raises(Unauthorized):
                client.events()

    await asyncio.to_thread(sync)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "192.168.1.9", "[::2]:9"]
)
async def test_a_foreign_host_name_on_loopback_is_refused(api: Running, host: str) -> None:
    async with bare(api, Host=host) as http_:
        answer = await http_.get("/v1/node")
    assert answer.status_code == 403 and "memory" not in answer.text


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "127.0.0.9:5", "[::1]:5", "LOCALHOST"])
async def test_loopback_host_names_are_served(api: Running, host: str) -> None:
    async with bare(api, Host=host) as http_:
        assert (await http_.get("/v1/node")).status_code == 200


async def test_no_other_site_is_invited(api: Running) -> None:
    async with bare(api, Origin="https://evil.example") as http_:
        answer = await http_.get("/v1/node")
        preflight = await http_.options("/v1/node", headers={"Access-Control-Request-Method": "GET"})
    assert "access-control-allow-origin" not in answer.headers and preflight.status_code == 405


async def test_the_schema_names_every_endpoint_and_the_job(api: Running) -> None:
    async with bare(api) as http_:
        schema = (await http_.get("/openapi.json")).json()
        assert (await http_.get("/docs")).status_code == 404
    assert schema["info"]["version"] == "9.9"
    assert {"/v1/node", "/v1/wallet", "/v1/wallet/deposit", "/v1/wallet/withdraw", "/v1/sessions", "/v1/receipts",
            "/v1/providers", "/v1/blobs/{sha256}", "/v1/quote", "/v1/offers", "/v1/auction", "/v1/match",
            "/v1/jobs", "/v1/jobs/{job_id}",
            "/v1/jobs/{job_id}/tasks", "/v1/jobs/{job_id}/cancel"} <= set(schema["paths"])  # fmt: skip
    reference = schema["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert "budget" in schema["components"]["schemas"][reference.rpartition("/")[2]]["properties"]


async def test_a_job_goes_in_once_per_key_and_is_found_by_prefix(api: Running) -> None:
    spec = spec_over(api)
    await api.client.deposit(WEI)
    first = await api.client.submit(spec, key="k")
    assert (await api.client.submit(spec, key="k")).id == first.id
    assert (await api.client.submit(spec, key="other")).id != first.id
    detail = await api.client.job(first.id[:12])
    assert detail.id == first.id and detail.spec == spec
    assert (await api.client.cancel(first.id)).state == "cancelled"
    with pytest.raises(Conflict):
        await api.client.cancel(first.id)
    with pytest.raises(NotFound):
        await api.client.job("ffff")


async def test_pages_cover_every_item_once(api: Running) -> None:
    spec = spec_over(api, tasks=23)
    await api.client.deposit(WEI)
    job = await api.client.submit(spec)
    seen, cursor = [], None
    while True:
        page = await api.client.tasks(job.id, limit=10, cursor=cursor)
        assert page.total == 23
        seen += [task.index for task in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == list(range(23))


async def test_result_files_come_as_they_are(api: Running) -> None:
    spec = spec_over(api, tasks=1)
    await api.client.deposit(WEI)
    job = await api.client.submit(spec)
    with pytest.raises(NotFound):
        await api.client.result_file(job.id, 0, "stdout")
    data = os.urandom(3000)
    api.services.finish(job.id, 0, {"out/deep/a b.bin": data})
    assert await api.client.result_file(job.id, 0, "out/deep/a b.bin") == data
    assert await asyncio.to_thread(Client(api.url, TOKEN).result_file, job.id, 0, "out/deep/a b.bin") == data
    for name in ("../../blobs", "/etc/passwd", "out/../stdout"):
        with pytest.raises(NotFound):
            await asyncio.to_thread(
                Client(api.url, TOKEN).result_file, job.id, 0, name
            )  # it sends the dots as they are


async def test_blobs_arrive_whole_from_bytes_files_and_slices(api: Running, tmp_path) -> None:
    data = os.urandom(3_000_000)
    path = tmp_path / "input"
    path.write_bytes(data)
    part = FileSlice(path, 1000, 500_000)
    sync = Client(api.url, TOKEN)
    for client_put, source, expected in (
        (api.client.put_blob, data[:10], data[:10]),
        (api.client.put_blob, b"", b""),
        (api.client.put_blob, path, data),
        (lambda s: asyncio.to_thread(sync.put_blob, s), part, data[1000:501_000]),
        (lambda s: asyncio.to_thread(sync.put_blob, s), data[5:], data[5:]),
    ):
        name = name_of(expected)
        assert not await api.client.has_blob(name)
        view = await client_put(source)
        assert (view.sha256, view.size) == (name, len(expected))
        assert await api.client.has_blob(name) and await asyncio.to_thread(sync.has_blob, name)
        assert api.services.blobs.read(name) == expected
        async with bare(api) as http_:
            assert (await http_.get(f"/v1/blobs/{name}")).content == expected


async def test_a_blob_under_a_wrong_name_is_refused_and_leaves_nothing(api: Running) -> None:
    wrong = "0" * 64
    with pytest.raises(BadInput, match="hash to"):
        await api.client.put_blob(b"data" * 1_000_000, wrong)
    assert not await api.client.has_blob(wrong)
    assert [p for p in api.services.blobs.root.rglob("*") if p.is_file()] == []
    with pytest.raises(BadInput):
        await api.client.put_blob(b"data", "abc")
    with pytest.raises(NotFound):
        await asyncio.to_thread(Client(api.url, TOKEN).put_blob, b"data", "../../../tmp/x")


async def test_too_big_a_blob_is_refused_before_it_is_read(api: Running) -> None:
    parts = urlsplit(api.url)

    def announce() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        connection.putrequest("PUT", "/v1/blobs/" + "0" * 64)
        connection.putheader("Authorization", f"Bearer {TOKEN}")
        connection.putheader("Content-Length", str(MAX_INPUT_BYTES + 1))
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()

    status, body = await asyncio.to_thread(announce)
    assert status == 413 and Problem.model_validate_json(body).code == "too-large"


async def test_too_big_a_request_is_refused_whether_announced_or_not(api: Running) -> None:
    async def endless():
        for _ in range(MAX_JSON // (1 << 20) + 8):
            yield b" " * (1 << 20)

    async with bare(api) as http_:
        answer = await http_.post("/v1/quote", content=endless())
        assert answer.status_code == 413
    assert api.services.quotes == 0
    with pytest.raises(TooLarge):
        async with AsyncClient(api.url, TOKEN) as client:
            await client._raw("POST", "/v1/quote", content=b" " * (MAX_JSON + 1))


async def test_an_upload_broken_off_leaves_nothing(api: Running) -> None:
    parts = urlsplit(api.url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"PUT /v1/blobs/{'0' * 64} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    writer.write(head.encode() + b"Content-Length: 5000000\r\n\r\n" + b"x" * 2_000_000)
    await writer.drain()
    partial = api.services.blobs.root / "partial"
    await until(lambda: any(partial.iterdir()))
    writer.transport.abort()
    await until(lambda: not any(partial.iterdir()))


async def test_a_failure_inside_the_node_is_a_problem_that_gives_nothing_away(api: Running) -> None:
    api.services.explode = True
    with pytest.raises(FogchainError) as failed:
        await api.client.status()
    assert "secret" not in failed.value.message and "report" in failed.value.hint


async def test_a_busy_port_is_said_with_what_to_do(api: Running, tmp_path) -> None:
    port = urlsplit(api.url).port
    second = ApiServer(create_app(api.services, TOKEN, "1"))
    with pytest.raises(Conflict, match=str(port)) as busy:
        await second.start("127.0.0.1", port)
    assert "config.toml" in busy.value.hint
    with pytest.raises(BadInput):
        await second.start("not a host", 0)
    assert (await api.client.status()).name == "memory"


async def test_a_node_that_is_not_there_is_said_with_what_to_do() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with AsyncClient(url, TOKEN) as client:
        with pytest.raises(Unavailable) as nobody:
            await client.status()
        assert "fogchain node run" in nobody.value.hint
        with pytest.raises(Unavailable):
            async for _ in client.events():
                pass
    with pytest.raises(Unavailable) as nobody:
        await asyncio.to_thread(Client(url, TOKEN).status)
    assert "fogchain node run" in nobody.value.hint


async def test_the_sync_client_outlives_a_node_restart(tmp_path) -> None:
    from api_memory import MemoryServices

    server = ApiServer(create_app(MemoryServices(tmp_path), TOKEN, "1"))
    url = await server.start("127.0.0.1", 0)
    client = Client(url, TOKEN)
    assert (await asyncio.to_thread(client.status)).name == "memory"
    await server.stop()
    with pytest.raises(Unavailable):
        await asyncio.to_thread(client.status)
    again = ApiServer(create_app(MemoryServices(tmp_path), TOKEN, "1"))
    await again.start("127.0.0.1", urlsplit(url).port)
    assert (await asyncio.to_thread(client.status)).name == "memory"
    await again.stop()


async def test_ipv6_loopback_is_served(tmp_path) -> None:
    from api_memory import MemoryServices

    try:
        socket.socket(socket.AF_INET6).bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    server = ApiServer(create_app(MemoryServices(tmp_path), TOKEN, "1"))
    url = await server.start("::1", 0)
    async with AsyncClient(url, TOKEN) as client:
        assert (await client.status()).name == "memory"
    await server.stop()


async def until(condition, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def test_problems_round_trip_through_json() -> None:
    from fogchain.api.problems import BY_CODE, error_from
    from node.api.problem import problem_response

    for kind in BY_CODE.values():
        answer = problem_response(kind("what", hint="do this"))
        again = error_from(answer.status_code, answer.body)
        assert type(again) is kind and (again.message, again.hint) == ("what", "do this")
        assert json.loads(answer.body)["status"] == answer.status_code
    for body in (b"", b"<html>", b"[]", b'{"code": "x"}', b'{"code": [], "detail": 1}'):
        assert "502" in error_from(502, body).message


async def test_a_statement_is_json_or_for_a_spreadsheet(api: Running) -> None:
    async with bare(api) as http_:
        pages = await http_.get("/v1/statement?from=5&to=9")
        assert pages.json()["opening"]["free"] == "0 FOG"
        table = await http_.get("/v1/statement", headers={"Accept": "text/csv"})
        assert table.headers["content-type"].startswith("text/csv")
        assert table.text.splitlines()[0].startswith("time,block,kind,job,") and table.text.count("\r\n") == 3
        refused = await http_.get("/v1/statement?from=yesterday")
    assert refused.status_code in (400, 422)
