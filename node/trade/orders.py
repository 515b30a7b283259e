"""Which provider gets which run of one job, and the orders for them."""

from __future__ import annotations

import secrets

from fogchain.batch.placement import Machine, Placement, place
from fogchain.jobs.events import JuryClosed, Sent
from fogchain.jobs.machine import Share, Work
from fogchain.jobs.quota import MAKE_ROOM
from fogchain.jobs.spec import BlobRef
from fogchain.market.messages import BY_RECORD, ON_ACCOUNT, Agreement, TaskOrder
from fogchain.market.reputation import BPS
from fogchain.market.verification import canary_due
from fogchain.units import cost
from fogchain.wallet.eip712 import sign
from node.trade.funding import JobFunding
from node.trade.openjob import MAX_SLOTS, OpenJob
from node.trade.watch import JobWatch
from node.trade.wire import SignedOrder

BATCH = 64
FULL_PAUSE = 5.0  # seconds between looks for room
JURY_PATIENCE = 15.0  # seconds for which a majority waits for others that could be asked


class JobOrders:
    """Places runs, and closes the committees for which nobody is left."""

    def __init__(self, job: OpenJob, funding: JobFunding, watch: JobWatch) -> None:
        self._job = job
        self._machine, self._around = job.machine, job.around
        self._funding, self._watch = funding, watch
        self._contested: dict[int, float] = {}  # task to since when a majority waits for more to be asked
        self._alone: dict[int, float] = {}  # task to since when nobody is here who could check it
        self._engine_used: str | None = None
        self._full = ""  # why no more is ordered, in words
        self._full_until = 0.0
        self._promised = 0  # bytes, when that was found

    def dispatch(self, now: float) -> None:
        machine, spec = self._machine, self._machine.spec
        if len({s.operator for s in machine.shares.values() if not s.distrusted}) < spec.operators:
            return
        here = self._present()
        wanted = machine.wanted(BATCH, here) or machine.stragglers(now, here)
        if not wanted or self._is_full(now):
            return
        fuel = machine.mean_fuel(spec.limits.fuel / 4)
        budget = spec.budget - machine.exposure
        nodes = []
        engine = self.engine
        for share in machine.shares.values():
            if share.provider not in self._job.open or not machine.may_serve(share.provider, now):
                continue
            known = self._around.book.get(share.provider)
            if known is None or known.state != "ready" or known.offer is None:
                continue
            engine = engine or known.engine_for(spec.runtime)
            if engine is None or known.engine_for(spec.runtime) != engine:
                continue  # it was changed since
            price = cost(spec.limits.fuel, share.price)
            affordable = max(0, budget) // price if price else BATCH
            room = (share.cap - share.exposure(spec)) // price if price else BATCH
            if room <= 0 < affordable:
                self._funding.raise_cap(share)
            rate = self._around.book.rate(known) * self._job.seen(share.provider).score / BPS
            nodes.append(
                Machine(
                    share.provider,
                    min(known.offer.slots, MAX_SLOTS),
                    rate,
                    share.out,
                    share.out * fuel,
                    max(0, min(room, affordable, share.quota - share.out)),
                )
            )
        operators = {share.provider: share.operator for share in machine.shares.values()}
        placements = _distinct(
            place(len(wanted), nodes, fuel=fuel, may=lambda work, name: operators[name] not in wanted[work].barred),
            [work.task for work in wanted],
            operators,
        )
        dearest = max((cost(spec.limits.fuel, machine.shares[p.machine].price) for p in placements), default=0)
        afford = max(0, budget) // dearest if dearest else len(placements)
        afford = self._around.storage.pieces(self._job.most_left, min(afford, len(placements)))
        chosen = [(wanted[placement.work], machine.shares[placement.machine]) for placement in placements[:afford]]
        events = [
            self._order(work, share, machine.next_attempt + number, now)
            for number, (work, share) in enumerate(self._with_canaries(chosen))
        ]
        if events:
            self._job.record(*events)
            for event in events:
                run = machine.runs[event.attempt]
                self._job.digests[self._job.digest(run)] = run.attempt
                self._job.spawn(self._watch.deliver(run))

    def _with_canaries(self, chosen: list[tuple[Work, Share]]) -> list[tuple[Work, Share]]:
        """With a canary in place of any one of a newcomer's first orders, where a result is known to hold it against;
        the work that it displaces is placed next time."""
        found, operators = list(chosen), set[str]()
        level, sample = self._machine.spec.verify.level, self._machine.spec.verify.sample
        for share in {share.provider: share for _, share in chosen}.values():
            places = [place for place, (_, one) in enumerate(chosen) if one is share]
            clean = self._job.seen(share.provider).clean + share.passed
            if share.operator in operators or not canary_due(level, sample, clean):
                continue
            if known := self._machine.known(share.provider):
                operators.add(share.operator)
                found[secrets.choice(places)] = Work(secrets.choice(known), "canary", frozenset()), share
        return found

    def _is_full(self, now: float) -> bool:
        """Whether there is no room here for another result: what can't be kept is neither ordered nor paid."""
        promised = self._job.promised()
        if now >= self._full_until or promised != self._promised:
            storage, most = self._around.storage, self._job.most_left
            self._full = "" if storage.pieces(most, 1) else storage.lack(most)
            self._full_until, self._promised = now + FULL_PAUSE if self._full else 0.0, promised
        if self._full and not promised:
            self._job.waiting = f"paused: {self._full}; {MAKE_ROOM}"
        return bool(self._full)

    def _present(self) -> frozenset[str]:
        """Providers that can be given orders, but for a pause after a fault."""
        found = set()
        for share in self._machine.shares.values():
            known = self._around.book.get(share.provider)
            if share.provider in self._job.open and known is not None and known.state == "ready":
                found.add(share.provider)
        return frozenset(found)

    def close_juries(self, now: float) -> None:
        """Let a majority decide where nobody else can be asked."""
        machine, here = self._machine, self._present()
        contested = [index for index in machine.contested() if not machine.tasks[index].live("out")]
        self._contested = {index: self._contested.get(index, now) for index in contested}
        for index, since in list(self._contested.items()):
            if index not in machine.contested():  # one that closed before it has found a liar, and so ended this one
                continue
            answered = {machine.shares[run.provider].operator for run in machine.tasks[index].runs}
            others = {share.operator for share in machine.shares.values() if share.provider in here} - answered
            if not others or now - since > JURY_PATIENCE:
                self._job.record(JuryClosed(now, index))

        alone = {index for index, hands in machine.unwitnessed().items() if not self._operators(here) - hands}
        self._alone = {index: self._alone.get(index, now) for index in alone}
        for index, since in list(self._alone.items()):
            if now - since > JURY_PATIENCE and index in machine.unwitnessed():
                self._job.record(JuryClosed(now, index))

    def _operators(self, here: frozenset[str]) -> set[str]:
        shares = (self._machine.shares[name] for name in here)
        return {share.operator for share in shares if not share.distrusted}

    def _order(self, work: Work, share: Share, attempt: int, now: float) -> Sent:
        around, spec = self._around, self._machine.spec
        known = around.book.get(share.provider)
        run_spec, burnt, makers = spec.run_spec(work.task), 0, ""
        saved = self._machine.saved_for(work, share.provider)
        if saved is not None and around.blobs.has(saved.archive):
            run_spec = run_spec.resumed(BlobRef(sha256=saved.archive, size=saved.size), saved.fuel)
            burnt, makers = saved.fuel, ",".join(saved.makers)
        order = TaskOrder(
            buyer=around.wallet.address,
            provider=share.provider,
            session=ON_ACCOUNT if self._job.on_account else bytes.fromhex(share.session[2:]),
            job=bytes.fromhex(self._machine.id),
            task=work.task,
            attempt=attempt,
            spec=run_spec.digest,
            fuel_limit=run_spec.limits.fuel,
            engine=(known.engine_for(spec.runtime) if known else None) or "",
            issued=int(now),
            deadline=self._machine.due(now),
            sealed=int(self._machine.sealed(work.purpose)),
            terms=self._agreement(share, burnt),
        )
        signature = sign(around.wallet.key, around.domain, order)
        packed = SignedOrder(order, signature, run_spec.encode()).encode()
        return Sent(
            now, work.task, attempt, share.provider, work.purpose, packed.hex(), signature.hex(), burnt, makers
        )  # fmt: skip

    @property
    def engine(self) -> str | None:
        """What this job's runs are made with, once one was ordered."""
        if self._engine_used is None and self._machine.runs:
            first = next(iter(self._machine.runs.values()))
            self._engine_used = SignedOrder.decode(bytes.fromhex(first.order)).order.engine
        return self._engine_used

    def _agreement(self, share: Share, burnt: int) -> Agreement:
        spec, session = self._machine.spec, self._around.index.session(bytes.fromhex(share.session[2:]))
        sample = spec.verify.sample
        return Agreement(
            price=share.price,
            fee=session.fee_bps if session else self._fee_now(),
            level=int(spec.verify.level[1:]),
            sample=BY_RECORD if sample is None else sample,
            grace=spec.grace // 1000,
            penalty=spec.penalty_at(share.price, burnt),
            privacy=spec.privacy,
        )

    def _fee_now(self) -> int:
        parameters = self._around.index.parameters() if self._job.on_account else None
        return parameters.fee_bps if parameters else 0


def _distinct(placements: list[Placement], tasks: list[int], operators: dict[str, str]) -> list[Placement]:
    """Without those that would give one operator the same task twice; `tasks`: of the pieces of work."""
    given: set[tuple[int, str]] = set()
    kept = []
    for placement in placements:
        key = tasks[placement.work], operators[placement.machine]
        if key not in given:
            given.add(key)
            kept.append(placement)
    return kept
