"""Staking, governance, prices and the court in a browser, over a real chain whose time the test moves on."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from commons_stage import FOG, Voter, staged_voter
from court_case import FALSE, TRUE, convict_a_cheat
from panel_stage import Visit, browser, visiting, wait_for
from playwright.async_api import Locator, Page, expect

from fogchain.api.client import AsyncClient
from fogchain.chain.settings import read_settings
from ui import show

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.chain, pytest.mark.timeout(300)]


@dataclass
class Desk:
    voter: Voter
    api: AsyncClient
    visit: Visit

    @property
    def page(self) -> Page:
        return self.visit.page

    async def go(self, name: str) -> None:
        await self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(name)

    def section(self, title: str) -> Locator:
        return self.page.get_by_role("region", name=title, exact=True)

    async def press(self, label: str | re.Pattern[str]) -> None:
        await self.page.get_by_role("button", name=label).click()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with browser() as chromium, staged_voter(tmp_path) as voter, AsyncClient(voter.url, voter.token) as api:
        ready = tmp_path / "panel.json"
        command = ["-m", "ui", "--node", voter.url, "--token-file", str(voter.token_file), "--ready-file", str(ready)]
        panel = await asyncio.create_subprocess_exec(sys.executable, *command)
        try:
            await asyncio.to_thread(wait_for, ready.exists, "the panel")
            async with visiting(chromium, json.loads(ready.read_text())["url"]) as visit:
                await visit.sign_in(voter.token)
                yield Desk(voter, api, visit)
        finally:
            panel.terminate()
            await panel.wait()


async def test_from_the_bond_to_a_changed_fee(desk: Desk) -> None:
    page, pass_time, times = desk.page, desk.voter.stage.pass_time, await desk.api.dao()
    await desk.go("Staking")
    await expect(page.get_by_text("Nothing is unbonding")).to_be_visible()
    await page.fill("#stake-amount", "20000 FOG")
    await expect(page.locator("#stake-amount-hint")).to_contain_text("only")
    await expect(page.get_by_role("button", name="Bond", exact=True).last).to_be_disabled()
    await page.fill("#stake-amount", "5000")
    await expect(page.locator("#stake-amount-hint")).to_contain_text("unit")
    await page.fill("#stake-amount", "5000 FOG")
    await page.get_by_role("button", name="Bond", exact=True).last.click()
    await expect(desk.section("Bonded")).to_contain_text(f"{show.number(5000)}FOG")
    await expect(desk.section("Votes")).to_contain_text("0FOG")

    await desk.go("Governance")
    await expect(page.get_by_text("No proposals yet")).to_be_visible()
    await expect(page.get_by_text("does not vote")).to_be_visible()
    await desk.press("Vote myself")
    await expect(page.get_by_text("does not vote")).to_be_hidden()
    await expect(desk.section("This node's votes")).to_contain_text(show.number(5000))
    await pass_time(2)  # votes count from the second after they were given

    await page.get_by_role("link", name="Propose a change").click()
    await expect(page.get_by_label("Fee of every payment")).to_be_visible()
    propose = page.get_by_role("button", name="Propose", exact=True)
    await expect(propose).to_be_disabled()
    await page.get_by_label("Fee of every payment").fill("0.5")
    await expect(desk.section("Proposal")).to_contain_text("no unit")
    await page.get_by_label("Fee of every payment").fill("0.5 %")
    await expect(desk.section("Proposal").locator(".fc-change")).to_have_text("Fee of every payment1 %0.5 %")
    await expect(propose).to_be_disabled()
    await page.get_by_label("Title").fill("Halve the fee")
    await page.get_by_label("Why").fill("It is felt.\n<script>alert(1)</script>")
    await propose.click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("Halve the fee")
    head, now = page.locator(".fc-head"), desk.section("Now")
    await expect(head).to_contain_text("Pending")
    effects = desk.section("What it does")
    await expect(effects.locator(".fc-change")).to_have_text("Fee of every payment1 %0.5 %")
    await expect(effects).to_contain_text("FogMarket.setParameters")
    await expect(effects).to_contain_text("parameters.feeBps = 50")
    await expect(desk.section("Why")).to_contain_text("<script>alert(1)</script>")
    await expect(now).to_contain_text("The vote begins in")

    await pass_time(times.voting_delay + 1)
    await expect(head).to_contain_text("Voting")
    await page.get_by_label("Reason, for everyone to read").fill("A good reason")
    await desk.press(re.compile("^Vote for with"))
    await expect(now).to_contain_text("This node voted for")
    ballot = desk.section("Who voted").locator("tbody tr")
    await expect(ballot).to_have_count(1)
    await expect(ballot).to_contain_text("A good reason")
    await expect(ballot).to_contain_text(show.fog(5000 * FOG).text)
    await expect(desk.section("Votes")).to_contain_text("reached")

    await pass_time(times.voting_period)
    await expect(head).to_contain_text("Won")
    await desk.press("Put into the timelock")
    await expect(head).to_contain_text("In the timelock")
    await pass_time(times.timelock_delay + 1)
    await desk.press("Carry it out")
    await expect(head).to_contain_text("Executed")
    await expect(effects.locator(".fc-change")).to_have_text("Fee of every payment1 %0.5 %")
    live = {setting.name: setting.value for setting in await read_settings(desk.voter.stage.client)}
    assert live["market.fee"] == "0.5 %"

    await desk.go("Governance")
    row = page.locator("tbody tr")
    await expect(row).to_contain_text("Halve the fee")
    await expect(row).to_contain_text("Fee of every payment: 1 % → 0.5 %")
    await expect(desk.section("What votes can set")).to_contain_text("Fee of every payment0.5 %")
    desk.visit.expect_clean()


async def test_a_bond_leaves_and_comes_back(desk: Desk) -> None:
    page, stage = desk.page, desk.voter.stage
    await desk.api.bond(5000 * FOG)
    await desk.go("Staking")
    await desk.press("Unbond")
    await page.fill("#stake-amount", "1200 FOG")
    await page.get_by_role("button", name="Unbond", exact=True).last.click()
    queue = desk.section("On its way out")
    await expect(queue).to_contain_text("can be withdrawn in 6 d 23 h")
    await expect(queue.get_by_role("button", name="Withdraw what is due")).to_be_disabled()
    await queue.get_by_role("button", name="Bond again").click()
    await expect(page.get_by_text("Nothing is unbonding")).to_be_visible()
    await expect(desk.section("Bonded")).to_contain_text(f"{show.number(5000)}FOG")

    await page.fill("#stake-amount", "200 FOG")
    await page.get_by_role("button", name="Unbond", exact=True).last.click()
    await expect(queue).to_contain_text("200 FOG")
    await stage.pass_time(7 * 86_400)
    await queue.get_by_role("button", name="Withdraw what is due").click()
    await expect(page.get_by_text("Nothing is unbonding")).to_be_visible()
    assert (await desk.api.stake()).wallet == 5200 * FOG

    friend = await stage.person("f")
    await page.get_by_label("Or somebody else").fill(friend)
    await desk.press("Delegate")
    await expect(desk.section("Who votes with it")).to_contain_text(f"{show.short(friend)} votes with it.")
    assert (await desk.api.stake()).delegatee == friend
    desk.visit.expect_clean()


async def test_a_cheat_is_shown_with_the_evidence(desk: Desk) -> None:
    page = desk.page
    await desk.go("Court")
    await expect(page.get_by_text("No delivery was ever before the court")).to_be_visible()
    done = await convict_a_cheat(desk.voter.stage)
    row = page.locator("tbody tr")
    await expect(row).to_contain_text("Slashed")
    await expect(row).to_contain_text("400 FOG")
    await row.get_by_role("link").click()
    await expect(page.get_by_text("of 3 auditors, 3 got something else and 0 the same")).to_be_visible()
    evidence = desk.section("Evidence").locator("tbody tr")
    await expect(evidence).to_have_count(4)
    await expect(evidence.first).to_contain_text(show.short(FALSE.hex()))
    await expect(evidence.first).to_contain_text("The delivery")
    for place, auditor in enumerate(sorted(done.auditors), 1):
        await expect(evidence.filter(has_text=show.short(auditor))).to_contain_text(show.short(TRUE.hex()))
        await expect(evidence.nth(place)).to_contain_text("4 Gfuel")
    money = desk.section("Where the money went")
    await expect(money).to_contain_text("Taken from the bond400 FOG")
    await expect(money).to_contain_text("to the buyer10 FOG")
    await expect(money).to_contain_text("burnt390 FOG")
    desk.visit.expect_clean()


async def test_prices_move_before_the_eyes(desk: Desk) -> None:
    page, stage = desk.page, desk.voter.stage
    owner = await stage.person("e", bond=1000 * FOG)
    cpu = b"cpu".ljust(32, b"\0")
    record = (b"\x11" * 32, b"\x22" * 64, cpu, 1, 1000, "/ip4/10.0.0.1/tcp/4001", "0x" + "00" * 20, 0, b"")
    await stage.act(owner, stage.call("registry", "register", record))
    await desk.go("Prices")
    await expect(desk.section("Work")).to_contain_text("0.1FOG/Gfuel")
    await expect(desk.section("Capacity")).to_contain_text(f"{show.number(1000)}Gfuel")
    steps = desk.section("Steps").locator("tbody tr")
    await expect(steps).to_have_count(1)
    await stage.pass_time(601)
    await stage.act(owner, stage.call("pricing", "advance", cpu))
    await expect(steps).to_have_count(2)
    await expect(steps.first).to_contain_text("0.0875 FOG/Gfuel")
    await expect(steps.first).to_contain_text("−12.5 %")
    await expect(desk.section("Work")).to_contain_text("0.0875FOG/Gfuel")
    await expect(page.locator(".fc-chart svg")).to_be_visible()
    desk.visit.expect_clean()


async def test_a_chain_that_is_away_is_said_and_what_was_there_stays(desk: Desk) -> None:
    page = desk.page
    await desk.go("Governance")
    await expect(desk.section("What votes can set")).to_contain_text("Fee of every payment1 %")
    await desk.voter.stage.chain.stop()
    problem = page.locator(".fc-alert", has_text="does not answer")
    await expect(problem).to_be_visible()
    await expect(problem).to_contain_text("What you see is from before.")
    await expect(desk.section("What votes can set")).to_contain_text("Fee of every payment1 %")
