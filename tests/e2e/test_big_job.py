"""A job of 10,000 tasks in the panel: its page stays as small as any other's, pages turn, and progress goes on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from panel_stage import StagedNode, browser, staged_node, staged_panel, visiting
from playwright.async_api import Browser, expect

from ui import show

pytestmark = pytest.mark.browser

TASKS = 10_000
MOST_ROWS = 60  # a page of tasks, a page of receipts, providers
MOST_ELEMENTS = 2500
ALL = show.number(TASKS)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[StagedNode]:
    with staged_node(tmp_path / "node", "--speed", "40") as staged:
        yield staged


@pytest.fixture
def panel(node: StagedNode, tmp_path: Path) -> Iterator[str]:
    with staged_panel(node, tmp_path) as url:
        yield url


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


async def test_a_job_of_ten_thousand_tasks_is_paged_and_moves(chromium: Browser, node: StagedNode, panel: str) -> None:
    job = node.submit("ten thousand", TASKS)
    async with visiting(chromium, panel) as visit:
        page = visit.page
        await visit.sign_in(node.token, f"/jobs/{job.id}")
        await expect(page.get_by_role("heading", level=1)).to_have_text("ten thousand")
        tasks = page.locator("section", has=page.get_by_role("heading", name="All tasks", exact=True))
        rows, pager = tasks.locator("tbody tr"), tasks.locator(".fc-pager")
        await expect(pager).to_contain_text(f"1–25 of {ALL}")
        await expect(rows).to_have_count(25)

        bar = page.locator(".fc-bar.big")
        first = await bar.get_attribute("aria-label") or ""
        assert f"of {ALL} done" in first
        await expect(bar).not_to_have_attribute("aria-label", first)
        await expect(rows.nth(0)).to_contain_text("Done")

        await pager.get_by_role("button", name="Next page").click()
        await expect(pager).to_contain_text(f"26–50 of {ALL}")
        await expect(rows.nth(0)).to_contain_text("#25")
        second = await bar.get_attribute("aria-label") or ""
        await expect(bar).not_to_have_attribute("aria-label", second)
        await expect(rows.nth(0)).to_contain_text("#25")  # what moves does not turn the page back
        await tasks.get_by_role("button", name="Done").click()
        await expect(rows.nth(0)).to_contain_text("#0")
        await expect(pager).to_contain_text(re.compile(r"^1–25 of "))
        await tasks.get_by_role("button", name="All").click()

        wall = page.locator(".fc-wall canvas")
        await expect(wall).to_have_attribute("aria-label", re.compile(f"of {ALL} done"))
        assert await page.locator("tbody tr").count() <= MOST_ROWS
        assert await page.locator("*").count() <= MOST_ELEMENTS

        await wall.focus()
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog", name="Task")).to_contain_text("Task 1")
        visit.expect_clean()
