"""A worker process: `main()` with CACHE PARENT CLOCK [PYTHON] as arguments. Runs one task after another, asked over
its pipes. CLOCK is the file that says how long it has stood still, see `clock.py`.

It dies with the daemon, holds few files open, and dumps no core. A run whose time is up is interrupted inside; the
daemon kills the process where that does not help, as while it compiles.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import wasmtime

from node.executor import frames
from node.executor.canonical import canonicalise
from node.executor.clock import StoodClock
from node.executor.endings import REFUSED
from node.executor.engine import make_store
from node.executor.inodes import MAX_FILES
from node.executor.sandbox import Run, Sandbox
from node.executor.version import ENGINE

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_MAX_FILE_BYTES = 2 << 30  # compiled modules are larger than modules
_NICE = 10  # the daemon that serves the network shares this machine

# About what a numeric program does: arithmetic in both kinds of numbers, memory, a branch. Ends when its fuel does.
_KERNEL = """
(module
  (memory (export "memory") 16)
  (func (export "_start") (local $i i32) (local $x i32) (local $a f64) (local $b f64)
    (local.set $x (i32.const 88172645))
    (local.set $a (f64.const 1))
    (loop $again
      (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
      (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
      (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
      (local.set $i (i32.and (local.get $x) (i32.const 0xffff8)))
      (local.set $b (f64.mul (f64.convert_i32_u (i32.and (local.get $x) (i32.const 0xffff))) (f64.const 0.0000152)))
      (local.set $a (f64.add (f64.mul (local.get $a) (f64.const 0.75)) (f64.sqrt (local.get $b))))
      (if (i32.and (local.get $x) (i32.const 64))
        (then (f64.store (local.get $i) (f64.add (f64.load (local.get $i)) (local.get $a)))))
      (br $again))))
"""
_KERNEL_FUEL = 100_000_000


def measure(sandbox: Sandbox, seconds: float) -> int:
    """Fuel per second of this process, the best of the runs that fit into `seconds` (at least one)."""
    engine = sandbox.engine
    module = wasmtime.Module(engine, canonicalise(bytes(wasmtime.wat2wasm(_KERNEL))))
    best, until = 0.0, time.perf_counter() + seconds
    while not best or time.perf_counter() < until:
        store = make_store(engine)
        store.set_fuel(_KERNEL_FUEL)
        start = wasmtime.Instance(store, module, []).exports(store)["_start"]
        assert isinstance(start, wasmtime.Func)
        begun = time.perf_counter()
        try:
            start(store)
        except wasmtime.Trap:
            best = max(best, _KERNEL_FUEL / (time.perf_counter() - begun))
        store.close()
    return int(best)


def _confine(parent: int) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if os.getppid() != parent:  # died before the line above
            os._exit(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE_BYTES, _MAX_FILE_BYTES))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = MAX_FILES + 512
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted) if hard < 0 else (min(wanted, hard), min(wanted, hard)))
    os.nice(_NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the daemon's to act on


def _answer(sandbox: Sandbox, request: dict[str, Any]) -> dict[str, Any]:
    if "measure" in request:
        return {"rate": measure(sandbox, request["measure"])}
    begun = time.process_time()
    try:
        answer = sandbox.run(Run.from_frame(request["run"]))
        return answer | {"cpu": time.process_time() - begun}
    except OSError as error:
        detail = f"this machine could not run it: {error.strerror or error}"
        return {
            "exit": REFUSED,
            "code": 0,
            "fuel": 0,
            "files": [],
            "detail": detail,
            "cpu": time.process_time() - begun,
        }


def main() -> None:
    cache, parent = Path(sys.argv[1]), int(sys.argv[2])
    clock = StoodClock(Path(sys.argv[3]))
    python = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)  # whatever prints goes to the worker's log, never between the frames
    _confine(parent)
    sandbox = Sandbox(cache, python, clock.now)
    frames.write(answers, {"ready": ENGINE})
    while (request := frames.read(requests)) is not None:
        frames.write(answers, _answer(sandbox, request))
    os._exit(0)  # nothing to save; skips wasmtime's teardown


if __name__ == "__main__":
    main()
