"""From a data folder to the API of the node that runs there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fogchain.api.address import ApiAddress, read_token, start_hint
from fogchain.api.rest import Rest
from fogchain.folder import DataFolder

if TYPE_CHECKING:
    from fogchain.api.client import Client


def rest_to(folder: DataFolder) -> Rest:
    """For commands that only show what the node says: without models, they start in half the time."""
    return Rest(ApiAddress.load(folder).url, read_token(folder), hint=start_hint(folder))


def client_to(folder: DataFolder) -> Client:
    from fogchain.api.client import Client

    return Client(ApiAddress.load(folder).url, read_token(folder), hint=start_hint(folder))
