"""`fogchain wallet`: the node's account."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.lazy import new_app
from fogchain.cli.options import Data, Json, Key, Yes, folder_of
from fogchain.errors import BadInput, Conflict, FogchainError, Unavailable
from fogchain.folder import PASSWORD_VARIABLE, DataFolder

app = new_app(no_args_is_help=True, help="The node's account: key, balances, transfers.")

Amount = Annotated[str, typer.Argument(help='With its unit: "1.5 FOG".')]


Ask = Annotated[bool, typer.Option("--ask", help="Ask for a password, instead of making and keeping one.")]
Light = Annotated[bool, typer.Option("--light", help="Encrypt the key cheaply: for wallets that guard nothing.")]


@app.command()
def new(data: Data = None, ask: Ask = False, light: Light = False, as_json: Json = False) -> None:
    """Make a wallet in the data folder.

    `fogchain node init` then uses it. The password comes from $FOGCHAIN_PASSWORD; else a random one is made and kept in
    the folder, readable by you alone, so that the node can start by itself.
    """
    _make(folder_of(data), None, ask, light, as_json)


@app.command("import")
def import_(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A private key as 64 hex digits, or a keystore; - reads it here."),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the given keystore's password is, if not asked for.")
    ] = None,
    data: Data = None,
    ask: Ask = False,
    light: Light = False,
    as_json: Json = False,
) -> None:
    """Make the data folder's wallet from a key that you have.

    The key is read from a file, from standard input, or asked for without showing it; never from the command line,
    which other programs can see. It is encrypted anew, under a password as for `fogchain wallet new`.
    """
    from fogchain.cli.keys import read_secret

    folder = folder_of(data)
    _refuse_second(folder)
    _make(folder, read_secret(source, password_file), ask, light, as_json)


def _make(folder: DataFolder, key: bytes | None, ask: bool, light: bool, as_json: bool) -> None:
    from fogchain.cli.keys import new_password
    from fogchain.wallet import keystore

    _refuse_second(folder)
    password = new_password(ask)
    folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if key is None:
        wallet = keystore.create(folder.keystore, password, light=light)
    else:
        wallet = keystore.import_key(folder.keystore, key, password, light=light)
    kept = not ask and not os.environ.get(PASSWORD_VARIABLE)
    if kept:
        keystore.save_password(folder, password)
    if as_json:
        output.say_json({"address": wallet.address, "keystore": str(folder.keystore)})
        return
    output.facts(
        [
            ("address", output.bold(wallet.address)),
            ("keystore", str(folder.keystore)),
            ("password", f"in {folder.password}; keep a copy of both" if kept else "yours; nobody can restore it"),
        ]
    )


def _refuse_second(folder: DataFolder) -> None:
    if folder.keystore.exists():
        raise Conflict(
            f"there is a wallet in {folder.keystore} already", hint="use that one, or another folder with --data"
        )


@app.command()
def show(data: Data = None, as_json: Json = False) -> None:
    """Address and balances.

    From the running node; without one, from the chain itself.
    """
    folder = folder_of(data)
    try:
        view = {**_from_node(folder), "source": "node"}
    except Unavailable as error:
        view = _without_node(folder, error)
    if as_json:
        output.say_json(view)
        return
    rows = [("address", output.bold(view["address"]))]
    names = {
        "token": "in the wallet", "free": "in the market",
        "promised": "of it promised", "locked": "locked in jobs", "earned": "earned",
        "fees": "fees kept back", "unclaimed": "not yet claimed", "spent": "spent", "bonded": "bonded",
        "unbonding": "unbonding", "rewards": "rewards", "eth": "gas",
    }  # fmt: skip
    for field, name in names.items():
        if view.get(field) is not None:
            rows.append((name, (output.eth if field == "eth" else output.fog)(view[field])))
    output.facts(rows)
    if view["source"] != "node":
        output.note(output.dim(view["remark"]))


@app.command()
def deposit(amount: Amount, key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Bring FOG from the wallet into the market.

    There it pays for jobs.
    """
    _move("deposit", amount, key, data, as_json)


@app.command()
def withdraw(amount: Amount, key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Take FOG from the market back into the wallet.

    What is locked in running jobs stays, and what is promised to those that are paid in a batch.
    """
    _move("withdraw", amount, key, data, as_json)


@app.command()
def send(
    address: Annotated[str, typer.Argument(help="Who gets it.")],
    amount: Annotated[str, typer.Argument(help='With its unit: "1.5 FOG" or "0.1 ETH".')],
    key: Key = None,
    yes: Yes = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Send FOG or ETH from the wallet to another account.

    Waits until it is in a block. What was sent can't be called back. The running node sends it; without one, this
    command does.
    """
    from fogchain.cli import send as sending
    from fogchain.cli.once import key_or_new
    from fogchain.units import parse_coin
    from fogchain.wallet.address import checksummed, parse_address

    to, coin = parse_address(address), parse_coin(amount)
    if not yes:
        if not output.on_terminal():
            raise BadInput(f"this sends {coin} for good, and nobody is there to agree", hint="add --yes")
        if not output.confirm(f"Send {coin} to {checksummed(to)}?"):
            raise typer.Exit(1)
    key = key_or_new(key)
    sent = sending.send(folder_of(data), to, coin, key)
    if as_json:
        output.say_json({**sent, "key": key})
        return
    output.say(f"{coin} sent to {checksummed(to)}")
    output.facts([("transaction", sent["hash"]), ("block", str(sent["block"])), ("fee", output.eth(sent["fee"]))])


@app.command()
def statement(
    first: Annotated[
        str | None, typer.Option("--from", metavar="WHEN", help='"2026-11-27", or "2026-11-27T14:30" in UTC.')
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="WHEN", help="The same; a day is taken whole.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write it all there; - prints it.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Every deposit, payment, fee and refund, with the balances after it.

    From the chain's events alone, up to what the running node has seen of them. Times are UTC.
    """
    from fogchain.cli.statement import show_statement

    show_statement(folder_of(data), first, last, csv, as_json)


def _move(what: str, amount: str, key: str | None, data: Path | None, as_json: bool) -> None:
    import json

    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to
    from fogchain.cli.once import key_or_new, post_once
    from fogchain.units import format_fog, parse_fog

    exact, folder, key = format_fog(parse_fog(amount)), folder_of(data), key_or_new(key)
    rest_to(folder).json("GET", path_of("node"))  # without a node nothing is tried
    view = post_once(folder, path_of("wallet", what), json.dumps({"amount": exact}).encode(), key)
    if as_json:
        output.say_json({**view, "key": key})
        return
    done = "deposited" if what == "deposit" else "withdrawn"
    output.say(f"{exact} {done}: {output.fog(view['free'])} in the market, {output.fog(view['token'])} in the wallet")


def _from_node(folder: DataFolder) -> dict[str, Any]:
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    return dict(rest_to(folder).json("GET", path_of("wallet")))


def _without_node(folder: DataFolder, down: Unavailable) -> dict[str, Any]:
    """The address from the keystore, and balances if the chain answers. Raises NotFound without a wallet."""
    import asyncio

    from fogchain.wallet.keystore import address_in

    address = address_in(folder.keystore)
    try:
        balances = asyncio.run(_from_chain(folder, address))
    except FogchainError as error:
        remark = f"{down.message}, and the chain can't be asked: {error.message}"
        return {"address": address, "source": "keystore", "remark": remark}
    return {"address": address, **balances, "source": "chain", "remark": f"{down.message}: balances are the chain's"}


async def _from_chain(folder: DataFolder, address: str) -> dict[str, Any]:
    import asyncio

    from fogchain.chain.client import ChainClient
    from fogchain.chain.deployment import Deployment
    from fogchain.config import load_config
    from fogchain.units import format_eth, format_fog

    config = load_config(folder)
    client = ChainClient(config.chain.rpc_url, Deployment.load(config.chain.deployment))
    try:
        await client.connect()
        token, free, locked, bond, eth = await asyncio.gather(
            client.token_balance(address),
            client.free_balance(address),
            client.locked_balance(address),
            client.bond(address),
            client.eth_balance(address),
        )
    finally:
        await client.close()
    unbonding = bond.slashable - bond.bonded
    amounts = {"token": token, "free": free, "locked": locked, "bonded": bond.bonded, "unbonding": unbonding}
    amounts["rewards"] = bond.rewards
    return {name: format_fog(amount) for name, amount in amounts.items()} | {"eth": format_eth(eth)}
