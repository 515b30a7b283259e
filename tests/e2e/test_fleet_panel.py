"""The page of the fleet in a browser, over the real gateway with devices that join by the code on the page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from panel_stage import StagedNode, browser, staged_node, staged_panel, visiting
from playwright.async_api import Browser, Locator, Page, expect

from fogchain.api.client import Client
from fogchain.api.fleet import DeviceView

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagedNode]:
    with staged_node(tmp_path_factory.mktemp("gateway"), "--empty", "--provides") as staged:
        yield staged


@pytest.fixture(scope="module")
def panel(node: StagedNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with staged_panel(node, tmp_path_factory.mktemp("panel")) as url:
        yield url


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


def join(node: StagedNode, number: int, name: str, code: str) -> None:
    with Client(node.url, node.token) as client:
        client.rest.json("POST", f"/v1/fixture/join?number={number}&name={name}", json.dumps({"code": code}).encode())


def cut(node: StagedNode, number: int, away: bool) -> None:
    with Client(node.url, node.token) as client:
        client.rest.json("POST", f"/v1/fixture/cut?number={number}&away={str(away).lower()}")


def devices(node: StagedNode) -> dict[str, DeviceView]:
    with Client(node.url, node.token) as client:
        return {one.name: one for one in client.devices().items}


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("table", name="Devices of the fleet").locator("tbody tr", has_text=name)


async def test_a_device_joins_by_the_code_on_the_page_and_obeys(
    chromium: Browser, node: StagedNode, panel: str
) -> None:
    async with visiting(chromium, panel) as visit:
        page = visit.page
        await visit.sign_in(node.token, "/fleet")
        await expect(page.get_by_text("No device has joined yet")).to_be_visible()
        form = page.get_by_role("region", name="Invite a device")
        await form.locator("input").fill("no name!")
        await expect(form.get_by_role("button", name="Make a code")).to_be_disabled()
        await form.locator("input").fill("kitchen")
        await form.get_by_role("button", name="Make a code").click()
        await expect(form.get_by_text("For one device, good for another")).to_be_visible()
        code = await form.get_by_role("button", name="Copy the code").get_attribute("data-value")
        assert code is not None
        join(node, 2, "anything", code)
        row = row_of(page, "kitchen")
        for words in ("Ready", "81 %", "2 of 2 slots free", "the policy"):
            await expect(row).to_contain_text(words)

        await row.click()
        sheet = page.get_by_role("dialog", name="Device")
        await expect(sheet.get_by_role("heading", level=2)).to_have_text("kitchen")
        await sheet.get_by_role("button", name="Pause").dblclick()
        await expect(row).to_contain_text("Paused")
        assert devices(node)["kitchen"].intent == "pause"
        await expect(sheet.get_by_role("table", name="What it went through")).to_contain_text("Paused")
        await sheet.get_by_role("button", name="Resume").click()
        await expect(row).to_contain_text("Ready")
        await sheet.get_by_role("button", name="server").click()
        await sheet.get_by_role("button", name="Give it this profile").click()
        await expect(page.get_by_text("will go by the profile server")).to_be_visible()
        wanted = devices(node)["kitchen"]
        assert wanted.policy_wanted
        await sheet.get_by_role("button", name="Drain").click()
        await expect(row).to_contain_text("Drained")

        await sheet.get_by_role("button", name="Remove from the fleet").click()
        await page.get_by_role("button", name="Keep it").click()
        assert "kitchen" in devices(node)
        await sheet.get_by_role("button", name="Remove from the fleet").click()
        await page.get_by_role("button", name="Remove it").click()
        await expect(page.get_by_text("No device has joined yet")).to_be_visible()
        assert devices(node) == {}
        visit.expect_clean()


async def test_a_device_that_falls_silent_is_shown_offline_with_the_reason(
    chromium: Browser, node: StagedNode, panel: str
) -> None:
    with Client(node.url, node.token) as client:
        join(node, 3, "shed", client.invite_device("shed").code)
    async with visiting(chromium, panel) as visit:
        await visit.sign_in(node.token, "/fleet")
        row = row_of(visit.page, "shed")
        await expect(row).to_contain_text("Ready")
        cut(node, 3, True)
        await expect(row).to_contain_text("Offline")
        await expect(visit.page.get_by_role("region", name="Devices").first).to_contain_text("1 offline")
        cut(node, 3, False)
        await expect(row).to_contain_text("Ready")
        visit.expect_clean()


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_page_and_a_device_fit_the_screen(
    chromium: Browser, node: StagedNode, panel: str, width: int
) -> None:
    name = f"wide-{width}"
    with Client(node.url, node.token) as client:
        join(node, width % 100 + 10, name, client.invite_device(name).code)
    async with visiting(chromium, panel, width) as visit:
        page = visit.page
        await visit.sign_in(node.token, "/fleet")
        await row_of(page, name).focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog", name="Device")).to_contain_text("It takes work")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog", name="Device")).to_be_hidden()
        visit.expect_clean()


async def test_a_node_without_a_fleet_says_how_to_have_one(chromium: Browser, tmp_path: Path) -> None:
    with staged_node(tmp_path / "data", "--empty") as buyer, staged_panel(buyer, tmp_path) as panel:
        async with visiting(chromium, panel) as visit:
            await visit.sign_in(buyer.token, "/fleet")
            await expect(visit.page.get_by_text("This node has no fleet")).to_be_visible()
            visit.expect_clean()
