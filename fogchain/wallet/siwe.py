"""Sign-In with Ethereum: the message a wallet signs to sign in, read strictly, and its check. Pure.

    [scheme://]domain wants you to sign in with your Ethereum account:
    address
    <empty>
    [statement]
    <empty>
    URI: uri
    Version: 1
    Chain ID: chain_id
    Nonce: nonce
    Issued At: issued_at
    [Expiration Time: expiration]
    [Not Before: not_before]
    [Request ID: request_id]
    [Resources:
    - uri …]

Source: ERC-4361 (message), ERC-191 (what is signed), EIP-55 (the address's capitals), RFC 3986, RFC 3339.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from coincurve import PrivateKey
from eth_hash.auto import keccak

from fogchain.errors import BadMessage, BadSignature
from fogchain.wallet.address import checksummed
from fogchain.wallet.eip712 import recover_digest, sign_digest

MAX_BYTES = 4096
CLOCK_SKEW = 60.0  # s by which a message may come from the future: it is written by one clock and read by another

_FIRST = " wants you to sign in with your Ethereum account:"

# RFC 3986; each part is possessive or anchored by a character outside its class, so that no input backtracks far
_PCHAR = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_HOST = r"(?:\[[0-9A-Fa-f:.]{2,45}\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*+)"
_USER = r"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?"
_SCHEME = r"[A-Za-z][A-Za-z0-9+\-.]*+"
_AUTHORITY = rf"{_USER}{_HOST}(?::[0-9]*+)?"
_PATH = rf"(?:{_PCHAR}|/)*+"
_URI = rf"{_SCHEME}:(?://{_AUTHORITY}(?=[/?#\n]|\Z)|(?!//)){_PATH}(?:\?(?:{_PCHAR}|[/?])*+)?(?:#(?:{_PCHAR}|[/?])*+)?"
_DATE, _FRACTION, _ZONE = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}",
    r"\.[0-9]+",
    r"[Zz]|[+\-][0-9]{2}:[0-9]{2}",
)
_TIME = rf"{_DATE}:[0-9]{{2}}(?:{_FRACTION})?(?:{_ZONE})"
_STATEMENT = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;= ]*+"

_MESSAGE = re.compile(
    rf"(?:(?P<scheme>{_SCHEME})://)?(?P<domain>(?! ){_AUTHORITY}){_FIRST}\n"
    r"(?P<address>0x[0-9A-Fa-f]{40})\n"
    r"\n"
    rf"(?:(?P<statement>{_STATEMENT})\n)?"
    r"\n"
    rf"URI: (?P<uri>{_URI})\n"
    r"Version: 1\n"
    r"Chain ID: (?P<chain_id>0|[1-9][0-9]{0,18})\n"
    r"Nonce: (?P<nonce>[A-Za-z0-9]{8,})\n"
    rf"Issued At: (?P<issued_at>{_TIME})"
    rf"(?:\nExpiration Time: (?P<expiration>{_TIME}))?"
    rf"(?:\nNot Before: (?P<not_before>{_TIME}))?"
    rf"(?:\nRequest ID: (?P<request_id>{_PCHAR}*+))?"
    rf"(?P<resources>\nResources:(?:\n- {_URI})*+)?"
)
_CLOCK = re.compile(rf"({_DATE}):([0-9]{{2}})({_FRACTION})?({_ZONE})")


@dataclass(frozen=True, slots=True)
class SignIn:
    """The message's fields; times as they were written. None: the line is not there."""

    domain: str  # host and port that asks
    address: str  # with the capitals of EIP-55
    uri: str
    chain_id: int
    nonce: str
    issued_at: str
    scheme: str | None = None
    statement: str | None = None
    expiration: str | None = None
    not_before: str | None = None
    request_id: str | None = None
    resources: tuple[str, ...] | None = None

    @property
    def text(self) -> str:
        """What is shown to the person and signed."""
        lines = [f"{self.scheme}://" if self.scheme is not None else ""]
        lines[0] += self.domain + _FIRST
        lines += [self.address, ""]
        lines += [self.statement] if self.statement is not None else []
        lines += ["", f"URI: {self.uri}", "Version: 1", f"Chain ID: {self.chain_id}", f"Nonce: {self.nonce}"]
        lines.append(f"Issued At: {self.issued_at}")
        for name, value in (
            ("Expiration Time", self.expiration), ("Not Before", self.not_before), ("Request ID", self.request_id),
        ):  # fmt: skip
            lines += [f"{name}: {value}"] if value is not None else []
        if self.resources is not None:
            lines += ["Resources:", *(f"- {resource}" for resource in self.resources)]
        return "\n".join(lines)

    @classmethod
    def parse(cls, text: str) -> SignIn:
        """The inverse of `text`. Raises BadMessage for anything that ERC-4361's grammar does not allow, for an address
        without its capitals, and for more than 4096 bytes."""
        if len(text) > MAX_BYTES:
            raise BadMessage(f"a sign-in message has at most {MAX_BYTES} characters, not {len(text)}")
        match = _MESSAGE.fullmatch(text)
        if match is None:
            raise BadMessage("that is no sign-in message (ERC-4361)", hint="sign the node's message as it came")
        parts: dict[str, Any] = match.groupdict()
        resources = parts.pop("resources")
        listed = tuple(line[2:] for line in resources.split("\n")[2:]) if resources is not None else None
        found = cls(**{**parts, "chain_id": int(parts["chain_id"])}, resources=listed)
        if found.address != checksummed(found.address):
            raise BadMessage(f"{found.address} is not written with the capitals of EIP-55")
        for when in (found.issued_at, found.expiration, found.not_before):
            if when is not None:
                parse_time(when)
        return found

    def check(
        self, signature: bytes, *, domain: str, scheme: str | None, uri: str, chain_id: int, nonce: str, now: float
    ) -> None:
        """Raises BadMessage unless this was written for exactly this place, chain and nonce, and holds at `now`;
        BadSignature unless its account, the owner of a key, signed it."""
        for name, found, wanted in (
            ("domain", self.domain, domain), ("scheme", self.scheme, scheme), ("URI", self.uri, uri),
            ("chain", self.chain_id, chain_id), ("nonce", self.nonce, nonce),
        ):  # fmt: skip
            if found != wanted:
                raise BadMessage(f"the message is for {name} {found!s:.100}, not {wanted!s:.100}")
        if parse_time(self.issued_at) > now + CLOCK_SKEW:
            raise BadMessage(f"the message is from the future: {self.issued_at}", hint="set the clock right")
        if self.expiration is not None and parse_time(self.expiration) <= now:
            raise BadMessage(f"the message was good until {self.expiration}", hint="sign in again")
        if self.not_before is not None and parse_time(self.not_before) > now:
            raise BadMessage(f"the message is good only from {self.not_before} on", hint="sign in then")
        signer = recover_digest(digest(self.text), _with_v27(signature))
        if signer != self.address.lower():
            raise BadSignature(
                f"the message is signed by {signer}, not by {self.address}",
                hint="sign with the account that the message names; accounts that are contracts can't sign in",
            )


def digest(text: str) -> bytes:
    """What `personal_sign` signs (ERC-191, version 0x45)."""
    raw = text.encode()
    return bytes(keccak(b"\x19Ethereum Signed Message:\n" + str(len(raw)).encode() + raw))


def sign(key: PrivateKey, message: SignIn) -> bytes:
    return sign_digest(key, digest(message.text))


def parse_time(text: str) -> float:
    """RFC 3339 to Unix seconds. Raises BadMessage for a time that no calendar has."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise BadMessage(f"{text[:40]!r} is not a time", hint="write it like 2026-01-31T12:00:00Z")
    date, second, fraction, zone = match.groups()
    leap = second == "60"  # RFC 3339 allows it, Python does not
    try:
        when = datetime.fromisoformat(f"{date}:{'59' if leap else second}{zone}".upper())
        return when.timestamp() + leap + float(fraction or 0)
    except (ValueError, OverflowError) as error:
        raise BadMessage(f"{text[:40]!r} is not a time: {error}") from error


def format_time(when: float) -> str:
    """Unix seconds to RFC 3339, whole seconds, UTC."""
    return datetime.fromtimestamp(int(when), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _with_v27(signature: bytes) -> bytes:
    """Hardware wallets end a signature in 0 or 1 where others say 27 or 28."""
    if len(signature) == 65 and signature[64] in (0, 1):
        return signature[:64] + bytes([signature[64] + 27])
    return signature
