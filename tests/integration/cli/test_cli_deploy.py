"""`fogchain chain deploy` on a chain that knows nothing of fogchain, and `fogchain chain reset`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from bare_chain import BareChain
from cli_node import environment, fogchain, fogchain_json

from fogchain.chain.deployment import CONTRACTS, Deployment
from fogchain.chain.profile import Profile
from fogchain.chain.transaction import created_address
from fogchain.wallet import keystore
from fogchain.wallet.keystore import Wallet

pytestmark = [pytest.mark.chain, pytest.mark.slow]

CHAIN_ID = 990_017
GAS = 8_000_000  # of a block: one contract at a time
SHARE = """
[[vesting]]
name = "founders"
beneficiary = "0x7777777777777777777777777777777777777777"
amount = "150_000_000 FOG"
cliff = "365 d"
duration = "1460 d"
"""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[BareChain]:
    chain = BareChain(tmp_path / "anvil", CHAIN_ID, gas_limit=GAS)
    yield chain
    chain.end()


@pytest.fixture
def deployer(tmp_path: Path, network: BareChain) -> Wallet:
    """With its keystore and password in the folder `wallet`."""
    (tmp_path / "wallet").mkdir()
    (tmp_path / "wallet" / "password").write_text("a password\n")
    wallet = keystore.create(tmp_path / "wallet" / "key.json", "a password", light=True)
    network.fund(wallet.address, 100)
    return wallet


def command(tmp_path: Path, network: BareChain, *more: str) -> list[str]:
    words = ["chain", "deploy", "--rpc", network.url, "--keystore", str(tmp_path / "wallet" / "key.json")]
    return [*words, "--out", str(tmp_path / "there.json"), *more]


def predicted(wallet: Wallet) -> list[str]:
    return [created_address(wallet.address, place) for place in range(len(CONTRACTS))]


def test_killed_at_every_contract_it_ends_with_the_addresses_known_before(
    tmp_path: Path, network: BareChain, deployer: Wallet
) -> None:
    words = command(tmp_path, network, "--profile", "test", "--json")
    for done in range(1, len(CONTRACTS) + 1):
        process = subprocess.Popen(
            [sys.executable, "-m", "fogchain.cli.main", *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(tmp_path / "home"),
        )  # fmt: skip
        network.until(lambda: network.nonce(deployer.address, "pending") == len(CONTRACTS))
        process.kill()
        process.wait()
        while network.nonce(deployer.address) < done:
            network.mine()
        if done == 2:
            network.call("anvil_dropAllTransactions")  # as a node that restarts loses its pool
        assert not (tmp_path / "there.json").exists()
    network.mine_every(1)
    told = json.loads(fogchain(tmp_path / "home", *words).stdout)
    deployment = Deployment.load(tmp_path / "there.json")
    assert list(told["contracts"].values()) == list(deployment.addresses.values()) == predicted(deployer)
    assert network.nonce(deployer.address) == len(CONTRACTS)  # nothing twice
    assert deployment.chain_id == CHAIN_ID and deployment.rpc_url == network.url
    assert deployment.origin is not None and list(deployment.origin.transactions) == list(CONTRACTS)
    for name, transaction in deployment.origin.transactions.items():
        receipt = network.call("eth_getTransactionReceipt", transaction)
        assert receipt["contractAddress"] == getattr(deployment, name) and receipt["type"] == "0x2"
    assert not (tmp_path / "there.json.part").exists()


def test_a_profile_of_ones_own_gives_shares_that_vest(tmp_path: Path, network: BareChain, deployer: Wallet) -> None:
    profile = tmp_path / "mine.toml"
    production = Path(sys.modules[Profile.__module__].__file__ or "").with_name("profiles") / "production.toml"
    profile.write_text(production.read_text() + SHARE)
    network.mine_every(1)
    fogchain_json(tmp_path / "home", *command(tmp_path, network, "--profile", str(profile), "--confirmations", "1"))
    deployment = Deployment.load(tmp_path / "there.json")
    wallet = deployment.vesting["vesting_founders"]
    balance = "0x70a08231" + wallet[2:].rjust(64, "0")
    held = network.call("eth_call", {"to": deployment.token, "data": balance}, "latest")
    assert int(held, 16) == 150_000_000 * 10**18


def test_it_waits_for_blocks_on_top(tmp_path: Path, network: BareChain, deployer: Wallet) -> None:
    words = command(tmp_path, network, "--profile", "test", "--yes", "--confirmations", "3")
    process = subprocess.Popen(
        [sys.executable, "-m", "fogchain.cli.main", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(tmp_path / "home"),
    )  # fmt: skip
    assert process.stderr is not None
    network.until(lambda: network.nonce(deployer.address, "pending") == len(CONTRACTS))
    while network.nonce(deployer.address) < len(CONTRACTS):
        network.mine()
    said = ""
    for line in process.stderr:
        said += line
        if "3 blocks on top" in line:
            break
    assert "FogMarket at 0x" in said
    assert not (tmp_path / "there.json").exists()
    for _ in range(3):
        network.mine()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert (tmp_path / "there.json").exists() and "fogchain node init" in out


def test_refusals_cost_nothing(tmp_path: Path, network: BareChain, deployer: Wallet) -> None:
    home = tmp_path / "home"
    words = command(tmp_path, network, "--profile", "test")
    asked = fogchain(home, *words)  # nobody answers
    assert asked.returncode == 1 and "may take" in asked.stderr and "ETH" in asked.stderr
    network.fund(deployer.address, 0.000001)
    poor = fogchain(home, *words, "--yes")
    assert poor.returncode == 1 and "may take" in poor.stderr and deployer.address in poor.stderr
    network.fund(deployer.address, 100)
    profile = tmp_path / "wrong.toml"
    for text, what in (("[stake]\nunbonding = 7", "token.deployer is missing"), ("guard = 1", "guard"), ("=", "TOML")):
        profile.write_text(text)
        wrong = fogchain(home, *command(tmp_path, network, "--profile", str(profile), "--yes"))
        assert wrong.returncode == 1 and what in wrong.stderr
    (tmp_path / "wallet" / "password").write_text("another\n")
    locked = fogchain(home, *words, "--yes")
    assert locked.returncode == 1 and "password" in locked.stderr
    (tmp_path / "wallet" / "password").write_text("a password\n")
    (tmp_path / "there.json").write_text("{}")
    there = fogchain(home, *words, "--yes")
    assert there.returncode == 1 and "already" in there.stderr
    assert (tmp_path / "there.json").read_text() == "{}"
    assert network.nonce(deployer.address, "pending") == 0


def test_a_deployment_begun_with_another_profile_is_not_mixed(
    tmp_path: Path, network: BareChain, deployer: Wallet
) -> None:
    words = command(tmp_path, network, "--profile", "test", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "fogchain.cli.main", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(tmp_path / "home"),
    )  # fmt: skip
    network.until(lambda: network.nonce(deployer.address, "pending") == len(CONTRACTS))
    process.kill()
    process.wait()
    network.mine()
    other = fogchain(tmp_path / "home", *command(tmp_path, network, "--profile", "production", "--json"))
    assert other.returncode == 1 and "another profile" in other.stderr and "there.json.part" in other.stderr


def test_a_node_that_supposes_nothing_is_asked_again_when_the_neighbours_are_there(
    tmp_path: Path, network: BareChain, deployer: Wallet
) -> None:
    network.mine_every(1)
    with Unsupposing(network.url) as url:
        words = command(tmp_path, network, "--profile", "test", "--json", "--confirmations", "0")
        words[words.index(network.url)] = url
        assert list(fogchain_json(tmp_path / "home", *words)["contracts"].values()) == predicted(deployer)


class Unsupposing:
    """A node before a chain's node that refuses state overrides, as many public ones do."""

    def __init__(self, url: str) -> None:
        class Requests(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = json.loads(body)
                first = asked[0] if isinstance(asked, list) else asked
                if first["method"] == "eth_estimateGas" and len(first["params"]) > 1:
                    refusal = {"code": -32602, "message": "too many arguments, want at most 2"}
                    answers = [{"jsonrpc": "2.0", "id": one["id"], "error": refusal} for one in asked]
                    answer = json.dumps(answers).encode()
                else:
                    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
                    with urllib.request.urlopen(request, timeout=20) as real:
                        answer = real.read()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def up(data: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fogchain.cli.main", "chain", "up", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(data),
    )  # fmt: skip


def test_reset_ends_the_running_chain_and_the_next_is_new(tmp_path: Path) -> None:
    data, owner = tmp_path / "home", "0x" + "55" * 20
    nothing = fogchain(data, "chain", "reset", "--yes")
    assert nothing.returncode == 1 and "no local chain" in nothing.stderr
    first = up(data)
    try:
        assert first.stdout is not None
        place = json.loads(first.stdout.readline())
        fogchain_json(data, "chain", "fund", owner, "--fog", "5 FOG")
        unsure = fogchain(data, "chain", "reset")  # nobody answers
        assert unsure.returncode == 1 and str(first.pid) in unsure.stderr
        assert first.poll() is None
        mine = data / "chain" / "notes.txt"
        mine.write_text("not the chain's")
        assert fogchain_json(data, "chain", "reset")["stopped"] == first.pid
        assert first.wait(10) == 0
    finally:
        first.kill()
    assert mine.exists() and not (data / "chain" / "state").exists()
    second = up(data)
    try:
        assert second.stdout is not None
        again = json.loads(second.stdout.readline())
        assert again["rpc_url"] == place["rpc_url"]
        deployment = Deployment.load(data / "chain" / "deployment.json")
        body = {"to": deployment.token, "data": "0x70a08231" + owner[2:].rjust(64, "0")}
        assert int(rpc(again["rpc_url"], "eth_call", body, "latest"), 16) == 0
    finally:
        second.send_signal(signal.SIGINT)
        second.communicate(timeout=30)
    assert fogchain_json(data, "chain", "reset")["stopped"] is None


def rpc(url: str, method: str, *parameters: object) -> str:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(json.loads(answer.read())["result"])
