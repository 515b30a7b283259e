"""Gateway and devices together: joining, runs, silence, goodbyes, the owner's word, and what strangers try."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fleet_stage import GATEWAY, Fleet, fleet_in, peer, refused, result, until

from fogchain import cbor
from fogchain.errors import BadInput, BadMessage, Conflict, Forbidden, Unavailable
from fogchain.jobs.blobname import name_of
from node.fleet import doorman, messages
from node.fleet.codes import VALID, Code
from node.fleet.device import Dismissed
from node.fleet.messages import Join, Receipt, Report
from node.fleet.roster import Spans, State


def report(life: str = "a" * 16, **more: object) -> Report:
    values = {
        "life": life, "version": "1", "state": "idle", "intent": "auto", "takes_work": True, "slots": 1,
        "memory": 1 << 30, "rate": 1, "engines": ["wasmtime-1/fog-1"],
    }  # fmt: skip
    return Report.model_validate(values | more)


async def beat(fleet: Fleet, number: int, said: Report) -> messages.Wishes:
    answer = await fleet.hub.ask(peer(number), GATEWAY, messages.BEAT, messages.encode(said))
    return messages.decode(messages.Wishes, answer)


# -------------------------------------------------------------------- joining


async def test_a_code_lets_one_device_in_once_and_its_lost_answer_can_be_asked_for_again(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        code = Code.parse(str(fleet.gateway.invite("kitchen")))
        assert await fleet.join(2, code) == "kitchen"
        assert await fleet.join(2, code) == "kitchen"
        error = await refused(fleet.join(3, code))
        assert isinstance(error, Forbidden) and "used already" in error.message
        assert [device.stored.name for device in fleet.gateway.devices] == ["kitchen"]


async def test_of_two_devices_with_one_code_at_once_one_gets_in(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        code = fleet.gateway.invite(None)
        found = await asyncio.gather(*(fleet.join(number, code) for number in (2, 3, 4)), return_exceptions=True)
        assert sum(isinstance(one, str) for one in found) == 1
        assert sum(isinstance(one, Forbidden) for one in found) == 2
        assert len(fleet.gateway.devices) == 1


async def test_an_expired_code_lets_nobody_in_nor_does_a_clock_that_was_put_back_help(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        code = fleet.gateway.invite(None)
        assert fleet.gateway.invitations == 1
        for wrong in (VALID, -1.0):
            fleet.wall += wrong
            error = await refused(fleet.join(2, code))
            assert isinstance(error, Forbidden) and "expired" in error.message
            assert fleet.gateway.invitations == 0
            fleet.wall -= wrong
        fleet.wall += VALID - 1
        assert await fleet.join(2, code) == "pi"


async def test_wrong_codes_are_counted(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        good = fleet.gateway.invite(None)
        wrong = Code(good.network, good.gateway, good.addresses, b"\0" * 16)
        for _ in range(doorman.WRONG_OF_ONE):
            assert isinstance(await refused(fleet.join(2, wrong)), Forbidden)
        assert isinstance(await refused(fleet.join(2, good)), Unavailable)
        assert await fleet.join(3, good) == "pi", "another device is not kept out by that"


async def test_a_code_is_kept_as_its_hash_alone(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        code = fleet.gateway.invite(None)
        fleet.engine.dispose()
        written = b"".join(path.read_bytes() for path in tmp_path.glob("node.db*"))
        assert code.secret not in written and str(code).encode() not in written


async def test_devices_of_one_name_are_told_apart_and_a_name_is_given_once(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        assert [await fleet.join(number) for number in (2, 3, 4)] == ["pi", "pi-2", "pi-3"]
        with pytest.raises(Conflict):
            fleet.gateway.invite("pi-2")


# -------------------------------------------------------------------- strangers and garbage


async def test_strangers_get_nothing_at_any_door(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        taken: list[str] = []
        member = await fleet.device(2)
        attempt = fleet.give(2, "mine", taken)
        await until(lambda: member.box.began == ["mine"])
        assert isinstance(await refused(beat(fleet, 3, report())), Forbidden)
        forged = messages.encode(result(attempt.number, "mine"))
        assert isinstance(await refused(fleet.hub.ask(peer(3), GATEWAY, messages.RESULT, forged)), Forbidden)
        await fleet.join(3)
        answer = await fleet.hub.ask(peer(3), GATEWAY, messages.RESULT, forged)
        assert not messages.decode(Receipt, answer).wanted, "another device's run is not its to end"
        assert fleet.gateway.may_read(peer(2), name_of(b"a program"))
        assert not fleet.gateway.may_read(peer(3), name_of(b"a program"))
        assert not fleet.gateway.may_read(peer(2), "0" * 64)
        error = await refused(fleet.hub.ask(peer(3), peer(2), messages.WAKE, b""))
        assert isinstance(error, Forbidden), "a device is woken by its gateway alone"
        assert taken == []


GARBAGE = (
    b"",
    b"\xff" * 1000,
    cbor.dumps([2, {}]),
    cbor.dumps([1, []]),
    cbor.dumps([1, {"life": "x"}]),
    cbor.dumps([1, report().model_dump() | {"slots": -1}]),
    cbor.dumps([1, report().model_dump() | {"slots": 10**9}]),
    cbor.dumps([1, report().model_dump() | {"more": 1}]),
    cbor.dumps([1, report().model_dump() | {"detail": "x" * 401}]),
    cbor.dumps([1, report().model_dump() | {"runs": {f"{n:016x}": "running" for n in range(3000)}}]),
    cbor.dumps([1, report().model_dump() | {"sensors": {f"s{n}": "1" for n in range(100)}}]),
    b"\x82\x01" + b"\x5a\x00\x0f\xff\xff" + b"x" * 0xFFFFF,
)


@pytest.mark.parametrize("payload", GARBAGE)
async def test_a_heartbeat_that_is_none_is_refused_and_changes_nothing(tmp_path: Path, payload: bytes) -> None:
    async with fleet_in(tmp_path) as fleet:
        await fleet.join(2)
        await beat(fleet, 2, report())
        before = fleet.gateway.find(peer(2)).report
        assert isinstance(await refused(fleet.hub.ask(peer(2), GATEWAY, messages.BEAT, payload)), BadMessage)
        assert fleet.gateway.find(peer(2)).report == before


async def test_what_a_device_says_is_fit_for_a_terminal(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        await fleet.join(2, name="pi\x1b[2J")
        await beat(fleet, 2, report(takes_work=False, detail="\x1b]0;owned\x07gone"))
        device = fleet.gateway.devices[0]
        assert device.stored.name.isprintable() and device.member.cause.isprintable()


# -------------------------------------------------------------------- runs


async def test_a_run_is_given_run_and_accepted_once(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        taken: list[str] = []
        member = await fleet.device(2)
        attempt = fleet.give(2, "seven", taken)
        await until(lambda: [run.state for run in fleet.gateway.find(peer(2)).member.runs] == ["running"])
        member.box.let.set()
        await until(lambda: taken == ["seven"])
        again = await fleet.hub.ask(peer(2), GATEWAY, messages.RESULT, messages.encode(result(attempt.number, "seven")))
        assert not messages.decode(Receipt, again).wanted
        await until(lambda: member.device.running == 0)
        assert taken == ["seven"] and fleet.gateway.devices[0].done == 1


async def test_a_silent_devices_run_is_handed_on_and_its_late_answer_is_nobodys(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        taken: list[str] = []
        member = await fleet.device(2)
        attempt = fleet.give(2, "late", taken)
        await until(lambda: [run.state for run in fleet.gateway.find(peer(2)).member.runs] == ["running"])
        fleet.hub.cut.add(peer(2))
        assert "no heartbeat" in await asyncio.wait_for(attempt.gone, 20)
        assert fleet.state(2) is State.OFFLINE
        member.box.let.set()
        fleet.hub.cut.clear()
        await until(lambda: fleet.state(2) is State.READY and member.device.running == 0)
        assert taken == []


async def test_a_device_that_is_killed_and_back_at_once_does_its_run_again(tmp_path: Path) -> None:
    async with fleet_in(tmp_path, Spans(offline=30.0, standing=60.0)) as fleet:
        taken: list[str] = []
        first = await fleet.device(2)
        fleet.give(2, "again", taken)
        await until(lambda: first.box.began == ["again"])
        await first.kill()
        second = await fleet.run(2)
        await until(lambda: second.box.began == ["again"])
        second.box.let.set()
        await until(lambda: taken == ["again"])


async def test_a_vetoed_run_is_given_back_with_the_reason(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        member = await fleet.device(2)
        attempt = fleet.give(2, "vetoed", [])
        await until(lambda: member.box.evict is not None)
        member.owner.here = True
        assert member.box.evict is not None
        member.box.evict.set_result("user: user.idle < 2 s")
        assert await asyncio.wait_for(attempt.gone, 20) == "user: user.idle < 2 s"
        await until(lambda: fleet.gateway.find(peer(2)).member.cause == "its owner is there")
        assert fleet.state(2) is State.RESTING


async def test_a_result_that_does_not_hold_sends_the_run_elsewhere(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        taken: list[str] = []
        member = await fleet.device(2)
        attempt = fleet.give(2, "right", taken)
        await until(lambda: member.box.began == ["right"])
        wrong = messages.encode(result(attempt.number, "wrong"))
        answer = await fleet.hub.ask(peer(2), GATEWAY, messages.RESULT, wrong)
        assert not messages.decode(Receipt, answer).wanted
        assert "not what it says" in await asyncio.wait_for(attempt.gone, 20)
        assert taken == []


async def test_a_run_that_is_called_back_ends_at_the_device(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        member = await fleet.device(2)
        attempt = fleet.give(2, "unneeded", [])
        await until(lambda: member.box.began == ["unneeded"])
        fleet.gateway.end(attempt, accepted=False)
        await until(lambda: member.device.running == 0)
        assert fleet.state(2) is State.READY


async def test_a_device_that_stops_in_order_is_offline_at_once(tmp_path: Path) -> None:
    async with fleet_in(tmp_path, Spans(offline=600.0)) as fleet:
        member = await fleet.device(2)
        attempt = fleet.give(2, "left", [])
        await until(lambda: member.box.began == ["left"])
        member.task.cancel()
        await member.device.stop()
        assert await asyncio.wait_for(attempt.gone, 20) == "it said goodbye"
        assert fleet.state(2) is State.OFFLINE


# -------------------------------------------------------------------- the owner's word


async def test_pause_resume_and_drain_reach_the_device_once_each(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        member = await fleet.device(2)
        for intent, state in (("pause", State.PAUSED), ("auto", State.READY), ("drain", State.DRAINED)):
            fleet.gateway.tell(peer(2), intent, 60.0)  # type: ignore[arg-type]
            await until(lambda intent=intent: member.owner.intent == intent)  # type: ignore[misc]
            await until(lambda state=state: fleet.state(2) is state)  # type: ignore[misc]
        member.owner.intent = "auto"  # its owner's own word, at the device: it is not taken back by the next heartbeat
        heard = len(member.heard)
        await until(lambda: len(member.heard) > heard + 2)
        assert member.owner.intent == "auto" and fleet.state(2) is State.DRAINED


async def test_a_policy_is_adopted_or_refused_with_the_reason_and_then_not_sent_again(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        member = await fleet.device(2)
        with pytest.raises(BadInput):
            fleet.gateway.wish(peer(2), "bad")
        assert fleet.gateway.find(peer(2)).stored.policy is None
        fleet.gateway.wish(peer(2), "good")
        await until(lambda: member.owner.policy == "good")
        device = fleet.gateway.find(peer(2))

        def newer(text: str) -> None:
            raise BadInput("line 1: this version knows no such sensor")

        member.owner.adopt = newer  # type: ignore[method-assign]
        fleet.gateway.wish(peer(2), "newer")
        await until(lambda: device.report is not None and "no such sensor" in device.report.refusal)
        heard = len(member.heard)
        await until(lambda: len(member.heard) > heard + 2)
        assert all(wishes.policy is None for wishes in member.heard[heard + 1 :])
        assert member.owner.policy == "good"


async def test_a_removed_device_is_refused_at_once_and_after_restarts_until_it_joins_anew(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        member = await fleet.device(2)
        attempt = fleet.give(2, "theirs", [])
        await until(lambda: member.box.began == ["theirs"])
        fleet.gateway.remove(peer(2))
        assert await asyncio.wait_for(attempt.gone, 20) == "it was removed"
        assert not fleet.gateway.may_read(peer(2), name_of(b"a program"))
        with pytest.raises(Dismissed, match="removed"):
            await asyncio.wait_for(member.task, 20)
        await fleet.restart()
        assert isinstance(await refused(beat(fleet, 2, report())), Forbidden)
        await fleet.join(2)
        assert (await beat(fleet, 2, report())).name == "pi"


async def test_a_gateway_that_was_away_has_its_roster_again_and_devices_come_back_by_themselves(tmp_path: Path) -> None:
    async with fleet_in(tmp_path) as fleet:
        member = await fleet.device(2)
        fleet.gateway.tell(peer(2), "pause")
        await until(lambda: member.owner.intent == "pause")
        fleet.hub.cut.add(GATEWAY)
        await until(lambda: member.device.link.state == "away")
        await fleet.restart()
        assert fleet.state(2) is State.OFFLINE
        fleet.hub.cut.clear()
        await until(lambda: fleet.state(2) is State.PAUSED and member.device.link.state == "joined")


async def test_more_runs_than_one_answer_holds_come_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.fleet.gateway.GIVEN_BYTES", 1)
    async with fleet_in(tmp_path) as fleet:
        member = await fleet.device(2)
        for name in ("one", "two", "three"):
            fleet.give(2, name, [])
        await until(lambda: sorted(member.box.began) == ["one", "three", "two"])
        assert any(wishes.more for wishes in member.heard)


def test_the_join_message_takes_no_other_secret_than_bytes() -> None:
    with pytest.raises(BadMessage):
        messages.decode(Join, cbor.dumps([1, {"secret": "text", "name": "x", "version": "1"}]))
