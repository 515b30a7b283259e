"""Sending FOG or ETH out of the wallet, to where it can be used again."""

from __future__ import annotations

from fogchain.chain.calls import Calls
from fogchain.chain.client import ChainClient
from fogchain.chain.ledger import NOBODY
from fogchain.chain.sender import Sender, TxResult
from fogchain.errors import BadInput, PaymentRequired
from fogchain.units import Coin, format_eth, format_fog

_WAYS_IN = {"FogMarket": "`fogchain wallet deposit`", "FogStake": "`fogchain stake bond`"}


def check_recipient(client: ChainClient, sender: str, to: str) -> None:
    """Raises BadInput for addresses where the money would be lost, and for the sender itself."""
    if to == NOBODY:
        raise BadInput("nobody owns the address 0x00…00: what is sent there is lost", hint="check the address")
    if to == sender:
        raise BadInput("that is this wallet's own address", hint="name the account that is to get it")
    for name, address in client.deployment.addresses.items():
        if to == address.lower():
            way = _WAYS_IN.get(name)
            raise BadInput(
                f"{to} is the contract {name}: what is sent there is lost",
                hint=f"use {way} instead" if way else "check the address",
            )


async def transfer(client: ChainClient, sender: Sender, to: str, amount: Coin, key: str) -> TxResult:
    """Resolves when mined; the same `key` sends once, however often and after however many restarts it is asked for.

    Raises BadInput for a recipient that can't use it, PaymentRequired, Conflict when the key was used for something
    else; and as `Sender.send`.
    """
    tag, calls = f"send:{key}", Calls(client.deployment)
    call = calls.transfer(to, amount.amount) if amount.unit == "FOG" else calls.pay(to, amount.amount)
    if not sender.knows(tag):
        check_recipient(client, sender.address, to)
        if amount.amount == 0:
            raise BadInput("nothing to send", hint="give an amount above 0")
        ask, show = (client.token_balance, format_fog) if amount.unit == "FOG" else (client.eth_balance, format_eth)
        there = await ask(sender.address)
        if amount.amount > there:
            raise PaymentRequired(f"the wallet holds {show(there, 6)}, less than {amount}", hint="send less")
    return await sender.send(call, tag=tag)
