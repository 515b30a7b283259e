"""What a task sees as files: `/in`, read-only, and `/out`, where its results go; a script also itself, in `/job`. One
that has checkpoints sees `/checkpoint`, too, with what was carried there, and commits by renaming a file in it.

Directories and names live in memory only. Input files are open descriptors of whole files; output files are open
descriptors of numbered files in the run's folder, so no name a task chooses ever reaches the machine's file system,
and there is no path, link or race by which it could get at anything else. Inode numbers, times and the order of
directory entries are the same in every run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from fogchain.jobs.checkpoint import MAX_FILES as MAX_SAVED_FILES
from fogchain.jobs.checkpoint import UNFINISHED
from fogchain.jobs.names import MAX_NAME, is_plain_name
from node.executor.abi import Errno, Refused
from node.executor.inodes import Directory, Handle, InputFile, Node, OutputFile, Quota

MAX_HANDLES = 256
MAX_RESULT_NAME = 255


class FileSystem:
    """The files of one run. `folder` is where its output files go, as `0`, `1`, …"""

    def __init__(
        self, folder: Path, inputs: dict[str, Path], stdin: Path | None, output_limit: int,
        program: dict[str, Path] | None = None, saved: dict[str, bytes] | None = None, save_limit: int = 0,
    ) -> None:  # fmt: skip
        """`saved`: what is in `/checkpoint` at the start; None where the task has none. `save_limit` in bytes."""
        self.folder = folder
        self.quota = Quota(output_limit)
        self._inode = 1
        self._descriptors: list[int] = []
        self.committed: Callable[[], None] = lambda: None  # called when the task has finished a file of its checkpoint
        self.incoming = Directory(self._next_inode())
        for name, path in sorted(inputs.items()):
            self.incoming.entries[name] = self._input(path)
        self.outgoing = Directory(self._next_inode(), self.quota)
        standard_input = self._input(stdin if stdin is not None else Path(os.devnull))
        self.stdout, self.stderr = self._output(self.quota, "stdout"), self._output(self.quota, "stderr")
        self.handles: dict[int, Handle] = {
            0: Handle(standard_input),
            1: Handle(self.stdout, readable=False, writable=True, stream=True),
            2: Handle(self.stderr, readable=False, writable=True, stream=True),
            3: Handle(self.incoming, preopen="/in"),
            4: Handle(self.outgoing, writable=True, preopen="/out"),
        }
        if program is not None:
            job = Directory(self._next_inode())
            job.entries.update({name: self._input(path) for name, path in program.items()})
            self.handles[5] = Handle(job, preopen="/job")
        self.saving: Directory | None = None
        if saved is not None:
            quota = Quota(save_limit, MAX_SAVED_FILES, "checkpoint")
            self.saving = Directory(self._next_inode(), quota, flat=True)
            self.handles[len(self.handles)] = Handle(self.saving, writable=True, preopen="/checkpoint")
            for name, content in sorted(saved.items()):
                quota.take_file()
                file = self.saving.entries[name] = self._output(quota)
                file.write(memoryview(content), 0)

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        open_files = [handle.node for handle in self.handles.values()]  # those without a name among them
        named = [node for root in (self.outgoing, self.saving) if root for _, node in _walk(root, "")]
        for node in (self.stdout, self.stderr, *open_files, *named):
            if isinstance(node, OutputFile) and node.descriptor >= 0:
                os.close(node.descriptor)
                node.descriptor = -1

    def results(self) -> list[tuple[str, OutputFile]]:
        """The run's result files by name, sorted: `stdout`, `stderr`, and those below `/out` as `out/<path>`."""
        found = [("stdout", self.stdout), ("stderr", self.stderr)]
        found += [(path, node) for path, node in _walk(self.outgoing, "out") if isinstance(node, OutputFile)]
        return sorted(found, key=lambda entry: entry[0])

    def saved(self) -> dict[str, bytes]:
        """What is carried of `/checkpoint` as it is now."""
        entries = self.saving.entries.items() if self.saving else ()
        return {
            name: node.read() for name, node in entries if isinstance(node, OutputFile) and _is_carried(name)
        }  # fmt: skip

    # ── handles ───────────────────────────────────────────────────────────────────────────────────────────────

    def handle(self, number: int) -> Handle:
        try:
            return self.handles[number]
        except KeyError:
            raise Refused(Errno.BADF) from None

    def directory(self, number: int) -> Directory:
        node = self.handle(number).node
        if not isinstance(node, Directory):
            raise Refused(Errno.NOTDIR)
        return node

    def close_handle(self, number: int) -> None:
        handle = self.handle(number)
        del self.handles[number]
        if isinstance(handle.node, OutputFile) and not handle.stream:
            handle.node.handles -= 1
            handle.node.release()

    def renumber(self, old: int, new: int) -> None:
        handle = self.handle(old)
        self.handle(new)
        if old != new:
            self.close_handle(new)
            self.handles[new] = handle
            del self.handles[old]

    def open(
        self, number: int, path: str, *, create: bool, directory: bool, exclusive: bool, truncate: bool,
        readable: bool, writable: bool, append: bool,
    ) -> int:  # fmt: skip
        """Open a path below the folder with handle `number`; returns the new handle's number. Raises Refused."""
        if len(self.handles) >= MAX_HANDLES:
            raise Refused(Errno.MFILE)
        parent, name = self._resolve(self.directory(number), path)
        node = parent if name is None else parent.entries.get(name)
        if node is None:
            if not create:
                raise Refused(Errno.NOENT)
            if name is None or directory:
                raise Refused(Errno.INVAL)
            quota = self._check_new(parent, name)
            quota.take_file()
            node = parent.entries[name] = self._output(quota)
        elif create and exclusive:
            raise Refused(Errno.EXIST)
        if isinstance(node, Directory):
            if truncate or (create and not directory):
                raise Refused(Errno.ISDIR)
            handle = Handle(node, writable=node.writable)
        else:
            if directory or path.endswith("/"):
                raise Refused(Errno.NOTDIR)
            if isinstance(node, InputFile):
                if writable or truncate:
                    raise Refused(Errno.ROFS)
            else:
                if truncate:
                    node.resize(0)
                node.handles += 1
            handle = Handle(node, readable=readable, writable=writable, append=append)
        opened = next(n for n in range(len(self.handles) + 1) if n not in self.handles)
        self.handles[opened] = handle
        return opened

    # ── names ─────────────────────────────────────────────────────────────────────────────────────────────────

    def find(self, number: int, path: str) -> Node:
        parent, name = self._resolve(self.directory(number), path)
        node = parent if name is None else parent.entries.get(name)
        if node is None:
            raise Refused(Errno.NOENT)
        if path.endswith("/") and not isinstance(node, Directory):
            raise Refused(Errno.NOTDIR)
        return node

    def make_directory(self, number: int, path: str) -> None:
        parent, name = self._resolve(self.directory(number), path)
        if name is None or name in parent.entries:
            raise Refused(Errno.EXIST)
        quota = self._check_new(parent, name)
        if parent.flat:
            raise Refused(Errno.NOTSUP)
        quota.take_file()
        parent.entries[name] = Directory(self._next_inode(), quota)

    def remove_directory(self, number: int, path: str) -> None:
        parent, name = self._resolve(self.directory(number), path)
        if name is None:
            raise Refused(Errno.INVAL)
        node = self._present(parent, name)
        if not isinstance(node, Directory):
            raise Refused(Errno.NOTDIR)
        if node.entries:
            raise Refused(Errno.NOTEMPTY)
        del parent.entries[name]
        if parent.quota is not None:
            parent.quota.files += 1

    def unlink(self, number: int, path: str) -> None:
        parent, name = self._resolve(self.directory(number), path)
        if name is None:
            raise Refused(Errno.ISDIR)
        node = self._present(parent, name)
        if not isinstance(node, OutputFile):
            raise Refused(Errno.ISDIR)
        del parent.entries[name]
        node.linked = False
        node.release()

    def rename(self, number: int, path: str, new_number: int, new_path: str) -> None:
        parent, name = self._resolve(self.directory(number), path)
        new_parent, new_name = self._resolve(self.directory(new_number), new_path)
        if name is None or new_name is None:
            raise Refused(Errno.INVAL)
        node = self._present(parent, name)
        quota = self._check_new(new_parent, new_name)
        if quota is not parent.quota:
            raise Refused(Errno.XDEV)
        target = new_parent.entries.get(new_name)
        if target is node:
            return
        if isinstance(node, Directory):
            if new_parent is node or any(below is new_parent for _, below in _walk(node, "")):
                raise Refused(Errno.INVAL)
            if isinstance(target, OutputFile):
                raise Refused(Errno.NOTDIR)
            if target is not None and isinstance(target, Directory):
                if target.entries:
                    raise Refused(Errno.NOTEMPTY)
                quota.files += 1
        elif isinstance(target, Directory):
            raise Refused(Errno.ISDIR)
        del parent.entries[name]
        new_parent.entries[new_name] = node
        if isinstance(target, OutputFile):
            target.linked = False
            target.release()
        if new_parent is self.saving and _is_carried(new_name):
            self.committed()

    def _resolve(self, start: Directory, path: str) -> tuple[Directory, str | None]:
        """The folder a path leads to and the last name in it; None where the path is that folder itself.

        There are no links, so `..` only ever leads back the way the path came; what would lead above `start`, and
        what starts at the root, is refused.
        """
        if path.startswith("/"):
            raise Refused(Errno.NOTCAPABLE)
        parts = [part for part in path.split("/") if part and part != "."]
        if not path:
            raise Refused(Errno.NOENT)
        way = [start]
        name: str | None = None
        for part in parts:
            if name is not None:
                node = way[-1].entries.get(name)
                if node is None:
                    raise Refused(Errno.NOENT)
                if not isinstance(node, Directory):
                    raise Refused(Errno.NOTDIR)
                way.append(node)
                name = None
            if part == "..":
                way.pop()
                if not way:
                    raise Refused(Errno.NOTCAPABLE)
            else:
                name = part
        return way[-1], name

    def _present(self, parent: Directory, name: str) -> Node:
        node = parent.entries.get(name)
        if node is None:
            raise Refused(Errno.NOENT)
        if not parent.writable:
            raise Refused(Errno.ROFS)
        return node

    def _check_new(self, parent: Directory, name: str) -> Quota:
        """The quota that counts it."""
        if parent.quota is None:
            raise Refused(Errno.ROFS)
        if not is_plain_name(name[:MAX_NAME]):
            raise Refused(Errno.INVAL)
        if len(name) > MAX_NAME or len(f"{self._path_of(parent)}/{name}") > MAX_RESULT_NAME:
            raise Refused(Errno.NAMETOOLONG)
        return parent.quota

    def _path_of(self, directory: Directory) -> str:
        if directory is self.outgoing or directory is self.saving:
            return "out"
        for path, node in _walk(self.outgoing, "out"):
            if node is directory:
                return path
        raise Refused(Errno.NOENT)  # a folder that was removed while open

    # ── making nodes ──────────────────────────────────────────────────────────────────────────────────────────

    def _next_inode(self) -> int:
        self._inode += 1
        return self._inode

    def _input(self, path: Path) -> InputFile:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._descriptors.append(descriptor)
        return InputFile(self._next_inode(), descriptor, os.fstat(descriptor).st_size)

    def _output(self, quota: Quota, name: str | None = None) -> OutputFile:
        inode = self._next_inode()
        path = self.folder / (name or str(inode))
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        return OutputFile(inode, descriptor, path, quota)


def _is_carried(name: str) -> bool:
    return not name.endswith(UNFINISHED)


def _walk(directory: Directory, path: str) -> Iterator[tuple[str, Node]]:
    """Everything below a folder, with its path."""
    stack = [(path, directory)]
    while stack:
        prefix, folder = stack.pop()
        for name, node in folder.entries.items():
            yield f"{prefix}/{name}", node
            if isinstance(node, Directory):
                stack.append((f"{prefix}/{name}", node))
