"""`python -m node --data DIR`: run the daemon in the foreground. `fogchain node run` ends up here."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

import structlog

from fogchain.config import DataFolder, load_config
from fogchain.errors import FogchainError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m node", description="run a fogchain node in the foreground")
    parser.add_argument("--data", type=Path, help="the node's data folder")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    options = parser.parse_args()
    folder = DataFolder(options.data.absolute()) if options.data else DataFolder.default()
    level = getattr(logging, options.log_level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.ExceptionRenderer(),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if sys.stderr.isatty()
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        load_config(folder)  # what is wrong with the settings is told at once: the rest takes seconds to import
        from node.daemon import serve

        asyncio.run(serve(folder))
    except FogchainError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  try: {error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
