"""The examples as the tests run them: their scripts as modules, their tasks in the sandbox."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from fogchain.jobs.file import ResolvedJob
from fogchain.jobs.source import chunks
from fogchain.jobs.spec import JobSpec
from fogchain.market.messages import Exit
from node.executor.pool import Executor, RunOutcome, RunRequest

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = ("poster", "options", "wordcount", "resize", "shards", "hashsearch", "sweep", "primes")


def script(path: str) -> ModuleType:
    name = "example_" + path.removesuffix(".py").replace("/", "_")
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


async def run_all(executor: Executor, job: ResolvedJob, folder: Path, spec: JobSpec | None = None) -> list[RunOutcome]:
    """Every task of the job, its results written to `folder/<task>/…` as the command line does."""
    spec = spec or job.spec
    blobs = folder.with_name("blobs")
    blobs.mkdir(parents=True, exist_ok=True)
    for sha256, source in job.blobs.items():
        (blobs / sha256).write_bytes(b"".join(chunks(source)))
    outcomes = []
    for index, task in enumerate(spec.tasks):
        outcome = await executor.run(
            RunRequest(
                run_id=f"task-{index}",
                spec=spec.run_spec(index),
                module=blobs / spec.module.sha256,
                stdin=blobs / task.stdin.sha256 if task.stdin else None,
                inputs={name: blobs / ref.sha256 for name, ref in task.inputs.items()},
                seed=spec.run_spec(index).digest,
            )
        )
        assert outcome.exit is Exit.OK, (outcome.detail, outcome.files["stderr"].read_text())
        for name, path in outcome.files.items():
            target = folder / str(index) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        outcomes.append(outcome)
    return outcomes


def first(spec: JobSpec, count: int) -> JobSpec:
    """The job with its first `count` tasks."""
    return spec.model_copy(update={"tasks": spec.tasks[:count]})


def with_args(spec: JobSpec, count: int, *args: str) -> JobSpec:
    """The job with its first `count` tasks and other arguments behind the first."""
    tasks = tuple(task.model_copy(update={"args": (task.args[0], *args)}) for task in spec.tasks[:count])
    return spec.model_copy(update={"tasks": tasks})


def tiny(name: str, spec: JobSpec) -> JobSpec:
    """The job, so small that all of them together take seconds."""
    args = spec.tasks[0].args
    match name:
        case "poster":
            return with_args(spec, 4, "4", "96", "60", "2")
        case "options":
            return with_args(spec, 3, "2000", *args[2:])
        case "hashsearch":
            return with_args(spec, 3, "20000", "12", args[3])
        case "sweep":
            return with_args(spec, 3, "3", "5", "400")
        case "primes":
            return with_args(spec, 3, "3000000", "2")
        case "wordcount":
            return first(spec, 3)
    return spec
