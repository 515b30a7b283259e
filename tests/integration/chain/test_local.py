"""The local chain as a child process: kills, restarts, refusals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from on_chain import ETH, FOG, until

from fogchain.chain.client import ChainClient
from fogchain.chain.local import LocalChain
from fogchain.chain.rpc import Rpc
from fogchain.errors import Conflict, CorruptData, Unavailable

pytestmark = pytest.mark.chain

SOMEONE = "0x" + "55" * 20


async def answers(client: ChainClient) -> bool:
    try:
        await client.head()
    except Unavailable:
        return False
    return True


async def test_from_an_empty_folder_to_deployed_contracts(tmp_path: Path) -> None:
    chain = LocalChain(tmp_path / "new", block_time=0.1)
    deployment = await chain.start()
    client = ChainClient(chain.rpc_url, deployment)
    await client.connect()
    state = json.loads((tmp_path / "new" / "chain.json").read_text())
    assert (state["rpc_url"], state["chain_id"], state["pid"]) == (chain.rpc_url, 31337, os.getpid())
    assert psutil.Process(state["anvil_pid"]).name() == "anvil"
    await chain.stop()
    await asyncio.wait_for(chain.wait(), 1)
    assert not psutil.pid_exists(state["anvil_pid"])
    await client.close()


async def test_what_was_saved_survives_a_kill_of_anvil_and_the_address_stays(
    chain: LocalChain, client: ChainClient
) -> None:
    await chain.fund(SOMEONE, ETH, 5 * FOG)
    url, pid = chain.rpc_url, chain.pid
    os.kill(pid, signal.SIGKILL)  # type: ignore[arg-type]

    async def restarted() -> bool:
        return chain.pid != pid and await answers(client)

    await until(restarted)
    assert chain.rpc_url == url
    assert await client.token_balance(SOMEONE) == 5 * FOG
    assert await client.eth_balance(SOMEONE) == ETH

    async def told() -> bool:
        return bool(json.loads((chain.folder / "chain.json").read_text())["anvil_pid"] == chain.pid)

    await until(told)


async def test_a_restart_keeps_everything_and_the_port(chain: LocalChain) -> None:
    await chain.fund(SOMEONE, ETH, 5 * FOG)
    url, deployment = chain.rpc_url, chain.deployment
    await chain.stop()
    again = LocalChain(chain.folder, block_time=0.1)
    assert await again.start() == deployment
    assert again.rpc_url == url
    client = ChainClient(url, deployment)
    assert await client.token_balance(SOMEONE) == 5 * FOG
    await client.close()
    await again.stop()


async def test_it_is_the_same_chain_after_any_number_of_kills(chain: LocalChain, client: ChainClient) -> None:
    """By the hash of its first block, by which nodes know it; anvil makes up another one at each start."""

    async def genesis() -> str:
        return str((await client.rpc.call("eth_getBlockByNumber", "0x0", False))["hash"])

    first = await genesis()
    for number in range(1, 5):
        await chain.fund(SOMEONE, ETH, FOG)
        pid = chain.pid
        os.kill(pid, signal.SIGKILL)  # type: ignore[arg-type]

        async def restarted(before: int | None = pid) -> bool:
            return chain.pid != before and await answers(client)

        await until(restarted)
        assert await genesis() == first
        loaded = json.loads((chain.folder / "state" / "loaded.json").read_bytes())
        assert sum(int(block["header"]["number"], 16) == 0 for block in loaded["blocks"]) == 1
        assert await client.token_balance(SOMEONE) == number * FOG


async def test_blocks_are_saved_without_being_asked_and_three_states_are_kept(
    chain: LocalChain, client: ChainClient
) -> None:
    from fogchain.chain.faucet import fund

    states = chain.folder / "state"
    for number in range(1, 4):
        before = max(states.glob("*.json.gz"))
        await fund(client.rpc, client.deployment, SOMEONE, 0, FOG)

        async def saved(before: Path = before) -> bool:
            return max(states.glob("*.json.gz")) > before

        await until(saved)
        assert await client.token_balance(SOMEONE) == number * FOG
    assert len(list(states.glob("*.json.gz"))) == 3


@pytest.mark.parametrize("damage", ["cut", "empty", "binary", "other"])
async def test_an_unreadable_state_falls_back_to_the_one_before(chain: LocalChain, damage: str) -> None:
    await chain.fund(SOMEONE, 0, FOG)
    await chain.fund(SOMEONE, 0, FOG)
    await chain.stop()
    newest = max((chain.folder / "state").glob("*.json.gz"))
    whole = newest.read_bytes()
    newest.write_bytes(
        {"cut": whole[: len(whole) // 2], "empty": b"", "binary": os.urandom(99), "other": b"{}"}[damage]
    )
    deployment = await chain.start()
    client = ChainClient(chain.rpc_url, deployment)
    assert FOG <= await client.token_balance(SOMEONE) <= 2 * FOG
    assert (newest.parent / f"{newest.name[:10]}.unreadable").exists()
    await client.close()


async def test_when_no_state_can_be_read_nothing_is_overwritten(chain: LocalChain) -> None:
    await chain.stop()
    for state in (chain.folder / "state").iterdir():
        state.write_bytes(b"{")
    for _ in range(2):
        with pytest.raises(CorruptData, match="no saved state") as caught:
            await chain.start()
        assert "backup" in caught.value.hint
    assert all(state.read_bytes() == b"{" for state in (chain.folder / "state").iterdir())


async def test_a_busy_port_is_refused(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        chain = LocalChain(tmp_path / "chain", port=port)
        with pytest.raises(Conflict, match=f"port {port}") as caught:
            await chain.start()
        assert "another port" in caught.value.hint
    # Nothing is left behind that would stop a second try.
    await chain.start()
    await chain.stop()


async def test_a_folder_in_use_is_refused(chain: LocalChain) -> None:
    second = LocalChain(chain.folder)
    with pytest.raises(Conflict, match=f"already running .process {os.getpid()}"):
        await second.start()
    assert (await ok(chain)) == chain.chain_id


async def ok(chain: LocalChain) -> int:
    client = ChainClient(chain.rpc_url, chain.deployment)
    await client.connect()
    await client.close()
    return chain.deployment.chain_id


async def test_another_chain_id_than_the_folders_is_refused(chain: LocalChain) -> None:
    await chain.stop()
    with pytest.raises(Conflict, match="holds chain 31337"):
        await LocalChain(chain.folder, chain_id=99).start()


async def test_without_anvil_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOGCHAIN_ANVIL", str(tmp_path / "nothing"))
    with pytest.raises(Unavailable, match="FOGCHAIN_ANVIL"):
        await LocalChain(tmp_path / "chain").start()
    monkeypatch.delenv("FOGCHAIN_ANVIL")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("fogchain.__file__", str(tmp_path / "fogchain" / "__init__.py"))
    with pytest.raises(Unavailable, match="not installed") as caught:
        await LocalChain(tmp_path / "chain").start()
    assert "npm ci" in caught.value.hint
    assert not (tmp_path / "chain").exists()


async def test_npms_launcher_script_is_not_taken_for_anvil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would start the real anvil as a child of its own, which a kill leaves behind."""
    shim = tmp_path / "anvil"
    shim.write_text("#!/bin/sh\n")
    shim.chmod(0o755)
    monkeypatch.delenv("FOGCHAIN_ANVIL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("fogchain.__file__", str(tmp_path / "fogchain" / "__init__.py"))
    with pytest.raises(Unavailable, match="not installed"):
        await LocalChain(tmp_path / "chain").start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent's")
async def test_a_killed_parent_takes_anvil_with_it_and_the_next_start_goes_on(deployed: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "chain"
    shutil.copytree(deployed, folder)
    program = (
        "import asyncio, pathlib, sys\n"
        "from fogchain.chain.local import LocalChain\n"
        "async def main():\n"
        "    chain = LocalChain(pathlib.Path(sys.argv[1]), block_time=0.1)\n"
        "    await chain.start()\n"
        f"    await chain.fund('{SOMEONE}', 0, {FOG})\n"
        "    print('pid', chain.pid, flush=True)\n"
        "    await chain.wait()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    anvil = None
    async for line in process.stdout:
        if line.startswith(b"pid "):
            anvil = psutil.Process(int(line.split()[1]))
            break
    assert anvil is not None
    process.kill()
    await process.wait()

    async def gone() -> bool:
        return not anvil.is_running() or anvil.status() == psutil.STATUS_ZOMBIE

    await until(gone)
    chain = LocalChain(folder, block_time=0.1)
    deployment = await chain.start()
    client = ChainClient(chain.rpc_url, deployment)
    assert await client.token_balance(SOMEONE) == FOG
    await client.close()
    await chain.stop()


class Killed(Exception):
    pass


class Dying(Rpc):
    """Sends one transaction, and is gone at the second."""

    sent = 0

    async def call(self, method: str, *params: Any) -> Any:
        self.sent += method == "eth_sendRawTransaction"
        if self.sent > 1:
            await self.close()
            raise Killed
        return await super().call(method, *params)


async def test_a_half_done_deployment_is_finished(tmp_path: Path) -> None:
    """As a kill between two contracts leaves it."""
    from coincurve import PrivateKey

    from fogchain.chain.deploy import deploy
    from fogchain.chain.deployment import CONTRACTS, Deployment
    from fogchain.chain.faucet import TREASURY, TREASURY_KEY
    from fogchain.chain.profile import Profile

    chain = LocalChain(tmp_path / "chain", block_time=0.1)
    whole = await chain.start()
    client = ChainClient(chain.rpc_url, whole)
    # A second deployment on the same chain, cut off after its first contract.
    target = tmp_path / "second.json"
    nonce = int(await client.rpc.call("eth_getTransactionCount", TREASURY, "latest"), 16)
    with pytest.raises(Killed):
        await deploy(Dying(chain.rpc_url), PrivateKey(TREASURY_KEY), target, Profile.load("test"))

    async def begun() -> bool:
        return int(await client.rpc.call("eth_getTransactionCount", TREASURY, "latest"), 16) == nonce + 1

    await until(begun)
    assert not target.exists()
    second = await deploy(client.rpc, PrivateKey(TREASURY_KEY), target, Profile.load("test"))
    assert Deployment.load(target) == second
    assert second.market != whole.market
    there = ChainClient(chain.rpc_url, second)
    await there.connect()
    await there.close()
    used = int(await client.rpc.call("eth_getTransactionCount", TREASURY, "latest"), 16)
    assert used == nonce + len(CONTRACTS)
    await client.close()
    await chain.stop()


async def test_nothing_is_written_to_the_users_home(
    deployed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    chain = LocalChain(tmp_path / "chain", block_time=0.05)
    await chain.start()
    client = ChainClient(chain.rpc_url, chain.deployment)

    async def forty() -> bool:
        return (await client.head()).number > 40

    await until(forty)
    await client.close()
    await chain.stop()
    assert list(home.iterdir()) == []
