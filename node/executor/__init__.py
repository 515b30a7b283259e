"""Runs tasks: WebAssembly in worker processes, metered, limited and deterministic.

    pool.py        Executor: the slots, for the daemon (asyncio)
    process.py     one worker process as the daemon sees it: spawn, ask, kill
    frames.py      what goes over the pipes between the two
    cgroup.py      a second wall of memory and process limits, where the machine lets us
    worker.py      the worker's own loop                          ── from here on only in the worker:
    engine.py      wasmtime's settings, compilation and its cache
    canonical.py   makes NaNs the same bits on every processor
    sandbox.py     one run: module, limits, exit class, result files
    host.py        wasmtime's C interface to the functions a task may call
    wasi.py        those functions: WASI preview 1 with virtual clock, seeded random numbers, no network
    filesystem.py  what a task sees as files: /in and /out, held in memory as names, on disk as numbers

Nothing here imports wasmtime into the daemon.
"""
