"""A job's totals, kept as its tasks change, are those of its tasks as they stand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fogchain.api.models import RunView, TaskView, TransferView
from fogchain.jobs.spec import ResultFile
from ui.jobtotals import JobTotals

NAMES = (".png",)
OAK, ELM = "0x" + "0a" * 20, "0x" + "0b" * 20


def run(provider: str, state: str, exit: str | None, detail: str = "") -> RunView:
    name = {OAK: "oak", ELM: "elm"}[provider]
    return RunView.model_validate(
        {"attempt": 1, "purpose": "work", "provider": provider, "provider_name": name, "state": state, "exit": exit,
         "detail": detail, "sent": 1.0}
    )  # fmt: skip


runs = st.builds(
    run,
    st.sampled_from([OAK, ELM]),
    st.sampled_from(["sent", "running", "accepted", "wrong", "failed", "lost", "superseded"]),
    st.sampled_from([None, "ok", "refused", "out of fuel"]),
)
files = st.builds(
    ResultFile, name=st.sampled_from(["stdout", "a.png", "b.PNG"]), sha256=st.just("0" * 64), size=st.integers(0, 99)
)
tasks = st.builds(
    TaskView,
    index=st.integers(0, 5),
    state=st.sampled_from(["queued", "sent", "running", "done", "failed"]),
    args=st.just([]),
    files=st.lists(files, max_size=3, unique_by=lambda file: file.name),
    runs=st.lists(runs, max_size=3),
    transfer=st.none() | st.builds(TransferView, what=st.just("inputs"), here=st.just(1), total=st.just(2)),
)


@given(st.lists(tasks, max_size=30))
def test_changes_come_to_what_is_there(changes: list[TaskView]) -> None:
    kept, now = JobTotals(image_names=NAMES), dict[int, TaskView]()
    for task in changes:
        kept.change(now.get(task.index), task)
        now[task.index] = task
    anew = JobTotals(now.values(), image_names=NAMES)
    for what in ("files", "bytes", "moving", "images", "endings", "troubles", "wrong"):
        assert getattr(kept, what) == getattr(anew, what), what
    for states in (["done"], ["queued", "running"], ["failed", "sent", "done"]):
        assert kept.of(states) == sorted(index for index, task in now.items() if task.state in states)


def test_how_runs_ended_is_told_by_who_and_why() -> None:
    totals = JobTotals()
    ended = [
        run(OAK, "accepted", "ok"), run(ELM, "failed", "refused", "refused: no room"), run(ELM, "lost", None),
        run(OAK, "wrong", "ok"), run(OAK, "running", None), run(ELM, "superseded", None),
    ]  # fmt: skip
    totals.change(None, TaskView(index=0, state="running", args=[], runs=ended))
    assert totals.endings == {"ok": 1, "refused": 1, "lost": 1, "wrong result": 1, "superseded": 1}
    assert totals.troubles == {(ELM, "refused"): 1, (ELM, "lost"): 1, (OAK, "wrong result"): 1}
    assert totals.words[ELM, "refused"] == "refused: no room"
    assert totals.wrong == {OAK} and totals.name(OAK) == "oak"
