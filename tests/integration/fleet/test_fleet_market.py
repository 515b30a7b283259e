"""A gateway and its devices as processes in a real market: work, a `kill -9`, the owner's word, a gateway away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fleet_market import FleetMarket

from fogchain.units import parse_fog

pytestmark = [pytest.mark.slow, pytest.mark.chain]

TASKS, ROUNDS = 8, 40_000_000


@pytest.mark.timeout(400)
async def test_a_fleets_day(fleet_market: Callable[..., Any]) -> None:
    """One network for all of it: to start one takes longer than what is tried."""
    async with fleet_market() as fleet:
        await devices_do_a_jobs_tasks_and_one_that_is_killed_has_its_own_handed_on(fleet)
        await a_code_is_good_once_and_whole(fleet)
        await the_owners_word_by_command_and_by_api(fleet)
        await a_gateway_that_was_away_has_its_devices_again(fleet)
        await a_removed_device_ends(fleet)
        await a_device_that_is_stopped_says_goodbye(fleet)


async def devices_do_a_jobs_tasks_and_one_that_is_killed_has_its_own_handed_on(fleet: FleetMarket) -> None:
    for name in ("ant", "bee"):
        await fleet.join(name)
        await fleet.run(name)
    view = await fleet.fleet_is(lambda view: view.capacity.slots == 3)
    assert (view.own.slots, view.by_state) == (1, {"ready": 2})
    await fleet.offers(3)

    job = await fleet.submit(TASKS, ROUNDS)
    await fleet.device_is("ant", lambda ant: any(run.state == "running" for run in ant.runs))
    await fleet.network.kill("ant")
    ant = await fleet.device_is("ant", lambda ant: ant.state == "offline")
    assert "no heartbeat for 2 s" in ant.detail and not ant.runs and ant.handed_on >= 1
    assert (ant.changes[0].after, ant.changes[0].actor) == ("offline", "clock")

    detail = await fleet.job_is(job, lambda detail: detail.paid)
    assert (detail.state, detail.tasks.done) == ("done", TASKS)
    assert (await fleet.gateway.device("bee")).done > 0
    receipts = (await fleet.network.buyer.receipts(job=job)).items
    assert len({receipt.task for receipt in receipts}) == len(receipts) == TASKS, "each task was paid once"
    status = await fleet.gateway.status()
    assert status.done == TASKS and 0 < status.earned <= parse_fog("400 FOG")

    await fleet.run("ant")  # it comes back by itself, with the key that it has


async def a_code_is_good_once_and_whole(fleet: FleetMarket) -> None:
    made = await fleet.at_gateway("invite", "--name", "kitchen")
    code, _, error = await fleet.join("cat", made["code"][:-9], check=False)
    assert code == 1 and "mistyped or cut off" in error
    await fleet.join("cat", made["code"])
    assert {one.name for one in (await fleet.gateway.devices()).items} == {"ant", "bee", "kitchen"}
    code, _, error = await fleet.join("dog", made["code"], check=False)
    assert code == 1 and "used already" in error


async def the_owners_word_by_command_and_by_api(fleet: FleetMarket) -> None:
    paused = await fleet.at_gateway("pause", "ant")
    assert (paused["state"], paused["intent"]) == ("paused", "pause")
    await fleet.device_is("ant", lambda ant: ant.own_intent == "pause")
    await fleet.fleet_is(lambda view: view.capacity.slots == 2)
    await fleet.gateway.resume_device("ant")
    await fleet.device_is("ant", lambda ant: ant.state == "ready" and ant.own_intent == "auto")

    drained = await fleet.gateway.drain_device("ant", 5_000)
    assert drained.state == "drained"
    listed = await fleet.at_gateway("list")
    assert {one["name"]: one["state"] for one in listed["items"]} == {
        "ant": "drained", "bee": "ready", "kitchen": "offline",
    }  # fmt: skip
    await fleet.gateway.resume_device("ant")

    await fleet.gateway.update_device("ant", profile="server")
    await fleet.device_is("ant", lambda ant: ant.policy_hash == ant.policy_wanted != "")
    bad = fleet.folder / "bad.toml"
    bad.write_text('profile = "server"\ndrop = ["power"]\n')
    code, _, error = await fleet.command(
        "fleet", "update", "ant", "--policy", str(bad), "--data", str(fleet.network.folder / "oak"), check=False
    )
    assert code == 1 and "safe" in error
    ant = await fleet.gateway.device("ant")
    assert ant.policy_hash == ant.policy_wanted and ant.policy_text == 'profile = "server"\n'


async def a_gateway_that_was_away_has_its_devices_again(fleet: FleetMarket) -> None:
    await fleet.network.kill("oak")
    said = await fleet.at_device("bee", lambda said: said["link"] == "away")
    assert said["trouble"] and said["state"] == "idle"
    await fleet.network.launch_node("oak")
    await fleet.network.ready("oak")
    await fleet.device_is("bee", lambda bee: bee.state == "ready")


async def a_removed_device_ends(fleet: FleetMarket) -> None:
    await fleet.at_gateway("remove", "bee")
    member = fleet.network.members["bee"]
    assert member.process is not None
    assert await member.process.wait() == 1
    assert "removed from the fleet" in member.log_path.read_text()


async def a_device_that_is_stopped_says_goodbye(fleet: FleetMarket) -> None:
    await fleet.network.end("ant")
    ant = await fleet.device_is("ant", lambda ant: ant.state == "offline")
    assert ant.detail == "it said goodbye"
