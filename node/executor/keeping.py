"""The checkpoints of the runs of this machine, by run: one file each, which outlives worker, run and daemon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from pathlib import Path

import structlog

from fogchain.errors import BadMessage
from fogchain.jobs.checkpoint import Checkpoint
from fogchain.jobs.spec import RunSpec
from node.executor.saving import Saving, part_of, wanted_at

log = structlog.get_logger(__name__)

KEPT = 8 * 86_400.0  # seconds; no job lasts longer than a week
KIND = ".kept"
LOOK = 0.02  # seconds between looks for a checkpoint that is waited for


class Keeping:
    """`folder` is its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun: dict[str, tuple[int, int] | None] = {}  # by run, what it began from

    def start(self) -> None:
        """Make the folder; drop what was being written, and what nobody came back for."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._folder.iterdir():
            if path.suffix != KIND or path.stat().st_mtime < time.time() - KEPT:
                path.unlink(missing_ok=True)

    def place(self, run_id: str) -> Path:
        return self._folder / f"{run_id}{KIND}"

    def newest(self, run_id: str, spec: RunSpec, given: Path | None) -> tuple[int, Path | None]:
        """Where a run goes on now: the fuel burnt until then, and the archive; (0, None) from the start. `given`: the
        checkpoint that its spec names. Raises BadMessage when that one is no good, OSError when it can't be read."""
        fuel, begin = 0, None
        self._begun[run_id] = _stamp(self.place(run_id))
        if spec.resume is not None:
            if given is None:
                raise BadMessage("it is not here")
            fuel, begin = self._read(given, spec).fuel, given
            if fuel != spec.resume.fuel:
                raise BadMessage(f"the checkpoint was taken after {fuel} fuel, the order says {spec.resume.fuel}")
        place = self.place(run_id)
        try:
            kept = self._read(place, spec).fuel
        except FileNotFoundError:
            return fuel, begin
        except (BadMessage, OSError) as error:
            log.warning("a checkpoint can't be used", run=run_id[:12], why=str(error))
            place.unlink(missing_ok=True)
            return fuel, begin
        return (kept, place) if kept > fuel else (fuel, begin)

    def progressed(self, run_id: str) -> bool:
        """Whether it has copied a checkpoint since it was last begun."""
        stamp = _stamp(self.place(run_id))
        return stamp is not None and stamp != self._begun.get(run_id)

    def saving(self, run_id: str, spec: RunSpec, stay: float, begin: Path | None) -> Saving:
        return Saving(self.place(run_id).absolute(), spec.limits.checkpoint, spec.seed, stay, begin)

    async def renewed(self, runs: Collection[str], grace: float) -> None:
        """Return when each of these runs has copied one more checkpoint, or is no longer in `runs`, or after `grace`
        seconds. `runs` may change meanwhile, in another thread, too."""
        before = {run: _stamp(self.place(run)) for run in tuple(runs)}
        for run in before:
            wanted_at(self.place(run)).touch()
        until = time.monotonic() + grace
        try:
            while time.monotonic() < until:
                if not any(run in runs and _stamp(self.place(run)) == stamp for run, stamp in before.items()):
                    return
                await asyncio.sleep(LOOK)
        finally:
            for run in before:
                wanted_at(self.place(run)).unlink(missing_ok=True)

    def drop(self, run_id: str) -> None:
        place = self.place(run_id)
        self._begun.pop(run_id, None)
        for path in (place, part_of(place), wanted_at(place)):
            path.unlink(missing_ok=True)

    @staticmethod
    def _read(path: Path, spec: RunSpec) -> Checkpoint:
        found = Checkpoint.decode(path.read_bytes(), spec.limits.checkpoint)
        found.belongs(spec.seed, spec.origin.limits.fuel)
        return found


def _stamp(path: Path) -> tuple[int, int] | None:
    """Changes with every copy."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
