"""The Python client: submit jobs, follow them, have their results, map a function or a program over inputs."""

from fogchain.client.aio import AsyncClient, AsyncJob, AsyncMapped
from fogchain.client.events import JobChanged, JobEnded, JobEvent, ReceiptAdded, TaskChanged
from fogchain.client.printed import LogEvent, Printed, RunEnded
from fogchain.client.results import TaskResult
from fogchain.client.show import PricedJob
from fogchain.client.sync import Client, Job, Mapped

__all__ = [
    "AsyncClient",
    "AsyncJob",
    "AsyncMapped",
    "Client",
    "Job",
    "JobChanged",
    "JobEnded",
    "JobEvent",
    "LogEvent",
    "Mapped",
    "PricedJob",
    "Printed",
    "ReceiptAdded",
    "RunEnded",
    "TaskChanged",
    "TaskResult",
]
