"""The job machine among honest, lying, failing and dying providers, killed and replayed at random."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobworld import BATCH, DELIVERS, DISHONEST, Character, Kind, Scene, World, assert_same, fold, right_answer

from fogchain.jobs.spec import Level
from fogchain.market.messages import Exit

quick = settings(max_examples=30, suppress_health_check=list(HealthCheck))

PRICES = st.sampled_from((0, 1, 999, 10**9, 5 * 10**17, 3 * 10**18))


def characters(kinds: Sequence[Kind]) -> st.SearchStrategy[Character]:
    return st.builds(
        Character,
        kind=st.sampled_from(kinds),
        price=PRICES,
        slots=st.integers(1, 3),
        rate=st.sampled_from((1e3, 1e5, 1e7)),
    )


def casts(others: Sequence[Kind]) -> st.SearchStrategy[tuple[Character, ...]]:
    """More providers that deliver honestly than others, and at least two; in any order."""

    def with_majority(few: list[Character]) -> st.SearchStrategy[tuple[Character, ...]]:
        many = st.lists(characters(("honest", "slow", "mortal")), min_size=max(2, len(few) + 1), max_size=len(few) + 3)
        return many.flatmap(lambda honest: st.permutations([*honest, *few])).map(tuple)

    return st.lists(characters(others), max_size=2).flatmap(with_majority)


def scenes(
    cast: st.SearchStrategy[tuple[Character, ...]], *, sample: st.SearchStrategy[int | None], runs_a_task: int = 12
) -> st.SearchStrategy[Scene]:
    return st.builds(
        Scene,
        characters=cast,
        tasks=st.integers(1, 12),
        level=st.just("L1"),
        sample=sample,
        budget_runs=st.just(12 * runs_a_task),
        kill_chance=st.sampled_from((0.0, 0.05, 0.5)),
        seed=st.integers(0, 2**32),
        saves=st.sampled_from((0.0, 0.5, 1.0)),
    )


ALONE: tuple[Kind, ...] = ("liar", "sometimes", "overbills", "failing", "silent")


def assert_settled(world: World) -> None:
    """Everybody trusted is paid to the unit; a caught liar nothing more than it held when it was caught."""
    for share in world.machine.shares.values():
        if share.distrusted:
            assert share.signed == world.signed_when_caught[share.provider]
            assert share.owed == 0
        else:
            assert share.signed == max(share.due, share.signed) and share.signed <= share.owed
    assert world.machine.spent <= world.spec.budget
    assert_same(fold(world.log, world.spec), world.machine)


@quick
@given(scenes(casts(ALONE), sample=st.just(10_000)))
def test_when_all_is_checked_an_honest_majority_brings_every_right_result(scene: Scene) -> None:
    world = World(scene)
    world.run()
    ended = world.machine.ended
    assert ended is not None
    assert ended.state == "done", ended.detail
    assert world.wrong_results() == []
    for share in world.machine.shares.values():
        if world.honest(share):
            assert not share.distrusted
            mine = [run for run in world.machine.runs.values() if run.provider == share.provider]
            assert not any(run.state == "wrong" for run in mine)
        elif world.character[share.provider].kind == "liar" or (
            world.character[share.provider].kind == "overbills" and not scene.saves  # two can cover each other there
        ):
            assert share.owed == 0 and share.signed == 0
    assert_settled(world)


@quick
@given(scenes(casts((*ALONE, "timeouts")), sample=st.sampled_from((None, 0, 500, 5000))))
def test_with_sampled_checks_the_job_ends_and_nothing_of_a_caught_liar_stands(scene: Scene) -> None:
    world = World(scene)
    world.run()
    ended = world.machine.ended
    assert ended is not None
    liars_on_failure = any(character.kind in DISHONEST for character in scene.characters)
    refusing = sum(character.kind == "timeouts" for character in scene.characters)
    if not liars_on_failure and refusing < 2:
        assert ended.state == "done", ended.detail
    assert ended.at < world.machine.deadline
    for run in world.wrong_results():
        assert not world.machine.shares[run.provider].distrusted
        assert world.character[run.provider].kind in DISHONEST
    for share in world.machine.shares.values():
        assert not (world.honest(share) and share.distrusted)
    assert_settled(world)


@quick
@given(
    st.builds(
        Scene,
        characters=st.lists(
            characters(("honest", "slow", "mortal", "pair", "pair", *ALONE, "timeouts")), min_size=1, max_size=6
        ).map(tuple),
        tasks=st.integers(1, 6),
        level=st.sampled_from(("L0", "L1", "L2", "L3")),
        sample=st.sampled_from((None, 0, 2000, 10_000)),
        budget_runs=st.integers(1, 60),
        penalty=st.sampled_from((0, 1, 10**20)),
        deadline=st.sampled_from((None, 1000, 20_000)),
        operators=st.integers(0, 3),
        distrust_at=st.sampled_from((0.0, 0.5, 30.0)),
        kill_chance=st.sampled_from((0.0, 0.2)),
        seed=st.integers(0, 2**32),
        failing_programs=st.frozensets(st.integers(0, 5), max_size=2),
        time_limit=st.just(600_000),
        late=st.integers(0, 3),
        saves=st.sampled_from((0.0, 0.5, 1.0)),
    )
)
def test_whoever_takes_part_the_job_ends_in_time_within_its_budget_and_is_settled(scene: Scene) -> None:
    world = World(scene)
    world.run()
    ended = world.machine.ended
    assert ended is not None and ended.at <= world.machine.deadline + 1
    if ended.state == "failed":
        assert ended.detail
    assert_settled(world)


@quick
@given(scenes(casts(("failing", "silent")), sample=st.sampled_from((None, 10_000))), st.integers(0, 11))
def test_a_program_that_fails_on_every_machine_is_paid_for_and_named(scene: Scene, index: int) -> None:
    broken = index % scene.tasks
    scene = Scene(
        scene.characters, scene.tasks, "L1", scene.sample, scene.budget_runs, scene.kill_chance, scene.seed,
        frozenset((broken,)),
    )  # fmt: skip
    world = World(scene)
    world.run()
    ended, task = world.machine.ended, world.machine.tasks[broken]
    assert ended is not None and ended.state == "failed"
    assert f"task {broken}: the program trapped" in ended.detail
    assert task.result is not None and task.result.exit == Exit.TRAP
    assert len(task.live("accepted")) >= 2, "a failing end is always checked"
    assert [other.state for other in world.machine.tasks if other.index != broken] == ["done"] * (scene.tasks - 1)
    assert_settled(world)


@quick
@given(scenes(casts(ALONE), sample=st.none()), st.sampled_from(("L2", "L3")), st.sampled_from((0, 10**15)))
def test_replicas_by_different_operators_bring_every_right_result(scene: Scene, level: Level, penalty: int) -> None:
    honest = [c for c in scene.characters if c.kind in DELIVERS]
    cast = (*scene.characters, *honest[:1] * 2)  # enough to have three when the others are found out
    world = World(dataclasses.replace(scene, characters=cast, level=level, penalty=penalty, saves=0.0))
    world.run()
    ended = world.machine.ended
    assert ended is not None and ended.state == "done", ended and ended.detail
    assert world.wrong_results() == []
    for task in world.machine.tasks:
        accepted = task.live("accepted")
        assert len({run.provider for run in accepted}) >= world.spec.replicas
        assert all(run.sealed and run.commitment for run in accepted)
    assert_settled(world)


NEWCOMERS: tuple[Kind, ...] = ("honest", "slow", "mortal", "liar", "sometimes", "overbills", "failing", "silent")


@quick
@given(
    st.builds(
        Scene,
        characters=st.tuples(
            characters(("honest",)), characters(("honest", "slow")), characters(("honest", "mortal")),
            characters(NEWCOMERS), characters(NEWCOMERS),
        ),
        tasks=st.integers(12, 24),
        level=st.just("L1"),
        sample=st.none(),
        budget_runs=st.just(1000),
        kill_chance=st.sampled_from((0.0, 0.2)),
        seed=st.integers(0, 2**32),
        penalty=st.sampled_from((0, 10**15)),
        late=st.just(2),
    )
)  # fmt: skip
def test_newcomers_are_tried_with_what_is_known_and_it_changes_no_result(scene: Scene) -> None:
    world = World(scene)
    world.run()
    ended = world.machine.ended
    assert ended is not None and ended.state == "done", ended and ended.detail
    canaries = [run for run in world.machine.runs.values() if run.purpose == "canary"]
    assert len({run.provider for run in canaries}) == len(canaries), "one each"
    for run in canaries:
        share, task = world.machine.shares[run.provider], world.machine.tasks[run.task]
        first = min(other.attempt for other in world.machine.runs.values() if other.provider == run.provider)
        assert run.attempt - first < scene.characters[world.names.index(run.provider)].slots + BATCH
        right = (run.result, run.fuel, run.exit) == right_answer(scene, run.task)
        assert run.state != "accepted" or right
        assert run.state != "wrong" or share.distrusted
        assert not (right and run.state == "wrong" and world.honest(share))
        assert task.result is not None and task.result is not run
        assert (task.result.result, task.result.fuel, task.result.exit) == right_answer(scene, run.task)
    assert_settled(world)


def test_a_lying_newcomer_is_found_out_by_its_first_order() -> None:
    cast = tuple(Character(kind, 10**9, 1, 1e5) for kind in ("honest", "honest", "honest", "liar", "honest"))
    world = World(Scene(cast, 60, "L1", None, 2000, 0.05, 11, late=2))
    world.run()
    liar, honest = world.names[3:]
    found = {run.provider: run for run in world.machine.runs.values() if run.purpose == "canary"}
    assert found[liar].state == "wrong" and found[honest].state == "accepted"
    assert world.machine.shares[liar].signed == 0 and world.machine.shares[liar].proven
    assert world.machine.shares[honest].signed >= found[honest].cost > 0
    assert world.wrong_results() == []


def test_two_nodes_of_one_operator_never_get_the_same_task() -> None:
    cast = tuple(Character(kind, 10**9, 2, 1e5) for kind in ("pair", "pair", "honest", "honest", "honest"))
    world = World(Scene(cast, 20, "L2", None, 2000, 0.1, 3, operators=2))
    world.run()
    assert world.machine.ended is not None and world.machine.ended.state == "done"
    assert world.wrong_results() == []
    assert [share.distrusted for share in world.machine.shares.values()] == [True, True, False, False, False]
    assert {share.provider for share in world.machine.shares.values() if share.proven} < set(world.names[:2])


def test_what_was_promised_and_never_delivered_is_kept_from_what_was_earned_and_no_more() -> None:
    cast = (Character("mortal", 10**12, 2, 1e5), Character("honest", 10**12, 2, 1e5), Character("silent", 1, 1, 1e5))
    world = World(Scene(cast, 40, "L0", None, 4000, 0.0, 9, penalty=10**28))
    world.run()
    mortal, honest, silent = world.machine.shares.values()
    assert honest.penalties == 0 and honest.signed == honest.owed > 0
    assert mortal.penalties > 0 and mortal.owed > 0
    assert mortal.signed == max(mortal.due, mortal.signed) and mortal.withheld == mortal.owed - mortal.signed > 0
    assert silent.penalties > 0 and silent.signed == silent.withheld == 0, "nobody owes more than it earned"


def test_one_late_result_earns_less_by_the_time_in_its_receipt() -> None:
    cast = (Character("honest", 10**12, 1, 1e3),)
    world = World(Scene(cast, 12, "L0", None, 400, 0.0, 5, deadline=2000))
    world.run()
    runs = [run for run in world.machine.runs.values() if run.state == "accepted"]
    assert any(run.late for run in runs) and not all(run.late for run in runs)
    assert world.machine.shares[world.names[0]].signed == sum(run.cost for run in runs)


def test_the_world_has_teeth() -> None:
    """The simulation does catch liars, lose orders and restart: else the tests above would show nothing."""
    cast = (
        Character("liar", 10**9, 2, 1e5),
        Character("mortal", 10**9, 1, 1e5),
        Character("honest", 10**9, 1, 1e5),
        Character("slow", 10**9, 1, 1e5),
        Character("failing", 10**9, 1, 1e7),
    )
    world = World(Scene(cast, 40, "L1", 10_000, 2000, 0.2, 7))
    world.run()
    states = {run.state for run in world.machine.runs.values()}
    assert {"accepted", "wrong", "lost", "failed"} <= states
    assert world.restarts > 20
    assert sum(share.distrusted for share in world.machine.shares.values()) == 1
    assert all(
        task.result and (task.result.result, task.result.fuel) == right_answer(world.scene, task.index)[:2]
        for task in world.machine.tasks
    )
    assert {"honest", "slow", "mortal"} <= DELIVERS
