"""One program at a time on a data folder."""

from __future__ import annotations

import fcntl
import os
from typing import IO

from fogchain.errors import Conflict
from fogchain.folder import DataFolder


def take(folder: DataFolder) -> IO[str]:
    """Hold the folder for as long as the returned file is open. Raises Conflict."""
    file: IO[str] = folder.lock.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise Conflict(
            f"a node is running on {folder.root} already (process {holder})",
            hint="stop it first, or give this one another folder with --data",
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
