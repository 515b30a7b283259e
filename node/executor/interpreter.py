"""CPython for jobs that are Python scripts: one known WebAssembly module, its standard library packed inside.

It runs in the same sandbox as any module, so that a script is metered, limited and deterministic like any program. The
engine's name carries its version; its content is checked against `NAME` before it is compiled. Compiling takes a
quarter of a minute, so that is done once for all nodes that share an environment, in a process of its own:

    interpreter.main() with MODULE FOLDER as arguments

`scripts/setup` puts the module where `find` looks.
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

from node.executor.version import ENGINE

VERSION = "3.12.0"
PYTHON_ENGINE = f"cpython-{VERSION}/{ENGINE}"
NAME = "6b363644b083810b04e4bf9316c5673a5e9611ed345abed7ebfc94b2bb3e9f25"  # a blob's name, see jobs/blobname.py
SCRIPT = "/job/main.py"  # where the script finds itself
# No user site, no bytecode files. PYTHONHASHSEED: sets have the same order in every task.
ARGUMENTS = ("python", "-s", "-B", SCRIPT)
ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONPATH": "/in"}


def find() -> Path | None:
    """The module, where this environment has it."""
    path = Path(sys.prefix) / "share" / "fogchain" / f"cpython-{VERSION}.wasm"
    return path if path.is_file() else None


def compiled_folder(module: Path, own: Path) -> Path:
    """Where its compiled form is kept: beside the module, or in the node's `own` folder if we may not write there.

    Compiled modules are native code, which is why the folder has to be as trusted as the environment's programs.
    """
    return module.parent / "compiled" if os.access(module.parent, os.W_OK) else own


def main() -> None:
    from node.executor.engine import Modules, make_engine

    module, folder = Path(sys.argv[1]), Path(sys.argv[2])
    os.nice(19)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several nodes may start at once
        Modules(make_engine(), folder).load(NAME, module)


if __name__ == "__main__":
    main()
