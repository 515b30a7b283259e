"""The pages of harvesting in a browser, over the real harvester, linter and journal, on sensors that are told."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from panel_stage import StagedNode, Visit, browser, staged_node, staged_panel, visiting
from playwright.async_api import Browser, Locator, Page, expect

from fogchain.api.client import Client
from fogchain.api.harvest import HarvestView, PolicyView

pytestmark = pytest.mark.browser

FINE = {"user.idle": 3600.0, "battery.charge": 95.0, "power.source": "mains"}


class Stage:
    def __init__(self, node: StagedNode, panel: str) -> None:
        self.node, self.panel = node, panel

    def ask(self) -> HarvestView:
        with Client(self.node.url, self.node.token) as client:
            return client.harvest()

    def policy(self) -> PolicyView:
        with Client(self.node.url, self.node.token) as client:
            return client.policy()

    def say(self, readings: dict[str, Any], *, ahead: float = 0.0, tasks: int | None = None) -> None:
        """What the sensors say, so many seconds that pass, and how many tasks run."""
        with Client(self.node.url, self.node.token) as client:
            body = json.dumps({"readings": readings, "ahead": ahead, "tasks": tasks}).encode()
            client.rest.json("POST", "/v1/fixture/machine", body)

    def begin(self, profile: str = "laptop") -> None:
        """Ready for work, by this profile."""
        with Client(self.node.url, self.node.token) as client:
            if client.harvest().state == "quarantine":
                client.clear_quarantine()
            client.intend("auto")
            client.set_policy(profile=profile)  # type: ignore[arg-type]
        self.say(FINE, tasks=0)
        self.say({}, ahead=400.0)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("harvest")
    with staged_node(folder / "data", "--empty", "--provides") as node, staged_panel(node, folder) as panel:
        yield Stage(node, panel)


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


def headline(page: Page) -> Locator:
    return page.get_by_role("region", name="Now").locator(".fc-headline")


async def open_harvest(visit: Visit, stage: Stage, path: str = "/harvest") -> Page:
    await visit.sign_in(stage.node.token, path)
    return visit.page


async def write(page: Page, toml: str) -> None:
    await page.get_by_role("textbox", name="The policy, in TOML").fill(toml)


async def test_pause_resume_and_boost_change_the_headline_and_the_node(chromium: Browser, stage: Stage) -> None:
    stage.begin()
    async with visiting(chromium, stage.panel) as visit:
        page = await open_harvest(visit, stage)
        await expect(headline(page)).to_have_text("Ready: waiting for work")
        stage.say({}, tasks=1)
        await expect(headline(page)).to_have_text("Working")
        await page.get_by_role("button", name="until I resume").click()
        await page.get_by_role("button", name="Pause", exact=True).dblclick()
        await expect(headline(page)).to_have_text("Paused by you: what runs stands still")
        await expect(page.get_by_text("Paused until you resume.")).to_be_visible()
        assert (stage.ask().intent, stage.ask().until) == ("pause", None)
        await page.get_by_role("button", name="Resume", exact=True).click()
        await expect(headline(page)).to_have_text("Working")
        assert stage.ask().intent == "auto"
        await expect(page.get_by_role("button", name="Resume", exact=True)).to_be_disabled()

        stage.say({"user.idle": 0.1})
        await expect(headline(page)).to_have_text("Standing still: the machine is in use")
        await page.get_by_role("button", name="Boost", exact=True).click()
        await expect(headline(page)).to_have_text("Working")
        boosted = stage.ask()
        assert boosted.intent == "boost"
        assert boosted.until is not None
        stage.say({"power.source": "battery"})
        await expect(headline(page)).to_have_text("Standing still: it is not plugged in")
        history = page.get_by_role("region", name="What happened").locator("tbody tr")
        await expect(history.first).to_contain_text("Standing still")
        await expect(history.first).to_contain_text("power")
        visit.expect_clean()


async def test_vetoes_have_value_threshold_and_time_to_clear(chromium: Browser, stage: Stage) -> None:
    stage.begin()
    async with visiting(chromium, stage.panel) as visit:
        page = await open_harvest(visit, stage)
        table = page.get_by_role("table", name="Guards that forbid work now")
        await expect(page.get_by_text("No guard forbids anything")).to_be_visible()
        stage.say({"battery.charge": 64.0})
        row = table.locator("tbody tr")
        await expect(row).to_have_count(1)
        for words in (
            "charge",
            "for safety",
            "Stands still",
            "battery.charge < 70 %",
            "64 %",
            "battery.charge >= 80 %",
        ):
            await expect(row).to_contain_text(words)
        await expect(page.get_by_role("region", name="Power")).to_contain_text("64 %")
        stage.say({"battery.charge": 90.0})
        await expect(row).to_contain_text(re.compile(r"in [12]?\d s"))
        first = await row.inner_text()
        await expect(row).not_to_have_text(first)  # it counts down
        stage.say({"thermal.cpu": None})
        await expect(table.locator("tbody tr", has_text="heat")).to_contain_text("unknown")
        await expect(headline(page)).to_have_text("Not working: thermal.cpu can't be read")
        await expect(page.get_by_text("The probe of seat does not answer")).to_be_visible()
        stage.say({"thermal.cpu": 50.0})
        visit.expect_clean()


async def test_a_policy_with_an_error_names_its_line_and_cannot_be_used(chromium: Browser, stage: Stage) -> None:
    stage.begin()
    before = stage.policy().text
    async with visiting(chromium, stage.panel) as visit:
        page = await open_harvest(visit, stage)
        editor = page.get_by_role("textbox", name="The policy, in TOML")
        await expect(editor).to_have_value(stage.policy().profiles["laptop"])
        use = page.get_by_role("button", name="Use this policy")
        await expect(page.get_by_text("nothing wrong")).to_be_visible()
        await expect(use).to_be_disabled()  # it is in use

        lines = stage.policy().profiles["laptop"].split("\n")
        wrong = next(number for number, line in enumerate(lines) if "thermal.cpu <= 75 C" in line)
        lines[wrong] = lines[wrong].replace("75 C", "75")
        await write(page, "\n".join(lines))
        finding = page.locator(".fc-finding").first
        await expect(finding).to_contain_text(f"Line {wrong + 1}")
        await expect(finding).to_contain_text("heat")
        await expect(editor).to_have_attribute("aria-invalid", "true")
        await expect(use).to_be_disabled()
        await finding.click()
        await expect(editor).to_be_focused()
        chosen = await editor.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
        assert chosen == lines[wrong]

        stage.say({"battery.charge": 91.0})  # what is live goes on; what is written stays
        await expect(page.get_by_role("region", name="Power")).to_contain_text("91 %")
        await expect(editor).to_have_value("\n".join(lines))
        assert stage.policy().text == before
        await page.get_by_role("button", name="Undo edits").click()
        await expect(editor).to_have_value(stage.policy().profiles["laptop"])
        visit.expect_clean()


async def test_a_profile_is_chosen_and_one_of_ones_own_written(chromium: Browser, stage: Stage) -> None:
    stage.begin()
    async with visiting(chromium, stage.panel) as visit:
        page = await open_harvest(visit, stage)
        editor = page.get_by_role("textbox", name="The policy, in TOML")
        use = page.get_by_role("button", name="Use this policy")
        await page.get_by_role("group", name="Policy or profile").get_by_role("button", name="server").click()
        await expect(editor).to_have_value(stage.policy().profiles["server"])
        await use.click()
        await expect(page.get_by_text("in use: profile server")).to_be_visible()
        assert stage.ask().profile == "server"
        assert stage.policy().text == 'profile = "server"\n'

        own = "# mine\n" + stage.policy().profiles["desktop"]
        await write(page, own)
        await expect(use).to_be_enabled()
        await page.get_by_role("group", name="Policy or profile").get_by_role("button", name="phone").click()
        await page.get_by_role("button", name="Keep editing").click()
        await expect(editor).to_have_value(own)
        await use.click()
        await expect(page.get_by_text("in use: your own")).to_be_visible()
        assert stage.policy().text == own
        await expect(
            page.get_by_role("group", name="Policy or profile").get_by_role("button", name="Yours")
        ).to_have_attribute("aria-pressed", "true")
        visit.expect_clean()


async def test_a_policy_is_tried_on_the_past_beside_the_one_in_use(chromium: Browser, stage: Stage) -> None:
    stage.begin("laptop")
    async with visiting(chromium, stage.panel) as visit:
        page = await open_harvest(visit, stage)
        card = page.get_by_role("region", name="Try it on the past")
        profiles = page.get_by_role("group", name="Policy or profile")
        await profiles.get_by_role("button", name="dedicated").click()
        await expect(page.get_by_text("nothing wrong")).to_be_visible()
        await card.get_by_role("button", name="7 d", exact=True).click()
        await card.get_by_role("button", name="Replay").click()
        table = card.get_by_role("table", name="What came of it")
        with Client(stage.node.url, stage.node.token) as client:
            above, used = client.replay(profile="dedicated"), client.replay(profile="laptop")
        assert above.offered > used.offered > 0  # its owner is there half of the day
        await expect(table.locator("tbody tr", has_text="Offered")).to_contain_text(f"{above.offered:.1f} h")
        await expect(table.locator("tbody tr", has_text="Offered")).to_contain_text(f"{used.offered:.1f} h")
        await profiles.get_by_role("button", name="laptop").click()
        await card.get_by_role("button", name="Replay").click()
        await expect(card.get_by_role("img", name=re.compile("^user: .* h"))).to_be_visible()
        visit.expect_clean()


async def test_what_came_into_use_elsewhere_is_told_and_not_put_over_what_is_written(
    chromium: Browser, stage: Stage
) -> None:
    stage.begin()
    async with visiting(chromium, stage.panel) as visit:
        page = await open_harvest(visit, stage)
        editor = page.get_by_role("textbox", name="The policy, in TOML")
        await expect(editor).to_have_value(stage.policy().profiles["laptop"])
        await write(page, "# half a thought")
        await expect(page.locator(".fc-finding").first).to_be_visible()
        with Client(stage.node.url, stage.node.token) as client:
            client.set_policy(profile="server")
        await expect(page.get_by_text("Another policy came into use meanwhile")).to_be_visible()
        await expect(editor).to_have_value("# half a thought")
        visit.expect_clean()


async def test_the_overview_says_whether_this_machine_works_and_why(
    chromium: Browser, stage: Stage, tmp_path: Path
) -> None:
    stage.begin()
    async with visiting(chromium, stage.panel) as visit:
        page = await open_harvest(visit, stage, "/")
        tile = page.get_by_role("region", name="This machine")
        await expect(tile).to_contain_text("Ready: waiting for work")
        stage.say({"user.idle": 0.1})
        await expect(tile).to_contain_text("Not working: the machine is in use")
        await tile.get_by_role("link", name="Harvest").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Harvest")
        visit.expect_clean()
    with staged_node(tmp_path / "data", "--empty") as buyer, staged_panel(buyer, tmp_path) as panel:
        async with visiting(chromium, panel) as visit:
            await visit.sign_in(buyer.token)
            await expect(visit.page.get_by_role("region", name="This machine")).to_contain_text("this node only buys")
            await visit.page.goto(panel + "/harvest")
            await expect(visit.page.get_by_text("This node runs nothing for others")).to_be_visible()
            visit.expect_clean()


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_page_fits_the_screen_and_can_be_used_by_keyboard(
    chromium: Browser, stage: Stage, width: int
) -> None:
    stage.begin()
    stage.say({"battery.charge": 64.0, "user.idle": 0.1})
    async with visiting(chromium, stage.panel, width) as visit:
        page = await open_harvest(visit, stage)
        await expect(headline(page)).to_contain_text("Not working")
        await expect(page.get_by_text("nothing wrong")).to_be_visible()
        await expect(page.locator(".fc-skel >> visible=true")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.get_by_role("button", name="Pause", exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(headline(page)).to_contain_text("Paused by you")
        unnamed = await page.evaluate(
            "[...document.querySelectorAll('button, input, textarea, a')].filter(e => e.offsetParent && !e.disabled && "
            "!(e.ariaLabel || e.textContent.trim() || e.title || e.labels?.length)).map(e => e.outerHTML)"
        )
        assert unnamed == []
        visit.expect_clean()
