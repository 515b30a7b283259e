"""The panel's door: sessions, attempts, hosts and origins."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from fogchain.api.models import BrowserSession
from fogchain.errors import BadInput, Unavailable
from ui.access import AttemptLimit, Door, Gate, wallet_token
from ui.options import NodeAddress, check_url

TOKEN = "a-token-of-some-length"


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def node(tmp_path: Path) -> NodeAddress:
    (tmp_path / "api.token").write_text(TOKEN + "\n")
    return NodeAddress("buyer", "http://127.0.0.1:1", tmp_path / "api.token")


def test_only_the_nodes_token_opens(node: NodeAddress) -> None:
    door = Door(node)
    assert door.knows(TOKEN)
    assert door.knows(f" {TOKEN}\n"), "pasted with its line end"
    assert not door.knows(TOKEN[:-1])
    assert not door.knows("")


def test_a_session_lasts_a_day_and_survives_a_restart_of_the_panel(node: NodeAddress) -> None:
    clock = Clock()
    session = Door(node, clock).open()
    restarted = Door(node, clock)
    assert restarted.admits(session)
    clock.now += 24 * 3600 - 1
    assert restarted.admits(session)
    clock.now += 2
    assert not restarted.admits(session)


def test_a_session_ends_with_sign_out_and_with_a_new_token(node: NodeAddress) -> None:
    door = Door(node)
    first, second = door.open(), door.open()
    door.close(first)
    assert not door.admits(first)
    assert door.admits(second)
    node.token_file.write_text("another token")
    assert not door.admits(second)


@pytest.mark.parametrize("forged", ["", "x", "9999999999.nonce.00", "..", "9999999999..", "ü.ü.ü", "9" * 300])
def test_forged_sessions_are_refused(node: NodeAddress, forged: str) -> None:
    assert not Door(node).admits(forged)


def test_a_stretched_session_is_refused(node: NodeAddress) -> None:
    door = Door(node)
    expiry, nonce, mac = door.open().split(".")
    assert not door.admits(f"{int(expiry) + 1}.{nonce}.{mac}")


def test_a_missing_token_file_says_so(tmp_path: Path) -> None:
    door = Door(NodeAddress("buyer", "http://127.0.0.1:1", tmp_path / "none"))
    with pytest.raises(Unavailable, match="can't be read"):
        door.knows("anything")
    assert not door.admits("1.2.3")


async def test_a_wallets_session_lasts_as_long_as_the_node_holds_it_open(node: NodeAddress) -> None:
    clock, held = Clock(), {"fog1.theirs"}
    asked: list[str] = []

    async def still_open(token: str) -> bool:
        asked.append(token)
        return token in held

    door = Door(node, clock, still_open)
    opened = BrowserSession(token="fog1.theirs", address="0x" + "11" * 20, expires=int(clock.now) + 3600)
    session = door.open(opened)
    assert wallet_token(session) == "fog1.theirs" and wallet_token(door.open()) is None
    assert await door.lets_in(session) and await door.lets_in(session)
    assert asked == ["fog1.theirs"], "not for every request"
    clock.now += 11
    assert await door.lets_in(session) and len(asked) == 2

    held.clear()
    clock.now += 11
    assert not await door.lets_in(session)
    held.add("fog1.theirs")
    assert not await door.lets_in(session), "once over, it stays so"
    assert await door.lets_in(door.open()), "the token's own sessions are nobody's business"

    again = door.open(opened.model_copy(update={"token": "fog1.other"}))
    held.add("fog1.other")
    clock.now += 3600
    assert not await door.lets_in(again), "and never longer than the node said"
    forged = again.replace("fog1.other", "fog1.theirs")
    assert not await door.lets_in(forged)


def test_attempts_are_limited_by_address_and_allowed_again_later() -> None:
    limit = AttemptLimit(attempts=3, window=60)
    for at in (0.0, 1.0, 2.0):
        assert limit.wait("a", at) == 0
        limit.failed("a", at)
    assert limit.wait("a", 10.0) == 50
    assert limit.wait("b", 10.0) == 0
    assert limit.wait("a", 60.0) == 0


async def _inner(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("inside")(scope, receive, send)


def _client(node: NodeAddress, host: str = "127.0.0.1:9000") -> httpx.AsyncClient:
    gate = Gate(_inner, Door(node), lambda: "session", loopback=True)
    return httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url=f"http://{host}")


async def test_nothing_is_served_before_sign_in(node: NodeAddress) -> None:
    async with _client(node) as client:
        page = await client.get("/jobs", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/jobs")
        assert (await client.get("/files/0/ab/0/stdout")).status_code == 401
        assert (await client.get("/sign-in")).text == "inside"
        client.cookies.set("session", Door(node).open())
        answer = await client.get("/jobs")
        assert answer.text == "inside"
        assert "connect-src 'self'" in answer.headers["content-security-policy"]


async def test_other_hosts_and_origins_are_refused(node: NodeAddress) -> None:
    async with _client(node, "evil.example") as client:
        client.cookies.set("session", Door(node).open())
        assert (await client.get("/")).status_code == 403
    async with _client(node) as client:
        assert (await client.post("/sign-in", headers={"origin": "http://evil.example"})).status_code == 403
        assert (await client.post("/sign-in", headers={"origin": "null"})).status_code == 403
        assert (await client.post("/sign-in", headers={"origin": "http://127.0.0.1:9000"})).status_code == 200


async def test_a_websocket_from_another_origin_is_closed(node: NodeAddress) -> None:
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    gate = Gate(_inner, Door(node), lambda: "session", loopback=True)
    headers = [
        (b"host", b"127.0.0.1:9000"),
        (b"origin", b"http://evil.example"),
        (b"cookie", f"session={Door(node).open()}".encode()),
    ]
    await gate({"type": "websocket", "path": "/_nicegui_ws/", "headers": headers}, receive, send)  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 4403, "reason": "This address is not served here."}]


def test_addresses_of_nodes_are_checked() -> None:
    assert check_url("http://127.0.0.1:8600/") == "http://127.0.0.1:8600"
    for wrong in ("127.0.0.1:8600", "ftp://h", "http://user:pw@h", "http://h/path", "http://h?token=x"):
        with pytest.raises(BadInput):
            check_url(wrong)
    node = NodeAddress.parse("heron=http://127.0.0.1:1=/data with space/api.token")
    assert node.command("node run") == "fogchain node run --data '/data with space'"
    with pytest.raises(BadInput, match="does not name a node"):
        NodeAddress.parse("heron=http://127.0.0.1:1")
