"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fogchain.folder import HOME_VARIABLE, DataFolder

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", envvar=HOME_VARIABLE, metavar="DIR", help="The node's data folder.", show_default="~/.fogchain"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
JobId = Annotated[str, typer.Argument(help="A job's id, or its first digits.")]
Key = Annotated[
    str | None, typer.Option("--key", metavar="TEXT", help="Names this act: given again with it, it is done once.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def folder_of(data: Path | None) -> DataFolder:
    return DataFolder(data.expanduser().absolute()) if data else DataFolder.default()
