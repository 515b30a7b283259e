"""`fogchain offers`: what providers offer, and why it does or does not match a job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.options import Data, Json, folder_of
from fogchain.units import show_size

COLUMNS = (
    *("provider", "price", "speed", "slots", "memory", "class", "regions", "stays 1 h", "on account", "age", "rated"),
    "why not",
)


def offers(
    job: Annotated[
        Path | None, typer.Option(help="A job file: say of each offer why it does not match.", metavar="FILE")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What the providers that this node knows offer.

    With --job, what keeps each of them from running it, how many meet each of its wishes, and what to change for one
    more to match. Nothing is uploaded or spent.
    """
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to
    from fogchain.jobs.file import load_job_file

    rest = rest_to(folder_of(data))
    if job is None:
        found: dict[str, Any] = rest.json("GET", path_of("offers"))
    else:
        spec = load_job_file(job).spec
        found = rest.json("POST", path_of("match"), spec.model_dump_json().encode())
    if as_json:
        output.say_json(found)
        return
    if found["offers"]:
        output.table(
            COLUMNS,
            [_row(offer) for offer in found["offers"]],
            right=(1, 2, 3, 4, 7, 8, 9),
        )
    output.say(found["summary"])
    if job is not None:
        for count in found["counts"]:
            output.note(
                f"{count['constraint']} ({count['wanted']}): {count['alone']} by itself, "
                f"{count['together']} with those above"
            )
        if found["nearest"]:
            changes = " and ".join(f"{each['constraint']} {each['value']}" for each in found["nearest"])
            output.say(f"The nearest offer would match with {changes}.")


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    name = found["name"] or found["address"][:12]
    why = "; ".join(f"{each['constraint']}: {each['detail']}" for each in found["failed"])
    said = found["rating"]
    rated = f"{said['value']} by {said['buyers']}" if said else ""
    offer = found["offer"]
    if offer is None:
        return (name, *[""] * 9, rated, why)
    price = offer["price"] + (f" ({offer['multiplier']})" if offer["multiplier"] else "")
    measured = found["score"] is not None
    speed = f"{(found['score'] if measured else offer['fuel_rate']) / 1e9:.2f} Gfuel/s"
    return (
        name,
        price,
        speed if measured else f"{speed}, it says",
        str(offer["slots"]),
        show_size(offer["memory"]),
        offer["resource_class"],
        ", ".join(offer["regions"]),
        offer["survival"].get("1 h", ""),
        "no" if offer["on_account"] == "0 FOG" else output.fog(offer["on_account"]),
        output.span(found["age_s"]) if found["age_s"] is not None else "",
        rated,
        why,
    )
