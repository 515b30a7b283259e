"""`fogchain chain deploy`: the contracts on a chain that others run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.log import log_to_stderr
from fogchain.cli.options import Json, Yes
from fogchain.errors import Conflict
from fogchain.folder import DataFolder


def deploy(
    rpc: Annotated[str, typer.Option(metavar="URL", help="The RPC of a node of that chain.")],
    keystore: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The deployer's keystore.", show_default="the data folder's"),
    ] = None,
    profile: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="production, test, or a TOML file like these.")
    ] = "production",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the addresses go.", show_default="deployment-CHAINID.json"),
    ] = None,
    confirmations: Annotated[int, typer.Option(metavar="N", help="Blocks to wait for on top.", min=0, max=1000)] = 2,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="To wait for a contract to be mined.", min=1)] = 600,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Deploy the contracts to any EVM chain.

    Shows what it may cost and asks before it spends. When it is cut off, the same command goes on where it stopped and
    ends with the same addresses. The password comes from the file `password` beside the keystore, from
    $FOGCHAIN_PASSWORD, or is asked for.
    """
    import asyncio

    from fogchain.chain.profile import Profile
    from fogchain.wallet.keystore import find_password, load

    log_to_stderr(quiet=True)
    terms = Profile.load(profile)
    place = (keystore or DataFolder.default().keystore).expanduser()
    password = find_password(DataFolder(place.parent)) if place.exists() else ""
    if password is None:
        password = typer.prompt(f"Password of {place}", hide_input=True, err=True)
    wallet = load(place, password)
    done = asyncio.run(_deploy(rpc, wallet.key, terms, out, confirmations, timeout, yes or as_json))
    if done is None:
        raise typer.Exit(1)
    target, deployment = done
    if as_json:
        origin = deployment.origin
        facts = {"chain_id": deployment.chain_id, "block": deployment.block, "file": str(target)}
        output.say_json(
            {**facts, "contracts": deployment.addresses, "transactions": origin.transactions if origin else {}}
        )
        return
    output.facts(
        [*deployment.addresses.items(), ("written", str(target)), ("next", f"fogchain node init --chain {target}")]
    )


async def _deploy(
    url: str, key: Any, profile: Any, out: Path | None, confirmations: int, timeout: float, sure: bool
) -> tuple[Path, Any] | None:
    import asyncio

    from fogchain.chain.deploy import Deployer
    from fogchain.chain.rpc import Rpc
    from fogchain.units import format_eth

    rpc = Rpc(url)
    try:
        chain_id = int(await rpc.call("eth_chainId"), 16)
        target = (out or Path(f"deployment-{chain_id}.json")).expanduser().absolute()
        if target.exists():
            raise Conflict(
                f"{target} is there already", hint="that network is deployed; choose another file with --out"
            )
        deployer = await Deployer.begin(rpc, key, target, profile)
        if deployer.missing and not sure:
            output.note(
                f"{len(deployer.missing)} contracts on chain {chain_id} may take {format_eth(deployer.cost, 6)}"
            )
            if not await asyncio.to_thread(output.confirm, "deploy them?"):
                return None
        return target, await deployer.run(
            public_url=url if _shareable(url) else None, confirmations=confirmations, timeout=timeout, tell=output.note
        )
    finally:
        await rpc.close()


def _shareable(url: str) -> bool:
    """Whether an address holds no key of its user's: such have a path, a query or a name in them."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.path in ("", "/") and not parts.query and parts.username is None
