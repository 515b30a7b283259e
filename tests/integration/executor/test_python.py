"""Python scripts in the sandbox. The interpreter is compiled once for the environment, a quarter of a minute."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fogchain.market.messages import Exit
from node.executor import interpreter
from node.executor.pool import Executor, RunOutcome

from .conftest import MIB, Runner, request

FUEL = 3 * 10**9


@pytest.fixture
async def executor(tmp_path: Path) -> AsyncIterator[Executor]:
    executor = Executor(tmp_path / "executor", 1, memory_cap=256 * MIB, wanted=("wasm", "python"))
    await executor.start()
    await executor.prepared()
    yield executor
    await executor.stop()


@pytest.fixture
def script(executor: Executor, tmp_path: Path) -> Runner:
    blobs = tmp_path / "blobs"
    blobs.mkdir()

    async def run(text: str, **options: Any) -> RunOutcome:
        options = {"fuel": FUEL, "memory": 64 * MIB, "time": 60_000} | options
        return await executor.run(request(blobs, text.encode(), runtime="python", **options))

    return run


def _out(outcome: RunOutcome, name: str = "stdout") -> str:
    return outcome.files[name].read_text()


async def test_a_script_reads_its_arguments_and_inputs_and_leaves_results(script: Runner) -> None:
    text = """
import json, os, sys
import helper
data = json.load(open("/in/data.json"))
os.makedirs("/out/deep")
with open("/out/deep/sum.txt", "w") as file:
    file.write(str(helper.double(sum(data)) + len(sys.stdin.read())))
print(sys.argv, os.environ["WHO"], "ü")
"""
    outcome = await script(
        text,
        args=("a", "--b"),
        env={"WHO": "me"},
        stdin=b"12345",
        inputs={"data.json": b"[1, 2, 3]", "helper.py": b"def double(x):\n    return 2 * x\n"},
    )
    assert (outcome.exit, _out(outcome, "stderr")) == (Exit.OK, "")
    assert _out(outcome) == "['/job/main.py', 'a', '--b'] me ü\n"
    assert _out(outcome, "out/deep/sum.txt") == "17"


async def test_two_runs_give_the_same_bytes_and_the_same_fuel(script: Runner) -> None:
    text = """
import os, random, time, uuid
print(time.time(), time.monotonic(), random.random(), os.urandom(8).hex(), uuid.uuid4(), id(object()))
print({str(n) for n in range(50)}, hash("x"), 0.1 + 0.2, float("nan"))
time.sleep(3600)
print(time.time())
"""
    first, second = await script(text), await script(text)
    assert first.exit is Exit.OK
    assert (first.fuel, first.manifest.digest) == (second.fuel, second.manifest.digest)
    assert _out(first).startswith("946684800.")
    other = await script(text, seed=hashlib.sha256(b"other").digest())
    assert _out(other) != _out(first)
    assert _out(other).splitlines()[1] == _out(first).splitlines()[1]  # the order of a set is no matter of chance


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f():\n    return 1 / 0\nf()", 'File "/job/main.py", line 2, in f'),
        ("print(", "SyntaxError"),
        ("import numpy", "No module named 'numpy'"),
        ("open('/etc/passwd')", "FileNotFoundError"),
        ("open('/in/../../etc/passwd')", "Error"),
        ("open('/in/new', 'w')", "OSError"),
        ("open('/job/main.py', 'w')", "OSError"),
        ("import os\nos.symlink('/', '/out/root')", "Not supported"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 80))", "Error"),
        ("import subprocess\nsubprocess.run(['ls'])", "does not support processes"),
        ("import threading\nthreading.Thread(target=print).start()", "can't start new thread"),
        ("x = []\nwhile True: x.append(bytes(1 << 20))", "MemoryError"),
        ("def f(): f()\nf()", "RecursionError"),
    ],
)
async def test_a_script_that_fails_leaves_its_traceback(script: Runner, text: str, said: str) -> None:
    outcome = await script(text)
    assert (outcome.exit, outcome.code) == (Exit.NONZERO, 1)
    assert said in _out(outcome, "stderr")


async def test_the_guides_script_does_what_it_says(script: Runner) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "job-guide.md").read_text()
    text = guide.partition("```python\n")[2].partition("```")[0]
    outcome = await script(text, args=("0",), inputs={"part": b"a b a\n"})
    assert (outcome.exit, _out(outcome)) == (Exit.OK, "0 3 words\n")
    assert _out(outcome, "out/words.json") == '{"a": 2, "b": 1}'


async def test_a_script_ends_with_the_code_it_wants(script: Runner) -> None:
    assert (await script("exit(7)")).code == 7


async def test_limits_hold_for_scripts(script: Runner, executor: Executor) -> None:
    endless = await script("while True: pass", fuel=10**9)
    assert (endless.exit, endless.fuel) == (Exit.OUT_OF_FUEL, 10**9)
    loud = await script("while True: print('x' * 10000)", output=100_000)
    assert loud.exit is Exit.OUTPUT_LIMIT
    assert loud.files["stdout"].stat().st_size <= 100_000
    late = await script("while True: pass", fuel=10**13, time=1_000)
    assert late.exit is Exit.TIMEOUT
    assert executor.ended == {Exit.OUT_OF_FUEL: 1, Exit.OUTPUT_LIMIT: 1, Exit.TIMEOUT: 1}


async def test_the_least_memory_a_job_may_ask_for_is_enough_for_python(script: Runner) -> None:
    from fogchain.jobs.spec import MIN_PYTHON_MEMORY

    outcome = await script("import json, re; print(len(bytes(8 << 20)))", memory=MIN_PYTHON_MEMORY)
    assert (outcome.exit, _out(outcome)) == (Exit.OK, "8388608\n")


async def test_its_engine_is_offered_and_names_the_engine_it_runs_in(executor: Executor) -> None:
    assert executor.runtimes.engines == (interpreter.PYTHON_ENGINE, executor.runtimes.engine_for("wasm"))
    assert executor.runtimes.engine_for("python") == f"cpython-3.12.0/{executor.runtimes.engine_for('wasm')}"


async def test_where_the_interpreter_is_missing_python_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    executor = Executor(tmp_path / "executor", 1, memory_cap=256 * MIB, wanted=("wasm", "python"))
    await executor.start()
    try:
        assert executor.runtimes.engine_for("python") is None
        outcome = await executor.run(request(tmp_path, b"print(1)", runtime="python", memory=64 * MIB))
        assert outcome.exit is Exit.REFUSED
        assert "run scripts/setup" in outcome.detail
    finally:
        await executor.stop()


async def test_an_interpreter_with_other_content_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share = tmp_path / "share" / "fogchain"
    share.mkdir(parents=True)
    (share / f"cpython-{interpreter.VERSION}.wasm").write_bytes(b"\0asm\1\0\0\0")
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    executor = Executor(tmp_path / "executor", 1, memory_cap=256 * MIB, wanted=("python",))
    await executor.start()
    try:
        await executor.prepared()
        assert "does not hash to" in executor.runtimes.state("python").detail
        assert executor.runtimes.engines == ()
    finally:
        await executor.stop()


SAVING = """
import json, os
total, at = 0, 0
if os.path.exists("/checkpoint/state"):
    with open("/checkpoint/state") as file:
        total, at = json.load(file)
while at < 40:
    total += sum(n * n % 7 for n in range(at * 20_000, (at + 1) * 20_000))
    at += 1
    with open("/checkpoint/state.tmp", "w") as file:
        json.dump([total, at], file)
    os.replace("/checkpoint/state.tmp", "/checkpoint/state")
print(total)
"""


async def test_a_script_goes_on_from_what_it_has_saved(executor: Executor, tmp_path: Path) -> None:
    made = dataclasses.replace(
        request(
            tmp_path, SAVING.encode(), runtime="python", fuel=30 * FUEL, memory=64 * MIB, time=170_000, checkpoint=100
        ),
        stay=0.0,
    )  # fmt: skip
    run = asyncio.create_task(executor.run(made))
    while executor.checkpoint(made.run_id) is None:
        assert not run.done(), run.result()
        await asyncio.sleep(0.005)
    run.cancel()
    await asyncio.wait([run])
    outcome = await executor.run(made)
    assert (outcome.exit, _out(outcome, "stderr")) == (Exit.OK, "")
    assert int(_out(outcome)) == sum(n * n % 7 for n in range(800_000))
    assert outcome.resumed > 0
