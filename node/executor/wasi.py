"""WASI preview 1 for tasks: arguments, files, a virtual clock and seeded random numbers; no network, no host.

Every answer follows from the run's spec, so a run gives the same result and the same fuel on every machine. Calls cost
fuel like instructions do, because a task could otherwise keep a provider busy for nothing: `CALL_FUEL` each, and
`BYTE_FUEL` for every byte moved. The clock shows a fixed date plus one nanosecond per fuel used plus the time slept.

Numbers and layouts are in `abi`. Pointers a task passes are checked against its memory; a bad one answers FAULT.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable

from node.executor import abi
from node.executor.abi import Errno, Refused
from node.executor.filesystem import FileSystem
from node.executor.inodes import Directory, Handle, InputFile, Node, OutputFile

CALL_FUEL = 5_000
BYTE_FUEL = 4
EPOCH = 946_684_800 * 10**9  # 2000-01-01T00:00:00Z, nanoseconds

_MAX_IOVECS = 1024
_MAX_PATH = 4096
_CHUNK = 1 << 20


class TaskExit(Exception):
    """The task called proc_exit."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class OutOfFuel(Exception):
    """A call cost more fuel than the task had left."""


class Wasi:
    """The calls of one run. Each method takes the WebAssembly arguments as unsigned integers and returns an Errno.

    Before each call the host sets `memory` to the task's memory as it is then. `use_fuel` raises OutOfFuel. A method
    may also raise Refused (the error number goes to the task), OutputLimit, OutOfFuel or TaskExit.
    """

    def __init__(
        self, *, files: FileSystem, args: list[str], env: dict[str, str], seed: bytes,
        fuel_used: Callable[[], int], use_fuel: Callable[[int], None],
    ) -> None:  # fmt: skip
        self.files = files
        self._args = [arg.encode() + b"\0" for arg in args]
        self._env = [f"{name}={value}".encode() + b"\0" for name, value in sorted(env.items())]
        self._seed = seed
        self.memory = memoryview(b"")
        self._fuel_used = fuel_used
        self._use_fuel = use_fuel
        self._slept = 0
        self._random_calls = 0

    # ── memory ────────────────────────────────────────────────────────────────────────────────────────────────

    def _span(self, pointer: int, size: int) -> memoryview:
        if pointer + size > len(self.memory):
            raise Refused(Errno.FAULT)
        return self.memory[pointer : pointer + size]

    def _put(self, pointer: int, data: bytes) -> None:
        self._span(pointer, len(data))[:] = data

    def _answer(self, pointer: int, data: bytes) -> int:
        self._put(pointer, data)
        return Errno.SUCCESS

    def _text(self, pointer: int, size: int) -> str:
        if size > _MAX_PATH:
            raise Refused(Errno.NAMETOOLONG)
        try:
            text = str(self._span(pointer, size), "utf-8")
        except UnicodeDecodeError:
            raise Refused(Errno.ILSEQ) from None
        if "\0" in text:
            raise Refused(Errno.ILSEQ)
        return text

    def _buffers(self, pointer: int, count: int) -> list[memoryview]:
        """The memory a list of `(pointer u32, size u32)` names."""
        if count > _MAX_IOVECS:
            raise Refused(Errno.INVAL)
        return [self._span(*entry) for entry in abi.IOVEC.iter_unpack(self._span(pointer, 8 * count))]

    # ── arguments, time, chance ───────────────────────────────────────────────────────────────────────────────

    def _strings(self, strings: list[bytes], pointers: int, buffer: int) -> int:
        for number, text in enumerate(strings):
            self._put(pointers + 4 * number, abi.U32.pack(buffer))
            self._put(buffer, text)
            buffer += len(text)
        return Errno.SUCCESS

    def _sizes(self, strings: list[bytes], count: int, size: int) -> int:
        self._put(count, abi.U32.pack(len(strings)))
        return self._answer(size, abi.U32.pack(sum(map(len, strings))))

    def args_get(self, pointers: int, buffer: int) -> int:
        return self._strings(self._args, pointers, buffer)

    def args_sizes_get(self, count: int, size: int) -> int:
        return self._sizes(self._args, count, size)

    def environ_get(self, pointers: int, buffer: int) -> int:
        return self._strings(self._env, pointers, buffer)

    def environ_sizes_get(self, count: int, size: int) -> int:
        return self._sizes(self._env, count, size)

    def clock_res_get(self, clock: int, result: int) -> int:
        if clock > 3:
            raise Refused(Errno.INVAL)
        return self._answer(result, abi.U64.pack(1))

    def clock_time_get(self, clock: int, precision: int, result: int) -> int:
        return self._answer(result, abi.U64.pack(self._now(clock)))

    def _now(self, clock: int) -> int:
        """Clocks are 0 real time, 1 monotonic, 2 and 3 processor time."""
        if clock > 3:
            raise Refused(Errno.INVAL)
        used = self._fuel_used()
        return (EPOCH + used + self._slept if clock == 0 else used + self._slept if clock == 1 else used) % 2**64

    def random_get(self, pointer: int, size: int) -> int:
        target = self._span(pointer, size)
        self._use_fuel(BYTE_FUEL * size)
        call = self._random_calls
        self._random_calls += 1
        for number, start in enumerate(range(0, size, _CHUNK)):
            chunk = target[start : start + _CHUNK]
            chunk[:] = hashlib.shake_128(self._seed + struct.pack("<QQ", call, number)).digest(len(chunk))
        return Errno.SUCCESS

    def sched_yield(self) -> int:
        return Errno.SUCCESS

    def poll_oneoff(self, subscriptions: int, events: int, count: int, result: int) -> int:
        """Nothing here ever blocks: files are ready at once, and a sleep only moves the virtual clock.

        Subscription, 48 bytes: userdata u64, tag u8 (0 clock, 1 read, 2 write) at 8; clock at 16 u32, timeout at 24
        u64, flags at 40 u16 (1: absolute); or the file at 16 u32. Event, 32 bytes: userdata, error u16, type u8,
        bytes ready u64 at 16, flags u16.
        """
        if not 0 < count <= _MAX_IOVECS:
            raise Refused(Errno.INVAL)
        ready: list[bytes] = []
        alarms: list[tuple[int, int]] = []  # nanoseconds from now, userdata
        for number in range(count):
            entry = self._span(subscriptions + 48 * number, 48)
            (userdata,), tag = abi.U64.unpack_from(entry), entry[8]
            (clock_or_file,) = abi.U32.unpack_from(entry, 16)
            if tag == 0:
                (timeout,), (flags,) = abi.U64.unpack_from(entry, 24), abi.U16.unpack_from(entry, 40)
                alarms.append((max(0, timeout - self._now(clock_or_file)) if flags & 1 else timeout, userdata))
            elif tag in (1, 2):
                error, size = Errno.SUCCESS, 0
                handle = self.files.handles.get(clock_or_file)
                if handle is None or isinstance(handle.node, Directory):
                    error = Errno.BADF
                else:
                    size = max(0, handle.node.size - handle.position) if tag == 1 else 1
                ready.append(abi.EVENT.pack(userdata, error, tag, size, 0))
            else:
                raise Refused(Errno.INVAL)
        if not ready:
            first = min(alarms)[0]
            self._slept += first
            ready = [abi.EVENT.pack(userdata, 0, 0, 0, 0) for after, userdata in alarms if after == first]
        self._put(events, b"".join(ready))
        return self._answer(result, abi.U32.pack(len(ready)))

    def proc_exit(self, code: int) -> int:
        raise TaskExit(code)

    def proc_raise(self, signal: int) -> int:
        return Errno.NOTSUP

    # ── open files ────────────────────────────────────────────────────────────────────────────────────────────

    def fd_read(self, fd: int, iovecs: int, count: int, result: int) -> int:
        handle = self.files.handle(fd)
        done = self._read(fd, iovecs, count, handle.position)
        handle.position += done
        return self._answer(result, abi.U32.pack(done))

    def fd_pread(self, fd: int, iovecs: int, count: int, offset: int, result: int) -> int:
        if self.files.handle(fd).stream:
            raise Refused(Errno.SPIPE)
        return self._answer(result, abi.U32.pack(self._read(fd, iovecs, count, offset)))

    def _read(self, fd: int, iovecs: int, count: int, offset: int) -> int:
        handle = self.files.handle(fd)
        node = handle.node
        if isinstance(node, Directory):
            raise Refused(Errno.ISDIR)
        if not handle.readable:
            raise Refused(Errno.BADF)
        done = 0
        for buffer in self._buffers(iovecs, count):
            wanted = min(len(buffer), max(0, node.size - offset - done))
            if not wanted:
                continue
            self._use_fuel(BYTE_FUEL * wanted)
            while wanted:  # the whole of it: how much one call gives must not depend on the machine
                got = os.preadv(node.descriptor, [buffer[:wanted]], offset + done)
                if not got:
                    raise Refused(Errno.IO)
                buffer, wanted, done = buffer[got:], wanted - got, done + got
        return done

    def fd_write(self, fd: int, iovecs: int, count: int, result: int) -> int:
        handle = self.files.handle(fd)
        node = handle.node
        if isinstance(node, OutputFile) and (handle.append or handle.stream):
            handle.position = node.size
        done = self._write(fd, iovecs, count, handle.position)
        handle.position += done
        return self._answer(result, abi.U32.pack(done))

    def fd_pwrite(self, fd: int, iovecs: int, count: int, offset: int, result: int) -> int:
        if self.files.handle(fd).stream:
            raise Refused(Errno.SPIPE)
        return self._answer(result, abi.U32.pack(self._write(fd, iovecs, count, offset)))

    def _write(self, fd: int, iovecs: int, count: int, offset: int) -> int:
        handle = self.files.handle(fd)
        node = handle.node
        if isinstance(node, Directory):
            raise Refused(Errno.ISDIR)
        if not handle.writable or not isinstance(node, OutputFile):
            raise Refused(Errno.BADF)
        done = 0
        for buffer in self._buffers(iovecs, count):
            if len(buffer):
                self._use_fuel(BYTE_FUEL * len(buffer))
                done += node.write(buffer, offset + done)
        return done

    def fd_seek(self, fd: int, offset: int, whence: int, result: int) -> int:
        handle, node = self._seekable(fd)
        signed = offset - 2**64 if offset >= 2**63 else offset
        if whence > 2:
            raise Refused(Errno.INVAL)
        position = signed + (0, handle.position, node.size)[whence]
        if not 0 <= position < 2**62:
            raise Refused(Errno.INVAL)
        handle.position = position
        return self._answer(result, abi.U64.pack(position))

    def fd_tell(self, fd: int, result: int) -> int:
        return self._answer(result, abi.U64.pack(self._seekable(fd)[0].position))

    def _seekable(self, fd: int) -> tuple[Handle, InputFile | OutputFile]:
        handle = self.files.handle(fd)
        if isinstance(handle.node, Directory):
            raise Refused(Errno.BADF)
        if handle.stream:
            raise Refused(Errno.SPIPE)
        return handle, handle.node

    def fd_close(self, fd: int) -> int:
        self.files.close_handle(fd)
        return Errno.SUCCESS

    def fd_renumber(self, fd: int, to: int) -> int:
        self.files.renumber(fd, to)
        return Errno.SUCCESS

    def fd_sync(self, fd: int) -> int:
        self.files.handle(fd)
        return Errno.SUCCESS

    fd_datasync = fd_sync

    def fd_advise(self, fd: int, offset: int, size: int, advice: int) -> int:
        return self.fd_sync(fd)

    def fd_allocate(self, fd: int, offset: int, size: int) -> int:
        return Errno.NOTSUP

    def fd_fdstat_get(self, fd: int, result: int) -> int:
        """24 bytes: filetype u8, flags u16 at 2, rights u64 at 8, inheriting rights u64 at 16."""
        handle = self.files.handle(fd)
        if isinstance(handle.node, Directory):
            fdstat = abi.FDSTAT.pack(abi.FILETYPE_DIRECTORY, 0, abi.RIGHTS_DIRECTORY, abi.RIGHTS_ALL)
            return self._answer(result, fdstat)
        flags = abi.FDFLAG_APPEND if handle.append else 0
        rights = abi.RIGHT_FILESTAT
        rights |= (abi.RIGHT_READ if handle.readable else 0) | (abi.RIGHT_WRITE if handle.writable else 0)
        rights |= 0 if handle.stream else abi.RIGHT_SEEK | abi.RIGHT_TELL
        return self._answer(result, abi.FDSTAT.pack(abi.FILETYPE_REGULAR, flags, rights, 0))

    def fd_fdstat_set_flags(self, fd: int, flags: int) -> int:
        self.files.handle(fd).append = bool(flags & abi.FDFLAG_APPEND)
        return Errno.SUCCESS

    def fd_fdstat_set_rights(self, fd: int, base: int, inheriting: int) -> int:
        return Errno.NOTSUP

    def fd_filestat_get(self, fd: int, result: int) -> int:
        return self._answer(result, _filestat(self.files.handle(fd).node))

    def fd_filestat_set_size(self, fd: int, size: int) -> int:
        handle = self.files.handle(fd)
        if not handle.writable or handle.stream or not isinstance(handle.node, OutputFile):
            raise Refused(Errno.INVAL)
        handle.node.resize(size)
        return Errno.SUCCESS

    def fd_filestat_set_times(self, fd: int, accessed: int, modified: int, flags: int) -> int:
        return Errno.NOTSUP

    def fd_prestat_get(self, fd: int, result: int) -> int:
        """8 bytes: tag u8 (0 folder), length of its name u32 at 4."""
        handle = self.files.handle(fd)
        if handle.preopen is None:
            raise Refused(Errno.BADF)
        return self._answer(result, abi.IOVEC.pack(0, len(handle.preopen)))

    def fd_prestat_dir_name(self, fd: int, pointer: int, size: int) -> int:
        handle = self.files.handle(fd)
        if handle.preopen is None:
            raise Refused(Errno.BADF)
        if size < len(handle.preopen):
            raise Refused(Errno.NAMETOOLONG)
        return self._answer(pointer, handle.preopen.encode())

    def fd_readdir(self, fd: int, buffer: int, size: int, cookie: int, result: int) -> int:
        """Entries of 24 bytes (next cookie u64, inode u64, length of name u32, filetype u8) each followed by the name.

        Names come sorted, as they were when cookie 0 was asked for; the last entry is cut off where the buffer ends.
        """
        handle = self.files.handle(fd)
        directory = self.files.directory(fd)
        target = self._span(buffer, size)
        if cookie == 0:
            handle.listing = [(".", directory), ("..", directory), *sorted(directory.entries.items())]
        done = 0
        for number in range(min(cookie, len(handle.listing)), len(handle.listing)):
            name, node = handle.listing[number]
            text = name.encode()
            kind = abi.FILETYPE_DIRECTORY if isinstance(node, Directory) else abi.FILETYPE_REGULAR
            entry = (abi.DIRENT.pack(number + 1, node.inode, len(text), kind) + text)[: size - done]
            target[done : done + len(entry)] = entry
            done += len(entry)
            if done == size:
                break
        self._use_fuel(BYTE_FUEL * done)
        return self._answer(result, abi.U32.pack(done))

    # ── paths ─────────────────────────────────────────────────────────────────────────────────────────────────

    def path_open(
        self, fd: int, lookup: int, path: int, size: int, oflags: int, rights: int, inheriting: int, flags: int,
        result: int,
    ) -> int:  # fmt: skip
        self._span(result, 4)
        opened = self.files.open(
            fd, self._text(path, size),
            create=bool(oflags & abi.OFLAG_CREATE), directory=bool(oflags & abi.OFLAG_DIRECTORY),
            exclusive=bool(oflags & abi.OFLAG_EXCLUSIVE), truncate=bool(oflags & abi.OFLAG_TRUNCATE),
            readable=bool(rights & abi.RIGHT_READ), writable=bool(rights & abi.RIGHT_WRITE),
            append=bool(flags & abi.FDFLAG_APPEND),
        )  # fmt: skip
        return self._answer(result, abi.U32.pack(opened))

    def path_filestat_get(self, fd: int, lookup: int, path: int, size: int, result: int) -> int:
        return self._answer(result, _filestat(self.files.find(fd, self._text(path, size))))

    def path_create_directory(self, fd: int, path: int, size: int) -> int:
        self.files.make_directory(fd, self._text(path, size))
        return Errno.SUCCESS

    def path_remove_directory(self, fd: int, path: int, size: int) -> int:
        self.files.remove_directory(fd, self._text(path, size))
        return Errno.SUCCESS

    def path_unlink_file(self, fd: int, path: int, size: int) -> int:
        self.files.unlink(fd, self._text(path, size))
        return Errno.SUCCESS

    def path_rename(self, fd: int, path: int, size: int, new_fd: int, new_path: int, new_size: int) -> int:
        self.files.rename(fd, self._text(path, size), new_fd, self._text(new_path, new_size))
        return Errno.SUCCESS

    def path_readlink(self, fd: int, path: int, size: int, buffer: int, buffer_size: int, result: int) -> int:
        self.files.find(fd, self._text(path, size))
        return Errno.INVAL  # there are no links

    def path_link(self, *arguments: int) -> int:
        return Errno.NOTSUP

    def path_symlink(self, *arguments: int) -> int:
        return Errno.NOTSUP

    def path_filestat_set_times(self, *arguments: int) -> int:
        return Errno.NOTSUP

    # ── no network ────────────────────────────────────────────────────────────────────────────────────────────

    def sock_accept(self, *arguments: int) -> int:
        return Errno.NOTSOCK

    sock_recv = sock_send = sock_shutdown = sock_accept


def _filestat(node: Node) -> bytes:
    """64 bytes: device, inode, filetype u8, links, size, accessed, modified, changed; u64 each but the type."""
    kind, size = (abi.FILETYPE_DIRECTORY, 0) if isinstance(node, Directory) else (abi.FILETYPE_REGULAR, node.size)
    return abi.FILESTAT.pack(1, node.inode, kind, 1, size, EPOCH, EPOCH, EPOCH)
