"""Starts Python programs of ours that see no environment: the same code as this process runs, wherever that lies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import fogchain
import node

_BOOT = """
import os, sys
sys.path[:0] = [folder for folder in sys.argv.pop(1).split(os.pathsep) if folder not in sys.path]
from {module} import main
main()
"""


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs `main()` of `module` with `sys.argv[1:]` as given.

    Isolated (-I), so neither the environment nor the current folder decides what is imported. A Ray cluster's machines
    get our packages in folders of their own, which only this passes on.
    """
    folders = dict.fromkeys(str(Path(package.__path__[0]).parent) for package in (fogchain, node))
    return [sys.executable, "-I", "-c", _BOOT.format(module=module), os.pathsep.join(folders), *arguments]
