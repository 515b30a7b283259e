"""The `fogchain` command. Nothing heavy is imported here: what a command needs, it imports itself."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from fogchain import __version__
from fogchain.cli.lazy import Lazy, LazyGroup, new_app
from fogchain.errors import FogchainError


class Commands(LazyGroup):
    table = {  # noqa: RUF012  set once, never changed
        "demo": Lazy("fogchain.cli.start", "demo", "A whole market on this machine: a real job, checked and paid."),
        "job": Lazy("fogchain.cli.job", "app", "Submit jobs, watch them, fetch their results."),
        "offers": Lazy(
            "fogchain.cli.offers", "offers", "What providers offer, and why it does or does not match a job."
        ),
        "ratings": Lazy("fogchain.cli.ratings", "ratings", "What buyers have published of a provider."),
        "node": Lazy("fogchain.cli.node", "app", "Make a node, run it, look at it."),
        "harvest": Lazy(
            "fogchain.cli.harvest", "app", "When this machine works for others, and why it does or doesn't."
        ),
        "fleet": Lazy("fogchain.cli.fleet", "app", "Devices that work for a node, their gateway."),
        "wallet": Lazy("fogchain.cli.wallet", "app", "The node's account: key, balances, transfers."),
        "stake": Lazy("fogchain.cli.stake", "app", "The bond: it answers for work, votes, and earns."),
        "dao": Lazy("fogchain.cli.dao", "app", "Governance by bonded FOG: propose, vote, carry out."),
        "chain": Lazy("fogchain.cli.chain", "app", "A local chain; the contracts on any chain."),
        "panel": Lazy("fogchain.cli.start", "panel", "Open the panel of a running node."),
        "bench": Lazy("fogchain.cli.bench", "bench", "Measure, and compare with the bars."),
    }


app = new_app(cls=Commands, no_args_is_help=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fogchain {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """A compute market on idle machines: sandboxed tasks, checked results, payment by contract.

    Each command takes --help, and --json for programs. The data folder is --data, else $FOGCHAIN_HOME, else
    ~/.fogchain.
    """


def main() -> None:
    """Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted."""
    try:
        app()
    except FogchainError as error:
        _report(error)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output left
        sys.stderr.close()
        sys.exit(1)


def _report(error: FogchainError) -> None:
    if "--json" in sys.argv:
        body = {"code": error.code, "message": error.message, "hint": error.hint}
        print(json.dumps({"error": body}), file=sys.stderr)
        return
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo(error.message, err=True)
    if error.hint:
        typer.secho("  try: ", fg="cyan", nl=False, err=True)
        typer.echo(error.hint, err=True)


if __name__ == "__main__":
    main()
