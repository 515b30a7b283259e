"""Who has a job's inputs beside its buyer, and on whose behalf a provider holds them."""

from __future__ import annotations

from collections import OrderedDict

from fogchain.jobs.machine import JobMachine
from fogchain.jobs.spec import RunSpec

REMEMBERED = 50_000


def holders(machine: JobMachine, started: set[int], peer_id: str, sha256: str) -> list[str]:
    """Peers of the job's other providers that have begun a task with this blob, newest first, then those that have
    promised to run one and may be fetching it; for a provider of the job that asks. Empty for anybody else."""
    shares = machine.shares
    if all(share.peer != peer_id for share in shares.values()):
        return []
    whole: dict[str, None] = {}
    part: dict[str, None] = {}
    for run in reversed(machine.runs.values()):
        share = shares[run.provider]
        if share.peer == peer_id or share.peer in whole or share.distrusted:
            continue
        begun = run.attempt in started or run.state in ("held", "accepted")
        if (begun or (run.state == "out" and run.promise)) and _needs(machine, run.task, sha256):
            (whole if begun else part)[share.peer] = None
    return list(whole | part)


class HeldFor:
    """Which blobs a provider has of which buyer's orders. Forgets the oldest: they are fetched from the buyer then."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def learn(self, buyer: str, spec: RunSpec) -> None:
        """An order from the peer `buyer` was taken."""
        for sha256 in blobs_of(spec):
            self._known[buyer, sha256] = None
            self._known.move_to_end((buyer, sha256))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def owned(self, buyer: str, sha256: str) -> bool:
        return (buyer, sha256) in self._known


def blobs_of(spec: RunSpec) -> dict[str, int]:
    """Name to size of all that a run needs."""
    refs = [spec.module, *([spec.task.stdin] if spec.task.stdin else []), *spec.task.inputs.values()]
    if spec.resume is not None:
        refs.append(spec.resume.archive)
    return {ref.sha256: ref.size for ref in refs}


def _needs(machine: JobMachine, index: int, sha256: str) -> bool:
    spec, task = machine.spec, machine.spec.tasks[index]
    stdin = task.stdin is not None and task.stdin.sha256 == sha256
    return stdin or spec.module.sha256 == sha256 or any(ref.sha256 == sha256 for ref in task.inputs.values())
