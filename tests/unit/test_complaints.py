"""Every complaint has a test."""

from __future__ import annotations

import pytest
from complaints import ELSEWHERE, FORGE, ROWS, has_function, marked


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_complaint_has_a_test(row: int | str) -> None:
    assert row in marked() or row in ELSEWHERE, f"no test shows that this can't happen: {ROWS[row]}"


def test_what_is_marked_is_a_complaint() -> None:
    assert set(marked()) | set(ELSEWHERE) <= set(ROWS)


def test_those_written_in_solidity_are_there() -> None:
    for places in ELSEWHERE.values():
        for file, name in places:
            assert has_function(FORGE / file, name), f"{file} has no {name}"
