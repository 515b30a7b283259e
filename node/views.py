"""The API's answers, made from what the node knows. No I/O."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Literal

from fogchain.api.models import (
    BuyerRating,
    ChangeView,
    CountView,
    JobDetail,
    JobState,
    JobSummary,
    MatchView,
    OfferMatch,
    OfferView,
    ProviderShare,
    ProviderView,
    RatingView,
    ReceiptView,
    RefusalView,
    RunState,
    RuntimeView,
    RunView,
    SessionState,
    SessionView,
    TaskCounts,
    TaskState,
    TaskView,
    TransferView,
    UnmetView,
)
from fogchain.chain import ratings
from fogchain.chain.records import RatingRecord, SessionRecord
from fogchain.jobs.machine import JobMachine, Run, Share, Task
from fogchain.jobs.machine.runs import OVER
from fogchain.jobs.outcome import reason_of
from fogchain.jobs.spec import ResultFile, ResultManifest
from fogchain.market.constraints import Failed, Matching
from fogchain.market.engines import Runtime, split
from fogchain.market.matching import least_price
from fogchain.market.messages import Exit, Offer
from fogchain.market.offers import class_name, regions_of
from fogchain.market.reasons import Reason, of_delivered
from fogchain.market.reputation import Outcomes
from node.refusals import Refusals
from node.trade import wire
from node.trade.book import Known, ProviderBook
from node.trade.driver import JobDriver
from node.trade.ledger import HeldVoucher, LedgerOrder


def refusals(counted: Refusals) -> list[RefusalView]:
    return [
        RefusalView(subject=one.subject, reason=one.reason, count=one.count, detail=one.words, time=int(one.at))
        for one in counted.all()
    ]


def ending(code: int) -> str:
    """An `Exit` in words: `out of fuel`."""
    return Exit(code).name.lower().replace("_", " ")


def job_state(machine: JobMachine) -> JobState:
    if machine.ended is None:
        return "running" if machine.runs else "planning"
    if machine.ended.state == "done":
        return "done" if machine.paid else "settling"
    return machine.ended.state


def run_state(machine: JobMachine, run: Run, started: set[int]) -> RunState:
    if run.state == "out":
        if machine.ended is not None:
            return "superseded"  # nobody waits for it any more
        return "running" if run.attempt in started else "sent"
    return "delivered" if run.state == "held" else run.state


def task_state(task: Task, started: set[int]) -> TaskState:
    if task.state != "out":
        return task.state
    return "running" if any(run.attempt in started for run in task.live("out")) else "sent"


def summary(machine: JobMachine, driver: JobDriver | None) -> JobSummary:
    started = driver.started if driver else set()
    counts: dict[str, int] = {}
    for task in machine.tasks:
        state = task_state(task, started)
        counts[state] = counts.get(state, 0) + 1
    return JobSummary(
        id=machine.id,
        name=machine.spec.name,
        state=job_state(machine),
        detail=machine.ended.detail if machine.ended else (driver.waiting if driver else ""),
        tasks=TaskCounts.model_validate(counts),
        budget=machine.spec.budget,
        spent=machine.spent,
        paid=machine.paid is not None,
        fuel=machine.fuel,
        created=machine.created,
        finished=machine.ended.at if machine.ended else None,
    )


def detail(machine: JobMachine, driver: JobDriver | None, sessions: dict[str, SessionRecord], now: float) -> JobDetail:
    return JobDetail(
        **summary(machine, driver).__dict__,
        spec=machine.spec,
        providers=[
            share_view(
                share,
                sessions.get(share.session),
                (driver.problems.get(share.provider) if driver else "") or _pause(machine, share, now),
                machine if machine.spec.pay == "batch" else None,
            )
            for share in machine.shares.values()
        ],
        checks_done=machine.checks_done,
        checks_failed=machine.checks_failed,
    )


def share_view(
    share: Share, session: SessionRecord | None, problem: str, account: JobMachine | None = None
) -> ProviderShare:
    """`account`: the job, when it is paid in a batch."""
    claimed, fee = (session.claimed, session.fees) if session else (0, 0)
    if account is not None and account.paid:
        claimed = share.signed
    state: SessionState = "opening" if session is None else "open" if session.open else "closed"
    return ProviderShare(
        address=share.provider,
        name=share.name,
        tasks=share.accepted,
        checks=share.checks,
        fuel=share.fuel,
        owed=share.spent,
        claimed=claimed,
        fee=fee,
        session=share.session if account is None else "",
        session_state=state if account is None else "on account",
        problem=_problem(share) or problem,
        operator=share.operator,
        late=share.late,
        penalty=share.withheld,
        outages=share.outages,
        faults=share.faults,
        paused_until=share.blocked_until or None,
        quota=share.quota,
        rating=session.rating if session else None,
    )


def _problem(share: Share) -> str:
    if share.proven:
        return "a majority of providers got another result: nothing more is paid"
    if share.distrusted:
        return "its operator was shown wrong in another job: nothing more is paid"
    if share.given_up:
        return (
            f"given up after {share.faults} outages in a row: it gets no more, unless nobody else is there; "
            f"the last: {share.failing}"
        )
    return ""


def _pause(machine: JobMachine, share: Share, now: float) -> str:
    left = share.blocked_until - now
    if machine.ended is not None or left <= 0:
        return ""
    faults = "a fault" if share.faults == 1 else f"{share.faults} faults in a row"
    return f"gets no order of this job for {left:.0f} s after {faults}; the last: {share.failing}"


def task_view(machine: JobMachine, index: int, driver: JobDriver | None, manifest: ResultManifest | None) -> TaskView:
    task, started = machine.tasks[index], driver.started if driver else set[int]()
    return TaskView(
        index=index,
        state=task_state(task, started),
        detail=task.detail,
        args=list(machine.spec.tasks[index].args),
        result=task.result.result if task.result else None,
        files=[ResultFile(**file.__dict__) for file in manifest.files] if manifest else [],
        runs=[run_view(machine, run, driver) for run in task.runs],
        saved=task.saved.fuel if task.saved and task.state not in OVER else 0,
    )


def transfer(task: Task, driver: JobDriver | None) -> TransferView | None:
    """The largest that is under way."""
    found = []
    for run in task.live("out") if driver else []:
        amount = driver.transfers.get(run.attempt) if driver else None
        if amount is not None and amount.total:
            what: Literal["inputs", "result"] = "result" if driver and driver.receiving(run.attempt) else "inputs"
            found.append(TransferView(what=what, here=amount.here, total=amount.total))
    return max(found, key=lambda one: one.total, default=None)


def run_view(machine: JobMachine, run: Run, driver: JobDriver | None) -> RunView:
    started = driver.started if driver else set[int]()
    progress = driver.progress if driver else {}
    share, known = machine.shares[run.provider], bool(run.result)
    return RunView(
        attempt=run.attempt,
        purpose=run.purpose,
        provider=run.provider,
        provider_name=share.name,
        state=run_state(machine, run, started),
        detail=run.detail,
        fuel=run.fuel if known else None,
        cost=run.cost if known else None,
        result=run.result or None,
        exit=ending(run.exit) if known or run.state == "failed" else None,
        sent=run.sent,
        finished=run.finished or None,
        deadline=run.due,
        late=run.late,
        breached=run.breached,
        promised=bool(run.promise),
        sealed=run.sealed,
        seconds=progress.get(run.attempt) if run.state == "out" else None,
        standing=driver is not None and run.attempt in driver.standing,
        resumed=max(run.resumed, run.restarted),
        resumed_from=_maker(machine, run),
    )


def _maker(machine: JobMachine, run: Run) -> str:
    if not run.went_on:
        return ""
    made = machine.shares[run.provider if run.restarted > run.resumed else run.makers[-1]]
    return made.name or made.provider


def buyer_receipt(machine: JobMachine, run: Run, order: str, fee_bps: int) -> ReceiptView:
    share, reason = machine.shares[run.provider], reason_of(machine, run)
    gross = run.cost if reason.paid else 0
    fee = gross * fee_bps // 10_000
    paper, dated = run.filed or run, run.filed.finished if run.filed else run.dated
    return ReceiptView(
        order=order,
        job=machine.id,
        job_name=machine.spec.name,
        task=run.task,
        role="buyer",
        counterparty=run.provider,
        result=paper.result,
        fuel=paper.fuel,
        price=share.price,
        cost=gross,
        fee=fee,
        net=gross - fee,
        exit=ending(paper.exit),
        state=run_state(machine, run, set()),
        reason=reason,
        reason_text=reason.words,
        purpose=run.purpose,
        started=paper.started,
        finished=dated,
    )


def provider_receipt(known: LedgerOrder, fee_bps: int, *, session_over: bool) -> ReceiptView:
    assert known.receipt is not None  # the ledger's page holds delivered orders only
    order, receipt = known.order, known.receipt.receipt
    end = Exit(receipt.exit)
    refused = known.handed and known.verdict != wire.ACCEPTED
    reason = of_delivered(end, known.reason or (Reason.SUPERSEDED if refused else ""), session_over=session_over)
    gross = order.pay(receipt.fuel, receipt.finished) if reason.paid else 0
    fee = gross * fee_bps // 10_000
    state: RunState = "delivered"
    if not end.deterministic:
        state = "failed"
    elif known.verdict == wire.ACCEPTED:
        state = "accepted"
    elif known.handed:
        state = "superseded"
    return ReceiptView(
        order=known.digest.hex(),
        job=order.job.hex(),
        job_name="",
        task=order.task,
        role="provider",
        counterparty=order.buyer,
        result=receipt.result.hex(),
        fuel=receipt.fuel,
        price=order.price,
        cost=gross,
        fee=fee,
        net=gross - fee,
        exit=ending(receipt.exit),
        state=state,
        reason=reason,
        reason_text=reason.words,
        started=receipt.started,
        finished=receipt.finished,
    )


def buyer_session(machine: JobMachine, share: Share, record: SessionRecord | None) -> SessionView:
    return SessionView(
        id=share.session,
        role="buyer",
        counterparty=share.provider,
        job=machine.id,
        cap=record.cap if record else share.cap,
        signed=share.signed,
        claimed=record.claimed if record else 0,
        fee=record.fees if record else 0,
        net=record.claimed - record.fees if record else 0,
        penalty=share.withheld,
        expires=record.expiry if record else 0,
        state="opening" if record is None else "closed" if not record.open else "closing" if machine.ended else "open",
    )


def session_without_job(record: SessionRecord) -> SessionView:
    """A session of ours whose job is not kept here: what the chain knows of it."""
    return SessionView(
        id="0x" + record.id.hex(),
        role="buyer",
        counterparty=record.provider,
        job=record.job.hex(),
        cap=record.cap,
        signed=record.claimed,
        claimed=record.claimed,
        fee=record.fees,
        net=record.claimed - record.fees,
        expires=record.expiry,
        state="open" if record.open else "closed",
    )


def provider_session(held: HeldVoucher, record: SessionRecord | None, job: bytes | None, penalty: int) -> SessionView:
    return SessionView(
        id="0x" + held.session.hex(),
        role="provider",
        counterparty=held.buyer,
        job=job.hex() if job else None,
        cap=record.cap if record else 0,
        signed=held.amount,
        claimed=record.claimed if record else 0,
        fee=record.fees if record else 0,
        net=record.claimed - record.fees if record else 0,
        penalty=penalty,
        expires=record.expiry if record else 0,
        state="opening" if record is None else "closed" if not record.open else "closing" if held.last else "open",
    )


def runtime_views(runtimes: Iterable[tuple[Runtime, str | None, str]]) -> list[RuntimeView]:
    return [RuntimeView(runtime=runtime, engine=engine, detail=detail) for runtime, engine, detail in runtimes]


def counts_view(ended: Mapping[Exit, int]) -> dict[str, int]:
    return {exit_.name.lower(): count for exit_, count in sorted(ended.items())}


def offer_view(offer: Offer) -> OfferView:
    return OfferView(
        resource_class=class_name(offer.resource_class),
        multiplier=offer.multiplier or None,
        price=offer.price,
        regions=list(regions_of(offer)),
        survival=survival_of(offer),
        slots=offer.slots,
        memory=offer.memory,
        fuel_rate=offer.fuel_rate,
        engines=list(split(offer.engines)),
        on_account=offer.on_account,
        expires=offer.expiry,
    )


def survival_of(offer: Offer | None) -> dict[str, int]:
    """The chances in an offer, in basis points by span; nothing without one."""
    if offer is None:
        return {}
    return {"10 min": offer.survival_10m, "1 h": offer.survival_1h, "2 h": offer.survival_2h}


def rating_view(records: list[RatingRecord], own: str) -> RatingView | None:
    """`own`: this node's address."""
    found = ratings.summed(records)
    if found is None:
        return None
    mine = next((ratings.mean(record) for record in records if record.buyer == own), None)
    return RatingView(value=found.value, buyers=found.buyers, sessions=found.sessions, paid=found.paid, own=mine)


def buyer_rating(record: RatingRecord) -> BuyerRating:
    return BuyerRating(buyer=record.buyer, value=ratings.mean(record), sessions=record.sessions, paid=record.paid)


def provider_view(known: Known, record: Outcomes, paid: int, rating: RatingView | None) -> ProviderView:
    return ProviderView(
        address=known.address,
        peer_id=known.peer_id,
        name=known.name,
        found_by=sorted(known.found_by),
        state=known.state,
        detail=known.detail,
        offer=offer_view(known.offer) if known.offer else None,
        last_seen=int(known.last_seen) if known.last_seen else None,
        tasks_done=record.accepted,
        tasks_wrong=record.wrong,
        checks_passed=record.checks,
        paid=paid,
        rating=rating,
    )


def match_view(
    book: ProviderBook,
    found: Matching,
    why: list[str],
    *,
    anything: bool,
    rating_of: Callable[[str], RatingView | None],
) -> MatchView:
    """`anything`: there is no job, so nothing need be said of what it lacks."""
    pool = book.candidates()
    known = {one.peer_id: one for one in book.all()}
    order = {peer_id: place for place, peer_id in enumerate(found.matching)}
    rows = [
        _offer_match(book, known[key], failed, time.time(), time.monotonic(), rating_of(known[key].address))
        for key, failed in sorted(found.failed.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
        if key in known
    ]
    return MatchView(
        matching=len(found.matching),
        total=len(found.failed),
        summary=f"{len(found.matching)} of {len(found.failed)} offers can be used now" if anything else found.summary,
        reasons=why,
        counts=[CountView(**asdict(count)) for count in found.counts],
        least_price=least_price(pool, found.failed) if not anything else None,
        nearest=[ChangeView(constraint=change.constraint, value=change.value) for change in found.nearest],
        engine=found.engine,
        offers=rows,
    )


def _offer_match(
    book: ProviderBook,
    known: Known,
    failed: tuple[Failed, ...],
    now: float,
    monotonic: float,
    rating: RatingView | None,
) -> OfferMatch:
    score = book.score(known.address)
    return OfferMatch(
        address=known.address,
        peer_id=known.peer_id,
        name=known.name,
        offer=offer_view(known.offer) if known.offer else None,
        age_s=round(max(0.0, now - known.offer.issued), 1) if known.offer else None,
        heard_s=round(monotonic - known.heard, 1) if known.heard is not None else None,
        score=int(score) if score is not None else None,
        matches=not failed,
        failed=[UnmetView(constraint=each.constraint, detail=each.detail) for each in failed],
        rating=rating,
    )


def cursor_of(number: int) -> str:
    return json.dumps(number)
