"""When a key, button or pointer was last moved, from the kernel's input devices. What was moved is never looked at:
what a device sends is read to be thrown away, and only the time is kept.

Whoever may read `/dev/input` could see every key, so Linux lets only root and the group `input`.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from node.harvest.probes.files import folders, text
from node.harvest.probes.probe import Absent, Readings, Root

SENSORS = ("user.idle",)
_MOST_DEVICES = 256
_CHUNK = 4096  # bytes
_MOST_CHUNKS = 64  # of one device at a time
# Bits of linux/input-event-codes.h.
_KEYS_AND_MOVES = 1 << 1 | 1 << 2 | 1 << 3  # EV_KEY, EV_REL, EV_ABS: not the lid's switch, nor sound jacks
_ACCELEROMETER = 1 << 6  # INPUT_PROP_ACCELEROMETER: a table that shakes is no user


class Evdev:
    """Before the first input, the time since it began to look counts."""

    def __init__(self, root: Root, clock: Callable[[], float] = time.monotonic) -> None:
        self._root, self._clock = root, clock
        self._open: dict[Path, int] = {}
        self._last = clock()

    def read(self) -> Readings:
        """Raises Absent where there is no device that a user moves, or where one of them may not be read."""
        devices = [device for device in self._devices() if self._of_a_user(device)]
        self._drop(set(self._open) - set(devices))
        refused = [device for device in devices if not self._opened(device)]
        if refused:
            raise Absent(f"this user may not read {refused[0]}; members of the group input may")
        if not devices:
            raise Absent(f"there are no keyboards or pointers in {self._root.dev / 'input'}")
        for device in devices:
            if self._moved(device):
                self._last = self._clock()
        return {"user.idle": max(0.0, self._clock() - self._last)}

    def files(self) -> Sequence[int]:
        return tuple(self._open.values())

    def close(self) -> None:
        self._drop(set(self._open))

    def _devices(self) -> list[Path]:
        return [one for one in folders(self._root.dev / "input") if one.name.startswith("event")][:_MOST_DEVICES]

    def _of_a_user(self, device: Path) -> bool:
        about = self._root.sys / "class" / "input" / device.name / "device"
        kinds, properties = _bits(about / "capabilities" / "ev"), _bits(about / "properties")
        return (kinds is None or bool(kinds & _KEYS_AND_MOVES)) and not (properties or 0) & _ACCELEROMETER

    def _opened(self, device: Path) -> bool:
        """False where it is not allowed; a device that just went away is none."""
        if device in self._open:
            return True
        try:
            kind = device.stat().st_mode
            if stat.S_ISCHR(kind) or stat.S_ISFIFO(kind):
                self._open[device] = os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError:
            return False
        except OSError:
            pass
        return True

    def _moved(self, device: Path) -> bool:
        if device not in self._open:
            return False
        moved = False
        try:
            for _ in range(_MOST_CHUNKS):
                if not os.read(self._open[device], _CHUNK):  # whoever wrote into a pipe has closed it
                    self._drop({device})
                    self._opened(device)
                    break
                moved = True
        except BlockingIOError:
            pass
        except OSError:
            self._drop({device})  # it was unplugged
        return moved

    def _drop(self, devices: set[Path]) -> None:
        for device in devices:
            with contextlib.suppress(OSError):
                os.close(self._open.pop(device))


def _bits(path: Path) -> int | None:
    """Of a bitmap in /sys: words in hexadecimal, the lowest last."""
    try:
        return int((text(path) or "").split()[-1], 16)
    except (IndexError, ValueError):
        return None
