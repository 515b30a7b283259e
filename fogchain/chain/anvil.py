"""anvil, the local chain's native program: found, started, tied to this process's life."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import sys
from pathlib import Path

import fogchain
from fogchain.errors import Conflict, Unavailable

BINARY_VARIABLE = "FOGCHAIN_ANVIL"

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SYSTEMS = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}

# Run between fork and anvil: asks Linux to kill anvil when the thread that started it ends, however it ends. A
# process of its own for a moment, because code between fork and exec of a threaded program can deadlock.
_LAUNCH = """
import ctypes, os, sys
parent = int(sys.argv[1])
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != parent:
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


def find_anvil() -> Path:
    """$FOGCHAIN_ANVIL, else the checkout's node_modules, else PATH. Raises Unavailable."""
    named = os.environ.get(BINARY_VARIABLE)
    if named:
        if _is_program(Path(named)):
            return Path(named)
        raise Unavailable(f"{BINARY_VARIABLE} names {named}, which is not a program", hint="give anvil's own path")
    root = Path(fogchain.__file__).parents[1]
    system = _SYSTEMS.get(platform.system(), "")
    architecture = _ARCHITECTURES.get(platform.machine().lower(), "")
    name = "anvil.exe" if system == "win32" else "anvil"
    for package in ("anvil-linux-x64", f"@foundry-rs/anvil-{system}-{architecture}"):
        if package == "anvil-linux-x64" and (system, architecture) != ("linux", "amd64"):
            continue
        path = root / "node_modules" / package / "bin" / name
        if _is_program(path):
            return path
    found = shutil.which("anvil")
    if found and _is_program(Path(found)):
        return Path(found)
    raise Unavailable(
        "anvil, the program that runs the local chain, is not installed",
        hint=f"run `npm ci --omit=dev --ignore-scripts` in {root}, or set {BINARY_VARIABLE} to the path of an anvil",
    )


def _is_program(path: Path) -> bool:
    """Not npm's launcher script, which would leave the real anvil behind when it is killed."""
    try:
        with path.open("rb") as file:
            return os.access(path, os.X_OK) and file.read(2) != b"#!"
    except OSError:
        return False


def refuse_busy(host: str, port: int) -> None:
    """Raises Conflict when something listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Conflict(
                f"port {port} on {host} is in use by another program",
                hint="stop that program, or choose another port (0 picks a free one)",
            ) from error


def free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def start_anvil(binary: Path, arguments: list[str], home: Path, log: Path) -> asyncio.subprocess.Process:
    """Starts it in a session of its own, so that Ctrl-C reaches it through us, after the last snapshot."""
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home), "NO_COLOR": "1"}
    command = [str(binary), *arguments]
    if sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *command]
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
