"""One-time codes by which devices join: made at the gateway, which keeps their hashes alone; read at the device. Pure.

A code is `fog1-` and base32 (RFC 4648, lower case, no padding) of

    deterministic CBOR of [1, network, gateway's node key (32 bytes), [address, …], secret (16 bytes)] ‖ check

where `check` is the first 4 bytes of the SHA-256 of what stands before it, so that a mistyped code is known as such
before anybody is asked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from fogchain import cbor
from fogchain.errors import BadInput, BadMessage

PREFIX = "fog1-"
SECRET_BYTES = 16  # 128 bits: nobody guesses one in its ten minutes
VALID = 600.0  # seconds
MOST_OPEN = 64  # codes that can be used at once
MOST_ADDRESSES = 12
MAX_LENGTH = 4096  # characters
_CHECK = 4
_VERSION = 1
_HINT = "have the gateway make a new one: `fogchain fleet invite`"

Verdict: TypeAlias = Literal["good", "unknown", "used", "expired"]


@dataclass(frozen=True, slots=True)
class Code:
    """What a device has to know to find its gateway and be let in."""

    network: str
    gateway: bytes  # its node key
    addresses: tuple[str, ...]  # multiaddrs without /p2p/…, best first
    secret: bytes

    def __str__(self) -> str:
        body = cbor.dumps([_VERSION, self.network, self.gateway, list(self.addresses), self.secret])
        text = base64.b32encode(body + _check(body)).decode()
        return PREFIX + text.rstrip("=").lower()

    @classmethod
    def parse(cls, text: str) -> Code:
        """Blanks, line ends and capitals don't matter. Raises BadInput."""
        text = "".join(text.split()).lower()
        if not text.startswith(PREFIX) or len(text) > MAX_LENGTH:
            raise BadInput(f"a code to join a fleet begins with {PREFIX!r}", hint=_HINT)
        letters = text.removeprefix(PREFIX).upper()
        try:
            data = base64.b32decode(letters + "=" * (-len(letters) % 8))
        except ValueError as error:
            raise BadInput("the code is mistyped or cut off", hint="copy it again, all of it") from error
        body, check = data[:-_CHECK], data[-_CHECK:]
        if not body or not hmac.compare_digest(_check(body), check):
            raise BadInput("the code is mistyped or cut off", hint="copy it again, all of it")
        try:
            return cls._read(cbor.loads(body, MAX_LENGTH))
        except (BadMessage, ValueError, TypeError) as error:
            raise BadInput("the code is of another version", hint=_HINT) from error

    @classmethod
    def _read(cls, value: Any) -> Code:
        version, network, gateway, addresses, secret = value
        sound = (
            (version, type(network), type(gateway), type(addresses), type(secret))
            == (_VERSION, str, bytes, list, bytes)
            and len(gateway) == 32
            and len(secret) == SECRET_BYTES
            and 0 < len(addresses) <= MOST_ADDRESSES
            and all(isinstance(address, str) for address in addresses)
        )
        if not sound:
            raise BadMessage("not a code")
        return cls(network, gateway, tuple(addresses), secret)


@dataclass(frozen=True, slots=True)
class Issued:
    """A code as the gateway knows it. `issued`: Unix seconds; `used_by`: a peer id, empty while it was not used."""

    digest: bytes
    issued: float
    name: str = ""  # that the device will have
    used_by: str = ""

    def verdict(self, now: float) -> Verdict:
        """A clock that was put back makes no code live longer."""
        if self.used_by:
            return "used"
        return "good" if 0 <= now - self.issued < VALID else "expired"


def digest_of(secret: bytes) -> bytes:
    return hashlib.sha256(b"fogchain/fleet/code/1\0" + secret).digest()


def find(known: Iterable[Issued], secret: bytes) -> Issued | None:
    """The code of this secret; every one is compared, each in the same time."""
    digest, found = digest_of(secret), None
    for issued in known:
        if hmac.compare_digest(issued.digest, digest):
            found = issued
    return found


def open_codes(known: Sequence[Issued], now: float) -> int:
    return sum(issued.verdict(now) == "good" for issued in known)


def _check(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_CHECK]
