"""What people see of jobs and prices; a job's name may be anything."""

from __future__ import annotations

import io
import subprocess
import sys

from fogchain.api.models import JobSummary, TaskCounts
from fogchain.client.show import PricedJob, Progress, job_line, job_table
from fogchain.units import WEI

EVIL = "<script>alert(1)</script>"


def job(**changes: object) -> JobSummary:
    values = {
        "id": "ab" * 32, "name": EVIL, "state": "running", "detail": EVIL,
        "tasks": TaskCounts(queued=1, done=1, failed=2),
        "budget": WEI, "spent": WEI // 4, "paid": False, "fuel": 3 * 10**9, "created": 1.0,
    }  # fmt: skip
    return JobSummary.model_validate({**values, **changes})


def price() -> PricedJob:
    return PricedJob(
        name=EVIL, tasks=4, providers=2, slots=3, cheapest=WEI // 2, dearest=WEI, most=2 * WEI, budget=5 * WEI, free=0,
        missing=5 * WEI, reasons=[EVIL],
    )  # fmt: skip


def test_nothing_of_a_name_or_reason_is_markup() -> None:
    for shown in (job_table(job()), price()._repr_html_()):
        assert "<script" not in shown and "&lt;script&gt;" in shown


def test_amounts_have_their_units() -> None:
    assert "0.25 FOG of 1 FOG, not yet paid" in job_table(job()) and "3 Gfuel" in job_table(job())
    text = str(price())
    for part in ("2 match, 3 tasks at once", "0.5 FOG/Gfuel to 1 FOG/Gfuel", "2 FOG of a budget of 5 FOG", "5 FOG"):
        assert part in text


def test_progress_is_one_line_and_only_where_somebody_sees_it() -> None:
    nobody, somebody = io.StringIO(), io.StringIO()
    Progress(None, nobody).show(job())
    assert nobody.getvalue() == ""
    line = Progress(True, somebody)
    line.show(job(name="a\x1b[31m\nb"))
    line.show(job(name="a\x1b[31m\nb", state="done"))
    line.end()
    assert somebody.getvalue().count("\n") == 1 and "\x1b" not in somebody.getvalue()
    assert "3/4" in job_line(job())


def test_importing_fogchain_loads_no_client() -> None:
    heavy = ("pydantic", "asyncio", "httpx", "fogchain.client")
    code = f"import sys, fogchain; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
