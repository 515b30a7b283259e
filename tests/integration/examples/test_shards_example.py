"""What SQLite answers in the sandbox, put together, is what Python's SQLite answers over the whole."""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from running import EXAMPLES, run_all, script

from fogchain.jobs.file import ResolvedJob, load_job_file
from node.executor.pool import Executor

SHARDS = EXAMPLES / "shards"


def _job(folder: Path, query: str, shard: bytes) -> ResolvedJob:
    (folder / "shards").mkdir(parents=True)
    (folder / "shards" / "0.db").write_bytes(shard)
    (folder / "query.sql").write_text(query)
    (folder / "shards.wasm").write_bytes((SHARDS / "shards.wasm").read_bytes())
    (folder / "job.toml").write_text((SHARDS / "job.toml").read_text().replace("count = 6", "count = 1"))
    return load_job_file(folder / "job.toml")


def _database(path: Path, statements: str) -> bytes:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(statements)
    return path.read_bytes()


async def test_the_answer_over_shards_is_the_answer_over_the_whole(executor: Executor, tmp_path: Path) -> None:
    job = load_job_file(SHARDS / "job.toml")
    outcomes = await run_all(executor, job, tmp_path / "results")
    assert max(outcome.fuel for outcome in outcomes) < job.spec.limits.fuel // 2
    names, rows = script("shards/merge.py").merge(tmp_path / "results", (SHARDS / "merge.sql").read_text())
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE weather (day, low, high, rain)")
        for number in range(6):
            with closing(sqlite3.connect(SHARDS / "shards" / f"{number}.db")) as shard:
                readings = shard.execute(
                    "SELECT day, low, high, rain FROM reading JOIN station ON id = station WHERE altitude < 1000"
                ).fetchall()
            db.executemany("INSERT INTO weather VALUES (?, ?, ?, ?)", readings)
        expected = db.execute("""
            SELECT strftime('%Y-%m', day), count(*), round(avg(low + high) / 20, 2), min(low) / 10.0, max(high) / 10.0,
                   count(*) FILTER (WHERE low < 0), round(sum(rain) / 10.0 / count(*), 2)
            FROM weather GROUP BY 1 ORDER BY 1
        """).fetchall()
    assert names == ["month", "readings", "mean", "coldest", "hottest", "frosts", "rain_a_day"]
    assert rows == expected
    assert len(rows) == 12


async def test_values_of_every_kind_come_out_as_they_are(executor: Executor, tmp_path: Path) -> None:
    shard = _database(tmp_path / "x.db", "CREATE TABLE t (v); INSERT INTO t VALUES (1), (2);")
    query = """
        WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 100)
        SELECT max(v) AS "a ""quoted"" name", -9223372036854775808, 0.1, 1e308 * 10, NULL, 'q"\\ü' || char(10, 1),
               (SELECT sum(n) FROM up), pow(2, 0.5), date('now') FROM t
    """
    job = _job(tmp_path / "job", query, shard)
    await run_all(executor, job, tmp_path / "results")
    lines = (tmp_path / "results" / "0" / "out" / "rows.jsonl").read_text().splitlines()
    names, row = map(json.loads, lines)
    assert names[0] == 'a "quoted" name'
    assert row == [2, -(2**63), 0.1, math.inf, None, 'q"\\ü\n\x01', 5050, math.sqrt(2), "2000-01-01"]


BAD = {
    "no SQL": ("SELEKT 1", "SELEKT"),
    "no such table": ("SELECT * FROM nowhere", "no such table: nowhere"),
    "nothing": ("-- only a comment", "no statement"),
    "two": ("SELECT 1; SELECT 2", "has to be one statement"),
    "a change": ("DELETE FROM t", "has to be a SELECT"),
    "a blob": ("SELECT x'00'", "ask for hex"),
    "another file": ("ATTACH '/in/query.sql' AS other", "has to be a SELECT"),
}


@pytest.mark.parametrize("what", BAD)
async def test_bad_questions_are_told_in_words(executor: Executor, tmp_path: Path, what: str) -> None:
    query, why = BAD[what]
    job = _job(tmp_path / "job", query, _database(tmp_path / "x.db", "CREATE TABLE t (v);"))
    with pytest.raises(AssertionError, match=why):
        await run_all(executor, job, tmp_path / "results")


async def test_a_shard_that_is_no_database_is_told_in_words(executor: Executor, tmp_path: Path) -> None:
    job = _job(tmp_path / "job", "SELECT * FROM sqlite_schema", b"no database" * 1000)
    with pytest.raises(AssertionError, match="file is not a database"):
        await run_all(executor, job, tmp_path / "results")


async def test_a_shard_in_wal_mode_is_read(executor: Executor, tmp_path: Path) -> None:
    shard = _database(tmp_path / "x.db", "PRAGMA journal_mode = wal; CREATE TABLE t (v); INSERT INTO t VALUES (7);")
    job = _job(tmp_path / "job", "SELECT v FROM t", shard)
    await run_all(executor, job, tmp_path / "results")
    assert (tmp_path / "results" / "0" / "out" / "rows.jsonl").read_text() == '["v"]\n[7]\n'


def test_answers_that_do_not_fit_are_not_merged(tmp_path: Path) -> None:
    merge = script("shards/merge.py").merge
    with pytest.raises(ValueError, match="no answers"):
        merge(tmp_path, "SELECT 1")
    for number, text in enumerate(('["a", "b"]\n[1, 2]\n', '["a", "b"]\n[3, null]\n')):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "rows.jsonl").write_text(text)
    assert merge(tmp_path, "SELECT sum(a), count(b) FROM rows") == (["sum(a)", "count(b)"], [(4, 1)])
    command = [sys.executable, SHARDS / "merge.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "no such column" in done.stderr
    (tmp_path / "1" / "rows.jsonl").write_text('["other"]\n')
    with pytest.raises(ValueError, match="has the columns other"):
        merge(tmp_path, "SELECT 1")
    (tmp_path / "1" / "rows.jsonl").write_text("{")
    with pytest.raises(ValueError, match="is not the answer of a shard"):
        merge(tmp_path, "SELECT 1")


def test_the_shards_are_what_the_script_makes(tmp_path: Path) -> None:
    make = script("shards/make_shards.py").make
    for number in range(6):
        make(tmp_path / f"{number}.db", number)
        dumps = []
        for folder in (tmp_path, SHARDS / "shards"):
            with closing(sqlite3.connect(folder / f"{number}.db")) as db:
                dumps.append(list(db.iterdump()))
        assert dumps[0] == dumps[1]
