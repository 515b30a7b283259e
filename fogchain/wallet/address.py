"""Accounts' addresses as people write them. Inside they are lower case: `0x` and 40 hex digits."""

from __future__ import annotations

import re

from eth_hash.auto import keccak

from fogchain.errors import BadInput

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def parse_address(text: str) -> str:
    """In lower case. Raises BadInput for what is no address, and for capitals that do not add up (EIP-55): a typo."""
    if not _ADDRESS.fullmatch(text):
        raise BadInput(f"{text[:80]!r} is not an account's address", hint="it is 0x and 40 hex digits")
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and text != checksummed(text):
        raise BadInput(
            f"{text} has a wrong letter somewhere: its capitals, which are a checksum, do not match",
            hint="copy the address anew",
        )
    return text.lower()


def checksummed(address: str) -> str:
    """With the capitals of EIP-55."""
    digits = address[2:].lower()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit for digit, mark in zip(digits, marks, strict=False)
    )
