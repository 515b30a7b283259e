"""WASI preview 1 in numbers: functions, errors, flags and record layouts, little-endian.

Source: wasi_snapshot_preview1 (WebAssembly/WASI, legacy/preview1/docs.md).
"""

from __future__ import annotations

import struct
from enum import IntEnum

MODULE = "wasi_snapshot_preview1"

# Parameters of every function: i is an i32, I an i64. All but proc_exit answer with an error number.
FUNCTIONS = {
    "args_get": "ii", "args_sizes_get": "ii", "environ_get": "ii", "environ_sizes_get": "ii",
    "clock_res_get": "ii", "clock_time_get": "iIi", "random_get": "ii", "sched_yield": "", "poll_oneoff": "iiii",
    "proc_exit": "i", "proc_raise": "i",
    "fd_advise": "iIIi", "fd_allocate": "iII", "fd_close": "i", "fd_datasync": "i", "fd_fdstat_get": "ii",
    "fd_fdstat_set_flags": "ii", "fd_fdstat_set_rights": "iII", "fd_filestat_get": "ii",
    "fd_filestat_set_size": "iI", "fd_filestat_set_times": "iIIi", "fd_pread": "iiiIi", "fd_prestat_get": "ii",
    "fd_prestat_dir_name": "iii", "fd_pwrite": "iiiIi", "fd_read": "iiii", "fd_readdir": "iiiIi",
    "fd_renumber": "ii", "fd_seek": "iIii", "fd_sync": "i", "fd_tell": "ii", "fd_write": "iiii",
    "path_create_directory": "iii", "path_filestat_get": "iiiii", "path_filestat_set_times": "iiiiIIi",
    "path_link": "iiiiiii", "path_open": "iiiiiIIii", "path_readlink": "iiiiii", "path_remove_directory": "iii",
    "path_rename": "iiiiii", "path_symlink": "iiiii", "path_unlink_file": "iii",
    "sock_accept": "iii", "sock_recv": "iiiiii", "sock_send": "iiiii", "sock_shutdown": "ii",
}  # fmt: skip

FILETYPE_DIRECTORY, FILETYPE_REGULAR = 3, 4
RIGHT_READ, RIGHT_SEEK, RIGHT_TELL, RIGHT_WRITE, RIGHT_FILESTAT = 1 << 1, 1 << 2, 1 << 5, 1 << 6, 1 << 21
RIGHTS_ALL = 0x1FFFFFFF
RIGHTS_DIRECTORY = RIGHTS_ALL & ~(RIGHT_SEEK | RIGHT_TELL)
FDFLAG_APPEND = 1
OFLAG_CREATE, OFLAG_DIRECTORY, OFLAG_EXCLUSIVE, OFLAG_TRUNCATE = 1, 2, 4, 8

U16, U32, U64 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")
IOVEC = struct.Struct("<II")
FDSTAT = struct.Struct("<BxHxxxxQQ")
FILESTAT = struct.Struct("<QQB7xQQQQQ")
DIRENT = struct.Struct("<QQIB3x")
EVENT = struct.Struct("<QHB5xQH6x")


class Errno(IntEnum):
    """WASI preview 1's error numbers, those in use here."""

    SUCCESS = 0
    BADF = 8
    EXIST = 20
    FAULT = 21
    ILSEQ = 25
    INVAL = 28
    IO = 29
    ISDIR = 31
    MFILE = 33
    NAMETOOLONG = 37
    NOENT = 44
    NOTDIR = 54
    NOTEMPTY = 55
    NOTSOCK = 57
    NOTSUP = 58
    ROFS = 69
    SPIPE = 70
    XDEV = 75
    NOTCAPABLE = 76


class Refused(Exception):
    """A call the task may not make, answered with an error number."""

    def __init__(self, errno: Errno) -> None:
        super().__init__(errno.name)
        self.errno = errno
