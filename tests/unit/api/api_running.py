"""A running API for tests, and a job to send to it."""

from __future__ import annotations

from dataclasses import dataclass

from api_memory import MemoryServices

from fogchain.api.client import AsyncClient
from fogchain.jobs.spec import BlobRef, JobSpec, TaskSpec
from fogchain.units import WEI
from node.api.server import ApiServer

TOKEN = "t" * 43


@dataclass
class Running:
    url: str
    services: MemoryServices
    client: AsyncClient
    server: ApiServer
    token: str = TOKEN


def spec_over(api: Running, tasks: int = 2) -> JobSpec:
    module = api.services.blobs.put(b"\0asm")
    return JobSpec(
        name="j",
        module=BlobRef(sha256=module, size=4),
        budget=WEI,
        tasks=tuple(TaskSpec(args=(str(n),)) for n in range(tasks)),
    )
