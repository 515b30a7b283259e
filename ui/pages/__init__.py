"""The pages, in the order of the navigation. To add one: its file, and its line here."""

from __future__ import annotations

from ui.pages import job, jobs, nodes, overview, wallet
from ui.panel import Page

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    jobs.PAGE,
    job.PAGE,
    wallet.PAGE,
    nodes.PAGE,
)
