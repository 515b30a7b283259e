"""`fogchain node operator`: who runs this node, and which nodes of other owners its wallet runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.lazy import new_app
from fogchain.cli.options import Data, Json, Key, folder_of
from fogchain.errors import BadInput

app = new_app(no_args_is_help=True, help="Who runs this node; which nodes of other owners its wallet runs.")

Owner = Annotated[str, typer.Argument(metavar="OWNER", help="The address of the wallet that owns the node.")]


@app.command()
def show(data: Data = None, as_json: Json = False) -> None:
    """Who runs this node, and what its wallet runs of others."""
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    _report(dict(rest_to(folder_of(data)).json("GET", path_of("operator"))), as_json)


@app.command()
def sign(
    owner: Owner,
    valid: Annotated[str, typer.Option(metavar="SPAN", help="How long the owner may take to bind it.")] = "1 d",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Sign that this node's wallet runs OWNER's node.

    Prints the agreement, which OWNER's node is to be given with `fogchain node operator bind`. Once bound it holds
    until one of the two releases the node.
    """
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    body = json.dumps({"node": owner, "valid": valid}).encode()
    agreement = rest_to(folder_of(data)).json("POST", path_of("operator", "agreements"), body)
    output.say_json(agreement)
    if not as_json:
        output.note("Give this to the node's owner: `fogchain node operator bind FILE`, or `-` to read it from a pipe.")


@app.command()
def bind(
    agreement: Annotated[str, typer.Argument(metavar="FILE", help="What the operator signed; - for standard input.")],
    key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write into this node's record that the operator who signed runs it.

    Runs of one task that are compared are never by two nodes of one operator.
    """
    _report(_change(data, "bind", _read(agreement), key), as_json)


@app.command()
def release(
    owner: Annotated[
        str | None,
        typer.Argument(metavar="[OWNER]", help="Whose node this wallet shall run no more.", show_default="this node"),
    ] = None,
    key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """End an operator's part: in this node, or of this wallet in OWNER's node.

    An operator who names OWNER also makes void what he has signed for that node and was not used yet.
    """
    _report(_change(data, "release", {"node": owner}, key), as_json)


def _change(data: Path | None, step: str, body: dict[str, Any], key: str | None) -> dict[str, Any]:
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to
    from fogchain.cli.once import key_or_new, post_once

    folder = folder_of(data)
    rest_to(folder).json("GET", path_of("node"))  # without a node nothing is tried
    return dict(post_once(folder, path_of("operator", step), json.dumps(body).encode(), key_or_new(key)))


def _read(place: str) -> dict[str, Any]:
    hint = "give the file that `fogchain node operator sign` printed"
    try:
        text = sys.stdin.read() if place == "-" else Path(place).read_text()
        found = json.loads(text)
    except OSError as error:
        raise BadInput(f"{place} can't be read: {error.strerror}", hint=hint) from error
    except ValueError as error:
        raise BadInput(f"{place} is no agreement: it is not JSON", hint=hint) from error
    if not isinstance(found, dict):
        raise BadInput(f"{place} is no agreement", hint=hint)
    return found


def _report(view: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.say_json(view)
        return
    by = "its own wallet" if view["operator"] == view["address"] else view["operator"]
    output.facts(
        [
            ("wallet", view["address"]),
            ("this node", f"run by {by}" if view["registered"] else "not in the registry"),
            ("runs", "\n".join(node["address"] for node in view["nodes"]) or "no other owner's node"),
        ]
    )
