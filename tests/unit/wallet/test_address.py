"""Addresses as people write them: any case in, and capitals that give a typo away."""

from __future__ import annotations

import pytest

from fogchain.errors import BadInput
from fogchain.wallet.address import checksummed, parse_address

# EIP-55's own examples
EXAMPLES = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_standards_examples(example: str) -> None:
    assert checksummed(example.lower()) == example
    for written in (example, example.lower(), "0x" + example[2:].upper()):
        assert parse_address(written) == example.lower()


def test_a_changed_digit_or_capital_is_found_out() -> None:
    good = EXAMPLES[2]
    for wrong in (good[:-1] + "e", good[:2] + "6" + good[3:], good.replace("F", "f", 1)):
        with pytest.raises(BadInput, match="capitals"):
            parse_address(wrong)


@pytest.mark.parametrize("wrong", ["", "0x", "nobody.eth", "0x" + "1" * 39, "0x" + "1" * 41, "1" * 40, "0x" + "g" * 40])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(BadInput, match="not an account's address"):
        parse_address(wrong)
