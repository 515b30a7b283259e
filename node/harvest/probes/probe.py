"""What a probe is: something that tells of a few sensors when it is asked, and may hang, lie or be gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from node.harvest.sensors import Value

Readings: TypeAlias = dict[str, Value | None]  # a sensor that is left out is one of which nothing is told now


class Absent(Exception):
    """This machine has no such thing, or does not let us ask: the message says which, and what would change it."""


class Failed(Exception):
    """It should be there and gave nothing that could be understood; the message says what."""


class Source(Protocol):
    """What a probe asks. Used by one thread only, which may be left behind in `read` for ever."""

    def read(self) -> Mapping[str, Value | None]:
        """What is so now; whatever else it raises or gives counts as failed. Raises Absent, Failed."""
        ...

    def files(self) -> Sequence[int]:
        """Descriptors that become readable when there is something new: then it is read at once."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A source that is a function and keeps nothing open."""

    read: Callable[[], Mapping[str, Value | None]]

    def files(self) -> Sequence[int]:
        return ()

    def close(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class Probe:
    """`open` makes the source, in the thread that will use it."""

    name: str
    sensors: tuple[str, ...]
    open: Callable[[], Source]
    busy: float = 1.0  # seconds between readings while tasks run
    idle: float = 5.0  # and while none do
    timeout: float = 1.0  # seconds that a reading may take, opening included
    whole: bool = True  # of `user.idle`: sees all input there is; else only proves that there was some


def asks(
    name: str,
    sensors: tuple[str, ...],
    read: Callable[[], Mapping[str, Value | None]],
    *,
    busy: float = 1.0,
    idle: float = 5.0,
    timeout: float = 1.0,
    whole: bool = True,
) -> Probe:
    """A probe that keeps nothing between its readings but what the function itself keeps."""
    return Probe(name, sensors, lambda: Asked(read), busy, idle, timeout, whole)


@dataclass(frozen=True, slots=True)
class Root:
    """Where the kernel's files are: of this machine, or of a folder that is made to look like one."""

    sys: Path = field(default_factory=lambda: Path("/sys"))
    proc: Path = field(default_factory=lambda: Path("/proc"))
    dev: Path = field(default_factory=lambda: Path("/dev"))

    @classmethod
    def below(cls, folder: Path) -> Root:
        return cls(folder / "sys", folder / "proc", folder / "dev")

    @property
    def real(self) -> bool:
        """Whether all of it is this machine's own; a made one hears of no desktop, bus or command."""
        return self == Root()
