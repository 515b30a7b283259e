"""Signing in with a wallet: who may, where, how often, for how long."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from api_memory import BUYER, MemoryServices
from api_running import TOKEN, Running
from coincurve import PrivateKey

from fogchain.api.client import AsyncClient
from fogchain.api.models import BrowserSession, Event
from fogchain.config import SignInSection
from fogchain.errors import BadInput, BadMessage, BadSignature, Conflict, Forbidden, Unauthorized, Unavailable
from fogchain.wallet.address import checksummed
from fogchain.wallet.eip712 import address_of
from fogchain.wallet.siwe import SignIn, sign
from node.api.app import create_app
from node.api.gate import MAX_OPEN
from node.api.server import ApiServer
from node.api.sessions import CHALLENGE_SECONDS, MAX_SESSIONS, SESSION_SECONDS, Host, Sessions

KEY, STRANGER = PrivateKey(b"\x07" * 32), PrivateKey(b"\x08" * 32)
OPERATOR = address_of(KEY.public_key)
HERE = "http://127.0.0.1:9000"
RULES = SignInSection(operators=(checksummed(OPERATOR),), panels=("https://panel.example",))
NOW = 1_790_000_000.0
HOST = Host(BUYER, 31337)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Running]:
    """As everywhere, and one wallet may sign in beside the node's own."""
    services = MemoryServices(tmp_path)
    server = ApiServer(create_app(services, TOKEN, "9.9", RULES))
    url = await server.start("127.0.0.1", 0)
    async with AsyncClient(url, TOKEN) as client:
        yield Running(url, services, client, server)
    await server.stop()


async def sign_in(api: Running, key: PrivateKey = KEY, origin: str = HERE) -> BrowserSession:
    """As a browser does: it has no token that is worth anything."""
    async with AsyncClient(api.url, "none") as browser:
        challenge = await browser.challenge(address_of(key.public_key), origin)
        signature = sign(key, SignIn.parse(challenge.message))
        return await browser.open_session(challenge.message, "0x" + signature.hex())


@pytest.mark.parametrize("origin", [HERE, "http://localhost:1", "http://[::1]:80", "https://panel.example"])
async def test_an_operators_wallet_opens_a_session_that_serves_as_the_token(api: Running, origin: str) -> None:
    session = await sign_in(api, origin=origin)
    assert session.address == OPERATOR and TOKEN not in session.token
    async with AsyncClient(api.url, session.token) as client:
        assert (await client.status()).name == "memory"
        assert (await client.deposit(1)).free == 1


async def test_signing_out_ends_this_session_and_no_other(api: Running) -> None:
    first, second = await sign_in(api), await sign_in(api)
    async with AsyncClient(api.url, first.token) as client:
        await client.close_session()
        with pytest.raises(Unauthorized, match="over") as refused:
            await client.status()
        assert "sign in" in refused.value.hint
    async with AsyncClient(api.url, second.token) as client:
        assert (await client.status()).name == "memory"
    assert (await api.client.status()).name == "memory"


async def test_events_end_with_the_session(api: Running) -> None:
    session = await sign_in(api)
    async with AsyncClient(api.url, session.token) as client:
        events = client.events()
        first = asyncio.ensure_future(anext(events))
        while not api.services.listeners:
            await asyncio.sleep(0.01)
        api.services.tell(Event(kind="wallet", time=1.0))
        assert (await first).kind == "wallet"
        await client.close_session()
        api.services.tell(Event(kind="wallet", time=2.0))
        with pytest.raises(Unavailable):
            await anext(events)


async def test_a_strangers_wallet_is_refused_before_it_signs(api: Running) -> None:
    with pytest.raises(Forbidden, match="may not sign in") as refused:
        await sign_in(api, STRANGER)
    assert checksummed(address_of(STRANGER.public_key)) in refused.value.message
    assert "operators" in refused.value.hint and "config.toml" in refused.value.hint


@pytest.mark.parametrize("origin", ["http://evil.example", "https://panel.example:444", "http://panel.example"])
async def test_a_page_elsewhere_gets_no_message_to_sign(api: Running, origin: str) -> None:
    with pytest.raises(Forbidden, match="not allowed at"):
        await sign_in(api, origin=origin)


@pytest.mark.parametrize(
    "origin", ["", "127.0.0.1", "http://", "http://127.0.0.1/x", "http://127.0.0.1?", "ftp://[::1]"]
)
async def test_what_is_no_origin_is_refused(api: Running, origin: str) -> None:
    with pytest.raises(BadInput):
        await sign_in(api, origin=origin)


async def test_what_strangers_send_is_small_and_well_formed(api: Running) -> None:
    async with httpx.AsyncClient(base_url=api.url) as browser:
        for path in ("/v1/auth/challenge", "/v1/auth/session"):
            assert (await browser.post(path, content=b" " * (MAX_OPEN + 1))).status_code == 413
            assert (await browser.post(path, content=b"{}")).status_code == 400
            assert (await browser.get(path)).status_code == 401
        for message, signature in (
            ("x" * 5000, "00" * 65),
            ("hello", "00" * 65),
            ("hello", "00"),
            ("hello", "zz" * 65),
        ):
            answer = await browser.post("/v1/auth/session", json={"message": message, "signature": f"0x{signature}"})
            assert answer.status_code == 400 and answer.json()["detail"]
        assert (await browser.delete("/v1/auth/session")).status_code == 401


# ---- the rules themselves, at times of our choosing


def challenge(sessions: Sessions, now: float = NOW) -> SignIn:
    return SignIn.parse(sessions.challenge(OPERATOR, HERE, HOST, now).message)


def opened(sessions: Sessions, message: SignIn, now: float = NOW, key: PrivateKey = KEY) -> BrowserSession:
    return sessions.open(message.text, sign(key, message), HOST, now)


def test_the_nodes_own_wallet_needs_no_rule() -> None:
    assert "wants you to sign in" in Sessions(SignInSection()).challenge(BUYER, HERE, HOST, NOW).message
    with pytest.raises(Forbidden):
        Sessions(SignInSection()).challenge(OPERATOR, HERE, HOST, NOW)


def test_the_message_says_where_for_how_long_and_what_it_allows() -> None:
    message = challenge(Sessions(RULES))
    assert (message.scheme, message.domain, message.uri) == ("http", "127.0.0.1:9000", f"{HERE}/")
    assert message.chain_id == 31337 and message.address == checksummed(OPERATOR)
    assert re.search(r"8 hours.*spend its money", message.statement or "")
    assert SESSION_SECONDS == 8 * 3600


def test_a_message_signs_in_once() -> None:
    sessions = Sessions(RULES)
    message = challenge(sessions)
    opened(sessions, message)
    for later in (0, CHALLENGE_SECONDS - 1):
        with pytest.raises(Conflict, match="used"):
            opened(sessions, message, NOW + later)
    with pytest.raises(BadMessage):  # its nonce is forgotten only when it is too old anyway
        opened(sessions, message, NOW + CHALLENGE_SECONDS)


def test_a_message_is_good_for_five_minutes() -> None:
    sessions = Sessions(RULES)
    message = challenge(sessions)
    with pytest.raises(BadMessage, match="too old"):
        opened(sessions, message, NOW + CHALLENGE_SECONDS)
    assert sessions.admits(opened(sessions, message, NOW + CHALLENGE_SECONDS - 1).token, NOW)


def test_only_this_nodes_untouched_message_signed_by_its_account_opens() -> None:
    sessions = Sessions(RULES)
    message = challenge(sessions)
    with pytest.raises(BadSignature):
        opened(sessions, message, key=STRANGER)
    with pytest.raises(BadMessage, match="nonce"):
        opened(sessions, challenge(Sessions(RULES)))
    for bad, refusal in (
        (replace(message, nonce=message.nonce[:-1] + ("0" if message.nonce[-1] != "0" else "1")), BadMessage),
        (replace(message, nonce=message.nonce.upper()), BadMessage),
        (replace(message, nonce="12345678"), BadMessage),
        (replace(message, domain="evil.example"), Forbidden),
        (replace(message, scheme=None), BadMessage),
        (replace(message, uri="http://evil.example/"), BadMessage),
        (replace(message, chain_id=1), BadMessage),
        (replace(message, address=checksummed(address_of(STRANGER.public_key))), Forbidden),
    ):
        with pytest.raises(refusal):
            opened(sessions, bad)
    assert sessions.admits(opened(sessions, message).token, NOW), "what failed has used nothing up"


def test_a_session_ends_by_itself_and_the_oldest_makes_room() -> None:
    sessions = Sessions(RULES)
    tokens = [opened(sessions, challenge(sessions, NOW + n), NOW + n).token for n in range(MAX_SESSIONS + 1)]
    assert not sessions.admits(tokens[0], NOW + MAX_SESSIONS)
    assert all(sessions.admits(token, NOW + MAX_SESSIONS) for token in tokens[1:])
    assert sessions.admits(tokens[1], NOW + SESSION_SECONDS)
    assert not sessions.admits(tokens[1], NOW + 1 + SESSION_SECONDS)


@pytest.mark.parametrize("forged", ["", "fog1.", "fog1.x", TOKEN, "fog1." + "é" * 20])
def test_forged_sessions_are_refused(forged: str) -> None:
    assert not Sessions(RULES).admits(forged, NOW)


def test_asking_for_messages_costs_the_node_no_memory() -> None:
    sessions = Sessions(RULES)
    for _ in range(1000):
        challenge(sessions)
    assert not sessions._used and not sessions._open
