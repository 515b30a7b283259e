"""A statement adds up line by line, and to what the ledger has, whatever happens in whatever order."""

from __future__ import annotations

import csv
import io
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from fogchain.chain import events as on
from fogchain.chain.ledger import apply
from fogchain.chain.records import NOBODY
from fogchain.chain.statement import COLUMNS, Balances, Line, MemoryBook, Statement, harmless, to_csv
from fogchain.errors import CorruptData

ME, OTHER, THIRD, MARKET, STAKE, COURT = ("0x" + digit * 40 for digit in "abcdef")
PEOPLE = (ME, OTHER, THIRD)
KEY = b"\x01" * 32
CONTRACTS = (MARKET, STAKE, COURT)

amounts = st.integers(1, 10**20)
people = st.sampled_from(PEOPLE)


class Chain:
    """Makes transactions as the contracts do, and leaves out those that they would refuse."""

    def __init__(self) -> None:
        self.events: list[on.Event] = [on.ParametersSet(on.At(1, 0, "0x0", 10), 1, COURT, 60, 100, 40)]
        self.book = MemoryBook()
        self.sessions: list[bytes] = []
        self.jobs: list[bytes] = []
        self._names = count(1)
        apply(self.book, self.events[0])

    def mine(self, *made: tuple[type[on.Event], tuple[object, ...]]) -> bool:
        number = len(self.events) + 1
        at = [on.At(number // 3 + 2, number * 20 + place, f"0x{number}", 10 * number) for place in range(len(made))]
        events = [kind(where, *values) for where, (kind, values) in zip(at, made, strict=True)]
        kept = {name: dict(getattr(self.book, name)) for name in MemoryBook.__dataclass_fields__}
        try:
            for event in events:
                apply(self.book, event)
        except CorruptData:
            for name, values in kept.items():
                setattr(self.book, name, values)
            return False
        self.events += events
        return True

    def step(self, what: int, who: str, whom: str, amount: int, pick: int) -> None:
        fee = amount // 100
        name = next(self._names).to_bytes(32, "big")
        session = self.book.sessions.get(self.sessions[pick % len(self.sessions)]) if self.sessions else None
        job = self.book.jobs.get(self.jobs[pick % len(self.jobs)]) if self.jobs else None
        match what:
            case 0:
                self.mine((on.Transfer, (NOBODY, who, amount)))
            case 1:
                self.mine((on.Transfer, (who, whom, amount)))
            case 2:
                self.mine((on.Transfer, (who, MARKET, amount)), (on.Deposited, (who, amount)))
            case 3:
                self.mine((on.Withdrawn, (who, amount)), (on.Transfer, (MARKET, who, amount)))
            case 4:
                if self.mine((on.SessionOpened, (name, who, whom, KEY, amount, 99, 100))):
                    self.sessions.append(name)
            case 5 if session and session.open:
                self.mine((on.SessionToppedUp, (session.id, session.cap + amount)))
            case 6 if session and session.open:
                gross = min(amount, session.cap - session.claimed)
                claim = (session.buyer, session.provider, gross - gross // 100, gross // 100, session.claimed + gross)
                self.mine((on.VoucherClaimed, (session.id, *claim)))
            case 7 if session and session.open:
                gross, rest = 0, session.cap - session.claimed
                closed = (session.buyer, session.provider, session.claimed + gross, rest - gross)
                self.mine((on.SessionClosed, (session.id, *closed)))
            case 8:
                self.mine(
                    (on.BatchPaid, (who, whom, amount - fee, fee)),
                    (on.BatchPaid, (who, THIRD, amount, 0)),
                    (on.BatchSettled, (who, KEY, 2, 2 * amount)),
                )
            case 9:
                self.mine((on.Bonded, (who, amount)), (on.Transfer, (who, STAKE, amount)))
            case 10:
                self.mine((on.UnbondStarted, (who, amount, pick)))
            case 11:
                waiting = self.book.accounts[who].unbonding if who in self.book.accounts else 0
                if waiting:
                    self.mine((on.StakeWithdrawn, (who, waiting)), (on.Transfer, (STAKE, who, waiting)))
            case 12:
                self.mine((on.RewardsClaimed, (who, amount)), (on.Transfer, (STAKE, who, amount)))
            case 13:
                self.mine((on.Compensated, (who, whom, amount, amount)), (on.Transfer, (STAKE, whom, amount)))
            case 14:
                third = amount // 3
                self.mine(
                    (on.Slashed, (who, whom, THIRD, amount, third, third, amount - 2 * third)),
                    (on.Transfer, (STAKE, whom, third)),
                    (on.Transfer, (STAKE, THIRD, third)),
                    (on.Transfer, (STAKE, NOBODY, amount - 2 * third)),
                )
            case 15:
                if self.mine((on.JobOpened, (name, who, whom, amount, 0, 0, 1, 2, 3, KEY))):
                    self.jobs.append(name)
            case 16 if job and not job.state.over:
                paid = job.price // 2
                self.mine((on.JobSettled, (job.id, paid - paid // 100, paid // 100, job.price - paid, 0)))
            case 17 if job and not job.state.over:
                self.mine((on.JobCancelled, (job.id, job.buyer)))


steps = st.lists(st.tuples(st.integers(0, 17), people, people, amounts, st.integers(0, 10)), max_size=60)


@settings(max_examples=100, deadline=None)
@given(steps, st.integers(0, 700), st.integers(0, 700))
def test_opening_and_lines_are_the_closing_balance_and_the_ledgers(
    wanted: list[tuple[int, str, str, int, int]], first: int, last: int
) -> None:
    chain = Chain()
    chain.mine((on.Transfer, (NOBODY, STAKE, 10**22)))
    for owner in PEOPLE:  # something to begin with
        chain.mine((on.Transfer, (NOBODY, owner, 10**20)))
        chain.mine((on.Transfer, (owner, MARKET, 10**19)), (on.Deposited, (owner, 10**19)))
    for step in wanted:
        chain.step(*step)
    for owner in PEOPLE:
        statement = Statement(owner, CONTRACTS)
        half = len(chain.events) // 2
        while half > 0 and chain.events[half].at.transaction == chain.events[half - 1].at.transaction:
            half -= 1
        statement.feed(chain.events[:half])
        statement.feed(chain.events[half:])
        assert statement.balances == Balances.of(chain.book.accounts[owner])
        before = Balances()
        for line in statement.lines:
            assert before.total + line.came - line.went == line.after.total
            assert line.came or line.went
            before = line.after
        opening, lines, closing = statement.between(first, first + last)
        assert opening.total + sum(line.came - line.went for line in lines) == closing.total
        whole = statement.between(0, 1 << 40)
        assert whole == (Balances(), statement.lines, statement.balances)
        check_csv(opening, lines, closing)


def check_csv(opening: Balances, lines: list[Line], closing: Balances) -> None:
    text = to_csv(opening, lines, closing)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == COLUMNS and len(rows) == len(lines) + 3
    assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", "")
    balances = [sum(_units(cell) for cell in row[10:14]) for row in rows[1:]]
    assert (balances[0], balances[-1]) == (opening.total, closing.total)
    for place, row in enumerate(rows[2:-1], 1):
        assert balances[place - 1] + _units(row[7]) - _units(row[8]) == balances[place]


def _units(cell: str) -> int:
    whole, _, fraction = cell.partition(".")
    return int(whole) * 10**18 + int(fraction.ljust(18, "0"))


def test_a_deposit_a_withdrawal_and_a_reward_are_one_line_each() -> None:
    chain = Chain()
    chain.mine((on.Transfer, (NOBODY, STAKE, 100)))
    chain.mine((on.Transfer, (NOBODY, ME, 100)))
    chain.mine((on.Transfer, (ME, MARKET, 60)), (on.Deposited, (ME, 60)))
    chain.mine((on.Withdrawn, (ME, 10)), (on.Transfer, (MARKET, ME, 10)))
    chain.mine((on.RewardsClaimed, (ME, 7)), (on.Transfer, (STAKE, ME, 7)))
    chain.mine((on.Transfer, (ME, MARKET, 3)))  # to the market by mistake: no deposit
    statement = Statement(ME, CONTRACTS)
    statement.feed(chain.events)
    assert [(line.kind, line.came, line.went, line.after) for line in statement.lines] == [
        ("transfer", 100, 0, Balances(100)),
        ("deposit", 60, 60, Balances(40, 60)),
        ("withdrawal", 10, 10, Balances(50, 50)),
        ("reward", 7, 0, Balances(57, 50)),
        ("transfer", 0, 3, Balances(54, 50)),
    ]


def test_both_sides_of_a_claim_name_the_job_the_other_and_the_fee() -> None:
    chain = Chain()
    chain.mine((on.Deposited, (ME, 100)))
    chain.mine((on.SessionOpened, (b"s" * 32, ME, OTHER, KEY, 100, 99, 100)))
    chain.mine(
        (on.VoucherClaimed, (b"s" * 32, ME, OTHER, 49, 1, 50)), (on.SessionClosed, (b"s" * 32, ME, OTHER, 50, 50))
    )
    buyer, provider = Statement(ME), Statement(OTHER)
    buyer.feed(chain.events)
    provider.feed(chain.events)
    claim, closed = buyer.lines[-2:]
    assert (claim.kind, claim.job, claim.counterparty, claim.went, claim.fee) == (
        "voucher claimed", KEY.hex(), OTHER, 50, 1,
    )  # fmt: skip
    assert (closed.kind, closed.after) == ("session closed", Balances(free=50))
    (earned,) = provider.lines
    assert (earned.counterparty, earned.came, earned.fee, earned.after.free) == (ME, 49, 1, 49)


@given(st.text(max_size=20))
def test_no_name_becomes_a_formula(name: str) -> None:
    at = on.At(1, 0, "0x1", 5)
    line = Line(at, "deposit", "aa", OTHER, 1, 1, 0, Balances(free=1))
    assert harmless(name)[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    text = to_csv(Balances(), [line], Balances(free=1), {"aa": name}, {OTHER: name})
    row = list(csv.reader(io.StringIO(text, newline="")))[2]
    for cell in (row[4], row[6]):
        assert cell in (name, "'" + name) and cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}
