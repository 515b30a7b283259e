"""fogchain: what every program of the compute market shares. `fogchain.Client` is the way in for Python programs."""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; `typing` itself is slow to load
if TYPE_CHECKING:
    from fogchain.client import AsyncClient, Client
    from fogchain.errors import FogchainError, JobFailed, TaskError

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "FogchainError", "JobFailed", "TaskError", "__version__"]


def __getattr__(name: str) -> object:
    """The client is loaded when it is asked for: the command line starts without it."""
    if name in ("AsyncClient", "Client"):
        from fogchain import client

        return getattr(client, name)
    if name in ("FogchainError", "JobFailed", "TaskError"):
        from fogchain import errors

        return getattr(errors, name)
    raise AttributeError(f"module 'fogchain' has no attribute {name!r}")
