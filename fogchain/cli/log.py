"""Where a command's log goes: standard error, so that standard output is the result alone."""

from __future__ import annotations

import sys


def log_to_stderr(*, quiet: bool = False) -> None:
    """`quiet`: warnings only, as on a terminal."""
    import logging

    import structlog

    few = quiet or sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if few else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
