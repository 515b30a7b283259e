"""Runs tasks in worker processes, limited and metered; WebAssembly and Python deterministically, too.

    backend.py     what the daemon needs of either of the two
    pool.py        Executor: the slots, for the daemon (asyncio)
    runtimes.py    which runtimes this node offers, and why not the others
    rayexecutor.py the same on a Ray cluster; raytask.py is what runs there
    process.py     one worker process as the daemon sees it: spawn, ask, kill
    child.py       how our own child processes are started
    frames.py      what goes over the pipes between the two
    cgroup.py      a second wall of memory and process limits, where the machine lets us
    worker.py      the worker's own loop                          ── from here on only in the worker:
    engine.py      wasmtime's settings, compilation and its cache
    canonical.py   makes NaNs the same bits on every processor
    sandbox.py     one run: module, limits, exit class, result files
    host.py        wasmtime's C interface to the functions a task may call
    wasi.py        those functions: WASI preview 1 with virtual clock, seeded random numbers, no network
    interpreter.py CPython as a module: where it is, what it is started with
    native.py      one run of a Linux program behind bubblewrap; image.py unpacks it, seccomp.py filters its calls
    endings.py     how runs end; trees.py removes what hostile programs leave
    filesystem.py  what a task sees as files: /in and /out, held in memory as names, on disk as numbers

Nothing here imports wasmtime into the daemon.
"""
