"""A node's API without a node, for the panel's tests and for working on its looks: same models, data that moves.

`python tests/e2e/fixture_node.py --token-file F --ready-file R [--empty] [--speed TASKS_PER_S] [--port N]
[--provides]`. A job that is handed in runs on three imaginary providers until it is done; `--empty` begins without any
history; with `--provides` the node has a machine that works for others, with the real harvester.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import time
from pathlib import Path

import uvicorn
from fixture_api import create
from fixture_harvest import Machine
from fixture_things import spec
from fixture_views import Imaginary


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--speed", type=float, default=6.0)
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--start", action="store_true", help="begin with a poster job under way")
    parser.add_argument("--provides", action="store_true", help="work for others")
    given = parser.parse_args()
    node = Imaginary(given.speed, given.empty)
    folder = given.token_file.parent
    if given.provides:
        node.machine = Machine(folder)
    listener = socket.create_server(("127.0.0.1", given.port))
    app = create(node, given.token_file.read_text().strip(), folder)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.02)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    given.ready_file.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    if given.start:
        job_id = node.make(spec("mandelbrot poster", 144), time.time())
        started = asyncio.create_task(node.run(job_id))
    await serving
    if given.start:
        started.cancel()


if __name__ == "__main__":
    asyncio.run(main())
