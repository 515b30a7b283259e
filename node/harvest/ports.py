"""What the harvester needs of the rest of the node; the daemon plugs the real things in."""

from __future__ import annotations

from typing import Protocol


class Workers(Protocol):
    """The sandbox's processes. Every method but `checkpointed` returns at once, and may be called from any thread."""

    @property
    def running(self) -> int:
        """Runs that have a worker, standing ones too."""
        ...

    def admit(self, admitted: bool) -> None:
        """Whether runs that wait for a worker may begin."""
        ...

    def suspend(self) -> None:
        """Let all runs stand still, and their time limits with them; one that begins now stands as well."""
        ...

    def resume(self) -> None: ...
    def standing(self) -> bool:
        """Whether every process is seen to stand still."""
        ...

    def limit(self, duty: float) -> bool:
        """Let the kernel hold each worker to this share of a core; 1.0 is all of it. False where it can't."""
        ...

    async def checkpointed(self, grace: float) -> None:
        """Return when each run has written a checkpoint that is kept, or after `grace` seconds; they may go on until
        then, also from suspension."""
        ...

    def evict(self, cause: str) -> None:
        """End all runs as handed back, each with its newest checkpoint; nothing of them goes on."""
        ...

    def kill(self) -> None:
        """End every worker's process by force, whatever it is at; their runs are handed back."""
        ...

    def processor_time(self) -> float:
        """Seconds of processor time that all workers have used since the start, ended ones too."""
        ...
