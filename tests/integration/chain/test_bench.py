"""`fogchain bench chain`, in small: the report has every figure of the suite under its bar's name and unit."""

from __future__ import annotations

from datetime import datetime

import pytest

from fogchain.bench import chain
from fogchain.bench.bars import SUITES
from fogchain.bench.report import report

pytestmark = [pytest.mark.chain, pytest.mark.slow]


async def test_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "ROUNDS", 1)
    monkeypatch.setattr(chain, "TRANSACTIONS", 40)
    monkeypatch.setattr(chain, "REBUILDS", 2)
    said: list[str] = []
    metrics, missing = await chain.run(said.append)
    made = report("chain", metrics, missing, datetime.now().astimezone())
    assert {(m["name"], m["unit"], m["bar"], m["op"]) for m in made["metrics"]} == {
        (bar.name, bar.unit, bar.bar, bar.op) for bar in SUITES["chain"]
    }
    for metric in made["metrics"]:
        assert metric["value"] > 0
        assert metric["met"] == (metric["value"] >= metric["bar"])
    assert made["missing"] == []
    assert any("40 transactions" in line for line in said)
    # A transaction brings two events; funding brings one, and the contracts tell six when they are deployed: the
    # supply, the market's parameters and price controller, the court's parameters, the first class and its prices.
    assert any(" 87 events" in line for line in said), said
