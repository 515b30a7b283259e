"""The wallet's key on disk, encrypted (Web3 Secret Storage version 3), and its password."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coincurve import PrivateKey

from fogchain.chain.deployment import write_atomically
from fogchain.config import PASSWORD_VARIABLE, DataFolder
from fogchain.errors import BadInput, Conflict, CorruptData, NotFound
from fogchain.recursion import limit_kept
from fogchain.wallet.eip712 import address_of

_SCRYPT_N = 1 << 18  # about a second; the field's usual strength
_LIGHT_N = 1 << 12


@dataclass(frozen=True, slots=True)
class Wallet:
    """An account; its key is never shown."""

    address: str  # lower case
    key: PrivateKey = field(repr=False)

    @classmethod
    def of(cls, key: PrivateKey) -> Wallet:
        return cls(address_of(key.public_key), key)


def create(path: Path, password: str, *, light: bool = False) -> Wallet:
    """A new key in a new file. Raises Conflict when there is a file, BadInput for an empty password.

    `light` spares processor time, for keys that guard nothing.
    """
    return _store(path, PrivateKey(), password, light)


def import_key(path: Path, key: bytes, password: str, *, light: bool = False) -> Wallet:
    """A given 32-byte key in a new file. Raises BadInput for what is no key, else as `create`."""
    try:
        if len(key) != 32:  # coincurve would fill up a shorter one: another account
            raise ValueError(f"{len(key)} bytes")
        secret = PrivateKey(key)
    except ValueError as error:
        raise BadInput(
            "that is not a secp256k1 key", hint="it is 32 bytes, not zero and below the curve's order"
        ) from error
    return _store(path, secret, password, light)


def load(path: Path, password: str) -> Wallet:
    """Raises NotFound without a file, BadInput for a wrong password, CorruptData for a file that is no keystore."""
    return _open(_read(path), password, path)


def open_keystore(content: bytes, password: str, name: Path) -> Wallet:
    """As `load`, for a keystore of any program that was read already; `name` is for messages."""
    return _open(_parse(content, name), password, name)


def _open(raw: dict[str, Any], password: str, path: Path) -> Wallet:
    with limit_kept():
        from eth_keyfile.keyfile import decode_keyfile_json  # takes a second to import

    try:
        key = decode_keyfile_json(raw, password.encode())
    except ValueError as error:
        if "MAC mismatch" in str(error):
            raise BadInput(
                f"the password does not open {path}",
                hint=f"it comes from the file `password` beside it, from ${PASSWORD_VARIABLE}, or is asked for",
            ) from error
        raise _corrupt(path, str(error)) from error
    except (KeyError, TypeError, AttributeError, NotImplementedError, MemoryError, OverflowError) as error:
        raise _corrupt(path, f"{type(error).__name__} in its fields") from error
    wallet = Wallet.of(PrivateKey(key))
    named = raw.get("address")
    if named is not None and str(named).lower().removeprefix("0x") != wallet.address[2:]:
        raise _corrupt(path, f"it says 0x{named} but holds the key of {wallet.address}")
    return wallet


def address_in(path: Path) -> str:
    """The account's address, without opening the keystore. Raises NotFound, CorruptData."""
    named = _read(path).get("address")
    if not isinstance(named, str) or len(named.removeprefix("0x")) != 40:
        raise _corrupt(path, "it names no address")
    return "0x" + named.removeprefix("0x").lower()


def find_password(folder: DataFolder) -> str | None:
    """From the folder's password file, else from $FOGCHAIN_PASSWORD; None when a person has to be asked."""
    try:
        return str(folder.password.read_text().rstrip("\r\n"))
    except FileNotFoundError:
        return os.environ.get(PASSWORD_VARIABLE)
    except (OSError, UnicodeDecodeError) as error:
        raise CorruptData(
            f"{folder.password} can't be read: {error}", hint="write the password anew, mode 0600"
        ) from error


def save_password(folder: DataFolder, password: str) -> None:
    """For nodes that start without a person; mode 0600."""
    write_atomically(folder.password, password.encode() + b"\n", 0o600)


def _store(path: Path, key: PrivateKey, password: str, light: bool) -> Wallet:
    with limit_kept():
        from eth_keyfile.keyfile import create_keyfile_json  # takes a second to import

    if not password:
        raise BadInput("the keystore needs a password", hint="an empty one protects nothing")
    if path.exists():
        raise _present(path)
    iterations = _LIGHT_N if light else _SCRYPT_N
    content = create_keyfile_json(key.secret, password.encode(), kdf="scrypt", iterations=iterations)
    _write_new(path, json.dumps(content).encode())
    return Wallet.of(key)


def _write_new(path: Path, content: bytes) -> None:
    """Whole or not at all, and never over a file that holds somebody's only key."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    write_atomically(temporary, content, 0o600)
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise _present(path) from error
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no wallet in {path}", hint="make one with `fogchain wallet new`") from error
    except OSError as error:
        raise _corrupt(path, str(error)) from error
    return _parse(content, path)


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _corrupt(path, str(error)) from error
    if not isinstance(raw, dict):
        raise _corrupt(path, "not an object")
    return raw


def _present(path: Path) -> Conflict:
    return Conflict(f"there is a wallet in {path} already", hint="use that one, or choose another file")


def _corrupt(path: Path, reason: str) -> CorruptData:
    return CorruptData(f"{path} is not a keystore: {reason}", hint="restore it from a backup")
