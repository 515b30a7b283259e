"""The job store on real files: what was written is there after any end of the process."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fogchain.database import open_database, transaction
from fogchain.errors import BadInput, Conflict, CorruptData, NotFound, Unavailable
from fogchain.jobs.events import Delivered, Ended, Filed, JobEvent, Lost, Paid, Sent, SessionPlanned, Signed
from fogchain.jobs.machine import JobMachine
from fogchain.jobs.spec import BlobRef, JobSpec, TaskSpec
from fogchain.jobs.store import JobStore, tables
from fogchain.market.reputation import Outcomes

SPEC = JobSpec(
    name="stored",
    module=BlobRef(sha256="00" * 32, size=1),
    budget=10**18,
    tasks=(TaskSpec(args=("a",)), TaskSpec(env={"B": "ü"})),
)
PLANNED = SessionPlanned(1.0, "0xaa", "peer", "name", 10**18, "0x00", 10**18)
EVENTS: list[JobEvent] = [
    PLANNED,
    Sent(2.0, 0, 0, "0xaa", "work", "00", "11"),
    Delivered(3.0, 0, "aa" * 32, 500, 0, 2, 3, "99", False),
    Signed(4.0, "0xaa", 500, "55"),
    Sent(5.0, 1, 1, "0xaa", "work", "00", "11"),
    Lost(6.0, 1, "silent"),
    Filed(6.5, 1, "bb" * 32, 500, 0, 5, 6, "88"),
    Ended(7.0, "cancelled", "by the buyer"),
    Paid(8.0),
]


def job(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.db"


@pytest.fixture
def store(path: Path) -> Iterator[JobStore]:
    engine = open_database(path, tables, 1)
    yield JobStore(engine)
    engine.dispose()


def folded(machine: JobMachine) -> dict[str, object]:
    return {**vars(machine)}


def test_a_job_is_the_same_after_reopening_at_every_event(path: Path) -> None:
    expected = JobMachine(job(1), SPEC, 0.5)
    engine = open_database(path, tables, 1)
    JobStore(engine).add(job(1), SPEC, 0.5, None)
    for seq, event in enumerate(EVENTS):
        JobStore(engine).append(job(1), seq, [event])
        expected.apply(event)
        engine.dispose()
        engine = open_database(path, tables, 1)
        machine, count = JobStore(engine).load(job(1))
        assert count == seq + 1
        assert folded(machine) == folded(expected)
    engine.dispose()


def test_a_taken_number_is_a_conflict_and_none_of_the_batch_is_written(store: JobStore) -> None:
    store.add(job(1), SPEC, 0.5, None)
    store.append(job(1), 0, EVENTS[:2])
    with pytest.raises(Conflict):
        store.append(job(1), 1, EVENTS[2:5])
    assert store.load(job(1))[1] == 2
    store.append(job(1), 2, EVENTS[2:5])
    store.append(job(1), 5, [])
    assert store.load(job(1))[1] == 5


def test_an_idempotency_key_names_one_job(store: JobStore) -> None:
    store.add(job(1), SPEC, 0.5, "key")
    assert store.by_key("key") == job(1)
    assert store.by_key("other") is None
    with pytest.raises(Conflict, match="idempotency"):
        store.add(job(2), SPEC, 0.6, "key")
    with pytest.raises(Conflict):
        store.add(job(1), SPEC, 0.6, None)
    store.add(job(2), SPEC, 0.6, None)
    store.add(job(3), SPEC, 0.6, None)
    assert store.open_jobs() == [job(1), job(2), job(3)]
    store.close(job(2), {})
    assert store.open_jobs() == [job(1), job(3)]


def test_a_prefix_resolves_when_it_names_one_job(store: JobStore) -> None:
    first, second = "ab12" + "0" * 60, "ab34" + "0" * 60
    store.add(first, SPEC, 0.5, None)
    store.add(second, SPEC, 0.5, None)
    assert store.resolve("ab1") == first
    assert store.resolve(second) == second
    with pytest.raises(BadInput, match="several"):
        store.resolve("ab")
    for unknown in ("ff", "", "AB12", "%", "_b12", "ab1' OR 1=1", "0" * 65):
        with pytest.raises(NotFound):
            store.resolve(unknown)
    with pytest.raises(NotFound):
        store.load("ff" * 32)


def test_pages_go_from_the_newest_to_the_oldest_without_gap(store: JobStore) -> None:
    for number in range(7):
        store.add(job(number), SPEC, float(number), None)
    seen: list[str] = []
    before = None
    while True:
        page, total = store.page(3, before)
        assert total == 7
        if not page:
            break
        seen += [name for name, _ in page]
        before = page[-1][1]
    assert seen == [job(number) for number in reversed(range(7))]


def test_a_providers_record_adds_up_over_jobs_and_restarts(path: Path) -> None:
    for number, cases in enumerate((0, 1, 0)):
        engine = open_database(path, tables, 1)
        JobStore(engine).add(job(number), SPEC, 0.5, None)
        for _ in range(2):  # once only, however often it is closed
            seen = Outcomes(accepted=5, checks=2, right=3, wrong=cases, cases=cases, lost=1, late=1, clean=5)
            JobStore(engine).close(job(number), {"0xaa": seen})
        engine.dispose()
    engine = open_database(path, tables, 1)
    assert JobStore(engine).record("0xaa") == Outcomes(15, 6, 9, 1, 1, 3, 3, clean=10)
    assert JobStore(engine).record("0xbb") == Outcomes()
    engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE job_events SET body = '{' WHERE seq = 1",
        "UPDATE job_events SET body = '[]' WHERE seq = 1",
        "UPDATE job_events SET body = '{\"at\": 1}' WHERE seq = 1",
        "UPDATE job_events SET body = replace(body, '\"task\": 0', '\"task\": null') WHERE seq = 1",
        "UPDATE job_events SET kind = 'Dreamt' WHERE seq = 1",
        "DELETE FROM job_events WHERE seq = 1",
        "DELETE FROM job_events WHERE seq = 0",
        "UPDATE jobs SET spec = '{}'",
    ],
)
def test_a_log_that_was_tampered_with_is_corrupt_and_stays_as_it_is(
    store: JobStore, path: Path, statement: str
) -> None:
    store.add(job(1), SPEC, 0.5, None)
    store.add(job(2), SPEC, 0.5, None)
    store.append(job(1), 0, EVENTS)
    with sqlite3.connect(path) as connection:
        connection.execute(statement + (" AND job = ?" if "job_events" in statement else " WHERE id = ?"), (job(1),))
    connection.close()
    with pytest.raises(CorruptData):
        store.load(job(1))
    assert store.load(job(2))[1] == 0, "the other job is unharmed"


def test_appends_from_two_threads_never_interleave_in_one_log(store: JobStore) -> None:
    store.add(job(1), SPEC, 0.5, None)
    refused: list[Conflict] = []

    def write() -> None:
        try:
            store.append(job(1), 0, EVENTS)
        except Conflict as error:
            refused.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert store.load(job(1))[1] == len(EVENTS)


WRITER = """
import sys
from pathlib import Path
from fogchain.database import open_database
from fogchain.jobs.events import Signed, SessionPlanned
from fogchain.jobs.spec import JobSpec
from fogchain.jobs.store import JobStore, tables

store = JobStore(open_database(Path(sys.argv[1]), tables, 1))
store.add("ab" * 32, JobSpec.model_validate_json(sys.argv[2]), 0.5, "key")
store.append("ab" * 32, 0, [SessionPlanned(1.0, "0xaa", "peer", "name", 10**18, "0x00", 10**18)])
for number in range(1, 1_000_000, 2):
    store.append("ab" * 32, number, [Signed(1.0, "0xaa", number, "55"), Signed(1.0, "0xaa", number + 1, "55")])
    print(number + 1, flush=True)
"""


def test_kill_9_while_writing_loses_nothing_that_was_acknowledged(path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), SPEC.model_dump_json()], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    acknowledged = 0
    for line in writer.stdout:
        acknowledged = int(line)
        if acknowledged >= 40:
            os.kill(writer.pid, signal.SIGKILL)
            break
    acknowledged = max([acknowledged, *(int(line) for line in writer.stdout.read().split())])
    assert writer.wait() == -signal.SIGKILL

    engine = open_database(path, tables, 1)
    machine, count = JobStore(engine).load("ab" * 32)
    assert JobStore(engine).by_key("key") == "ab" * 32
    assert count - 1 in (acknowledged, acknowledged + 2), "a whole batch at most was under way"
    assert machine.shares["0xaa"].signed == count - 1
    JobStore(engine).append("ab" * 32, count, [Signed(1.0, "0xaa", count, "55")])
    engine.dispose()


# ---------------------------------------------------------------- the file itself


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("content", [b"this is no database, but a letter" * 200, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_file_that_is_no_database_is_named_and_not_touched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CorruptData, match=r"node\.db") as caught:
        open_database(path, tables, 1)
    assert "nothing was changed" in caught.value.hint
    assert _snapshot(path.parent) == {"node.db": content}


def test_a_damaged_page_is_found_at_opening(path: Path) -> None:
    engine = open_database(path, tables, 1)
    store = JobStore(engine)
    for number in range(50):
        store.add(job(number), SPEC, 0.5, f"key {number}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    damaged = path.read_bytes()
    with pytest.raises(CorruptData, match=r"node\.db"):
        open_database(path, tables, 1)
    assert path.read_bytes() == damaged


def test_a_newer_layout_is_refused_with_its_number_and_left_alone(path: Path) -> None:
    engine = open_database(path, tables, 7)
    JobStore(engine).add(job(1), SPEC, 0.5, None)
    engine.dispose()
    before = path.read_bytes()
    with pytest.raises(CorruptData, match=r"layout 7.*up to 6") as caught:
        open_database(path, tables, 6)
    assert "newer version" in caught.value.hint
    assert path.read_bytes() == before
    engine = open_database(path, tables, 7)
    assert JobStore(engine).open_jobs() == [job(1)]
    engine.dispose()


def test_an_older_layout_is_refused_with_what_to_do_and_left_alone(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript("CREATE TABLE orders (digest BLOB PRIMARY KEY); PRAGMA user_version = 1")
    with pytest.raises(CorruptData, match=r"node\.db has layout 1, .* layout 2") as caught:
        open_database(path, tables, 2)
    assert "finish what is open" in caught.value.hint and "move the file away" in caught.value.hint
    with contextlib.closing(sqlite3.connect(path)) as old:
        assert [row[0] for row in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")] == ["orders"]
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
    path.unlink()  # moved away, say
    open_database(path, tables, 2).dispose()


def test_a_full_disk_is_said_in_words_and_undoes_the_batch(store: JobStore, path: Path) -> None:
    store.add(job(1), SPEC, 0.5, None)
    store.append(job(1), 0, EVENTS[:1])
    engine = store._engine
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    with pytest.raises(Unavailable, match="full"), transaction(engine) as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for number in range(10_000):
            connection.exec_driver_sql(
                "INSERT INTO job_events VALUES (?, ?, 'Paid', ?)", (job(1), number + 1, "x" * 999)
            )
    assert store.load(job(1))[1] == 1


def test_commits_wait_for_the_disk(path: Path) -> None:
    engine = open_database(path, tables, 1)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()
