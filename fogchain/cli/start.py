"""Commands that hand over to a program of their own: the panel, the demo."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from fogchain.cli.options import Data, Json, folder_of


def panel(
    data: Data = None,
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes any free one.", metavar="N", min=0, max=65535)
    ] = 0,
    host: Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")] = "127.0.0.1",
    node: Annotated[str | None, typer.Option(metavar="URL", help="The node's API, if it is elsewhere.")] = None,
    token_file: Annotated[Path | None, typer.Option(metavar="FILE", help="That node's token.")] = None,
    other: Annotated[
        list[str] | None, typer.Option(metavar="NAME=URL=TOKENFILE", help="Another node to show beside; repeatable.")
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write {url, pid} here as JSON once it serves.")
    ] = None,
) -> None:
    """Open the panel of a running node; it runs until interrupted."""
    from fogchain.api.address import ApiAddress

    folder = folder_of(data)
    url = node or ApiAddress.load(folder).url
    token = token_file or folder.token
    words = ["--node", url, "--token-file", str(token), "--host", host, "--port", str(port)]
    for each in other or []:
        words += ["--other", each]
    if ready_file is not None:
        words += ["--ready-file", str(ready_file)]
    become("ui", words)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Leave when the job is paid.")] = False,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Keep everything here. Default: a temporary folder.")
    ] = None,
    port: Annotated[
        int, typer.Option(help="The panel's port; 0 takes any free one.", metavar="N", min=0, max=65535)
    ] = 0,
    job: Annotated[Path | None, typer.Option(metavar="FILE", help="Another job than the poster.")] = None,
    providers: Annotated[int, typer.Option(help="How many provider nodes.", metavar="N", min=1, max=8)] = 3,
    show_panel: Annotated[bool, typer.Option("--panel/--no-panel", help="Open the panel, too.")] = True,
    as_json: Json = False,
) -> None:
    """Start a chain, providers, a buyer and the panel; run a real job and pay for it.

    Then it keeps running, until interrupted.
    """
    from fogchain.cli import demo as program

    code = program.demo(
        once=once, data=data, port=port, job=job, as_json=as_json, providers=providers, panel=show_panel
    )
    raise typer.Exit(code)


def become(module: str, words: list[str]) -> None:
    """Replace this process by `python -m module words…`, so that signals and exit codes need no passing on."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *words])  # noqa: S606  the interpreter that runs us
