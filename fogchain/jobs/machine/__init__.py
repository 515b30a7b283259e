"""The job machine: a fold over the job's events, and what should happen next. No I/O, no clock.

    task   queued ─Sent▶ out ─Delivered▶ held ─(not drawn, or the others agree)▶ done
              ▲            │               │
              └── Lost, Failed ◀───────────┘ a majority says otherwise
    job    open ─all tasks ended, cancel, out of time or money▶ Ended ─every voucher claimed▶ Paid

A run is one order to one provider. Work runs make the result, check runs repeat it: after a draw at L1, from the start
at L2 and L3. A canary repeats a task that is done and confirmed, to see whether its provider gets it right: it never
makes a result, and only where few have confirmed the other one does it open the question again. Runs that are compared
are by different operators. Money follows accepted runs only, whatever they are for; an operator shown wrong once, here
or in another job of this buyer, has none of its other results trusted or paid. What a provider promised and never
delivered costs it the penalty, out of what it earns in this job and no more.

    runs.py      what is kept of tasks, runs and providers
    state.py     the state, and what follows from it at once
    money.py     what runs are credited with, and what is due
    placing.py   which runs are wanted, and who may get them
    settling.py  what the answers to a task mean, and for whom
    folding.py   events, and how a job ends
"""

from __future__ import annotations

from fogchain.jobs.machine.folding import JobMachine
from fogchain.jobs.machine.runs import Run, Share, Task, Work

__all__ = ["JobMachine", "Run", "Share", "Task", "Work"]
