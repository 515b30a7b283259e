"""A machine that is what a test says, and workers that do as they are told, or do not."""

from __future__ import annotations

import asyncio

from node.harvest.sensors import SENSORS, Snapshot, Value

FINE: dict[str, Value | None] = dict.fromkeys(SENSORS) | {
    "battery.present": True, "battery.charge": 90.0, "battery.charging": True, "battery.temperature": 25.0,
    "power.source": "mains", "power.saver": False, "thermal.present": True, "thermal.cpu": 50.0,
    "cpu.foreign": 5.0, "memory.free": 8000.0, "memory.used": 30.0, "disk.free": 50_000.0, "user.present": True,
    "user.idle": 1000.0, "time.clock": 30.0, "time.weekend": False,
}  # fmt: skip


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FedWatch:
    """Sensors that say what they were given."""

    def __init__(self, **readings: Value | None) -> None:
        self.readings = FINE | readings
        self.busy = False

    def start(self) -> None: ...
    def stop(self) -> None: ...

    def snapshot(self) -> Snapshot:
        return dict(self.readings)

    def pace(self, busy: bool) -> None:
        self.busy = busy

    def say(self, **readings: Value | None) -> None:
        self.readings |= {name.replace("_", "."): value for name, value in readings.items()}


class ToldWorkers:
    """`obeys`: whether they stand when they are to."""

    def __init__(self) -> None:
        self.obeys = self.saves = True
        self.running = self.resumed = 0
        self.suspended = False
        self.admitted = False
        self.did: list[str] = []
        self.duty = 1.0

    # of node.harvest.ports.Workers

    def admit(self, admitted: bool) -> None:
        self.admitted = admitted

    def suspend(self) -> None:
        self.suspended = True

    def resume(self) -> None:
        self.resumed += self.suspended
        self.suspended = False

    def standing(self) -> bool:
        return self.suspended and self.obeys

    def limit(self, duty: float) -> bool:
        return False

    async def checkpointed(self, grace: float) -> None:
        """Takes all the time it has, unless `saves`."""
        self.did.append("checkpoint")
        if not self.saves:
            await asyncio.sleep(3600)

    def evict(self, cause: str) -> None:
        self.did.append(f"evict: {cause}")
        self.running = 0

    def kill(self) -> None:
        self.did.append("kill")
        self.running = 0

    def processor_time(self) -> float:
        return 0.0


class ToldThrottle:
    def __init__(self, workers: ToldWorkers) -> None:
        self.workers = workers

    def start(self) -> None: ...
    def stop(self) -> None: ...

    def freeze(self) -> None:
        self.workers.suspend()

    def thaw(self) -> None:
        self.workers.resume()

    def set(self, duty: float) -> None:
        self.workers.duty = duty
