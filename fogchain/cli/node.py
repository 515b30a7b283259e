"""`fogchain node`: make a node, run it, look at it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fogchain.api.address import start_hint
from fogchain.cli import operator, output
from fogchain.cli.lazy import new_app
from fogchain.cli.options import Data, Json, folder_of
from fogchain.cli.start import become
from fogchain.errors import BadInput, NotFound
from fogchain.folder import DataFolder

if TYPE_CHECKING:
    from fogchain.chain.deployment import Deployment

app = new_app(no_args_is_help=True, help="Make a node, run it, look at it.")
app.add_typer(operator.app, name="operator")


@app.command()
def init(
    data: Data = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What other nodes call it.", show_default="random")
    ] = None,
    role: Annotated[
        list[str] | None, typer.Option(metavar="ROLE", help="buyer or provider; repeatable.", show_default="both")
    ] = None,
    chain: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The network's deployment.json.", show_default="that of the local chain here"
        ),
    ] = None,
    rpc: Annotated[
        str | None, typer.Option(metavar="URL", help="The chain's RPC.", show_default="as the deployment says")
    ] = None,
    price: Annotated[
        str | None, typer.Option(metavar="PRICE", help='As provider, for example "0.5 FOG/Gfuel".')
    ] = None,
    slots: Annotated[int | None, typer.Option(help="As provider: tasks at once.", metavar="N")] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help='As provider: the most a task may have, "512 MiB".')
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="As provider, when it works: laptop, desktop, server, phone, quiet-night or dedicated.",
            show_default="by what this machine is",
        ),
    ] = None,
    listen: Annotated[
        list[str] | None, typer.Option(metavar="MULTIADDR", help="Where other nodes reach it; repeatable.")
    ] = None,
    bootstrap: Annotated[
        list[str] | None, typer.Option(metavar="MULTIADDR", help="A node to join by; repeatable.")
    ] = None,
    mdns: Annotated[bool, typer.Option("--mdns/--no-mdns", help="Find nodes in the local network.")] = True,
    api_port: Annotated[
        int, typer.Option(help="The API's port; 0 takes any free one.", metavar="N", min=0, max=65535)
    ] = 0,
    light: Annotated[
        bool, typer.Option("--light", help="Encrypt the key cheaply: for wallets that guard nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a node's data folder.

    With wallet, seed, API token and configuration. Nothing that exists is overwritten.
    """
    from fogchain.cli.machine import PROFILES, kind_of_machine
    from fogchain.nodefolder import create_node

    if profile is not None and profile not in PROFILES:
        raise BadInput(f"there is no profile {profile!r}", hint=f"use one of {', '.join(PROFILES)}")
    folder = folder_of(data)
    deployment = _deployment(folder, chain)
    rpc_url = rpc or deployment.rpc_url
    if rpc_url is None:
        raise BadInput("the deployment file names no RPC address", hint="give one with --rpc http://…")
    roles = list(dict.fromkeys(role or ["buyer", "provider"]))
    works = profile or kind_of_machine()
    p2p: dict[str, Any] = {"listen": listen, "bootstrap": bootstrap} | ({} if mdns else {"mdns": False})
    provider = {"price": price, "slots": slots, "memory": memory}
    wallet = create_node(
        folder,
        name=name or f"node-{secrets.token_hex(2)}",
        roles=roles,
        rpc_url=rpc_url,
        deployment=deployment,
        light=light,
        provider=_given(provider),
        p2p=_given(p2p),
        api={"port": api_port} if api_port else {},
        profile=works if "provider" in roles else None,
    )
    folder.root.chmod(0o700)  # also one that was there before, for the chain
    if as_json:
        output.say_json(
            {"data": str(folder.root), "address": wallet.address, "roles": roles, "rpc_url": rpc_url}
            | ({"profile": works} if "provider" in roles else {})
        )
        return
    output.facts(
        [
            ("node", output.bold(str(folder.root))),
            ("roles", " and ".join(roles)),
            ("wallet", wallet.address),
            ("chain", f"{deployment.chain_id} at {rpc_url}"),
            ("works", f"as the profile {works!r} says: {folder.policy}" if "provider" in roles else ""),
        ]
    )
    output.say()
    output.say("The wallet needs gas, and a buyer's also FOG. On a local chain:")
    output.say(f'  fogchain chain fund {wallet.address} --fog "100 FOG" --eth "1 ETH"')
    output.say(f"  fogchain node run{_data_words(folder)}")


@app.command()
def run(
    data: Data = None,
    log_level: Annotated[str, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the node in the foreground, until interrupted."""
    folder = folder_of(data)
    if not folder.config.exists():  # the daemon says so, too, but it takes seconds to start
        raise NotFound(f"there is no node in {folder.root}", hint=start_hint(folder))
    become("node", ["--data", str(folder.root), "--log-level", log_level])


@app.command()
def status(data: Data = None, as_json: Json = False) -> None:
    """What the running node is doing."""
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    node = rest_to(folder_of(data)).json("GET", path_of("node"))
    if as_json:
        output.say_json(node)
        return
    chain, offer = node["chain"], node.get("offer")
    output.facts(
        [
            (node["name"], output.state(node["state"]) + (f": {node['detail']}" if node["detail"] else "")),
            ("roles", " and ".join(node["roles"])),
            ("up", f"{output.span(node['uptime_s'])}, process {node['pid']}, {node['memory'] >> 20} MiB"),
            ("wallet", node["address"]),
            ("peers", f"{node['peers']} connected"),
            ("listens", "\n         ".join(node["listen"])),
            ("chain", _chain_line(chain)),
            ("tasks", f"{node['running']} running, {node['waiting']} waiting, {node['done']} done"),
            ("works", f"not now: {node['held_back']}" if node["held_back"] else ""),
            ("ended", _counts(node["ended"])),
            ("runs", "\n         ".join(map(_runtime_line, node["runtimes"]))),
            ("offer", f"{output.price(offer['price'])}, {offer['slots']} at once" if offer else ""),
            ("refused", "\n         ".join(_refusal_line(one) for one in node["refusals"])),
            ("by peers", "\n         ".join(_refusal_line(one) for one in node["refused_by_peers"])),
            ("earned", output.fog(node["earned"]) if "provider" in node["roles"] else ""),
        ]
    )


def _counts(counts: dict[str, int]) -> str:
    """`ok 12, out of fuel 1`."""
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())


def _runtime_line(runtime: dict[str, Any]) -> str:
    name, engine = runtime["runtime"], runtime["engine"]
    return f"{name} with {engine}" if engine else output.dim(f"not {name}: {runtime['detail']}")


@app.command()
def storage(data: Data = None, as_json: Json = False) -> None:
    """What the node keeps on its disk, for which jobs, and how much it may."""
    from fogchain.cli.logs import show_storage

    show_storage(folder_of(data), as_json=as_json)


def _refusal_line(one: dict[str, Any]) -> str:
    return f"{one['count']} × {one['subject']}, {one['reason']}: {one['detail'][:100]}"


def _chain_line(chain: dict[str, Any]) -> str:
    health = output.state("up") if chain["healthy"] else output.state("down")
    return f"{chain['chain_id']} at {chain['rpc_url']}, block {chain['block']}, {health} {chain['detail']}".rstrip()


def _deployment(folder: DataFolder, named: Path | None) -> Deployment:
    from fogchain.chain.deployment import Deployment

    if named is not None:
        return Deployment.load(named)
    for place in (folder.chain, DataFolder.default().chain):
        if (place / "deployment.json").exists():
            return Deployment.load(place / "deployment.json")
    raise BadInput(
        "which network? there is no local chain here",
        hint="start one with `fogchain chain up`, or name a network with --chain DEPLOYMENT.json",
    )


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _data_words(folder: DataFolder) -> str:
    return "" if folder == DataFolder.default() else f" --data {folder.root}"
