"""`python -m ui`: serve the panel until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import socket
import sys
from pathlib import Path

import structlog

from fogchain.errors import BadInput, Conflict, FogchainError
from ui.options import DEFAULT_NAME, NodeAddress, Options, check_url


def parse(arguments: list[str]) -> Options:
    """Raises BadInput; leaves by itself on `--help` and wrong usage."""
    parser = argparse.ArgumentParser(
        "python -m ui", description="The fogchain panel. It talks to nodes by their API only."
    )
    parser.add_argument("--node", required=True, metavar="URL", help="API of the node whose panel this is")
    parser.add_argument(
        "--token-file", required=True, type=Path, metavar="FILE", help="file with that node's API token"
    )
    parser.add_argument("--name", default=DEFAULT_NAME, help="what to call the node until it has told its name")
    parser.add_argument(
        "--other", action="append", default=[], metavar="NAME=URL=TOKENFILE", help="another node to show"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="write {url, pid} here as JSON once it serves")
    given = parser.parse_args(arguments)
    if not 0 <= given.port <= 65535:
        raise BadInput(f"{given.port} is not a port", hint="use one of 1 to 65535, or 0 for any free one")
    nodes = (NodeAddress(given.name, check_url(given.node), given.token_file), *map(NodeAddress.parse, given.other))
    return Options(nodes, given.host, given.port, given.ready_file)


def bind(host: str, port: int) -> socket.socket:
    """Raises Conflict when the port is taken, BadInput for an address that is not this machine's."""
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(info[0], info[1])
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(info[4])
    except OSError as error:
        if isinstance(error, socket.gaierror) or not port:
            raise BadInput(
                f"can't listen on {host}: {error}", hint="use 127.0.0.1, or an address of this machine"
            ) from error
        raise Conflict(
            f"port {port} on {host} can't be used: {error.strerror}",
            hint="choose another --port, or 0 for any free one",
        ) from error
    return listener


async def serve(options: Options) -> None:
    import uvicorn

    from ui.app import create_app

    listener = bind(options.host, options.port)
    port = listener.getsockname()[1]
    shown = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{shown}:{port}"
    config = uvicorn.Config(
        create_app(options, port),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
        ws="websockets-sansio",
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    if server.started:
        print(f"panel: {url}", flush=True)
        if options.ready_file is not None:
            write_ready(options.ready_file, url)
    await serving


def write_ready(path: Path, url: str) -> None:
    """Whole or not at all: written beside and renamed."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
    beside.replace(path)


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        asyncio.run(serve(parse(sys.argv[1:])))
    except FogchainError as error:
        print(f"error: {error.message}\ntry: {error.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
