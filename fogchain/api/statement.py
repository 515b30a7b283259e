"""The HTTP model of an account's statement; see `fogchain.chain.statement` for what it is.

    GET /statement   StatementView   ?from=&to=   block times in Unix seconds, `to` itself not included
                     text/csv        with `Accept: text/csv`: the whole range, as RFC 4180 has it

A statement comes from the chain's events alone: `opening` + what came in - what went out = `closing`.
"""

from __future__ import annotations

from fogchain.api.models import Page, View
from fogchain.jobs.spec import FogAmount


class BalancesView(View):
    wallet: FogAmount  # the token
    free: FogAmount  # in the market
    locked: FogAmount
    bonded: FogAmount  # with what is unbonding


class StatementLine(View):
    time: int  # of its block, Unix seconds
    block: int
    kind: str  # "deposit", "voucher claimed", …: `fogchain.chain.statement.LineKind`
    job: str | None
    job_name: str = ""
    counterparty: str | None
    counterparty_name: str = ""
    came: FogAmount  # into the account's balances; what moved between two of them came and went
    went: FogAmount
    fee: FogAmount  # the market's: within what was paid, beside what was earned
    after: BalancesView
    transaction: str


class StatementView(Page[StatementLine]):
    """Oldest first. The two balances are of the whole range, not of the page."""

    address: str
    block: int  # up to which the chain's events are in
    opening: BalancesView
    closing: BalancesView
    came: FogAmount  # over the whole range
    went: FogAmount
    fees: FogAmount
