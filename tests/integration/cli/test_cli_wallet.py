"""`fogchain wallet import` and `send`: keys come in unseen, money leaves once, over a real chain and a real node."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cli_node import ServedNode, environment, fogchain, fogchain_json
from coincurve import PrivateKey
from eth_account import Account

from fogchain.chain.client import ChainClient
from fogchain.config import DataFolder
from fogchain.localnet import LocalNetwork
from fogchain.units import WEI
from fogchain.wallet import keystore
from fogchain.wallet.address import checksummed
from fogchain.wallet.eip712 import address_of

KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # anvil's published account 0
OWNER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


def stored(data: Path) -> str:
    folder = DataFolder(data)
    password = keystore.find_password(folder)
    assert password is not None
    return keystore.load(folder.keystore, password).key.secret.hex()


# ---- import


@pytest.mark.parametrize("written", [KEY, f"0x{KEY}\n", KEY.upper()])
def test_a_key_comes_from_a_file_or_a_pipe(tmp_path: Path, written: str) -> None:
    file = tmp_path / "key"
    file.write_text(written)
    made = fogchain(tmp_path / "a", "wallet", "import", str(file), "--light")
    assert made.returncode == 0 and OWNER in made.stdout
    piped = fogchain(tmp_path / "b", "wallet", "import", "-", "--light", "--json", input=written)
    assert json.loads(piped.stdout)["address"] == OWNER
    for result in (made, piped):
        assert KEY not in (result.stdout + result.stderr).lower()
    assert stored(tmp_path / "a") == stored(tmp_path / "b") == KEY


def test_another_programs_keystore_is_taken_and_its_password_is_not_kept(tmp_path: Path) -> None:
    source, password = tmp_path / "UTC--2026--theirs", tmp_path / "password"
    source.write_text(json.dumps(Account.encrypt("0x" + KEY, "their pässword", kdf="pbkdf2", iterations=1000)))
    password.write_text("their pässword\n")
    words = ["wallet", "import", str(source), "--light"]
    made = fogchain_json(tmp_path / "data", *words, "--password-file", str(password))
    assert made["address"] == OWNER and stored(tmp_path / "data") == KEY
    assert "their pässword" not in (tmp_path / "data" / "password").read_text()

    password.write_text("a guess")
    wrong = fogchain(tmp_path / "other", *words, "--password-file", str(password))
    assert wrong.returncode == 1 and f"does not open {source}" in wrong.stderr and "was made with" in wrong.stderr
    unasked = fogchain(tmp_path / "other", *words)
    assert unasked.returncode == 1 and "--password-file" in unasked.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "content", [b"", b"not hex", KEY[:-2].encode(), b"00" * 32, b"ff" * 32, b"{", b'{"version": 3}', b"\xff\xfe\x00"]
)
def test_what_is_no_key_is_refused_and_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    password = tmp_path / "password"
    password.write_text("x")
    result = fogchain(tmp_path / "data", "wallet", "import", str(file), "--password-file", str(password))
    assert result.returncode == 1 and "error: " in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "data" / "keystore.json").exists()
    assert fogchain(tmp_path / "data", "wallet", "import", str(tmp_path / "none")).returncode == 1


def test_a_wallet_is_never_replaced(tmp_path: Path) -> None:
    made = fogchain_json(tmp_path, "wallet", "new", "--light")
    again = fogchain(tmp_path, "wallet", "import", "-", "--light", input=KEY)
    assert again.returncode == 1 and "there is a wallet" in again.stderr
    assert fogchain_json(tmp_path, "wallet", "show")["address"] == made["address"]


def test_on_a_terminal_the_key_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    assert "nobody is there" in fogchain(tmp_path / "data", "wallet", "import").stderr
    code, shown = on_terminal(tmp_path / "data", ["wallet", "import", "--light"], {"not shown": KEY})
    assert code == 0 and OWNER in shown and KEY not in shown
    assert stored(tmp_path / "data") == KEY


def on_terminal(data: Path, words: list[str], answers: dict[str, str]) -> tuple[int, str]:
    """Exit code and all that was shown; each answer is typed once its question stands there, one that is not to be
    shown once the terminal shows nothing any more."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "fogchain.cli.main", *words],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment(data),
    )  # fmt: skip
    shown, deadline = "", time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, shown
        if select.select([ours], [], [], 0.1)[0]:
            shown += os.read(ours, 65536).decode(errors="replace")
        elif process.poll() is not None:
            break
        for question, answer in list(answers.items()):
            echo = bool(termios.tcgetattr(theirs)[3] & termios.ECHO)
            if question in shown and not (echo and "not shown" in question):
                os.write(ours, f"{answer}\n".encode())
                del answers[question]
    os.close(ours)
    os.close(theirs)
    return process.wait(30), shown


# ---- send


class Network:
    """A chain and one node, and a look at the chain past both."""

    def __init__(self, net: LocalNetwork) -> None:
        self.net, self.data = net, net.folder / "buyer"
        self.chain = ChainClient(net.rpc_url, net.deployment)

    async def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(fogchain, self.data, *words)

    async def json(self, *words: str) -> Any:
        return await asyncio.to_thread(fogchain_json, self.data, *words)

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(60):
            while not await condition():
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    net = LocalNetwork(tmp_path_factory.mktemp("net"), providers=0, supervised=False)
    await net.start()
    found = Network(net)
    yield found
    await found.chain.close()
    await net.stop()


def somebody() -> str:
    return address_of(PrivateKey().public_key)


real = [pytest.mark.chain, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


class TestSending:
    pytestmark = real

    async def test_money_of_both_kinds_arrives(self, network: Network) -> None:
        to = somebody()
        result = await network.run("wallet", "send", checksummed(to), "2.5 FOG", "--yes")
        assert result.returncode == 0, result.stderr
        assert f"2.5 FOG sent to {checksummed(to)}" in result.stdout and "fee" in result.stdout
        assert await network.chain.token_balance(to) == 5 * WEI // 2
        sent = await network.json("wallet", "send", to, "0.25 ETH", "--yes")
        assert await network.chain.eth_balance(to) == WEI // 4
        assert (sent["to"], sent["amount"]) == (to, "0.25 ETH") and sent["fee"].endswith(" ETH")
        receipt = await network.chain.rpc.call("eth_getTransactionReceipt", sent["hash"])
        assert int(receipt["blockNumber"], 16) == sent["block"] and receipt["status"] == "0x1"

    async def test_a_mistake_costs_nothing_and_is_explained(self, network: Network) -> None:
        to, market = somebody(), network.net.deployment.market
        own = (await network.json("wallet", "show"))["address"]
        before = await network.chain.rpc.call("eth_getTransactionCount", own, "pending")
        typo = checksummed(to)
        typo = typo[:-1] + ("1" if typo[-1] != "1" else "2")
        for words, told in (
            ([to, "5"], "no unit"),
            ([to, "5 EUR"], "not a unit"),
            ([to, "0 FOG"], "nothing to send"),
            ([to, "100000 FOG"], "the wallet holds"),
            ([to, "100000 ETH"], "the wallet holds"),
            ([typo if typo != typo.lower() else "0x12", "1 FOG"], "address"),
            (["vitalik.eth", "1 FOG"], "not an account's address"),
            (["0x" + "0" * 40, "1 FOG"], "lost"),
            ([own, "1 FOG"], "own address"),
            ([market, "1 FOG"], "fogchain wallet deposit"),
        ):
            result = await network.run("wallet", "send", *words, "--yes")
            assert result.returncode == 1 and told in result.stderr and "try: " in result.stderr, words
        unasked = await network.run("wallet", "send", to, "1 FOG")
        assert unasked.returncode == 1 and "--yes" in unasked.stderr
        code, shown = await asyncio.to_thread(
            on_terminal, network.data, ["wallet", "send", to, "1 FOG"], {"[y/N]": "n"}
        )
        assert code == 1 and f"Send 1 FOG to {checksummed(to)}?" in shown
        assert await network.chain.rpc.call("eth_getTransactionCount", own, "pending") == before

    async def test_one_key_sends_once(self, network: Network) -> None:
        to = somebody()
        words = ["wallet", "send", to, "3 FOG", "--yes", "--key", "rent of may"]
        first, again = await asyncio.gather(network.json(*words), network.json(*words))
        assert first == again == await network.json(*words)
        assert await network.chain.token_balance(to) == 3 * WEI
        other = await network.run("wallet", "send", to, "4 FOG", "--yes", "--key", "rent of may")
        assert other.returncode == 1 and "used for another request" in other.stderr

    async def test_one_key_moves_and_bonds_once(self, network: Network) -> None:
        own, chain = (await network.json("wallet", "show"))["address"], network.chain
        free, bond = await chain.free_balance(own), (await chain.bond(own)).bonded
        for words, key in (
            (["wallet", "deposit", "3 FOG"], "in"),
            (["wallet", "withdraw", "1 FOG"], "out"),
            (["stake", "bond", "5 FOG"], "bond"),
        ):
            both = await asyncio.gather(*(network.json(*words, "--key", key) for _ in range(2)))
            told = [*both, await network.json(*words, "--key", key)]
            if words[0] == "wallet":
                assert told[0] == told[1] == told[2], words
            else:  # an approval before it is left out where it stands already
                assert told[0][-1] == told[1][-1] == told[2][-1], words
        assert await chain.free_balance(own) == free + 2 * WEI
        assert (await chain.bond(own)).bonded == bond + 5 * WEI
        other = await network.run("stake", "bond", "6 FOG", "--key", "bond")
        assert other.returncode == 1 and "used for another request" in other.stderr

    async def test_a_node_killed_on_the_way_acts_once(self, network: Network) -> None:
        to = somebody()
        own, rpc = (await network.json("wallet", "show"))["address"], network.chain.rpc
        free, bond = await network.chain.free_balance(own), (await network.chain.bond(own)).bonded

        async def under_way() -> bool:
            used, known = await rpc.strict([("eth_getTransactionCount", [own, tag]) for tag in ("latest", "pending")])
            return int(known, 16) >= int(used, 16) + 3

        await rpc.call("evm_setIntervalMining", 0)
        commands = [
            asyncio.create_task(network.run(*words, "--json"))
            for words in (
                ["wallet", "send", to, "1.25 FOG", "--yes"], ["wallet", "deposit", "2 FOG"], ["stake", "bond", "1 FOG"],
            )
        ]  # fmt: skip
        try:
            await network.until(under_way)
            await network.net.kill("buyer")
            assert not any(command.done() for command in commands)
            await network.net.launch_node("buyer")
            await network.net.ready("buyer")
        finally:
            await rpc.call("evm_setIntervalMining", 1)
        for result in await asyncio.gather(*commands):
            assert result.returncode == 0, result.stderr
            assert "trying again" in result.stderr
        assert await network.chain.token_balance(to) == 5 * WEI // 4
        assert await network.chain.free_balance(own) == free + 2 * WEI
        assert (await network.chain.bond(own)).bonded == bond + WEI

    async def test_without_a_node_the_command_sends_by_itself(self, network: Network) -> None:
        to = somebody()
        await network.net.end("buyer")
        words = ["wallet", "send", to, "0.5 FOG", "--yes", "--key", "alone"]
        sent = await network.json(*words)
        assert await network.chain.token_balance(to) == WEI // 2
        assert await network.json(*words) == sent
        own = (await network.json("wallet", "show"))["address"]
        bond, bonding = (await network.chain.bond(own)).bonded, ["stake", "bond", "1.5 FOG", "--key", "alone, too"]
        bonded = await network.json(*bonding)
        assert (await network.json(*bonding))[-1] == bonded[-1]
        await network.net.launch_node("buyer")
        await network.net.ready("buyer")
        assert await network.json(*words) == sent, "the node knows what was sent without it"
        assert (await network.json(*bonding))[-1] == bonded[-1]
        assert await network.chain.token_balance(to) == WEI // 2
        assert (await network.chain.bond(own)).bonded == bond + 3 * WEI // 2


def test_a_statement_is_a_table_json_or_a_file_for_a_spreadsheet(served: ServedNode, tmp_path: Path) -> None:
    shown = fogchain(served.folder.root, "wallet", "statement", "--from", "2026-01-01", "--to", "2026-12-31")
    assert shown.returncode == 0 and "opening balance" in shown.stdout and "closing balance" in shown.stdout
    assert fogchain_json(served.folder.root, "wallet", "statement")["closing"]["free"] == "0 FOG"
    file = tmp_path / "year.csv"
    assert fogchain(served.folder.root, "wallet", "statement", "--csv", str(file)).returncode == 0
    assert file.read_text().startswith("time,block,kind,job,")
    again = fogchain(served.folder.root, "wallet", "statement", "--csv", str(file))
    assert again.returncode == 1 and "there already" in again.stderr
    wrong = fogchain(served.folder.root, "wallet", "statement", "--from", "yesterday")
    assert wrong.returncode == 1 and "not a time" in wrong.stderr
