"""Every way a run can end, and that hostile programs end in one of them."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import psutil
import pytest

from fogchain.errors import BadInput, Conflict, Unavailable
from fogchain.market.messages import Exit
from node.executor.cgroup import Cgroup
from node.executor.pool import Executor

from .conftest import MIB, Runner, program, request

SPIN = "(loop $again (br $again))"
HELLO = """
  (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 6))
  (drop (call $fd_write (i32.const {fd}) (i32.const 0) (i32.const 1) (i32.const 8)))
"""
HELLO_DATA = '(data (i32.const 16) "hello\\n")'
FLOOD = """
  (i32.store (i32.const 0) (i32.const 0)) (i32.store (i32.const 4) (i32.const 65536))
  (loop $again (drop (call $fd_write (i32.const {fd}) (i32.const 0) (i32.const 1) (i32.const 8))) (br $again))
"""
# Opens "f" in /out (folder 4) for writing; its number is left at 100.
OPEN = """
  (call $path_open (i32.const 4) (i32.const 0) (i32.const 200) (i32.const 1) (i32.const 1)
    (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 100))
"""


async def test_a_program_that_returns_is_ok_and_its_output_is_there(run: Runner) -> None:
    outcome = await run(program(HELLO.format(fd=1) + HELLO.format(fd=2), more=HELLO_DATA))
    assert (outcome.exit, outcome.code) == (Exit.OK, 0)
    assert outcome.files["stdout"].read_bytes() == outcome.files["stderr"].read_bytes() == b"hello\n"
    assert [(file.name, file.size) for file in outcome.manifest.files] == [("stderr", 6), ("stdout", 6)]
    assert outcome.started <= outcome.finished


@pytest.mark.parametrize("code", [0, 1, 7, 255, 2**32 - 1])
async def test_an_exit_code_is_kept(run: Runner, code: int) -> None:
    outcome = await run(program(f"(call $proc_exit (i32.const {code}))"))
    assert (outcome.exit, outcome.code) == (Exit.NONZERO if code else Exit.OK, code)
    assert outcome.manifest.code == code


@pytest.mark.parametrize(
    "body",
    [
        "unreachable",
        "(drop (i32.load (i32.const 0x7fffffff)))",
        "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
        "(drop (i32.trunc_f64_s (f64.const nan)))",
    ],
    ids=["unreachable", "out-of-bounds", "division-by-zero", "nan-to-integer"],
)
async def test_a_trap_is_a_trap(run: Runner, body: str) -> None:
    outcome = await run(program(body))
    assert outcome.exit is Exit.TRAP
    assert outcome.detail


async def test_endless_recursion_is_a_trap(run: Runner) -> None:
    outcome = await run(program("(call $deep)", more="(func $deep (call $deep) (call $deep))"))
    assert outcome.exit is Exit.TRAP


async def test_what_was_written_before_a_trap_is_kept(run: Runner) -> None:
    outcome = await run(program(HELLO.format(fd=1) + "unreachable", more=HELLO_DATA))
    assert outcome.exit is Exit.TRAP
    assert outcome.files["stdout"].read_bytes() == b"hello\n"


async def test_an_endless_loop_ends_when_its_fuel_does(run: Runner) -> None:
    outcome = await run(program(SPIN), fuel=50_000_000)
    assert (outcome.exit, outcome.fuel) == (Exit.OUT_OF_FUEL, 50_000_000)


async def test_an_endless_loop_in_the_start_function_ends_too(run: Runner) -> None:
    outcome = await run(program("", more=f"(func $first {SPIN}) (start $first)"), fuel=1_000_000)
    assert (outcome.exit, outcome.fuel) == (Exit.OUT_OF_FUEL, 1_000_000)


async def test_calls_cost_fuel_so_a_loop_of_them_ends(run: Runner) -> None:
    body = "(loop $again (drop (call $fd_write (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 8))) (br $again))"
    outcome = await run(program(body), fuel=5_000_000)
    assert (outcome.exit, outcome.fuel) == (Exit.OUT_OF_FUEL, 5_000_000)


async def test_fuel_is_counted_exactly(run: Runner) -> None:
    def loop(rounds: int) -> str:
        return program(f"""(local $i i32) (local.set $i (i32.const {rounds}))
            (loop $again (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))""")

    one, thousand, million = [(await run(loop(rounds))).fuel for rounds in (1, 1_000, 1_000_000)]
    a_round = (thousand - one) // 999
    assert a_round > 0
    assert million == one + 999_999 * a_round
    enough = await run(loop(1_000_000), fuel=million)
    assert (enough.exit, enough.fuel) == (Exit.OK, million)
    assert (await run(loop(1_000_000), fuel=million - a_round)).exit is Exit.OUT_OF_FUEL


async def test_a_memory_bomb_gets_no_more_than_its_limit(run: Runner) -> None:
    body = """
      (local $pages i32)
      (loop $again (if (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)) (then (br $again))))
      (memory.fill (i32.const 0) (i32.const 7) (i32.mul (memory.size) (i32.const 65536)))
      (call $proc_exit (memory.size))"""
    outcome = await run(program(body), memory=16 * MIB)
    assert outcome.code == 16 * MIB // 65536 - 15  # 1 page at first, then steps of 16
    assert outcome.exit is Exit.NONZERO


async def test_a_module_that_declares_more_memory_than_it_may_have_is_refused(run: Runner) -> None:
    outcome = await run(program("", pages=48 * 1024), memory=16 * MIB)
    assert outcome.exit is Exit.BAD_MODULE
    assert "memory" in outcome.detail


async def test_a_module_that_declares_a_huge_table_is_refused(run: Runner) -> None:
    outcome = await run(program("", more="(table 100000000 funcref)"))
    assert outcome.exit is Exit.BAD_MODULE


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"not WebAssembly",
        b"\0asm\1\0\0\0" + bytes(range(256)),
        b"\0asm\1\0\0\0",  # a module with nothing in it
        '(module (func (export "_start") (param i32)))',
        '(module (import "env" "system" (func (param i32))) (func (export "_start")))',
        '(module (import "wasi_snapshot_preview1" "sock_open" (func (param i32))) (func (export "_start")))',
        '(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64))) (func (export "_start")))',
        '(module (import "env" "memory" (memory 1)) (func (export "_start")))',
    ],
    ids=["empty", "text", "garbage", "no-start", "start-takes", "unknown", "no-such-wasi", "other-type", "memory"],
)
async def test_what_is_no_program_for_this_sandbox_is_a_bad_module(run: Runner, code: str | bytes) -> None:
    outcome = await run(code)
    assert (outcome.exit, outcome.fuel) == (Exit.BAD_MODULE, 0)
    assert outcome.detail
    assert [(file.name, file.size) for file in outcome.manifest.files] == [("stderr", 0), ("stdout", 0)]


@pytest.mark.parametrize(
    "feature",
    [
        '(module (memory (export "memory") 1 1 shared) (func (export "_start")))',
        '(module (memory i64 1) (func (export "_start")))',
        """(module (func (export "_start") (drop (i8x16.relaxed_swizzle
            (v128.const i32x4 0 0 0 0) (v128.const i32x4 0 0 0 0)))))""",
    ],
    ids=["threads", "memory64", "relaxed-simd"],
)
async def test_features_that_differ_between_machines_are_refused(run: Runner, feature: str) -> None:
    assert (await run(feature)).exit is Exit.BAD_MODULE


async def test_a_wasi_call_without_a_memory_is_a_trap(run: Runner) -> None:
    code = """(module (import "wasi_snapshot_preview1" "sched_yield" (func $f (result i32)))
      (func (export "_start") (drop (call $f))))"""
    outcome = await run(code)
    assert outcome.exit is Exit.TRAP
    assert "memory" in outcome.detail


@pytest.mark.parametrize("fd", [1, 2])
async def test_a_flood_on_standard_output_ends_at_the_limit(run: Runner, fd: int) -> None:
    outcome = await run(program(FLOOD.format(fd=fd)), output=300_000)
    assert outcome.exit is Exit.OUTPUT_LIMIT
    assert sum(file.size for file in outcome.manifest.files) == 300_000
    assert outcome.files["stdout" if fd == 1 else "stderr"].stat().st_size == 300_000


async def test_a_flood_into_a_file_ends_at_the_limit(run: Runner) -> None:
    body = f"(drop {OPEN})" + FLOOD.format(fd=5)
    outcome = await run(program(body, more='(data (i32.const 200) "f")'), output=300_000)
    assert outcome.exit is Exit.OUTPUT_LIMIT
    assert outcome.files["out/f"].stat().st_size == 300_000


async def test_a_flood_of_files_ends_at_a_thousand(run: Runner) -> None:
    body = """(local $n i32)
      (loop $again
        (i32.store8 (i32.const 200) (i32.add (i32.const 97) (i32.rem_u (local.get $n) (i32.const 26))))
        (i32.store8 (i32.const 201)
          (i32.add (i32.const 97) (i32.rem_u (i32.div_u (local.get $n) (i32.const 26)) (i32.const 26))))
        (i32.store8 (i32.const 202) (i32.add (i32.const 97) (i32.div_u (local.get $n) (i32.const 676))))
        (drop (call $path_open (i32.const 4) (i32.const 0) (i32.const 200) (i32.const 3) (i32.const 1)
          (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 100)))
        (drop (call $close (i32.load (i32.const 100))))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $again))"""
    close = '(import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))'
    outcome = await run(program(body).replace("(module", f"(module {close}"))
    assert outcome.exit is Exit.OUTPUT_LIMIT
    assert len(outcome.manifest.files) == 1_002  # with standard output and error


async def test_a_slow_compilation_is_killed_at_the_time_limit(run: Runner) -> None:
    # Compilation has no fuel. Many functions take the compiler seconds.
    step = "(local.set 1 (i64.mul (local.get 0) (i64.add (local.get 1) (local.get 0))))"
    many = f"(func (param i64) (result i64) (local i64) {step * 60} local.get 1)" * 6_000
    begun = time.monotonic()
    (worker,) = psutil.Process().children()
    outcome = await run(program("", more=many), time=300)
    assert outcome.exit is Exit.TIMEOUT and "killed" in outcome.detail
    assert (outcome.fuel, outcome.manifest.files) == (0, ())
    assert all(path.read_bytes() == b"" for path in outcome.files.values())
    assert time.monotonic() - begun < 60
    assert (await run(program(""))).exit is Exit.OK
    assert worker not in psutil.Process().children()


ENDLESS = {
    "loop": program(SPIN),
    "recursion": program("(call $f)", more="(func $f (return_call $f))"),
    "start section": program("", more=f"(func $f {SPIN}) (start $f)"),
    "host calls": program(
        "(loop $a (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8))) (br $a))"
    ),
}


@pytest.mark.parametrize("code", ENDLESS.values(), ids=ENDLESS)
async def test_a_program_with_fuel_to_spare_is_interrupted_at_the_time_limit(run: Runner, code: str) -> None:
    (worker,) = psutil.Process().children()
    for _ in range(2):
        outcome = await run(code, fuel=2**63, time=300)
        assert outcome.exit is Exit.TIMEOUT and "time limit of 0.3 s" in outcome.detail
        assert (outcome.exit.deterministic, outcome.fuel, outcome.manifest.files) == (False, 0, ())
        assert 0.3 <= outcome.finished - outcome.started < 10
        assert (await run(program(""), time=60_000)).exit is Exit.OK
    if "killed" not in outcome.detail:  # a machine so slow that the worker could not say it itself
        assert psutil.Process().children() == [worker], "it is warm still"


async def test_what_an_interrupted_run_has_printed_is_kept(run: Runner) -> None:
    outcome = await run(program(HELLO.format(fd=2) + SPIN, more=HELLO_DATA), fuel=2**63, time=500)
    assert (outcome.exit, outcome.manifest.files) == (Exit.TIMEOUT, ())
    assert {name: path.read_bytes() for name, path in outcome.files.items()} == {"stdout": b"", "stderr": b"hello\n"}


async def test_a_request_for_more_memory_than_the_provider_gives_is_refused(run: Runner) -> None:
    outcome = await run(program(""), memory=257 * MIB)
    assert outcome.exit is Exit.REFUSED
    assert "256" in outcome.detail


async def test_a_file_that_is_not_the_module_ordered_is_refused(executor: Executor, tmp_path: Path) -> None:
    wanted = request(tmp_path, program(""))
    wanted.module.write_bytes(b"something else")
    outcome = await executor.run(wanted)
    assert outcome.exit is Exit.REFUSED
    assert "hash" in outcome.detail


async def test_an_input_that_is_gone_is_this_machines_trouble(executor: Executor, tmp_path: Path) -> None:
    wanted = request(tmp_path, program(""), inputs={"a": b"1"})
    wanted.inputs["a"].unlink()
    assert (await executor.run(wanted)).exit is Exit.REFUSED


async def test_a_worker_killed_in_mid_run_is_a_crash_and_the_pool_goes_on(executor: Executor, tmp_path: Path) -> None:
    running = asyncio.create_task(executor.run(request(tmp_path, program(SPIN), fuel=2**63)))
    await _until_busy()
    (worker,) = psutil.Process().children()
    worker.kill()
    outcome = await running
    assert outcome.exit is Exit.CRASHED
    assert "SIGKILL" in outcome.detail
    again = await executor.run(request(tmp_path, program("")))
    assert again.exit is Exit.OK
    assert executor.running == 0


async def test_a_worker_killed_while_idle_is_replaced_unnoticed(executor: Executor, tmp_path: Path) -> None:
    (worker,) = psutil.Process().children()
    worker.kill()
    await _until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    outcome = await executor.run(request(tmp_path, program("")))
    assert outcome.exit in (Exit.OK, Exit.CRASHED)  # crashed: its death was not yet known when the run began
    assert (await executor.run(request(tmp_path, program("")))).exit is Exit.OK


async def test_cancelling_kills_the_run_and_frees_the_slot(executor: Executor, tmp_path: Path) -> None:
    running = asyncio.create_task(executor.run(request(tmp_path, program(SPIN), fuel=2**63)))
    await _until_busy()
    assert executor.running == 1
    (worker,) = psutil.Process().children()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    outcome = await executor.run(request(tmp_path, program("")))
    assert outcome.exit is Exit.OK
    assert worker.pid not in [child.pid for child in psutil.Process().children()]


async def test_stopping_ends_runs_and_waiters_and_leaves_no_process(tmp_path: Path) -> None:
    executor = Executor(tmp_path / "executor", 1, memory_cap=64 * MIB)
    await executor.start()
    runs = [asyncio.create_task(executor.run(request(tmp_path, program(SPIN), fuel=2**63))) for _ in range(3)]
    await _until_busy()
    await executor.stop()
    for run in runs:
        with pytest.raises(Unavailable):
            await run
    assert psutil.Process().children() == []
    with pytest.raises(Unavailable):
        await executor.run(request(tmp_path, program("")))


async def test_a_run_needs_a_plain_name_of_its_own_and_the_files_of_its_spec(
    executor: Executor, tmp_path: Path
) -> None:
    wanted = request(tmp_path, program(SPIN), fuel=2**63, inputs={"a": b"1"})
    for name in ("", "../x", "a/b", "x" * 200):
        with pytest.raises(BadInput):
            await executor.run(_changed(wanted, run_id=name))
    with pytest.raises(BadInput):
        await executor.run(_changed(wanted, inputs={}))
    running = asyncio.create_task(executor.run(wanted))
    await _until_busy()
    with pytest.raises(Conflict):
        await executor.run(wanted)
    running.cancel()


async def test_a_finished_runs_files_stay_until_they_are_discarded(executor: Executor, tmp_path: Path) -> None:
    wanted = request(tmp_path, program(HELLO.format(fd=1), more=HELLO_DATA))
    outcome = await executor.run(wanted)
    assert outcome.files["stdout"].exists()
    executor.discard(wanted.run_id)
    assert not outcome.files["stdout"].exists()


async def test_workers_are_replaced_after_so_many_runs(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.executor.pool.RUNS_PER_WORKER", 3)
    seen = set()
    for _ in range(7):
        assert (await executor.run(request(tmp_path, program("")))).exit is Exit.OK
        seen |= {child.pid for child in psutil.Process().children()}
    assert len(seen) >= 3


async def test_the_measured_rate_is_what_a_run_burns_about(executor: Executor) -> None:
    rate = await executor.measure_rate()
    assert 10**7 < rate < 10**11


@pytest.mark.skipif(os.name != "posix", reason="process groups")
async def test_a_worker_is_confined(executor: Executor) -> None:
    (worker,) = psutil.Process().children()
    assert os.getsid(worker.pid) == worker.pid
    assert worker.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert worker.rlimit(psutil.RLIMIT_NOFILE)[1] < 4096
    assert worker.environ().keys() <= {"PATH", "LC_CTYPE"}
    assert "NoNewPrivs:\t1" in Path(f"/proc/{worker.pid}/status").read_text()


async def test_a_worker_has_a_control_group_of_its_own_while_it_lives(tmp_path: Path) -> None:
    probe = Cgroup.make("probe", 64 * MIB)
    if probe is None:
        pytest.skip("no control groups to make here")
    probe.remove()
    executor = Executor(tmp_path / "executor", 1, memory_cap=64 * MIB)
    await executor.start()
    (worker,) = psutil.Process().children()
    groups = {line.rpartition("/")[2] for line in Path(f"/proc/{worker.pid}/cgroup").read_text().splitlines()}
    (name,) = [group for group in groups if group.startswith("fogchain-")]
    await executor.stop()
    assert list(Path("/sys/fs/cgroup").rglob(name)) == []


def _changed(wanted, **fields):  # type: ignore[no-untyped-def]
    import dataclasses

    return dataclasses.replace(wanted, **fields)


async def _until(condition, seconds: float = 20.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        await asyncio.sleep(0.01)


async def _until_busy() -> None:
    """Until the one worker has burned some processor time on its run."""
    (worker,) = psutil.Process().children()
    before = worker.cpu_times().user
    await _until(lambda: worker.cpu_times().user > before + 0.02)


async def test_a_module_may_hold_more_data_than_it_may_write(run: Runner) -> None:
    data = '(data (i32.const 1048576) "' + "x" * (2 * MIB) + '")'
    outcome = await run(program(HELLO.format(fd=1), pages=64, more=HELLO_DATA + data), output=1024)
    assert (outcome.exit, outcome.detail) == (Exit.OK, "")


HOSTILE = {
    # what it does: (module, limits, how it ends)
    "endless loop": (program(SPIN), {"fuel": 10**7}, Exit.OUT_OF_FUEL),
    "endless loop with fuel to spare": (program(SPIN), {"fuel": 2**62, "time": 300}, Exit.TIMEOUT),
    "memory bomb": (program("(loop $a (drop (memory.grow (i32.const 1))) (br $a))"), {"fuel": 10**7}, Exit.OUT_OF_FUEL),
    "table bomb": (
        program(
            "(loop $a (if (i32.eq (table.grow $t (ref.null func) (i32.const 4096)) (i32.const -1)) (then unreachable))"
            " (br $a))",
            more="(table $t 1 funcref)",
        ),
        {},
        Exit.TRAP,
    ),
    "table bomb that goes on": (
        program("(loop (drop (table.grow (ref.null func) (i32.const 4096))) (br 0))", more="(table 1 funcref)"),
        {"fuel": 10**7},
        Exit.OUT_OF_FUEL,
    ),
    "many tables": (program("", more="(table 1 funcref)" * 17), {}, Exit.BAD_MODULE),
    "host calls without end": (
        program("(loop $a (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8))) (br $a))"),
        {},
        Exit.OUT_OF_FUEL,
    ),
    "4 GB of output": (
        program(FLOOD.format(fd=1)),
        {"output": MIB, "fuel": 2**62},
        Exit.OUTPUT_LIMIT,
    ),
    "deep recursion": (program("(call $f)", more="(func $f (call $f))"), {}, Exit.TRAP),
    "malformed": (b"\0asm\x01\0\0\0" + b"\xff" * 40, {}, Exit.BAD_MODULE),
    "cut short": (b"\0as", {}, Exit.BAD_MODULE),
}  # fmt: skip


async def test_every_hostile_module_is_contained_and_counted(executor: Executor, tmp_path: Path) -> None:
    ends = []
    for what, (code, limits, exit_) in HOSTILE.items():
        outcome = await executor.run(request(tmp_path, code, **limits))
        assert (what, outcome.exit, bool(outcome.detail)) == (what, exit_, True), outcome.detail
        ends.append(exit_)
    assert executor.ended == {exit_: ends.count(exit_) for exit_ in set(ends)}
    assert (await executor.run(request(tmp_path, program("")))).exit is Exit.OK
