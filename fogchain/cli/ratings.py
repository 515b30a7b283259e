"""`fogchain ratings`: what buyers have published of a provider."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.options import Data, Json, folder_of
from fogchain.errors import NotFound


def ratings(
    provider: Annotated[str, typer.Argument(help="Its address, or the name that `fogchain offers` shows.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What each buyer has published of its sessions with a provider.

    Opinions, and cheap ones: whoever wants to can be many buyers. Nothing is matched or placed by them.
    """
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    rest = rest_to(folder_of(data))
    address = provider
    if not provider.startswith("0x"):
        known = rest.json("GET", path_of("providers"))["items"]
        found = [one["address"] for one in known if one["name"] == provider and one["address"]]
        if len(found) != 1:
            raise NotFound(
                f"{len(found) or 'no'} known providers are called {provider[:80]!r}", hint="give its address"
            )
        address = found[0]
    page: dict[str, Any] = rest.json("GET", path_of("providers", address, "ratings", query={"limit": 1000}))
    if as_json:
        output.say_json(page)
        return
    if not page["items"]:
        output.say("Nobody has published anything of it.")
        return
    output.table(
        ("buyer", "of 100", "sessions", "paid"),
        [(one["buyer"], str(one["value"]), str(one["sessions"]), output.fog(one["paid"])) for one in page["items"]],
        right=(1, 2, 3),
    )
    if page["next_cursor"]:
        output.note(f"and more: {page['total']} in all")
