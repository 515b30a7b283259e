"""Which task goes to which machine, first version: earliest finish, greedily.

`place` is the one function the trade asks; it sees numbers only.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_BACKLOG = 32


@dataclass(frozen=True, slots=True)
class Machine:
    """A provider's capacity as the planner sees it."""

    id: str
    slots: int
    rate: float  # fuel per second and slot
    in_flight: int  # orders sent and not delivered
    backlog: float  # fuel of those orders, estimated
    room: int  # how many more orders its session and the budget can pay for


@dataclass(frozen=True, slots=True)
class Placement:
    work: int  # index into the sequence that was to be placed
    machine: str


def depth(machine: Machine, fuel: float, lead: float) -> int:
    """How many orders a machine should hold: its slots, and what keeps them busy for `lead` seconds of latency."""
    seconds = fuel / machine.rate if machine.rate > 0 else lead
    ahead = 1 if seconds >= lead else -int(-lead // max(seconds, 1e-3)) * machine.slots
    return min(machine.slots + ahead, max(machine.slots, MAX_BACKLOG))


def place(
    count: int,
    machines: Sequence[Machine],
    *,
    fuel: float,
    may: Callable[[int, str], bool],
    lead: float = 0.3,
) -> list[Placement]:
    """Place up to `count` pieces of work of about `fuel` fuel each, in order, each where it would finish first.

    `may(work, machine)` says whether that machine may take that work (exclusions, distinct checkers). Work for which
    no machine has room is left out: it stays queued. Cost: O(work × machines) at worst, O(work log machines) when
    nothing is excluded.
    """
    by_id = {machine.id: machine for machine in machines}
    held = {machine.id: machine.in_flight for machine in machines}
    room = {machine.id: machine.room for machine in machines}
    queue = [(_finish(machine, machine.backlog, fuel), machine.id, machine.backlog) for machine in machines]
    heapq.heapify(queue)
    placed: list[Placement] = []
    for work in range(count):
        passed: list[tuple[float, str, float]] = []
        while queue:
            finish, name, backlog = heapq.heappop(queue)
            machine = by_id[name]
            if room[name] <= 0 or held[name] >= depth(machine, fuel, lead):
                continue  # full for this round
            if not may(work, name):
                passed.append((finish, name, backlog))
                continue
            placed.append(Placement(work, name))
            held[name] += 1
            room[name] -= 1
            passed.append((_finish(machine, backlog + fuel, fuel), name, backlog + fuel))
            break
        for entry in passed:
            heapq.heappush(queue, entry)
        if not queue:
            break
    return placed


def _finish(machine: Machine, backlog: float, fuel: float) -> float:
    return (backlog + fuel) / max(machine.rate * machine.slots, 1.0)
