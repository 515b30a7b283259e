"""The system calls a native task may not make, as a classic BPF program for the kernel's seccomp filter. x86-64.

Everything that reaches beyond the task is answered with an error: namespaces, mounts, modules, keys, other processes'
memory, sockets other than between its own processes, and calls newer than this list. Calls by another processor mode
kill. Namespaces, the missing capabilities and the empty network are the first wall; this one is for flaws in the kernel
behind calls that no honest task makes.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst; linux/filter.h; arch/x86/entry/syscalls/syscall_64.tbl.
"""

from __future__ import annotations

import struct
from errno import EAFNOSUPPORT, ENOSYS, EPERM

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data; of an argument the low half is read
_X86_64 = 0xC000003E
_X32 = 0x40000000  # the bit of the other set of calls on the same processor
_FIRST_UNKNOWN = 463

_DENIED = {
    "ptrace": 101, "syslog": 103, "mknod": 133, "uselib": 134, "personality": 135, "vhangup": 153, "modify_ldt": 154,
    "pivot_root": 155, "_sysctl": 156, "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165,
    "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171,
    "iopl": 172, "ioperm": 173, "create_module": 174, "init_module": 175, "delete_module": 176, "query_module": 178,
    "quotactl": 179, "nfsservctl": 180, "lookup_dcookie": 212, "clock_settime": 227, "kexec_load": 246,
    "add_key": 248, "request_key": 249, "keyctl": 250, "migrate_pages": 256, "mknodat": 259, "unshare": 272,
    "move_pages": 279, "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
    "kcmp": 312, "finit_module": 313, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425,
    "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442,
    "quotactl_fd": 443, "memfd_secret": 447,
}  # fmt: skip
_CLONE, _CLONE3, _SOCKET, _IOCTL = 56, 435, 41, 16
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_AF_UNIX = 1
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX


def program() -> bytes:
    """The filter, instructions of eight bytes: code u16, where to go if true and if false u8 each, value u32."""
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in _instructions())


def _instructions() -> list[tuple[int, int, int, int]]:
    def refuse(error: int) -> tuple[int, int, int, int]:
        return (_RETURN, 0, 0, _ERRNO | error)

    made = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, _X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_GREATER_EQUAL, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
        (_JUMP_GREATER_EQUAL, 0, 1, _FIRST_UNKNOWN),
        refuse(ENOSYS),
        (
            _JUMP_EQUAL,
            0,
            1,
            _CLONE3,
        ),  # its flags lie in memory, which a filter can't read: libraries fall back to clone
        refuse(ENOSYS),
    ]
    for number in sorted(_DENIED.values()):
        made += [(_JUMP_EQUAL, 0, 1, number), refuse(EPERM)]
    made += [
        (_JUMP_EQUAL, 0, 4, _CLONE),
        (_LOAD, 0, 0, _ARGUMENTS),
        (_JUMP_SET, 0, 1, _NEW_NAMESPACES),
        refuse(EPERM),
        (_RETURN, 0, 0, _ALLOW),
        (_JUMP_EQUAL, 0, 4, _SOCKET),
        (_LOAD, 0, 0, _ARGUMENTS),
        (_JUMP_EQUAL, 1, 0, _AF_UNIX),
        refuse(EAFNOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
        (_JUMP_EQUAL, 0, 5, _IOCTL),
        (_LOAD, 0, 0, _ARGUMENTS + 8),
        *((_JUMP_EQUAL, len(_TERMINAL_INPUT) - n, 0, request) for n, request in enumerate(_TERMINAL_INPUT)),
        (_RETURN, 0, 0, _ALLOW),
        refuse(EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return made
