"""Which engine runs which job: names, and who matches in a buyer's book."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from fogchain.jobs.spec import BlobRef, JobSpec, TaskSpec, Verify
from fogchain.market.engines import Runtime, engine_for, join, runtime_of, split
from fogchain.market.messages import Offer
from fogchain.market.offers import class_id
from fogchain.wallet.eip712 import Domain
from node.trade.book import Known, ProviderBook

WASM, OLDER, PYTHON, NATIVE = (
    "wasmtime-50.0.1/fog-1",
    "wasmtime-49.0.0/fog-1",
    "cpython-3.12/wasmtime-50.0.1/fog-1",
    "native-x86_64/fog-1",
)


def test_an_engine_says_its_runtime() -> None:
    assert [runtime_of(name) for name in (WASM, PYTHON, NATIVE, "jvm-21", "")] == [
        "wasm", "python", "native", None, None,
    ]  # fmt: skip


def test_engines_travel_sorted_in_one_text() -> None:
    text = join([WASM, NATIVE, PYTHON, WASM])
    assert text == f"{PYTHON},{NATIVE},{WASM}"
    assert split(text) == (PYTHON, NATIVE, WASM)
    assert split(join([])) == ()
    assert engine_for(split(text), "native") == NATIVE
    assert engine_for((WASM,), "python") is None


def _job(runtime: Runtime) -> JobSpec:
    return JobSpec(
        name="job", runtime=runtime, module=BlobRef(sha256="ab" * 32, size=1), budget=10**18, tasks=(TaskSpec(),),
        verify=Verify(level="L0"),
    )  # fmt: skip


@pytest.fixture
def book() -> ProviderBook:
    class Nothing:
        peer_id = "me"
        now = staticmethod(time.time)

    nothing = cast(Any, Nothing())
    return ProviderBook(
        own_address="0x" + "00" * 20, domain=Domain(1, "0x" + "11" * 20), network=nothing, index=nothing,
        changed=lambda: None,
    )  # fmt: skip


def _add(book: ProviderBook, name: str, engines: str, slots: int = 1) -> None:
    now = int(time.time())
    offer = Offer(
        provider="0x" + name.encode().hex().ljust(40, "0"), node=bytes(32), resource_class=class_id("cpu"),
        multiplier=0, price=1, regions="", survival_10m=9000, survival_1h=9000, survival_2h=9000, slots=slots,
        memory=1 << 40,
        fuel_rate=10**9, engines=engines, on_account=0, issued=now, expiry=now + 300,
    )  # fmt: skip
    book.found(name, (), "mdns")
    known = book._known[name]
    known.state, known.offer, known.address = "ready", offer, offer.provider
    known.heard = time.monotonic()


def _names(matching: list[Known]) -> list[str]:
    return [known.peer_id for known in matching]


def test_only_those_match_that_run_the_jobs_runtime(book: ProviderBook) -> None:
    _add(book, "a", join([WASM, PYTHON]))
    _add(book, "b", WASM)
    ready, reasons = book.matching(_job("python"))
    assert _names(ready) == ["a"]
    assert reasons == ["1 do not run python"]
    assert book.matching(_job("native")) == ([], ["of 2 known, 0 run native", "2 do not run native"])
    assert _names(book.matching(_job("wasm"))[0]) == ["a", "b"]


def test_a_job_runs_on_one_engine_and_stays_with_it(book: ProviderBook) -> None:
    _add(book, "a", OLDER, slots=8)
    _add(book, "b", WASM, slots=4)
    _add(book, "c", WASM, slots=5)
    ready, reasons = book.matching(_job("wasm"))
    assert _names(ready) == ["b", "c"]
    assert reasons == [f"1 run wasm with {OLDER}, whose results can't be compared to {WASM}'s"]
    assert _names(book.matching(_job("wasm"), OLDER)[0]) == ["a"]
