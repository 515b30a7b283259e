"""The agreement of a job that is written in the panel: folded, checked at its fields, and in the quote."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from panel_stage import StagedNode, browser, staged_node, staged_panel, visiting
from playwright.async_api import Browser, expect

from fogchain.api.client import Client

pytestmark = pytest.mark.browser

WASM = b"\0asm\1\0\0\0"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[StagedNode]:
    with staged_node(tmp_path / "node") as staged:
        yield staged


@pytest.fixture
def panel(node: StagedNode, tmp_path: Path) -> Iterator[str]:
    with staged_panel(node, tmp_path) as url:
        yield url


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


async def test_the_agreement_is_written_priced_and_signed(
    chromium: Browser, node: StagedNode, panel: str, tmp_path: Path
) -> None:
    program = tmp_path / "nothing.wasm"
    program.write_bytes(WASM)
    async with visiting(chromium, panel) as visit:
        page = visit.page
        await visit.sign_in(node.token, "/jobs/new")
        fold = page.get_by_role("button", name="Agreement")
        deadline, terms = page.locator("#job-deadline"), page.get_by_role("group", name="What both sides sign")
        await expect(terms).to_contain_text("within the job's time, then paid less over 1 min · no penalty · direct")
        await expect(fold).to_have_attribute("aria-expanded", "false")
        await expect(fold).to_contain_text("no penalty")
        await expect(deadline).to_be_hidden()
        await fold.click()
        await expect(fold).to_have_attribute("aria-expanded", "true")

        await deadline.fill("5")
        await expect(page.locator("#job-deadline-hint")).to_contain_text("'5' has no unit")
        await expect(page.get_by_role("button", name="Submit")).to_be_disabled()
        await deadline.fill("10 ms")
        await expect(page.locator("#job-deadline-hint")).to_contain_text("1000")
        await page.locator("#job-penalty").fill("2 ETH")
        await deadline.fill("10 min")
        await expect(page.locator("#job-penalty-hint")).to_contain_text("not a unit")
        await page.locator("#job-penalty").fill("0.1 FOG")
        await page.locator("#job-grace").fill("30 s")
        await expect(terms).to_contain_text("within 10 min, then paid less over 30 s · penalty 0.1 FOG · direct")
        await page.locator("#job-penalty").fill("900 FOG")
        await expect(terms).to_contain_text(re.compile("A task can't earn more than 5.5 FOG"))
        await page.locator("#job-penalty").fill("0.1 FOG")
        privacy = page.get_by_role("group", name="How you reach each other")
        await privacy.get_by_role("button", name="Mixnet").click()
        await expect(page.get_by_text("privacy 'mix' is served by nobody yet").first).to_be_visible()
        await privacy.get_by_role("button", name="Direct").click()
        await expect(page.get_by_text("privacy 'mix' is served by nobody yet")).to_have_count(0)

        await page.reload()  # kept, and not hidden: it is not what everybody has
        await expect(page.get_by_role("button", name="Agreement")).to_have_attribute("aria-expanded", "true")
        await expect(deadline).to_have_value("10 min")
        await page.get_by_label("A WebAssembly module or a Python script").locator("input").set_input_files(program)
        await page.get_by_role("button", name="Submit for at most").click()
        await expect(page).to_have_url(re.compile("/jobs/[0-9a-f]{64}$"))
        await expect(page.locator("section", has=page.get_by_role("heading", name="Job", exact=True))).to_contain_text(
            "within 10 min"
        )
        with Client(node.url, node.token) as client:
            spec = client.job(page.url.rpartition("/")[2]).spec
        assert (spec.deadline, spec.grace, spec.penalty, spec.privacy) == (600_000, 30_000, 10**17, "direct")
        visit.expect_clean()
