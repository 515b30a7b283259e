"""Whatever of the node's events is lost, doubled or late, a watch tells every end and every receipt exactly once."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from fogchain.api.models import Event, JobSummary, RunView, TaskCounts, TaskView
from fogchain.client.events import Follow, JobChanged, ReceiptAdded, TaskChanged

TASKS = 3
JOB = "ab" * 32


def history(rng: random.Random) -> list[tuple[JobSummary, list[TaskView]]]:
    """A job as it truly goes on: some runs are lost, all tasks end."""
    tasks = [TaskView(index=n, state="queued", args=[], runs=[]) for n in range(TASKS)]
    truth = [(summary(tasks), list(tasks))]
    while any(task.state not in ("done", "failed") for task in tasks):
        n = rng.choice([task.index for task in tasks if task.state not in ("done", "failed")])
        tasks[n] = step(tasks[n], rng)
        truth.append((summary(tasks), list(tasks)))
    final = truth[-1][0]
    truth.append((final.model_copy(update={"state": "done", "paid": True}), list(tasks)))
    return truth


def step(task: TaskView, rng: random.Random) -> TaskView:
    runs = list(task.runs)
    if task.state == "queued":
        runs.append(
            RunView(attempt=len(runs), purpose="work", provider="0xp", provider_name="p", state="sent", sent=1.0)
        )
        return task.model_copy(update={"state": "sent", "runs": runs})
    if rng.random() < 0.4 and len(runs) < 4:
        runs[-1] = runs[-1].model_copy(update={"state": "lost", "finished": 2.0})
        return task.model_copy(update={"state": "queued", "runs": runs})
    done = {"state": "accepted", "finished": 2.0, "fuel": 5, "cost": 7, "result": "cc" * 32, "exit": "OK"}
    runs[-1] = runs[-1].model_copy(update=done)
    return task.model_copy(update={"state": rng.choice(["done", "failed"]), "runs": runs, "result": "cc" * 32})


def summary(tasks: list[TaskView]) -> JobSummary:
    counts: dict[str, int] = {}
    for task in tasks:
        counts[task.state] = counts.get(task.state, 0) + 1
    ended = counts.get("done", 0) + counts.get("failed", 0)
    return JobSummary(
        id=JOB, name="j", state="settling" if ended == TASKS else "running", tasks=TaskCounts(**counts), budget=100,
        spent=7 * ended, paid=False, fuel=5 * ended, created=1.0,
    )  # fmt: skip


@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1))
def test_every_end_and_receipt_is_told_once(seed: int, lost: float, late: float) -> None:
    rng = random.Random(seed)
    truth = history(rng)
    follow = Follow(JOB)
    told: list[object] = list(follow.look(*truth[rng.randrange(len(truth))]))  # joined at some moment
    sent: list[Event] = []
    for number, (job, tasks) in enumerate(truth):
        news = [Event(kind="task", seq=number, time=0, job_id=JOB, task=task) for task in tasks]
        news += [
            Event(kind="job", seq=number, time=0, job=job),
            Event(kind="task", time=0, job_id="other", task=tasks[0]),
        ]
        for event in news:
            if rng.random() >= lost:
                told += follow.hear(event)
            sent.append(event)
            if rng.random() < late:
                told += follow.hear(rng.choice(sent))  # once more, long after
        if rng.random() < 0.2:
            told += follow.look(job, tasks)
    told += follow.look(*truth[-1])
    assert follow.over and not follow.behind
    ends = [(event.task, event.state) for event in told if isinstance(event, TaskChanged) and event.over]
    assert sorted(ends) == [(task.index, task.state) for task in truth[-1][1]]
    receipts = [(event.task, event.attempt) for event in told if isinstance(event, ReceiptAdded)]
    wanted = [(task.index, run.attempt) for task in truth[-1][1] for run in task.runs if run.state == "accepted"]
    assert sorted(receipts) == wanted
    spent = [event.job.spent for event in told if isinstance(event, JobChanged)]
    assert spent == sorted(spent), "progress never goes back"
