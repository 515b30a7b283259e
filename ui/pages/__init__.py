"""The pages, in the order of the navigation. To add one: its file, and its line here."""

from __future__ import annotations

from ui.pages import (
    case,
    court,
    fleet,
    governance,
    harvest,
    job,
    jobs,
    newjob,
    nodes,
    offers,
    overview,
    prices,
    proposal,
    propose,
    staking,
    wallet,
)
from ui.panel import Page

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    jobs.PAGE,
    newjob.PAGE,
    newjob.KEPT,
    job.PAGE,
    wallet.PAGE,
    staking.PAGE,
    harvest.PAGE,
    fleet.PAGE,
    nodes.PAGE,
    offers.PAGE,
    prices.PAGE,
    governance.PAGE,
    propose.PAGE,
    proposal.PAGE,
    court.PAGE,
    case.PAGE,
)
