"""`fogchain chain`: a local chain with the contracts on it, and the contracts on any other."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.deploy import deploy
from fogchain.cli.lazy import new_app
from fogchain.cli.log import log_to_stderr
from fogchain.cli.options import Json, Yes
from fogchain.errors import BadInput, Unavailable
from fogchain.folder import DataFolder

app = new_app(no_args_is_help=True, help="A local chain; the contracts on any chain.")
app.command()(deploy)

Folder = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The chain's own folder.", show_default="chain in the data folder"),
]


@app.command()
def up(
    data: Folder = None,
    port: Annotated[
        int,
        typer.Option(help="Port of the RPC; 0 takes the last one, else any free one.", metavar="N", min=0, max=65535),
    ] = 0,
    block_time: Annotated[float, typer.Option(help="Between blocks.", metavar="SECONDS", min=0.05, max=60)] = 0.25,
    as_json: Json = False,
) -> None:
    """Run a local chain in the foreground. Its state survives restarts."""
    log_to_stderr()
    asyncio.run(_up(_folder(data), port, block_time, as_json))


async def _up(folder: Path, port: int, block_time: float, as_json: bool) -> None:
    from fogchain.chain.local import LocalChain

    chain = LocalChain(folder, port=port, block_time=block_time)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    deployment = await chain.start()
    try:
        if as_json:
            place = {"rpc_url": chain.rpc_url, "chain_id": chain.chain_id, "folder": str(folder)}
            print(json.dumps({**place, "contracts": deployment.addresses}), flush=True)
        else:
            output.facts(
                [
                    ("chain", f"{output.bold(chain.rpc_url)}, id {chain.chain_id}, a block every {block_time:g} s"),
                    ("contracts", f"in {folder / 'deployment.json'}"),
                    ("next", "fogchain node init"),
                ]
            )
            output.say(output.dim("Ctrl-C stops it; its state is kept."))
            sys.stdout.flush()
        waits = {asyncio.create_task(stop.wait()), asyncio.create_task(chain.wait())}
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()
    finally:
        await chain.stop()


@app.command()
def status(data: Folder = None, as_json: Json = False) -> None:
    """Whether the local chain runs, and how far it is."""
    folder = _folder(data)
    place = _place(folder)
    facts = asyncio.run(_look(folder, place["rpc_url"]))
    if as_json:
        output.say_json({**place, **facts})
        return
    output.facts(
        [
            ("chain", f"{output.state('up')} at {place['rpc_url']}, id {place['chain_id']}, process {place['pid']}"),
            ("block", f"{facts['block']}, {output.ago(facts['block_time'])}"),
            *[(name, address) for name, address in facts["contracts"].items()],
        ]
    )


async def _look(folder: Path, rpc_url: str) -> dict[str, Any]:
    from fogchain.chain.client import ChainClient
    from fogchain.chain.deployment import Deployment

    client = ChainClient(rpc_url, Deployment.load(folder / "deployment.json"))
    try:
        head = await client.connect()
    except Unavailable as error:
        raise Unavailable(error.message, hint=_up_hint(folder)) from error
    finally:
        await client.close()
    return {"block": head.number, "block_time": head.timestamp, "contracts": client.deployment.addresses}


@app.command()
def fund(
    address: Annotated[str, typer.Argument(help="Who gets it.")],
    fog: Annotated[str, typer.Option(metavar="AMOUNT", help='For example "100 FOG".')] = "0 FOG",
    eth: Annotated[str, typer.Option(metavar="AMOUNT", help='Gas, for example "1 ETH".')] = "0 ETH",
    data: Folder = None,
    as_json: Json = False,
) -> None:
    """Give an account FOG and gas, on a local chain."""
    from fogchain.units import format_eth, format_fog, parse_eth, parse_fog

    if not (address[:2] == "0x" and len(address) == 42 and _hex(address[2:])):
        raise BadInput(f"{address!r} is not an account's address", hint="`fogchain wallet show` prints it")
    fogs, eths = parse_fog(fog), parse_eth(eth)
    if not fogs and not eths:
        raise BadInput("nothing to give", hint='say how much: --fog "100 FOG" --eth "1 ETH"')
    folder = _folder(data)
    asyncio.run(_fund(folder, _place(folder)["rpc_url"], address.lower(), eths, fogs))
    if as_json:
        output.say_json({"address": address.lower(), "fog": format_fog(fogs), "eth": format_eth(eths)})
        return
    gifts = [shown for shown, amount in ((format_fog(fogs), fogs), (format_eth(eths), eths)) if amount]
    output.say(f"{address} has {' and '.join(gifts)} more")


async def _fund(folder: Path, rpc_url: str, address: str, eth: int, fog: int) -> None:
    from fogchain.chain.deployment import Deployment
    from fogchain.chain.faucet import fund as give
    from fogchain.chain.rpc import Rpc

    rpc = Rpc(rpc_url)
    try:
        await give(rpc, Deployment.load(folder / "deployment.json"), address, eth, fog)
    except Unavailable as error:
        raise Unavailable(error.message, hint=_up_hint(folder)) from error
    finally:
        await rpc.close()


@app.command()
def reset(data: Folder = None, yes: Yes = False, as_json: Json = False) -> None:
    """Stop the local chain and delete it. The next `up` makes a new one.

    Nodes that were made for the old chain can't use the new one: make them anew as well.
    """
    from fogchain.chain.reset import reset as take_away
    from fogchain.chain.reset import runner

    folder = _folder(data)
    process = runner(folder)
    if not yes and not as_json:
        first = f"stop process {process} and " if process else ""
        if not output.confirm(f"{first}delete the chain in {folder}?"):
            raise typer.Exit(1)
    take_away(folder)
    if as_json:
        output.say_json({"folder": str(folder), "stopped": process})
        return
    output.say(f"the chain in {folder} is gone; `fogchain chain up` makes a new one")


def _folder(data: Path | None) -> Path:
    return data.expanduser().absolute() if data else Path(DataFolder.default().chain)


def _place(folder: Path) -> dict[str, Any]:
    """Where the chain runs. Raises Unavailable when it does not."""
    try:
        place = json.loads((folder / "chain.json").read_text())
        if place["pid"] is not None:
            return dict(place)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise Unavailable(f"no chain is running in {folder}", hint=_up_hint(folder))


def _up_hint(folder: Path) -> str:
    words = "" if folder == DataFolder.default().chain else f" --data {folder}"
    return f"start it with `fogchain chain up{words}`"


def _hex(text: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in text)
