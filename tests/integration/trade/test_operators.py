"""Two nodes of one operator, as the registry has it by his signature, never confirm each other."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hostile import until

from fogchain.api.operators import OperatorAgreement
from fogchain.errors import BadInput, Conflict

pytestmark = [pytest.mark.slow, pytest.mark.chain]

ROUNDS = 1_000_000


async def fogchain(m: Any, name: str, *words: str) -> tuple[dict[str, Any], str]:
    """What `fogchain node operator …` says at this node, as JSON, and what it complains of."""
    command = [sys.executable, "-m", "fogchain.cli.main", "node", "operator", *words]
    command += ["--data", str(m.network.folder / name), "--json"]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    return json.loads(done.stdout) if done.returncode == 0 else {}, done.stderr


async def said(m: Any, name: str, *words: str) -> dict[str, Any]:
    answer, trouble = await fogchain(m, name, *words)
    assert answer, trouble
    return answer


async def hand_to(m: Any, name: str, operator: str, folder: Path) -> None:
    """The node `operator` signs that it runs the node `name`, whose owner binds it by that."""
    owner, by = m.addresses[name], m.addresses[operator]
    assert (await m.network.client(name).operator()).operator == owner
    agreement = folder / f"{operator}-{name}.json"
    agreement.write_text(json.dumps(await said(m, operator, "sign", owner)))

    signed = OperatorAgreement.model_validate_json(agreement.read_text())
    with pytest.raises(BadInput, match="is for the node of"):
        await m.network.client(operator).bind_operator(signed)
    with pytest.raises(Conflict, match="did not sign this"):
        await m.network.client(name).bind_operator(signed.model_copy(update={"operator": m.addresses["cedar"]}))

    bound = await said(m, name, "bind", str(agreement), "--key", "once")
    assert bound["operator"] == by
    assert (await m.network.client(name).bind_operator(signed, "once")).model_dump() == bound

    async def known() -> bool:
        return [node.address for node in (await m.network.client(operator).operator()).nodes] == [owner]

    await until(known, 60)
    block = (await m.network.client(operator).status()).chain.block

    async def known_to_the_buyer() -> bool:
        return bool((await m.network.buyer.status()).chain.block >= block)

    await until(known_to_the_buyer, 60)


async def test_two_nodes_of_one_operator_never_confirm_each_other(market: Callable[..., Any], tmp_path: Path) -> None:
    async with market(providers=3) as m:
        oak, birch, cedar = (m.addresses[name] for name in ("oak", "birch", "cedar"))
        await hand_to(m, "birch", "oak", tmp_path)
        job = await m.submit(m.spin(12, ROUNDS, '[verify]\nlevel = "L2"\n'))
        detail = await m.paid(job)
        assert detail.state == "done" and detail.checks_done == 12 and detail.checks_failed == 0
        operators = {share.address: share.operator for share in detail.providers}
        assert operators == {oak: oak, birch: oak, cedar: cedar}
        for task in (await m.network.buyer.tasks(job)).items:
            answered = [run.provider for run in task.runs if run.state == "accepted"]
            assert len(answered) == 2 and cedar in answered
        assert all(share.checks + share.tasks > 0 for share in detail.providers)

        # Three are needed, of three operators; there are two, and the job says so instead of taking their word.
        three = await m.submit(m.spin(2, ROUNDS, '[verify]\nlevel = "L3"\n'))
        waiting = await m.until(three, lambda detail: "3 providers of different operators" in detail.detail)
        assert waiting.tasks.done == 0 and not any(share.tasks for share in waiting.providers)
        await m.network.buyer.cancel(three)
        await m.paid(three)

        # The operator takes leave: the node is its owner's, who can't use the old agreement again.
        assert (await said(m, "oak", "release", birch))["nodes"] == []

        async def alone() -> bool:
            return bool((await m.network.client("birch").operator()).operator == birch)

        await until(alone, 60)
        old = OperatorAgreement.model_validate_json((tmp_path / "oak-birch.json").read_text())
        with pytest.raises(Conflict, match="took back his agreement"):
            await m.network.client("birch").bind_operator(old)
        assert await alone()

        # A new one holds, and this time the owner ends it.
        anew = await until(lambda: signed_anew(m), 60)
        assert (await m.network.client("birch").bind_operator(anew)).operator == oak
        released = await said(m, "birch", "release")
        assert released == {"address": birch, "registered": True, "operator": birch, "nodes": []}
        assert await said(m, "birch", "show") == released
        _, trouble = await fogchain(m, "birch", "release")
        assert "runs itself already" in trouble


async def signed_anew(m: Any) -> OperatorAgreement | None:
    """None right after the leave: then the longest agreement that the registry takes is too short."""
    try:
        return cast("OperatorAgreement", await m.network.client("oak").sign_agreement(m.addresses["birch"]))
    except Conflict as error:
        assert "released that node just now" in error.message
        return None
