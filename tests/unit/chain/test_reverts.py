"""Every reason for which a contract refuses is told in words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from eth_abi.abi import encode

from fogchain.chain.abi import ErrorType, artifact
from fogchain.chain.deployment import CONTRACTS
from fogchain.chain.reverts import Reverted, explain

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = {
    "address": "0x" + "ab" * 20,
    "bytes32": b"challengeWindow".ljust(32, b"\0"),
    "uint8": 2,
    "uint40": 1_800_000_000,
}


def ours() -> list[ErrorType]:
    """The errors of ErrorsLib that a contract on the chain can give."""
    named = set(
        re.findall(r"^    error (\w+)\(", (ROOT / "contracts/libraries/ErrorsLib.sol").read_text(), re.MULTILINE)
    )
    found = {error.name: error for name in CONTRACTS.values() for error in artifact(name).errors.values()}
    return [found[name] for name in sorted(named & found.keys())]


def refusal(error: ErrorType) -> Reverted:
    values = [SAMPLES.get(kind, 1_800_000_000) for kind in error.inputs]
    return explain(error.selector + encode(error.inputs, values), "the call")


@pytest.mark.parametrize("error", ours(), ids=lambda error: error.name)
def test_an_error_is_told_in_words_without_its_name(error: ErrorType) -> None:
    told = refusal(error)
    assert told.name == error.name
    assert told.message.startswith("the call was refused: ")
    assert f"{error.name}(" not in told.message, "it has no words"
    assert " b'" not in told.message and "{" not in told.message + told.hint


def test_money_times_names_and_states_are_shown_as_such() -> None:
    errors = {error.name: error for error in ours()}
    assert "challengeWindow can't be 1800000000" in refusal(errors["OutOfBounds"]).message
    assert "2027-01-15 08:00:00 UTC" in refusal(errors["TooLate"]).message
    assert "is delivered" in refusal(errors["WrongState"]).message
    assert "0.0000000018 FOG" in refusal(errors["AbovePrice"]).message


def test_what_no_contract_of_ours_says_is_passed_on() -> None:
    assert explain(b"", "the call", "out of gas").message == "the call was refused: out of gas"
    assert explain(b"\x12\x34\x56\x78", "the call").message == "the call was refused: the contract gave no reason"
