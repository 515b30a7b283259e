"""A device's harvester as its fleet uses it: `node.fleet.ports.Harvest` over `node.idle`."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import MetaData

from fogchain.chain.deployment import write_atomically
from fogchain.database import open_database
from node.devicefolder import DeviceConfig, DeviceFolder
from node.executor.backend import Backend
from node.executor.pool import Executor
from node.fleet.messages import Veto, hash_of
from node.fleet.ports import Condition
from node.harvest import journal, profile
from node.harvest.device import Intent
from node.harvest.expression import show
from node.harvest.harvester import cause_of_veto
from node.harvest.sensors import SENSORS, Number, Snapshot
from node.harvesting import load_policy, policy_text
from node.idle import Idle

LAYOUT = 1  # of device.db
SHOWN = ("battery.charge", "power.source", "battery.temperature", "thermal.cpu", "cpu.foreign", "user.idle")
WORDS: dict[str, Intent] = {"auto": "auto", "pause": "pause", "drain": "finish"}  # the gateway's to the harvester's


class DeviceHarvest:
    """`backend` is the sandbox under this harvester, and `around` what each of its runs is done in."""

    def __init__(self, idle: Idle, backend: Backend, folder: DeviceFolder) -> None:
        self._idle, self._file = idle, folder.data.policy
        self.backend, self.around = backend, idle.run
        self._hash = hash_of(policy_text(self._file))

    async def start(self) -> None:
        await self._idle.start()

    async def stop(self) -> None:
        await self._idle.stop()

    def condition(self) -> Condition:
        harvester = self._idle.harvester
        seen = harvester.seen
        vetoes = [
            Veto(
                guard=veto.guard.name[:40],
                cause=cause_of_veto(veto)[:400],
                action=veto.guard.action.name.lower(),
                clears_in=None if veto.clears_in is None else max(0, int(veto.clears_in * 1000)),
            )
            for veto in seen.decision.vetoes
        ]
        return Condition(
            state=seen.device.state.value,
            intent=seen.device.intent,
            takes_work=harvester.takes_work,
            standing=harvester.standing,
            detail="" if harvester.takes_work else harvester.why(),
            vetoes=vetoes,
            sensors=_shown(seen.snapshot),
            policy=seen.policy.name,
            policy_hash=self._hash,
        )

    def tell(self, intent: str) -> None:
        self._idle.harvester.intend(WORDS[intent])

    def adopt(self, text: str) -> None:
        policy = profile.read(text, "the gateway's policy")
        write_atomically(self._file, text.encode())
        self._idle.harvester.use(policy)
        self._hash = hash_of(text)


def make_harvest(folder: DeviceFolder, config: DeviceConfig, changed: Callable[[], None]) -> DeviceHarvest:
    """Raises BadPolicy: a policy with an error never starts the device with a weaker one."""
    policy = load_policy(folder.data.policy)
    tables = MetaData()
    for table in journal.tables.tables.values():
        table.to_metadata(tables)
    database = open_database(folder.root / "device.db", tables, LAYOUT)
    executor = Executor(
        folder.data.work, config.slots, memory_cap=config.memory, wanted=config.runtimes, changed=changed
    )
    idle = Idle(
        policy=policy,
        config=config.harvest,
        data=folder.root,
        executor=executor,
        engine=database,
        changed=changed,
    )
    return DeviceHarvest(idle, executor, folder)


def _shown(snapshot: Snapshot) -> dict[str, str]:
    """What a gateway shows of a device's sensors, with units."""
    found = {}
    for name in SHOWN:
        kind = SENSORS[name]
        if (value := snapshot.get(name)) is not None:
            found[name] = show(value, kind.unit if isinstance(kind, Number) else None)[:40]
    return found
