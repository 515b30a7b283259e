"""`fogchain node init`, `wallet`, and `chain`: files, refusals, and a real local chain."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_node import ServedNode, environment, fogchain, fogchain_json

from fogchain.chain.deployment import Deployment
from fogchain.config import DataFolder, load_config
from fogchain.errors import FogchainError

KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # anvil's published account 0
OWNER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    addresses = {name: "0x" + f"{n:02x}" * 20 for n, name in enumerate(("token", "stake", "market", "registry"), 1)}
    path = tmp_path / "network.json"
    Deployment(chain_id=31337, block=0, rpc_url="http://127.0.0.1:9", **addresses).save(path)
    return path


def test_init_makes_a_private_folder_that_the_daemon_can_read(tmp_path: Path, deployment: Path) -> None:
    data = tmp_path / "data"
    words = ["node", "init", "--chain", str(deployment), "--light", "--name", "mine", "--role", "provider"]
    made = fogchain_json(data, *words, "--price", "0.7 FOG/Gfuel", "--slots", "3", "--no-mdns")
    folder = DataFolder(data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for secret in (folder.keystore, folder.password, folder.seed, folder.token):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    config = load_config(folder)
    assert config.node.name == "mine" and config.node.roles == ("provider",)
    assert config.provider.price == 7 * 10**17 and config.provider.slots == 3 and not config.p2p.mdns
    assert Deployment.load(config.chain.deployment).chain_id == 31337
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    again = fogchain(data, *words)
    assert again.returncode == 1 and "already" in again.stderr and "--data" in again.stderr
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before
    shown = fogchain_json(data, "wallet", "show")  # no node, no chain
    assert shown["address"] == made["address"] and shown["source"] == "keystore" and "token" not in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--price", "0.7"], "no unit"),
        (["--role", "spy"], "roles"),
        (["--slots", "0"], "slots"),
        (["--rpc", "ftp://x"], "rpc_url"),
        (["--name", "x" * 50], "name"),
    ],
)
def test_init_refuses_wrong_settings_and_leaves_nothing(
    tmp_path: Path, deployment: Path, words: list[str], message: str
) -> None:
    data = tmp_path / "data"
    result = fogchain(data, "node", "init", "--chain", str(deployment), "--light", *words)
    assert result.returncode == 1 and message in result.stderr and "try: " in result.stderr
    assert not data.exists()


def test_init_without_a_network_says_where_to_get_one(tmp_path: Path) -> None:
    result = fogchain(tmp_path / "data", "node", "init")
    assert result.returncode == 1 and "fogchain chain up" in result.stderr
    missing = fogchain(tmp_path / "data", "node", "init", "--chain", str(tmp_path / "none.json"))
    assert missing.returncode == 1 and "none.json" in missing.stderr
    assert not (tmp_path / "data").exists()


def test_a_wallet_is_made_or_imported_once_and_the_node_takes_it(tmp_path: Path, deployment: Path) -> None:
    data, key = tmp_path / "data", tmp_path / "key"
    key.write_text(f"0x{KEY}\n")
    made = fogchain(data, "wallet", "import", str(key), "--light")
    assert made.returncode == 0 and OWNER in made.stdout and KEY not in made.stdout + made.stderr
    again = fogchain(data, "wallet", "new", "--light")
    assert again.returncode == 1 and "there is a wallet" in again.stderr
    assert fogchain_json(data, "node", "init", "--chain", str(deployment), "--light")["address"] == OWNER
    key.write_text("not hex")
    wrong = fogchain(tmp_path / "other", "wallet", "import", str(key))
    assert wrong.returncode == 1 and "64 hex digits" in wrong.stderr
    nobody = fogchain(tmp_path / "nobody", "wallet", "show")
    assert nobody.returncode == 1 and "fogchain wallet new" in nobody.stderr


def test_money_moves_through_the_node_and_bare_numbers_do_not(served: ServedNode) -> None:
    root = served.folder.root
    assert "2.5 FOG deposited: 2.5 FOG in the market" in fogchain(root, "wallet", "deposit", "2.5 FOG").stdout
    assert fogchain_json(root, "wallet", "withdraw", "1 FOG")["free"] == "1.5 FOG"
    bare = fogchain(root, "wallet", "deposit", "5")
    assert bare.returncode == 1 and "no unit" in bare.stderr
    shown = fogchain(root, "wallet", "show").stdout
    assert "in the market" in shown and "1.5 FOG" in shown and "8.5 FOG" in shown
    assert fogchain_json(root, "wallet", "show")["source"] == "node"


def test_node_status_shows_what_the_node_says(served: ServedNode) -> None:
    shown = fogchain(served.folder.root, "node", "status").stdout
    assert "memory" in shown and "ready" in shown and "block 7" in shown
    assert fogchain_json(served.folder.root, "node", "status")["chain"]["block"] == 7


def test_run_without_a_node_says_how_to_make_one(tmp_path: Path) -> None:
    result = fogchain(tmp_path / "none", "node", "run")
    assert result.returncode == 1 and "fogchain node init" in result.stderr and "Traceback" not in result.stderr


def test_panel_without_a_node_says_how_to_start_one(tmp_path: Path) -> None:
    result = fogchain(tmp_path / "none", "panel")
    assert result.returncode == 1 and "fogchain node init" in result.stderr


def test_a_suite_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    result = fogchain(tmp_path, "bench", "speed")
    assert result.returncode == 1 and "e2e" in result.stderr


@pytest.mark.chain
def test_a_local_chain_comes_up_is_looked_at_gives_money_and_ends_in_order(tmp_path: Path) -> None:
    data = tmp_path / "home"
    down = fogchain(data, "chain", "status")
    assert down.returncode == 1 and "fogchain chain up" in down.stderr
    chain = subprocess.Popen(
        [sys.executable, "-m", "fogchain.cli.main", "chain", "up", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(data),
    )  # fmt: skip
    try:
        assert chain.stdout is not None
        line = chain.stdout.readline()
        assert line, chain.stderr.read() if chain.stderr else ""
        place = json.loads(line)
        status = fogchain_json(data, "chain", "status")
        assert status["rpc_url"] == place["rpc_url"] and status["contracts"] == place["contracts"]
        assert "up at" in fogchain(data, "chain", "status").stdout
        made = fogchain_json(data, "node", "init", "--light")  # finds the chain by itself
        given = fogchain(data, "chain", "fund", made["address"], "--fog", "100 FOG", "--eth", "1 ETH")
        assert given.returncode == 0 and "100 FOG and 1 ETH more" in given.stdout, given.stderr
        shown = fogchain_json(data, "wallet", "show")
        assert (shown["token"], shown["eth"], shown["source"]) == ("100 FOG", "1 ETH", "chain")
        for words in (["nobody", "--fog", "1 FOG"], [OWNER], [OWNER, "--fog", "1"], [OWNER, "--eth", "1 FOG"]):
            assert fogchain(data, "chain", "fund", *words).returncode == 1
        second = fogchain(data, "chain", "up")
        assert second.returncode == 1 and "already running" in second.stderr
    finally:
        chain.send_signal(signal.SIGINT)
        _, err = chain.communicate(timeout=30)
    assert chain.returncode == 0, err
    assert "Traceback" not in err
    gone = fogchain(data, "chain", "status")
    assert gone.returncode == 1 and "no chain is running" in gone.stderr
    assert alive_below(place["folder"]) == []


def alive_below(folder: str) -> list[int]:
    """Processes that name this folder in their command line, given a moment to end."""
    deadline = time.monotonic() + 10
    while True:
        found = [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and int(entry.name) != os.getpid() and folder in _command(entry)
        ]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def _command(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def test_address_files_that_are_damaged_read_as_no_node(tmp_path: Path) -> None:
    from fogchain.api.address import ApiAddress

    folder = DataFolder(tmp_path)
    folder.api_file.parent.mkdir()
    for content in ("", "{", "[]", '{"url": "http://x"}', '{"url": 1, "pid": "x"}', "null"):
        folder.api_file.write_text(content)
        with pytest.raises(FogchainError, match="no node is running"):
            ApiAddress.load(folder)
    ApiAddress("http://127.0.0.1:1", 5).save(folder)
    assert ApiAddress.load(folder) == ApiAddress("http://127.0.0.1:1", 5)
