"""Why each run of a job is paid or not, by the job's log. Pure."""

from __future__ import annotations

from fogchain.jobs.machine import JobMachine, Run
from fogchain.market.reasons import Reason, of_accepted


def reason_of(job: JobMachine, run: Run) -> Reason:
    """The buyer's, of a run that was answered; it may change until the job is paid."""
    match run.state:
        case "accepted":
            return of_accepted(run.exit, confirmed=len(job.tasks[run.task].live("accepted")) > 1, late=run.late)
        case "held" | "out":
            return Reason.PENDING
        case "wrong":
            return Reason.WRONG_RESULT
        case "failed":
            return Reason.NOT_RUN
    if run.breached:
        return Reason.PENALTY
    ended = job.ended is not None and job.ended.state == "cancelled" and run.finished >= job.ended.at
    return Reason.CANCELLED if ended else Reason.SUPERSEDED


def answered(run: Run) -> bool:
    """Whether its provider's receipt was taken, or kept."""
    return run.state == "failed" or bool(run.receipt) or run.filed is not None
