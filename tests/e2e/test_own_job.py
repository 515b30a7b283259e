"""A job of one's own, from the empty form to paid results, in a browser over a real network."""

from __future__ import annotations

import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect
from real_stage import Stage, staged, until

from fogchain.api.models import JobDetail
from fogchain.units import format_fog, parse_fog, parse_price
from ui import show

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.chain, pytest.mark.timeout(300)]

BUDGET = parse_fog("5 FOG")
GREETING = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "hello from task ")
  (func (export "_start")
    (drop (call $sizes (i32.const 900) (i32.const 904)))
    (drop (call $args (i32.const 1000) (i32.const 1100)))
    (i32.store (i32.const 800) (i32.const 0))
    (i32.store (i32.const 804) (i32.const 16))
    (i32.store (i32.const 808) (i32.load (i32.const 1004)))
    (i32.store (i32.const 812) (i32.const 1))
    (drop (call $write (i32.const 1) (i32.const 800) (i32.const 2) (i32.const 820)))
    (if (i32.eq (i32.load8_u (i32.load (i32.const 1004))) (i32.const 51))
      (then
        (drop (call $write (i32.const 2) (i32.const 800) (i32.const 2) (i32.const 820)))
        (unreachable)))))
"""  # prints its first argument; the task whose argument begins with 3 fails, and says so


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, providers=3) as made:
        yield made


async def test_a_job_is_written_priced_submitted_once_and_paid(stage: Stage) -> None:
    job_id = await it_is_submitted_once_through_the_form(stage)
    detail = await until(lambda: stage.network.buyer.job(job_id), lambda job: job.paid, "the job to be paid")
    assert (detail.state, detail.tasks.done, detail.tasks.failed) == ("failed", 4, 1)
    await its_results_come_in_one_file(stage, detail)
    await the_failed_task_shows_what_it_printed(stage)
    await both_sides_receipts_agree(stage, detail)
    await offers_say_why_they_do_not_match(stage)
    await the_statement_is_the_nodes_own(stage)
    stage.visit.expect_clean()


async def it_is_submitted_once_through_the_form(stage: Stage) -> str:
    import wasmtime

    page, module = stage.page, stage.folder / "greet.wasm"
    module.write_bytes(wasmtime.wat2wasm(GREETING))
    await page.get_by_role("link", name="New job").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("New job")
    await expect(page).to_have_url(re.compile("/jobs/new/.+"))
    submit = page.get_by_role("button", name="Submit")
    costs = stage.section("What it costs")
    await expect(costs).to_contain_text("3 of 3 match")
    await expect(submit).to_be_disabled()
    await expect(costs).to_contain_text("Add a program first")

    await page.get_by_label("A WebAssembly module or a Python script").locator("input").set_input_files(module)
    await page.get_by_label("How many", exact=True).fill("5")
    await page.get_by_label("Fuel", exact=True).fill("1")
    await expect(page.get_by_text("'1' has no unit")).to_be_visible()
    await expect(submit).to_be_disabled()
    await page.get_by_label("Fuel", exact=True).fill("1 Gfuel")
    await page.get_by_label("Highest price").fill("0.1 FOG/Gfuel")
    await expect(costs).to_contain_text("0 of 3 match")
    await expect(costs).to_contain_text("0 at this price")
    await page.get_by_role("button", name="Set the highest price to 0.5 FOG/Gfuel").click()
    await expect(costs).to_contain_text("3 of 3 match")
    await expect(page.get_by_label("Highest price")).to_have_value("0.5 FOG/Gfuel")

    await page.reload()  # nothing that was written is lost
    await expect(page.get_by_label("Fuel", exact=True)).to_have_value("1 Gfuel")
    await expect(page.get_by_text("greet.wasm")).to_be_visible()
    before = await stage.network.buyer.wallet()
    assert before.free < BUDGET
    await expect(costs).to_contain_text(f"{show.fog(BUDGET - before.free).text} is missing")
    await expect(submit).to_be_disabled()
    await page.get_by_role("button", name="Deposit").click()
    await expect(submit).to_be_enabled()
    assert (await stage.network.buyer.wallet()).free == BUDGET
    most = 6 * parse_price("0.5 FOG/Gfuel")  # five tasks and one check, each of 1 Gfuel
    await expect(submit).to_have_text(f"Submit for at most {show.fog(most).text}")
    assert (await stage.network.buyer.jobs()).total == 0, "nothing is spent before the button is pressed"
    assert (await stage.network.buyer.wallet()).spent == before.spent == 0
    await submit.dblclick()
    await page.reload()
    await expect(page).to_have_url(re.compile("/jobs/[0-9a-f]{64}$"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("greet")
    jobs = await stage.network.buyer.jobs()
    assert jobs.total == 1, "pressed twice and reloaded: submitted once"
    return jobs.items[0].id


async def its_results_come_in_one_file(stage: Stage, detail: JobDetail) -> None:
    async with stage.page.expect_download() as started:
        await stage.page.get_by_role("link", name="Download all").click()
    saved = stage.folder / "all.zip"
    download = await started.value
    assert download.suggested_filename == f"greet-{detail.id[:8]}.zip"
    await download.save_as(saved)
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        for index in (0, 1, 2, 4):
            told = archive.read(f"{index}/stdout")
            assert told == await stage.network.buyer.result_file(detail.id, index, "stdout")
            assert told.startswith(b"hello from task " + str(index).encode())


async def the_failed_task_shows_what_it_printed(stage: Stage) -> None:
    page = stage.page
    await expect(stage.section("Job")).to_contain_text("nobody")  # disagreed
    await stage.section("All tasks").get_by_role("button", name="Failed").click()
    failed = stage.section("All tasks").locator("tbody tr")
    await expect(failed).to_have_count(1)
    await failed.click()
    sheet = page.get_by_role("dialog", name="Task")
    await expect(sheet).to_contain_text("Task 3")
    log = sheet.locator(".fc-file", has=page.get_by_role("button", name="Copy the log"))
    await expect(log.locator("pre")).to_contain_text("hello from task 3")
    await sheet.get_by_role("button", name="Error output").click()
    await expect(log.locator("pre")).to_contain_text("hello from task 3")
    async with page.expect_download() as started:
        await log.get_by_role("link", name="Download the log").click()
    saved = stage.folder / "log.txt"
    await (await started.value).save_as(saved)
    assert saved.read_text().startswith("hello from task 3")
    await sheet.get_by_role("button", name="Close").click()
    await expect(sheet).to_be_hidden()


async def both_sides_receipts_agree(stage: Stage, detail: JobDetail) -> None:
    """Of every run: this node's books, the signatures under them, and the provider's own books."""
    page, rows = stage.page, stage.section("Receipts").locator("tbody tr")
    receipts = await stage.network.buyer.receipts(job=detail.id)
    await expect(rows).to_have_count(receipts.total)
    for number, receipt in enumerate(receipts.items):
        await rows.nth(number).locator("td").nth(1).click()
        sheet = page.get_by_role("dialog", name="Receipt")
        await expect(sheet).to_contain_text(f"greet #{receipt.task}")
        await expect(sheet).to_contain_text("Both sides agree, to the base unit")
        await expect(sheet).to_contain_text("the provider has signed the receipt")
        for label, words in (("Cost", format_fog(receipt.cost)), ("Reason", receipt.reason_text)):
            both = sheet.locator(".fc-bothrow", has_text=label)
            await expect(both.get_by_text(words, exact=True)).to_have_count(2)
        await expect(sheet.locator(".differs")).to_have_count(0)
        await sheet.get_by_role("button", name="Close").click()
        await expect(sheet).to_be_hidden()


async def offers_say_why_they_do_not_match(stage: Stage) -> None:
    await stage.go("Offers")
    rows = stage.section("Offers").locator("tbody tr")
    await expect(rows).to_have_count(3)
    for name in stage.network.names:
        await expect(rows.filter(has_text=name)).to_contain_text("Matches")
        await expect(rows.filter(has_text=name)).to_contain_text("0.5 FOG/Gfuel")
    await stage.page.get_by_label("Memory of a task").fill("3 GiB")
    await stage.page.get_by_label("Highest price").fill("0.2 FOG/Gfuel")
    for name in stage.network.names:
        row = rows.filter(has_text=name)
        await expect(row).to_contain_text("No match")
        await expect(row).to_contain_text(re.compile(r"has 512(\.0)? MiB of memory; asks 0\.5 FOG/Gfuel\. Would match"))
    await expect(stage.section("Who matches").locator("tbody tr", has_text="price")).to_contain_text("0.2 FOG/Gfuel")
    await stage.page.get_by_label("Memory of a task").fill("3 apples")
    await expect(stage.page.get_by_text("'apples' is not a unit")).to_be_visible()
    await stage.page.get_by_role("button", name="Clear").click()
    await expect(stage.section("Offers")).to_contain_text("3 of 3 match")
    await expect(stage.section("Auction")).to_contain_text("round")


async def the_statement_is_the_nodes_own(stage: Stage) -> None:
    await stage.go("Wallet")
    lines = await stage.network.buyer.statement()
    await expect(stage.section("Statement").locator("tbody tr")).to_have_count(min(15, lines.total))
    async with stage.page.expect_download() as started:
        await stage.page.get_by_role("link", name="Download the statement as CSV").click()
    saved = stage.folder / "statement.csv"
    await (await started.value).save_as(saved)
    assert saved.read_bytes() == (await stage.network.buyer.statement_csv()).encode()
    sessions = await stage.network.buyer.sessions()
    rows = stage.section("Sessions and vouchers").locator("tbody tr")
    await expect(rows).to_have_count(sessions.total)
    for session in sessions.items:
        await expect(rows.filter(has_text=show.short(session.id))).to_contain_text(show.fog(session.signed).text)
