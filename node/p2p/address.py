"""Peer ids and the addresses they listen on, without libp2p: command line and trade use them too.

A peer id is the base58 text of an identity multihash over the protobuf form of the Ed25519 public key
(libp2p specs, peer-ids): `00 24 08 01 12 20 <32 bytes>`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from fogchain.errors import BadInput, BadMessage

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PREFIX = bytes.fromhex("002408011220")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}\.?)*")
_MAX_TEXT = 400


def peer_id_of(node_key: bytes) -> str:
    """A node's Ed25519 public key (32 bytes) as libp2p peer id. Raises BadMessage."""
    if len(node_key) != 32:
        raise BadMessage(f"a node key has 32 bytes, not {len(node_key)}")
    data = _PREFIX + node_key
    number = int.from_bytes(data, "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "1" + text  # the prefix starts with exactly one zero byte


def node_key_of(peer_id: str) -> bytes:
    """The Ed25519 public key in a peer id. Raises BadMessage, also for ids of other key types."""
    data = b""
    if 45 <= len(peer_id) <= 60 and all(character in _ALPHABET for character in peer_id):
        number = 0
        for character in peer_id:
            number = number * 58 + _ALPHABET.index(character)
        data = number.to_bytes(48, "big")[-38:]
    if not data.startswith(_PREFIX) or peer_id_of(data[6:]) != peer_id:
        raise BadMessage(f"{peer_id[:80]!r} is not the peer id of an Ed25519 key")
    return data[6:]


def short(peer_id: str) -> str:
    """For messages and logs: the characters that tell peers apart."""
    return f"…{peer_id[-8:]}"


@dataclass(frozen=True)
class PeerAddress:
    """A peer and where it listens: multiaddrs without the `/p2p/…` end, best first."""

    peer_id: str
    addrs: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> PeerAddress:
        """`/ip4/192.0.2.7/tcp/4001/p2p/12D3Koo…` (or ip6, dns, dns4, dns6). Raises BadInput."""
        hint = "write it like /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…"
        where, found, peer_id = text.strip().rpartition("/p2p/")
        if len(text) > _MAX_TEXT or not found:
            raise BadInput(f"{text[:80]!r} is not a peer's address: it lacks /p2p/<peer id>", hint=hint)
        try:
            node_key_of(peer_id)
        except BadMessage as error:
            raise BadInput(f"{text[:80]!r} is not a peer's address: {error.message}", hint=hint) from error
        check_addr(where)
        return cls(peer_id, (where,))

    def __str__(self) -> str:
        return ", ".join(self.full)

    @property
    def full(self) -> tuple[str, ...]:
        """The addresses with the peer id at their end."""
        return tuple(f"{addr}/p2p/{self.peer_id}" for addr in self.addrs)


@dataclass(frozen=True)
class PeerFound:
    """An address of a peer became known. Nobody has dialled it yet, so the peer may be gone or an impostor."""

    address: PeerAddress
    source: Literal["mdns", "bootstrap"]


@dataclass(frozen=True)
class PeerUp:
    """The peer is connected, has proved its key, and is on our network."""

    peer_id: str


@dataclass(frozen=True)
class PeerDown:
    """The last connection to a peer that was up is gone."""

    peer_id: str


PeerEvent = PeerFound | PeerUp | PeerDown


def check_addr(addr: str) -> str:
    """`/<ip4|ip6|dns|dns4|dns6>/<host>/tcp/<port>`, given back. Raises BadInput."""
    parts = addr.split("/") if len(addr) <= _MAX_TEXT else []
    hint = "only TCP addresses like /ip4/192.0.2.7/tcp/4001 are used"
    if len(parts) != 5 or parts[0] or parts[3] != "tcp":
        raise BadInput(f"{addr[:80]!r} is not a TCP address", hint=hint)
    kind, host, port = parts[1], parts[2], parts[4]
    try:
        if kind == "ip4":
            ipaddress.IPv4Address(host)
        elif kind == "ip6":
            ipaddress.IPv6Address(host)
        elif kind not in ("dns", "dns4", "dns6") or len(host) > 253 or not _HOST_NAME.fullmatch(host):
            raise ValueError("neither an IP address nor a host name")
    except ValueError as error:
        raise BadInput(f"{addr[:80]!r} names no host: {error}", hint=hint) from error
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise BadInput(f"{addr[:80]!r} has no port between 0 and 65535", hint=hint)
    return addr
