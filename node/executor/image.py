"""Unpacks a task's image, a tar archive of a root folder, without ever leaving the folder it is unpacked into.

Links are made as they are written, since the task sees them inside its own root; nothing is unpacked through one.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from contextlib import suppress
from pathlib import Path

MAX_BYTES = 1 << 30  # unpacked
MAX_ENTRIES = 50_000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class BadImage(Exception):
    """An image that can't be unpacked, in words for its author."""


def unpack(archive: Path, root: Path) -> None:
    """Raises BadImage; OSError when this machine is at fault. What was unpacked until then is left."""
    size = 0
    try:
        with tarfile.open(archive, "r:*") as tar:
            for number, member in enumerate(tar):
                size += member.size
                if size > MAX_BYTES or number >= MAX_ENTRIES:
                    raise BadImage(f"the image has more than {MAX_BYTES >> 30} GiB or {MAX_ENTRIES:,} files in it")
                _put(tar, member, root)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BadImage(f"the module is neither a Linux executable nor a tar archive: {error}") from error


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    way = _parts(member.name)
    if not way:
        return
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        raise BadImage(f"{member.name}: only files, folders and links are unpacked")
    parent = _open(root, way[:-1], member.name)
    name = way[-1]
    try:
        if member.isdir():
            with suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=parent)
            return
        with suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(name, dir_fd=parent)
        if member.issym():
            os.symlink(member.linkname, name, dir_fd=parent)
        elif member.islnk():
            source = _parts(member.linkname)
            folder = _open(root, source[:-1], member.name)
            try:
                os.link(source[-1], name, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
            finally:
                os.close(folder)
        elif (content := tar.extractfile(member)) is not None:
            with os.fdopen(os.open(name, _NEW_FILE, 0o600, dir_fd=parent), "wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
                os.fchmod(file.fileno(), 0o755 if member.mode & 0o111 else 0o644)
    except (FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError, IndexError) as error:
        raise BadImage(f"{member.name[:200]}: two entries of the image are in each other's way") from error
    finally:
        os.close(parent)


def _parts(name: str) -> list[str]:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or any("\0" in part or len(part) > 255 for part in parts) or len(parts) > 100:
        raise BadImage(f"{name[:200]!r} leads out of the image")
    return parts


def _open(root: Path, way: list[str], name: str) -> int:
    """A descriptor of a folder below `root`, made where it is missing. Raises BadImage if it leads through a link."""
    descriptor = os.open(root, _FOLDER)
    for part in way:
        try:
            with suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=descriptor)
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
        except OSError as error:
            raise BadImage(f"{name[:200]}: its folder {part!r} is a link or a file") from error
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor
