"""The audited market in the large keeps its bars, and would not without the audit."""

from __future__ import annotations

import pytest

from fogchain.market.simulation import Population, simulate


def test_wrong_results_are_rare_cheats_are_found_and_nobody_honest_is_blamed() -> None:
    course = simulate(Population(workers=60, cheats=0.1, cheating=0.1), jobs=24, tasks=1000, seed=3)
    assert course.wrong_share <= 0.004 and course.overhead <= 1.15  # the bars are for the full size, below
    assert course.blamed == 0
    unchecked = simulate(Population(workers=60, cheats=0.1, cheating=0.1), jobs=2, tasks=1000, seed=3, level="L0")
    assert unchecked.wrong_share > 0.005 and unchecked.overhead == 1.0


@pytest.mark.parametrize(("level", "runs"), [("L2", 2.0), ("L3", 3.0)])
def test_replicas_cost_what_they_say_and_leave_less_wrong(level: str, runs: float) -> None:
    course = simulate(Population(workers=60, cheats=0.1, cheating=0.5), 2, 500, 5, "L2" if level == "L2" else "L3")
    assert runs <= course.overhead < runs + 0.5
    assert course.wrong_share <= 0.02


def test_the_same_seed_gives_the_same_course() -> None:
    population = Population(workers=40)
    assert simulate(population, 2, 200, 7) == simulate(population, 2, 200, 7) != simulate(population, 2, 200, 8)


@pytest.mark.slow
@pytest.mark.parametrize("population", [Population(cheating=1.0), Population(), Population(cheats=0.3)])
def test_five_hundred_workers_and_two_hundred_thousand_tasks(population: Population) -> None:
    course = simulate(population, jobs=200, tasks=1000, seed=1)
    assert course.wrong_share <= 0.002 and course.overhead <= 1.10
    assert course.blamed == 0 and course.ejected >= 0.95 * population.workers * population.cheats
