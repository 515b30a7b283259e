"""Who works for one job: the best offers or what the auction brought, and in words why nobody does."""

from __future__ import annotations

import asyncio

import structlog

from fogchain.chain.calls import session_id
from fogchain.errors import FogchainError, PaymentRequired
from fogchain.jobs.events import SessionPlanned
from fogchain.market import auction
from fogchain.market.messages import SERVED_PRIVACY
from fogchain.market.offers import class_id
from fogchain.units import GFUEL, cost, format_duration, format_fog
from node.trade.auctioneer import Demand
from node.trade.auctionstore import Award
from node.trade.book import Known
from node.trade.funding import JobFunding
from node.trade.openjob import OpenJob
from node.trade.orders import JobOrders
from node.trade.watch import JobWatch

log = structlog.get_logger(__name__)

DISCOVERY_PAUSE = 3.0
LOOK_PAUSE = 0.5  # seconds between looks at all offers, while the job has somebody to work for it


class JobSessions:
    """Chooses providers, as they come up."""

    def __init__(self, job: OpenJob, funding: JobFunding, watch: JobWatch, orders: JobOrders) -> None:
        self._job = job
        self._machine, self._around = job.machine, job.around
        self._funding, self._watch, self._orders = funding, watch, orders
        self._won = False  # the auction has brought something, and its seller can't serve yet
        self._barred: set[str] = set()  # sellers of the auction that get no session
        self._covering = False  # the job's bids are, or are being, covered and made
        self._look_at = 0.0
        self._uncovered = ""  # why the job takes no part in the auction, in words

    def plan(self, now: float) -> None:
        """Choose providers, as they come up, and give each a capped session."""
        machine, around = self._machine, self._around
        if self._defers(now) or (machine.shares and self._look_at - LOOK_PAUSE <= now < self._look_at):
            return
        self._look_at = now + LOOK_PAUSE
        ready, reasons = around.book.matching(machine.spec, self._orders.engine)
        fresh = [known for known in ready if known.address not in machine.shares]
        for known in fresh:
            if why := around.why_barred(known.address):
                reasons.append(f"{known.name}: {why}")
        fresh = [known for known in fresh if not around.why_barred(known.address)]
        good = [share for share in machine.shares.values() if not share.distrusted and not share.given_up]
        room = around.config.max_providers - len(good)  # cheap offers that come to nothing keep nobody out
        if fresh and room > 0 and now >= machine.created + (0 if machine.shares else self._patience(len(ready))):
            count = len(machine.shares) + len(fresh[:room])
            for known in fresh[:room]:
                offer = known.offer
                if offer is None:
                    continue
                self._plan_session(now, known, offer.price, machine.spec.budget // count)
        self._job.waiting = self._why_waiting(reasons)
        if self._job.waiting and machine.spec.urgency == "deferrable":
            self._job.waiting = (
                f"{self._uncovered or 'the auction brought nothing'}: the best offer is taken; {self._job.waiting}"
            )

    def _plan_session(self, now: float, known: Known, price: int, cap: int) -> None:
        """`cap`: of the budget, at most that; one task has to fit."""
        machine, most = self._machine, cost(self._machine.spec.limits.fuel, price)
        if most > machine.spec.budget:
            self._job.problems[known.address] = (
                f"one task at its fuel limit costs {format_fog(most)} there, over the budget"
            )
            return
        cap = machine.spec.budget if self._job.on_account else max(cap, most)
        session = session_id(self._around.wallet.address, known.address, bytes.fromhex(machine.id))
        operator = self._around.book.operator_of(known.address)
        quota = self._job.seen(known.address).quota(self._around.config.newcomer_tasks)
        self._job.record(
            SessionPlanned(
                now, known.address, known.peer_id, known.name, price, "0x" + session.hex(), cap, operator, quota,
            )
        )  # fmt: skip
        share = machine.shares[known.address]
        self._job.spawn(self._watch.watch(share))
        self._job.spawn(self._funding.begin(share))

    def _defers(self, now: float) -> bool:
        """Whether the job waits for the auction, or has what it needs from it; the best offers are not looked at then.

        It waits for half of its time limit at most. What it has won is opened as sessions at the auction's price.
        """
        machine, spec = self._machine, self._machine.spec
        if spec.urgency == "now" or now >= machine.created + spec.time_limit / 2000 or self._uncovered:
            self._around.auctioneer.leave(machine.id)
            return False
        awards = [award for award in self._around.auctioneer.awards(machine.id) if not self._is_barred(award.seller)]
        self._take_awards(now, awards)
        good = {share.operator for share in machine.shares.values() if not share.distrusted and not share.given_up}
        self._won = bool(awards)
        if good or awards:
            self._around.auctioneer.leave(machine.id)
            self._covering = False  # it bids again where nobody honours what it has won
        if good:
            return len(good) >= spec.operators
        if not awards and not self._covering and self._around.auctioneer.now:
            self._covering = True
            self._job.spawn(self._join_auction())
        self._job.waiting = self._why_deferred() if not machine.shares else self._why_waiting([])
        return True

    def _take_awards(self, now: float, awards: list[Award]) -> None:
        """Open sessions with those sellers that can run the job, all of one round; the others may be away for a moment,
        or their offers be renewed."""
        shares = self._machine.shares
        used = [award.round for award in awards if award.seller in shares]
        for number in used[:1] or sorted({award.round for award in awards}):
            won = [award for award in awards if award.round == number]
            for award in won:
                if award.seller not in shares:
                    self._take_award(now, award, len(won))
            if any(award.seller in shares for award in won):
                return

    def _take_award(self, now: float, award: Award, count: int) -> None:
        """`count`: awards among which the budget is shared."""
        spec = self._machine.spec.model_copy(update={"max_price": None})  # the auction has set the price
        able, _ = self._around.book.matching(spec, self._orders.engine)
        known = next((known for known in able if known.address == award.seller), None)
        if known is not None:
            most = min(cost(award.fuel, award.price), spec.budget // count)
            self._plan_session(now, known, award.price, most)

    def _is_barred(self, seller: str) -> bool:
        if not (why := self._around.why_barred(seller)):
            return False
        if seller not in self._barred:
            self._barred.add(seller)
            log.warning("a seller of the auction gets no session", job=self._machine.id[:12], seller=seller, why=why)
        return True

    async def _join_auction(self) -> None:
        """Bid for the whole job: what its tasks may burn, at the most that it may pay for it.

        The contract wants every bid covered by the buyer's free balance, a whole lot at a time; nothing of it is spent.
        """
        around, spec = self._around, self._machine.spec
        resource_class = class_id(spec.resource_class or "cpu")
        fuel = spec.limits.fuel * len(spec.tasks)
        price = spec.max_price or spec.budget * GFUEL // max(fuel, 1)
        while self._machine.ended is None and not self._machine.shares:
            try:
                lot = await around.auctioneer.lot_of(resource_class)
                if not lot:
                    self._uncovered = f"there is no auction for class {spec.resource_class or 'cpu'!r}"
                    return
                cover = auction.lots_for(fuel, lot) * lot * price
                await self._funding.fund(cover, f"cover-{self._machine.id}")
                around.funding.promised.pop(f"cover-{self._machine.id}", None)
                around.auctioneer.want(self._machine.id, Demand(resource_class, fuel, price))
                return
            except PaymentRequired as error:
                if around.auctioneer.awaits(self._machine.id, resource_class):  # bids that were covered may have won
                    await asyncio.sleep(3)
                    continue
                self._uncovered = f"the auction wants bids covered: {error.message}"
                return
            except FogchainError as error:
                self._job.waiting = f"the auction can't be joined yet: {error.message}"
                await asyncio.sleep(3)

    def _why_deferred(self) -> str:
        around, machine = self._around, self._machine
        until = machine.created + machine.spec.time_limit / 2000
        left = format_duration(1000 * int(max(0, until - self._job.now())))
        last = f"; the best offer is taken if nothing is won within {left}"
        if self._won:
            return f"the auction's seller can't serve the job yet{last}"
        number = around.auctioneer.bid_round(machine.id)
        if number is None:
            return f"deferrable: its bid for the auction is being made{last}"
        pending = auction.final_at(number) - around.auctioneer.now
        if pending <= 0:
            return f"deferrable: round {number} brought nothing, the next takes its bid{last}"
        state = "takes bids" if around.auctioneer.now < auction.ends_at(number) else "is being cleared"
        return (
            f"deferrable: round {number} of the auction {state}, its result is final in {pending} s of block time{last}"
        )

    def _patience(self, ready: int) -> float:
        """Let discovery find the others before the budget is split, but not for long."""
        return 0.0 if ready >= 3 else DISCOVERY_PAUSE

    def _why_waiting(self, reasons: list[str]) -> str:
        machine = self._machine
        trusted = [share for share in machine.shares.values() if not share.distrusted]
        if not trusted:
            return "no provider matches: " + "; ".join(reasons) if reasons else "looking for providers"
        if not self._job.open:
            opening = (
                "money is being brought into the market"
                if self._job.on_account
                else "payment sessions are being opened"
            )
            return f"{opening} on the chain"
        operators, spec = {share.operator for share in trusted}, machine.spec
        if len(operators) < spec.operators:
            return (
                f"level {spec.verify.level} needs {spec.operators} providers of different operators, to compare their "
                f"results; {len(operators)} can be had: " + "; ".join(reasons)
            )
        if spec.privacy not in SERVED_PRIVACY:
            return f"no provider serves privacy {spec.privacy!r} yet; {', '.join(SERVED_PRIVACY)} is served"
        return ""
