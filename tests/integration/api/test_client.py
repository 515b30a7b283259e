"""`fogchain.Client` and `fogchain.AsyncClient` against a real market: chain, providers, buyer, each its own process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_market import LiveMarket

import fogchain
from fogchain.bench.e2e import spin_job
from fogchain.client import AsyncClient, Client, JobChanged, JobEnded, ReceiptAdded, TaskChanged
from fogchain.errors import BadInput, Conflict, JobFailed, NotFound, TaskError, Unauthorized, Unavailable
from fogchain.units import parse_fog

pytestmark = [pytest.mark.slow, pytest.mark.chain]

EXAMPLES = Path(__file__).parents[3] / "examples"
LITTLE = {"verify": "L0", "limits": {"fuel": "50 Mfuel"}}
QUICK = '[verify]\nlevel = "L0"\n'


@pytest.fixture(scope="module")
def market(start_market: Callable[..., LiveMarket]) -> LiveMarket:
    return start_market(providers=2)


@pytest.fixture
def client(market: LiveMarket) -> Iterator[Client]:
    with Client(data=market.folder.root) as client:
        yield client


def echo(folder: Path) -> Path:
    """A program that copies standard input to standard output, /in/x to /out/x, and fails when told so."""
    source = folder / "echo.c"
    source.write_text(
        """
        #include <stdio.h>
        #include <string.h>
        static void copy(FILE *from, FILE *to) { int c; while (from && to && (c = fgetc(from)) != EOF) fputc(c, to); }
        int main(int argc, char **argv) {
            for (int i = 1; i < argc; i++) printf("%s;", argv[i]);
            if (argc > 1 && !strcmp(argv[1], "fail")) { fputs("told to fail", stderr); return 3; }
            copy(stdin, stdout);
            FILE *in = fopen("/in/x", "rb");
            if (in) copy(in, fopen("/out/x", "wb"));
            return 0;
        }
        """
    )
    module = folder / "echo.wasm"
    command = [
        *(sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-wasi", "-O2", "-s"),
        *("-Wl,-z,stack-size=65536", "-o", str(module), str(source)),
    ]
    subprocess.run(command, check=True, timeout=240)
    return module


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return echo(tmp_path_factory.mktemp("echo"))


def test_a_job_is_priced_submitted_watched_and_its_results_are_there(
    client: Client, market: LiveMarket, tmp_path: Path
) -> None:
    file = spin_job(tmp_path / "spin", 6, 1000, '[verify]\nlevel = "L1"\nsample = "50 %"\n')
    free = client.wallet().token
    price = client.quote(file, budget="3 FOG")
    assert (price.tasks, price.budget, client.wallet().token) == (6, parse_fog("3 FOG"), free)
    assert "3 FOG" in str(price) and "<table>" in price._repr_html_()

    job = client.submit(file, budget="3 FOG")
    events = list(job.watch())
    assert isinstance(events[-1], JobEnded) and events[-1].job.paid
    ends = [event.task for event in events if isinstance(event, TaskChanged) and event.state == "done"]
    assert sorted(ends) == list(range(6))
    receipts = {(e.task, e.attempt) for e in events if isinstance(e, ReceiptAdded)}
    assert len(receipts) == sum(isinstance(e, ReceiptAdded) for e in events)
    signed = job.receipts()
    assert len(signed) == len(receipts) >= 7  # six, and at least one that was run again
    assert sum(e.cost for e in events if isinstance(e, ReceiptAdded)) == sum(one.cost for one in signed)
    states = [e.job.state for e in events if isinstance(e, JobChanged)]
    assert states[-1] == "done" and "running" in states

    results = job.result(timeout=10)
    assert [one.index for one in results] == list(range(6)) and all(one.ok and one.fuel for one in results)
    assert {one.index: one.stdout for one in job.results()} == {one.index: one.stdout for one in results}
    results[0].save(tmp_path / "one")
    assert (tmp_path / "one" / "stdout").read_bytes() == results[0].stdout
    saved = job.save(tmp_path / "all")
    assert saved.complete and (tmp_path / "all" / "5" / "stdout").read_bytes() == results[5].stdout
    assert client.job(job.id[:12]).id == job.id and client.jobs(1).items[0].id == job.id
    assert job.id in {one.id for one in client.all_jobs()}
    assert "&lt;" not in job._repr_html_() and "6 of 6 done" in job._repr_html_() and job.id[:12] in repr(job)
    with pytest.raises(Conflict):
        job.cancel()


def test_the_same_key_is_the_same_job(client: Client, tmp_path: Path) -> None:
    file = spin_job(tmp_path / "spin", 1, 10, QUICK)
    first = client.submit(file, key="mine", wait=60)
    assert client.submit(file, key="mine").id == first.id
    with pytest.raises(Conflict):
        client.submit(file, key="mine", budget="4 FOG")


def test_a_program_is_mapped_over_items_of_every_kind_in_their_order(
    client: Client, program: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"from a file")
    items = [
        "text", b"\0bytes\xff", tmp_path / "file", ["a", "b"],
        {"args": ["c"], "stdin": "in", "inputs": {"x": b"an input"}}, *(str(n) for n in range(20)),
    ]  # fmt: skip
    mapped = client.map(program, iter(items), budget="5 FOG", **LITTLE)
    found = list(mapped)
    assert [one.stdout for one in found[:5]] == [b"text", b"\0bytes\xff", b"from a file", b"a;b;", b"c;in"]
    assert found[4].files == {"x": b"an input"}
    assert [one.text for one in found[5:]] == [str(n) for n in range(20)]
    assert mapped.job.refresh().spec.budget == parse_fog("5 FOG")


def test_a_task_that_fails_is_raised_in_its_turn_and_the_rest_goes_on(client: Client, program: Path) -> None:
    terms = {"budget": "5 FOG", **LITTLE}
    mapped = client.map(program.read_bytes(), [["x"], ["fail"], ["y"]], **terms)
    assert next(mapped).stdout == b"x;"
    with pytest.raises(TaskError, match="told to fail") as failed:
        next(mapped)
    assert (failed.value.index, failed.value.result.exit != "OK") == (1, True)
    assert next(mapped).stdout == b"y;"
    with pytest.raises(StopIteration):
        next(mapped)
    first, second = client.map(program, [["fail"], "b"], **terms, return_exceptions=True)
    assert isinstance(first, TaskError) and second.stdout == b"b"
    with pytest.raises(JobFailed, match="1 of 2"):
        client.job(client.jobs(1).items[0].id).result(30)


def test_bad_input_is_refused_before_anything_is_sent(client: Client, program: Path, tmp_path: Path) -> None:
    known = client.jobs().total
    refused = [
        lambda: client.map(program, [], budget="1 FOG"),
        lambda: client.map(program, ["a"], budget="1"),
        lambda: client.map(program, ["a"], budget=1),  # type: ignore[arg-type]
        lambda: client.map(program, [5], budget="1 FOG"),
        lambda: client.map(program, [{"arg": ["x"]}], budget="1 FOG"),
        lambda: client.map(program, [{"inputs": {"../x": b""}}], budget="1 FOG"),
        lambda: client.map(program, ["a"], budget="1 FOG", chunk=2),
        lambda: client.map(program, ["a"], budget="1 FOG", limits={"fuell": "1 Gfuel"}),
        lambda: client.map(program, ["a"], budget="1 FOG", limits={"fuel": 5}),
        lambda: client.map(program, ["a"], budget="1 FOG", verify="L9"),
        lambda: client.map(program, (str(n) for n in range(10_001)), budget="1 FOG"),
        lambda: client.map(tmp_path / "none.wasm", ["a"], budget="1 FOG"),
        lambda: client.map(b"no module", ["a"], budget="1 FOG"),
        lambda: client.map(lambda x: pytest.skip(x), ["a"], budget="1 FOG"),
        lambda: client.map(lambda x: x, [object()], budget="1 FOG"),
        lambda: client.submit(tmp_path / "none.toml"),
        lambda: client.submit(5),  # type: ignore[arg-type]
    ]
    for call in refused:
        with pytest.raises(BadInput) as error:
            call()
        assert error.value.hint
    assert client.jobs().total == known


async def test_everything_works_inside_a_running_loop_and_from_another_thread(
    market: LiveMarket, program: Path
) -> None:
    """As in a notebook: the sync client blocks this loop, never itself."""
    with Client(data=market.folder.root) as client:
        assert client.status().name == "buyer"
        outputs = [one.text for one in client.map(program, ["a", "b"], budget="1 FOG", **LITTLE)]
        assert outputs == ["a", "b"]
        events = [event async for event in client.job(client.jobs(1).items[0].id).watch()]
        assert isinstance(events[-1], JobEnded)
        offers = await asyncio.to_thread(client.offers)
        assert sum(offer.state == "ready" for offer in offers) == 2
    async with AsyncClient(market.url, market.token) as client2:
        mapped = await client2.map(program, ["c", "d"], budget="1 FOG", **LITTLE)
        assert [one.text async for one in mapped] == ["c", "d"]
        with pytest.raises(NotFound):
            await client2.job("ffffffff")


def test_whom_it_asks_and_what_it_says_when_there_is_nobody(market: LiveMarket, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="belong together"):
        Client(market.url)
    with Client(market.url, "wrong") as client, pytest.raises(Unauthorized):
        client.wallet()
    with Client(data=tmp_path) as client, pytest.raises(Unavailable) as nobody:
        client.wallet()
    assert "fogchain node init" in nobody.value.hint
    assert fogchain.Client is Client and fogchain.AsyncClient is AsyncClient


def test_a_job_that_is_not_done_in_time_goes_on_and_can_be_cancelled(client: Client, tmp_path: Path) -> None:
    file = spin_job(tmp_path / "spin", 2, 10, QUICK)
    job = client.submit(file, max_price="0.000001 FOG/Gfuel")  # nobody works for that
    with pytest.raises(TimeoutError):
        job.result(timeout=1)
    assert job.cancel().state == "cancelled"
    assert isinstance(list(job.watch())[-1], JobEnded)
    with pytest.raises(JobFailed):
        job.result(10)


def test_a_watch_misses_nothing_while_the_node_is_killed_and_started_again(
    market: LiveMarket, client: Client, tmp_path: Path
) -> None:
    file = spin_job(tmp_path / "spin", 12, 3_000_000, QUICK)
    job = client.submit(file)
    seen, killed = [], threading.Event()

    def restart() -> None:
        for _ in range(2):
            market.do(market.network.kill("buyer"))
            killed.set()
            market.do(market.network.launch_node("buyer"))
            market.do(market.network.ready("buyer"))

    restarting = threading.Thread(target=restart)
    for event in job.watch():
        seen.append(event)
        if isinstance(event, TaskChanged) and event.over and not killed.is_set() and not restarting.is_alive():
            restarting.start()
            killed.wait(10)
    restarting.join()
    assert killed.is_set() and isinstance(seen[-1], JobEnded) and seen[-1].job.state == "done"
    ends = [event.task for event in seen if isinstance(event, TaskChanged) and event.over]
    assert sorted(ends) == list(range(12)), "each end exactly once"
    receipts = [(event.task, event.attempt) for event in seen if isinstance(event, ReceiptAdded)]
    assert len(receipts) == len(set(receipts)) == len(job.receipts())
    assert len(job.result(10)) == 12


STEP = 2


def halves(n: int) -> tuple[float, bytes]:
    import math

    print("working on", n)
    return math.sqrt(n) / STEP, bytes([n])


def test_a_function_is_mapped_over_items_on_the_providers_python(client: Client) -> None:
    terms = {"budget": "40 FOG", "verify": "L0", "limits": {"fuel": "4 Gfuel", "memory": "128 MiB"}}
    price, known = client.quote_map(halves, range(7), chunk=3, **terms), client.jobs().total
    assert (price.tasks, price.budget) == (3, parse_fog("40 FOG"))
    assert client.jobs().total == known
    mapped = client.map(halves, range(7), chunk=3, **terms)
    assert list(mapped) == [halves(n) for n in range(7)]
    detail = mapped.job.refresh()
    assert (detail.spec.runtime, len(detail.spec.tasks)) == ("python", 3)
    assert mapped.job.result(10)[2].text == "working on 6\n"

    mapped = client.map(lambda x: 1 / x, [1, 0, 4], chunk=3, **terms)
    assert next(mapped) == 1
    with pytest.raises(TaskError) as failed:
        next(mapped)
    assert (failed.value.index, failed.value.kind) == (1, "ZeroDivisionError")
    assert "ZeroDivisionError: division by zero" in failed.value.traceback
    assert next(mapped) == 0.25
