"""The panel over the real thing: chain, three providers, a buyer and the panel, each a process, seen in a browser."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from panel_stage import visiting
from playwright.async_api import Locator, expect
from real_stage import Stage, staged, start_panel, until

from fogchain.api.models import JobDetail
from fogchain.cli.demo import examples_folder
from fogchain.units import format_fog
from ui import show
from ui.pictures import read_ppm

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.chain, pytest.mark.timeout(400)]

TILES, WIDTH, HEIGHT, SAMPLES = 12, 320, 200, 40
JOB = f"""
[job]
name = "small poster"
module = {str(examples_folder() / "poster" / "poster.wasm")!r}
budget = "30 FOG"
max_price = "1 FOG/Gfuel"
time_limit = "10 min"

[limits]
fuel = "4 Gfuel"
memory = "16 MiB"
time = "60 s"
output = "1 MiB"

[verify]
level = "L1"

[array]
count = {TILES}
args = ["{{index}}", "{{count}}", "{WIDTH}", "{HEIGHT}", "{SAMPLES}"]
"""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, providers=3, lost_after="3 s") as made:
        yield made


async def test_a_real_job_and_real_failures_in_the_browser(stage: Stage) -> None:
    page = stage.page
    await expect(page.get_by_text("No jobs yet")).to_be_visible()

    # a job comes while the list is looked at, moves, and is paid
    job_id = await stage.submit(JOB)
    row = page.locator("tbody tr", has=page.locator(f'a[href="/jobs/{job_id}"]'))
    await expect(row).to_contain_text("small poster")
    await expect(row).to_contain_text(re.compile(rf"([1-9]|1[01]) of {TILES} tasks"))
    await expect(row).to_contain_text("Running")
    await expect(row).to_contain_text(f"{TILES} of {TILES} tasks")
    await expect(row).to_contain_text("Done")
    await expect(row).to_contain_text("yes")
    detail = await stage.paid(job_id)
    assert detail.state == "done"

    await the_jobs_page_tells_what_the_api_tells(stage, row, detail)
    await the_wallet_adds_up(stage, detail)
    await a_provider_works_at_its_owners_word(stage)
    await a_killed_provider_is_shown(stage)
    await a_killed_buyer_is_shown_and_recovers(stage, job_id)
    stage.visit.expect_clean()


async def the_jobs_page_tells_what_the_api_tells(stage: Stage, row: Locator, detail: JobDetail) -> None:
    page, network = stage.page, stage.network
    await row.get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("small poster")
    await expect(page.locator(".fc-wall canvas")).to_have_attribute(
        "aria-label", re.compile(f"{TILES} of {TILES} done")
    )

    providers = stage.section("Providers").locator("tbody tr")
    assert sum(share.tasks for share in detail.providers) == TILES
    await expect(providers).to_have_count(len(detail.providers))
    for share in detail.providers:
        assert share.claimed == share.owed > 0
        cells = providers.filter(has_text=share.name).locator("td")
        await expect(cells.nth(1)).to_contain_text(str(share.tasks))
        await expect(cells.nth(1)).to_contain_text(show.plural(share.checks, "check"))
        await expect(cells.nth(2)).to_contain_text(show.fog(share.owed).text)
        await expect(cells.nth(2)).to_contain_text(show.fuel(share.fuel).text)
        await expect(cells.nth(3)).to_have_text(show.fog(share.claimed).text)
        await expect(cells.nth(3)).to_have_attribute("title", format_fog(share.claimed))
        await expect(cells.nth(4)).to_contain_text("Closed")

    # the tiles make one picture: every pixel of it is the one that the tasks returned
    canvas = page.locator(".fc-mosaic canvas")
    await expect(canvas).to_be_visible()
    await expect(stage.section("Picture")).to_contain_text(re.compile(f"{WIDTH} × {HEIGHT} pixels$"))
    expected = await poster_of(stage, detail)
    await until(lambda: pixels_of(canvas), lambda drawn: drawn == expected, "the whole picture")
    assert len(set(expected)) > 100, "a real picture, not one colour"

    # a task's own result
    tile = await network.buyer.result_file(detail.id, 3, "out/tile.ppm")
    await stage.section("All tasks").locator("tbody tr").nth(3).click()
    sheet = page.get_by_role("dialog", name="Task")
    await expect(sheet).to_contain_text("Task 3")
    await expect(sheet.locator("pre")).to_have_text((await network.buyer.result_file(detail.id, 3, "stdout")).decode())
    async with page.expect_download() as started:
        await sheet.get_by_role("link", name="Download out/tile.ppm").click()
    saved = stage.folder / "tile.ppm"
    await (await started.value).save_as(saved)
    assert saved.read_bytes() == tile
    await sheet.get_by_role("button", name="Close").click()
    await expect(sheet).to_be_hidden()


async def poster_of(stage: Stage, detail: JobDetail) -> bytes:
    """The tiles' own bytes in their places, 3 bytes a pixel."""
    whole = bytearray(3 * WIDTH * HEIGHT)
    for index in range(TILES):
        tile = read_ppm(await stage.network.buyer.result_file(detail.id, index, "out/tile.ppm"))
        assert tile is not None
        assert tile.place is not None
        for row in range(tile.height):
            at = 3 * ((tile.place.top + row) * WIDTH + tile.place.left)
            whole[at : at + 3 * tile.width] = tile.rgb[3 * row * tile.width : 3 * (row + 1) * tile.width]
    return bytes(whole)


async def pixels_of(canvas: Locator) -> bytes:
    """What the browser has drawn, 3 bytes a pixel."""
    rgba: list[int] = await canvas.evaluate(
        """canvas => {
            const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
            pen.drawImage(canvas, 0, 0);
            return Array.from(pen.getImageData(0, 0, canvas.width, canvas.height).data);
        }"""
    )
    return bytes(byte for at, byte in enumerate(rgba) if at % 4 != 3)


async def the_wallet_adds_up(stage: Stage, detail: JobDetail) -> None:
    await stage.go("Wallet")
    wallet = await stage.network.buyer.wallet()
    assert wallet.spent == detail.spent > 0
    assert wallet.locked == 0
    await expect(stage.page.locator(".fc-head")).to_contain_text(wallet.address)
    for label, value in (("Wallet", wallet.token), ("Free", wallet.free), ("Locked", wallet.locked)):
        card = stage.page.get_by_role("region", name=label, exact=True)
        await expect(card).to_contain_text(show.fog(value).value)
        await expect(card.locator(".fc-stat-value")).to_have_attribute("title", format_fog(value))
    receipts = await stage.network.buyer.receipts(job=detail.id)
    assert receipts.total >= TILES
    await expect(stage.section("Receipts").locator("tbody tr")).to_have_count(min(15, receipts.total))
    sessions = stage.section("Sessions and vouchers").locator("tbody tr")
    await expect(sessions).to_have_count((await stage.network.buyer.sessions()).total)
    for share in detail.providers:
        await expect(sessions.filter(has_text=share.name)).to_contain_text(show.fog(share.claimed).text)


async def a_provider_works_at_its_owners_word(stage: Stage) -> None:
    """In that provider's own panel; the buyer's says that its node runs nothing."""
    await stage.go("Harvest")
    await expect(stage.page.get_by_text("This node runs nothing for others")).to_be_visible()
    name = stage.network.names[-1]
    node = stage.network.client(name)
    panel = await start_panel(stage.network, stage.folder / "provider-panel.json", name)
    chromium = stage.page.context.browser
    assert chromium is not None
    async with visiting(chromium, panel) as visit:
        await visit.sign_in((stage.network.folder / name / "api.token").read_text().strip(), "/harvest")
        headline = visit.page.locator(".fc-headline")
        await expect(headline).to_contain_text("Ready")
        await visit.page.get_by_role("button", name="until I resume").click()
        await visit.page.get_by_role("button", name="Pause", exact=True).click()
        await expect(headline).to_have_text("Paused by you")
        paused = await node.harvest()
        assert (paused.intent, paused.takes_work) == ("pause", False)
        await visit.page.get_by_role("button", name="Resume", exact=True).click()
        await expect(headline).to_contain_text("Ready")
        assert (await node.harvest()).takes_work
        visit.expect_clean()


async def a_killed_provider_is_shown(stage: Stage) -> None:
    await stage.go("Nodes")
    cards = stage.page.locator("section", has=stage.page.locator(".fc-node-title"))
    known = stage.section("Known providers").locator("tbody tr")
    await expect(cards).to_have_count(4)
    addresses = {name: (await stage.network.client(name).status()).address for name in stage.network.names}
    rows = {name: known.filter(has=stage.page.locator(f'td[title="{at}"]')) for name, at in addresses.items()}
    for name in stage.network.names:
        await expect(cards.filter(has_text=name)).to_contain_text("registered")
        await expect(rows[name]).to_contain_text("Ready")
        await expect(rows[name]).to_contain_text("0.5 FOG/Gfuel")

    victim, *others = stage.network.names
    killed = time.monotonic()
    await stage.network.kill(victim)
    await expect(cards.filter(has_text=victim)).to_contain_text("Not answering")
    assert time.monotonic() - killed < 6, "the panel follows that node itself"
    await expect(rows[victim]).to_contain_text("Unreachable")
    assert time.monotonic() - killed < 20, "and so does the buyer, by the network"
    await expect(rows[victim].locator("td").nth(1).locator(".note")).to_contain_text(
        re.compile("reach|refused|answer|lost")
    )
    for name in others:
        await expect(rows[name]).to_contain_text("Ready")
    await expect(stage.page.get_by_role("alert")).to_be_hidden()


async def a_killed_buyer_is_shown_and_recovers(stage: Stage, job_id: str) -> None:
    page, network = stage.page, stage.network
    banner = page.get_by_role("alert")
    await network.kill("buyer")
    await expect(banner).to_be_visible()
    await expect(banner).to_contain_text("buyer does not answer")
    await expect(banner).to_contain_text(f"fogchain node run --data {network.folder / 'buyer'}")
    await network.launch_node("buyer")
    await network.ready("buyer")
    await expect(banner).to_be_hidden()
    await stage.go("Jobs")
    await expect(page.locator("tbody tr", has=page.locator(f'a[href="/jobs/{job_id}"]'))).to_contain_text("Done")
