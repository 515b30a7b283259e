"""A job of one's own, from the empty form to paid results, in a browser over a real network."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect
from real_stage import Stage, staged, until

from fogchain.units import parse_fog, parse_price
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
