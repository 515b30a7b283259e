"""Private keys as people bring them: typed, in a file, through a pipe; bare or as another program's keystore.

Never as an argument: those are seen by every process of the machine and kept by shells.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

import typer

from fogchain.cli import output
from fogchain.errors import BadInput
from fogchain.folder import PASSWORD_VARIABLE

MAX_BYTES = 64 << 10


def read_secret(source: Path | None, password_file: Path | None) -> bytes:
    """The key's 32 bytes, not yet checked. `source`: a file, `-` for standard input, None to ask. Raises BadInput."""
    text = _ask_for_key() if source is None else _read(source)
    if text.lstrip().startswith("{"):
        return _from_keystore(text, source, password_file)
    try:
        return bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError as error:
        raise BadInput("that is no private key", hint="a key is 64 hex digits, or a keystore file (JSON)") from error


def new_password(ask: bool) -> str:
    """For a new keystore: $FOGCHAIN_PASSWORD, else asked for, else random."""
    given = os.environ.get(PASSWORD_VARIABLE)
    if given:
        return given
    if not ask:
        return secrets.token_urlsafe(24)
    return str(typer.prompt("Password for the new wallet", hide_input=True, confirmation_prompt=True, err=True))


def _ask_for_key() -> str:
    if not output.on_terminal():
        raise BadInput("nobody is there to type the key", hint="name its file, or - to read it from standard input")
    return str(typer.prompt("Private key, 64 hex digits (not shown)", hide_input=True, err=True))


def _read(source: Path) -> str:
    try:
        if str(source) == "-":
            return sys.stdin.read(MAX_BYTES)
        with source.open(encoding="utf-8") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise BadInput(f"the key file {source} can't be read: {error.strerror}", hint="check its path") from error
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{source} holds no private key", hint="a key is 64 hex digits, or a keystore file (JSON)"
        ) from error


def _from_keystore(text: str, source: Path | None, password_file: Path | None) -> bytes:
    from fogchain.wallet import keystore

    name = source if source is not None and str(source) != "-" else Path("what was given")
    password = _old_password(password_file)
    try:
        return keystore.open_keystore(text.encode(), password, name).key.secret
    except BadInput as error:
        raise BadInput(error.message, hint="give the password that this keystore was made with") from error


def _old_password(file: Path | None) -> str:
    if file is not None:
        return _read(file).rstrip("\r\n")
    if not output.on_terminal():
        raise BadInput("the keystore's password is not known", hint="name the file it is in with --password-file")
    return str(typer.prompt("The keystore's password", hide_input=True, err=True))
