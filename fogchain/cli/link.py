"""From a data folder to the node that runs there, and to the key of its wallet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fogchain.api.address import ApiAddress, read_token, start_hint
from fogchain.api.rest import Rest
from fogchain.errors import BadInput
from fogchain.folder import PASSWORD_VARIABLE, DataFolder

if TYPE_CHECKING:
    from fogchain.api.client import Client


def rest_to(folder: DataFolder) -> Rest:
    """For commands that only show what the node says: without models, they start in half the time."""
    return Rest(ApiAddress.load(folder).url, read_token(folder), hint=start_hint(folder))


def client_to(folder: DataFolder) -> Client:
    from fogchain.api.client import Client

    return Client(ApiAddress.load(folder).url, read_token(folder), hint=start_hint(folder))


def wallet_password(folder: DataFolder) -> str:
    """Kept in the folder, from $FOGCHAIN_PASSWORD, or asked for. Raises BadInput when there is nobody to ask."""
    import typer

    from fogchain.cli import output
    from fogchain.wallet.keystore import find_password

    found = find_password(folder)
    if found is not None:
        return found
    if not output.on_terminal():
        raise BadInput("the wallet's password is not known", hint=f"set ${PASSWORD_VARIABLE}")
    return str(typer.prompt("The wallet's password", hide_input=True, err=True))
