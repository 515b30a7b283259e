"""Who signed in with a wallet: the messages to sign, and the sessions that a signature opens.

A challenge costs the node no memory: its nonce is a time under this process's own key. Only nonces that opened a
session are kept, until they are too old anyway. Sessions live in memory: a restart of the node ends them all.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from fogchain.api.models import SESSION_PREFIX, BrowserSession, Challenge
from fogchain.config import SignInSection
from fogchain.errors import BadInput, BadMessage, Conflict, Forbidden
from fogchain.wallet.address import checksummed
from fogchain.wallet.siwe import SignIn, format_time

CHALLENGE_SECONDS = 300  # to sign
SESSION_SECONDS = 8 * 3600
MAX_SESSIONS = 64  # the oldest makes room
STATEMENT = "Sign in to your fogchain node. For 8 hours, this browser may see all of it and spend its money."

_MAC = 12  # bytes
_RANDOM = 12


@dataclass(frozen=True, slots=True)
class Host:
    """Of whom the sessions are: the node's own wallet and chain."""

    address: str
    chain_id: int


class Sessions:
    """The time is passed in, in Unix seconds."""

    def __init__(self, rules: SignInSection) -> None:
        self._operators, self._panels = frozenset(rules.operators), frozenset(rules.panels)
        self._key = secrets.token_bytes(32)
        self._used: dict[str, float] = {}  # nonce: until when it would be good
        self._open: dict[bytes, float] = {}  # token's hash: expiry; oldest first

    def challenge(self, address: str, origin: str, host: Host, now: float) -> Challenge:
        """The message that `address` has to sign to sign in at `origin`. Raises Forbidden."""
        self._check_account(address, host)
        scheme, domain, uri = self._place(origin)
        nonce = self._nonce(now)
        message = SignIn(
            domain=domain,
            address=checksummed(address),
            uri=uri,
            chain_id=host.chain_id,
            nonce=nonce,
            issued_at=format_time(now),
            scheme=scheme,
            statement=STATEMENT,
            expiration=format_time(now + CHALLENGE_SECONDS),
        )
        return Challenge(message=message.text, expires=int(now) + CHALLENGE_SECONDS)

    def open(self, text: str, signature: bytes, host: Host, now: float) -> BrowserSession:
        """A session for who signed a challenge. Raises BadMessage, BadSignature, Forbidden, and Conflict for one that
        was used before."""
        message = SignIn.parse(text)
        address = message.address.lower()
        self._check_account(address, host)
        scheme, domain, uri = self._place(f"{message.scheme or 'https'}://{message.domain}")
        self._check_nonce(message.nonce, now)
        message.check(
            signature, domain=domain, scheme=scheme, uri=uri, chain_id=host.chain_id, nonce=message.nonce, now=now
        )
        self._used = {nonce: until for nonce, until in self._used.items() if until > now}
        if message.nonce in self._used:
            raise Conflict("this message was used to sign in already", hint="sign in again, with a new one")
        self._used[message.nonce] = now + CHALLENGE_SECONDS + 1
        token = SESSION_PREFIX + secrets.token_urlsafe(32)
        self._open = {known: until for known, until in self._open.items() if until > now}
        while len(self._open) >= MAX_SESSIONS:
            del self._open[next(iter(self._open))]
        self._open[_digest(token)] = now + SESSION_SECONDS
        return BrowserSession(token=token, address=address, expires=int(now) + SESSION_SECONDS)

    def admits(self, token: str, now: float) -> bool:
        return token.startswith(SESSION_PREFIX) and self._open.get(_digest(token), 0.0) > now

    def close(self, token: str) -> None:
        """Sign out; nothing happens to a session that is not open."""
        self._open.pop(_digest(token), None)

    def _check_account(self, address: str, host: Host) -> None:
        if address != host.address.lower() and address not in self._operators:
            raise Forbidden(
                f"{checksummed(address)} may not sign in to this node",
                hint="use the node's own wallet, or add this one to `operators` under [signin] in the node's "
                "config.toml and restart it",
            )

    def _place(self, origin: str) -> tuple[str | None, str, str]:
        """Scheme, domain and URI for the message. A wallet warns its owner when the page that asks is elsewhere, so
        only places known to be ours may be written there: else another site could have our message signed."""
        parts = urlsplit(origin)
        if f"{parts.scheme}://{parts.netloc}" != origin or parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"{origin!r} is no origin", hint="it is like https://panel.example")
        if origin not in self._panels and not _loopback(parts.hostname):
            raise Forbidden(
                f"signing in with a wallet is not allowed at {origin}",
                hint=f'add "{origin}" to `panels` under [signin] in the node\'s config.toml and restart it',
            )
        return (None if parts.scheme == "https" else parts.scheme), parts.netloc, f"{origin}/"

    def _nonce(self, now: float) -> str:
        head = int(now).to_bytes(5, "big") + secrets.token_bytes(_RANDOM)
        return (head + self._mac(head)).hex()

    def _check_nonce(self, nonce: str, now: float) -> None:
        try:
            raw = bytes.fromhex(nonce)
        except ValueError:
            raw = b""
        head, mac = raw[:-_MAC], raw[-_MAC:]
        if len(head) != 5 + _RANDOM or nonce != raw.hex() or not hmac.compare_digest(self._mac(head), mac):
            raise BadMessage("the message's nonce is not from this node, or from before its restart", hint="try again")
        if int.from_bytes(head[:5], "big") + CHALLENGE_SECONDS <= now:
            raise BadMessage("the message is too old", hint="sign in again")

    def _mac(self, head: bytes) -> bytes:
        return hmac.digest(self._key, head, "sha256")[:_MAC]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
