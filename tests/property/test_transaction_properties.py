"""Our transactions are, byte for byte, those of eth_account."""

from __future__ import annotations

from coincurve import PrivateKey
from eth_account import Account
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from fogchain.chain.transaction import Fees, created_address, sign_transaction
from fogchain.wallet.eip712 import address_of

NUMBERS = st.one_of(st.integers(0, 300), st.integers(0, 2**63))
ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
KEYS = st.binary(min_size=32, max_size=32).filter(lambda raw: 0 < int.from_bytes(raw, "big") < 2**255)


@given(
    key=KEYS,
    chain=st.integers(1, 2**53),
    nonce=NUMBERS,
    tip=NUMBERS,
    more=NUMBERS,
    gas=st.integers(21_000, 2**40),
    to=st.one_of(st.none(), ADDRESSES),
    data=st.one_of(st.binary(max_size=3), st.binary(max_size=400), st.binary(min_size=70_000, max_size=70_001)),
    value=NUMBERS,
)
@settings(max_examples=60, deadline=None)
def test_signed_as_eth_account_signs(
    key: bytes, chain: int, nonce: int, tip: int, more: int, gas: int, to: str | None, data: bytes, value: int
) -> None:
    fields = {
        "type": 2,
        "chainId": chain,
        "nonce": nonce,
        "maxPriorityFeePerGas": tip,
        "maxFeePerGas": tip + more,
        "gas": gas,
        "to": to_checksum_address(to) if to else b"",
        "data": data,
        "value": value,
    }
    theirs = Account.sign_transaction(fields, key)
    ours = sign_transaction(PrivateKey(key), chain, nonce, Fees(tip + more, tip), gas, to, data, value)
    assert ours.raw == bytes(theirs.raw_transaction)
    assert ours.hash == "0x" + bytes(theirs.hash).hex()
    assert Account.recover_transaction(ours.raw).lower() == address_of(PrivateKey(key).public_key)


def test_the_address_of_a_created_contract() -> None:
    # anvil's, geth's and hardhat's first development account, as every local deployment shows
    deployer = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    assert created_address(deployer, 0) == "0x5fbdb2315678afecb367f032d93f642f64180aa3"
    assert created_address(deployer, 1) == "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"


@given(most=NUMBERS, tip=NUMBERS, wanted_most=NUMBERS, wanted_tip=NUMBERS)
def test_a_replacement_offers_at_least_an_eighth_more_of_both(
    most: int, tip: int, wanted_most: int, wanted_tip: int
) -> None:
    raised = Fees(most, tip).raised(Fees(wanted_most, wanted_tip))
    assert raised.most * 8 >= most * 9
    assert raised.tip * 8 >= tip * 9
    assert raised.most >= wanted_most
    assert raised.tip > tip
