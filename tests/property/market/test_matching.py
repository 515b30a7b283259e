"""Every offer that does not match is told all that keeps it out, and what would let one in does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.market.constraints import CONSTRAINTS, Candidate, Change, Matching, Wanted
from fogchain.market.engines import engine_for, split
from fogchain.market.matching import match
from fogchain.market.messages import Offer
from fogchain.market.offers import class_id, lies_in, regions_of, survival
from fogchain.market.wording import reasons
from fogchain.units import GFUEL, WEI, cost

GiB = 1 << 30


def offer(**values: object) -> Offer:
    base = Offer(
        provider="0x" + "11" * 20, node=b"\1" * 32, resource_class=class_id("cpu"), multiplier=0, price=WEI, regions="",
        survival_10m=9_900, survival_1h=9_500, survival_2h=9_000, slots=1, memory=GiB, fuel_rate=10**9,
        engines="wasmtime-50/fog-1", on_account=0, issued=1, expiry=2,
    )  # fmt: skip
    return replace(base, **values)  # type: ignore[arg-type]


offers = st.builds(
    offer,
    resource_class=st.sampled_from([class_id("cpu"), class_id("gpu")]),
    price=st.integers(0, 5).map(lambda n: n * WEI // 4),
    regions=st.sampled_from(["", "eu", "eu-de", "eu,us", "us-va"]),
    survival_1h=st.sampled_from([9_500, 9_200]),
    slots=st.integers(1, 4),
    memory=st.integers(1, 4).map(lambda n: n * GiB),
    engines=st.sampled_from(["wasmtime-50/f", "wasmtime-49/f", "cpython-3.12/wasmtime-50/f,wasmtime-50/f"]),
    on_account=st.sampled_from([0, 600 * WEI, 10_000 * WEI]),
)
words = st.sampled_from(["", "", "", "gone"])
pools = st.lists(
    st.builds(
        Candidate, id=st.just(""), offer=st.none() | offers, rate=st.sampled_from([0.0, 1e8, 1e9]), away=words,
        stale=words, distrust=words,
    ),
    max_size=8,
).map(lambda found: [replace(candidate, id=str(place)) for place, candidate in enumerate(found)])  # fmt: skip
jobs = st.builds(
    Wanted,
    runtime=st.sampled_from(["wasm", "python"]),
    memory=st.integers(0, 5).map(lambda n: n * GiB),
    slots=st.integers(1, 3),
    max_price=st.none() | st.integers(0, 5).map(lambda n: n * WEI // 4),
    resource_class=st.sampled_from([None, "cpu", "gpu"]),
    regions=st.sampled_from([(), ("eu",), ("eu-de", "us")]),
    min_survival=st.none() | st.sampled_from([9_000, 9_400, 9_600, 10_000]),
    fuel=st.just(10**12),
    seconds=st.sampled_from([60.0, 4000.0, 90_000.0]),
    pay=st.sampled_from(["session", "session", "batch"]),
)


def meets(job: Wanted, one: Candidate) -> bool:
    """By itself: the engine, on which all have to agree, is left out."""
    made = one.offer
    return made is not None and not (one.away or one.stale or one.distrust) and all(
        (
            engine_for(split(made.engines), job.runtime) is not None,
            job.resource_class is None or made.resource_class == class_id(job.resource_class),
            made.memory >= job.memory,
            made.slots >= job.slots,
            lies_in(regions_of(made), job.regions),
            job.min_survival is None or survival(made, job.task_seconds(one.rate)) >= job.min_survival,
            job.max_price is None or made.price <= job.max_price,
            job.pay == "session" or (made.on_account > 0 and cost(job.fuel, made.price) <= made.on_account),
        )
    )  # fmt: skip


@given(jobs, pools)
def test_those_match_that_meet_everything_on_one_engine_cheapest_first(job: Wanted, pool: list[Candidate]) -> None:
    found = match(job, pool)
    able = [one for one in pool if meets(job, one)]
    engines = {engine_for(split(one.offer.engines), job.runtime) for one in able if one.offer}
    chosen = [one for one in pool if one.id in found.matching]
    assert bool(chosen) == bool(able)
    assert {engine_for(split(one.offer.engines), job.runtime) for one in chosen if one.offer} <= {found.engine}
    assert all(one in chosen for one in able) or len(engines) > 1
    assert all(one in able for one in chosen)
    prices = [next(one.offer.price for one in chosen if one.id == key and one.offer) for key in found.matching]
    assert prices == sorted(prices)
    assert match(replace(job, engine=found.engine), pool).matching == found.matching


@given(jobs, pools)
def test_each_constraint_is_counted_by_itself_and_with_those_before_it(job: Wanted, pool: list[Candidate]) -> None:
    found = match(job, pool)
    assert set(found.failed) == {one.id for one in pool}
    assert [count.constraint for count in found.counts] == [
        name for name in CONSTRAINTS if name in {count.constraint for count in found.counts}
    ]
    together = [count.together for count in found.counts]
    assert together == sorted(together, reverse=True) and together[-1] == len(found.matching)
    for count in found.counts:
        assert count.together <= count.alone <= len(pool)
    for one in pool:
        assert (one.id in found.matching) != bool(found.failed[one.id])
        names = [each.constraint for each in found.failed[one.id]]
        assert len(names) == len(set(names)) and all(each.detail for each in found.failed[one.id])


def changed(job: Wanted, changes: Sequence[Change]) -> Wanted:
    for change in changes:
        match change.constraint:
            case "price":
                job = replace(job, max_price=change.amount)
            case "memory":
                job = replace(job, memory=change.amount or 0)
            case "slots":
                job = replace(job, slots=change.amount or 0)
            case "survival":
                job = replace(job, min_survival=change.amount)
            case "pay":
                job = replace(job, pay="session")
            case "class":
                job = replace(job, resource_class=change.value)
            case "region":
                known = "," in change.value or "-" in change.value or len(change.value) == 2
                job = replace(job, regions=tuple(change.value.split(",")) if known else ())
    return job


@given(jobs, pools)
def test_the_nearest_change_lets_an_offer_match(job: Wanted, pool: list[Candidate]) -> None:
    found = match(job, pool)
    if found.nearest:
        assert not found.matching
        assert match(changed(job, found.nearest), pool).matching
    elif not found.matching:
        never = {"reachable", "fresh", "trust", "runtime", "engine"}
        assert all(never & {each.constraint for each in found.failed[one.id]} for one in pool)


@given(jobs, pools)
def test_words_are_for_everything_that_keeps_an_offer_out(job: Wanted, pool: list[Candidate]) -> None:
    found = match(job, pool)
    lines = reasons(job, found, pool)
    assert len(lines) >= len({each.constraint for failures in found.failed.values() for each in failures})
    assert all(line and line.isprintable() for line in lines)
    assert bool(lines) or bool(found.matching)


def found_for(job: Wanted, *pool: Candidate) -> Matching:
    return match(job, pool)


@pytest.mark.complaint(22)
def test_the_buyer_is_told_how_many_match_and_the_least_price_that_would() -> None:
    pool = [Candidate(str(place), offer(price=price * WEI // 10)) for place, price in enumerate([8, 9, *([10] * 10)])]
    found = match(Wanted(resource_class="cpu", max_price=WEI // 2), pool)
    assert found.summary == (
        "of 12 known, 12 run wasm, 12 match class cpu, 0 at this price (0.5 FOG/Gfuel); "
        "least price that matches: 0.8 FOG/Gfuel"
    )
    assert found.nearest == (Change("price", "0.8 FOG/Gfuel", 8 * WEI // 10),)
    assert {count.constraint: (count.alone, count.together) for count in found.counts}["price"] == (0, 0)


def test_a_price_counts_as_the_least_only_where_nothing_else_is_in_the_way() -> None:
    found = found_for(
        Wanted(max_price=1, memory=2 * GiB),
        Candidate("cheap and small", offer(price=2)),
        Candidate("dear and large", offer(price=WEI, memory=4 * GiB)),
        Candidate("gone", offer(price=1, memory=4 * GiB), away="nothing listens there"),
    )
    assert "least price that matches: 1 FOG/Gfuel" in found.summary
    assert [each.constraint for each in found.failed["cheap and small"]] == ["memory", "price"]
    assert [each.constraint for each in found.failed["gone"]] == ["reachable"]


def test_survival_is_asked_for_the_time_a_task_takes_on_that_machine() -> None:
    job = Wanted(min_survival=9_800, fuel=600 * 10**9, seconds=86_400.0)
    swift, slow = Candidate("swift", offer(), rate=2e9), Candidate("slow", offer(), rate=1e8)
    found = found_for(job, swift, slow)
    assert found.matching == ("swift",) and [each.constraint for each in found.failed["slow"]] == ["survival"]


def test_a_job_paid_in_a_batch_wants_a_provider_that_lets_it_owe_one_run() -> None:
    job = Wanted(fuel=2 * GFUEL, pay="batch")
    pool = [
        Candidate("none", offer()),
        Candidate("little", offer(on_account=WEI)),
        Candidate("b", offer(price=2 * WEI)),
    ]
    found = match(job, pool)
    assert found.matching == () and [change.constraint for change in found.nearest] == ["pay"]
    assert found.nearest[0].value == "session"
    assert {key: [each.detail for each in failed] for key, failed in found.failed.items()} == {
        "none": ["works on account for nobody"],
        "little": ["lets a buyer owe 1 FOG, and one run may come to 2 FOG"],
        "b": ["works on account for nobody"],
    }
    assert "2 works on account for nobody" not in reasons(job, found, pool)
    assert "2 can't be paid in a batch: works on account for nobody" in reasons(job, found, pool)
    able = [*pool, Candidate("able", offer(on_account=2 * WEI))]
    assert match(job, able).matching == ("able",)
    assert len(match(replace(job, pay="session"), able).matching) == 4


def test_nobody_known_is_said_as_such() -> None:
    assert "no provider is known" in found_for(Wanted()).summary
