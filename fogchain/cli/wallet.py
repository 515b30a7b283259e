"""`fogchain wallet`: the node's account."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.lazy import new_app
from fogchain.cli.options import Data, Json, folder_of
from fogchain.errors import BadInput, Conflict, FogchainError, Unavailable
from fogchain.folder import PASSWORD_VARIABLE, DataFolder

app = new_app(no_args_is_help=True, help="The node's account: balances, deposit, withdrawal.")

Amount = Annotated[str, typer.Argument(help='With its unit: "1.5 FOG".')]


@app.command()
def new(
    data: Data = None,
    key_file: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="A private key as 64 hex digits; - reads it here.")
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask for a password, instead of making and keeping one.")] = False,
    light: Annotated[
        bool, typer.Option("--light", help="Encrypt the key cheaply: for wallets that guard nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a wallet in the data folder.

    `fogchain node init` then uses it. The password comes from $FOGCHAIN_PASSWORD; else a random one is made and kept in
    the folder, readable by you alone, so that the node can start by itself.
    """
    from fogchain.wallet import keystore

    folder = folder_of(data)
    if folder.keystore.exists():
        raise Conflict(
            f"there is a wallet in {folder.keystore} already", hint="use that one, or another folder with --data"
        )
    key = _read_key(key_file) if key_file is not None else None
    password = _password(ask)
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
        "token": "in the wallet", "free": "in the market", "locked": "locked in jobs", "earned": "earned",
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
def deposit(amount: Amount, data: Data = None, as_json: Json = False) -> None:
    """Bring FOG from the wallet into the market.

    There it pays for jobs.
    """
    _move("deposit", amount, data, as_json)


@app.command()
def withdraw(amount: Amount, data: Data = None, as_json: Json = False) -> None:
    """Take FOG from the market back into the wallet.

    What is locked in running jobs stays.
    """
    _move("withdraw", amount, data, as_json)


def _move(what: str, amount: str, data: Path | None, as_json: bool) -> None:
    import json

    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to
    from fogchain.units import format_fog, parse_fog

    exact = format_fog(parse_fog(amount))
    rest = rest_to(folder_of(data))
    view = rest.json("POST", path_of("wallet", what), json.dumps({"amount": exact}).encode())
    if as_json:
        output.say_json(view)
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


def _read_key(source: Path) -> bytes:
    try:
        text = sys.stdin.readline() if str(source) == "-" else source.read_text()
        return bytes.fromhex(text.strip().removeprefix("0x"))
    except OSError as error:
        raise BadInput(f"the key file {source} can't be read: {error.strerror}", hint="check its path") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise BadInput("that is no private key", hint="a key is 64 hex digits") from error


def _password(ask: bool) -> str:
    import secrets

    given = os.environ.get(PASSWORD_VARIABLE)
    if given:
        return given
    if not ask:
        return secrets.token_urlsafe(24)
    return str(typer.prompt("Password for the new wallet", hide_input=True, confirmation_prompt=True, err=True))
