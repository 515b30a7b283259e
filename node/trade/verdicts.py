"""Tells providers why their runs are paid or not, as soon as it is known and whenever it changes."""

from __future__ import annotations

from collections.abc import Callable

from fogchain.jobs.machine import JobMachine, Run
from fogchain.jobs.outcome import answered, reason_of
from fogchain.market.reasons import Reason
from node.trade import wire
from node.trade.ports import Network

PAUSE = 2.0  # seconds between looks
PATIENCE = 30.0  # seconds after a job's end for which it is not over before all was said
TIMEOUT = 10.0


def word_of(run: Run) -> str:
    """What is said of its receipt."""
    if run.state in ("held", "accepted"):
        return wire.ACCEPTED
    return wire.BREACHED if run.breached else wire.SUPERSEDED


class Verdicts:
    """What one job's providers have been told. Forgotten at a restart: then they are told again."""

    def __init__(self, machine: JobMachine, digest_of: Callable[[Run], bytes]) -> None:
        self._machine, self._digest_of = machine, digest_of
        self._told: dict[int, Reason] = {}
        self._looked = 0.0

    def answer(self, run: Run) -> Reason:
        """The reason to be given with the answer to the run's receipt."""
        self._told[run.attempt] = reason = reason_of(self._machine, run)
        return reason

    def answers(self) -> dict[bytes, tuple[str, Reason]]:
        """By order, the word and the reason for every receipt of the job that was taken."""
        return {
            self._digest_of(run): (word_of(run), reason_of(self._machine, run))
            for run in self._machine.runs.values()
            if answered(run)
        }

    def due(self, now: float) -> dict[str, dict[int, Reason]]:
        """By provider, what it has yet to be told; looked at now and then, and always once the job has ended."""
        if self._machine.ended is None and now - self._looked < PAUSE:
            return {}
        self._looked = now
        found: dict[str, dict[int, Reason]] = {}
        for run in self._machine.runs.values():
            if answered(run) and (reason := reason_of(self._machine, run)) is not self._told.get(run.attempt):
                found.setdefault(run.provider, {})[run.attempt] = reason
        return found

    async def tell(self, network: Network, peer: str, reasons: dict[int, Reason]) -> None:
        """Raises Unavailable when the provider does not hear it."""
        some = dict(list(reasons.items())[: wire.MAX_LISTED])
        runs = self._machine.runs
        message = wire.encode_reasons({self._digest_of(runs[attempt]): reason for attempt, reason in some.items()})
        await network.request(peer, "reasons", message, timeout=TIMEOUT)
        self._told.update(some)
