"""Brownie as an operator uses it: its own tests; a network of another id, from a keystore, with kills between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from bare_chain import BareChain
from outside_signer import outside_signer

from fogchain.chain.deployment import CONTRACTS, Deployment
from fogchain.chain.transaction import created_address
from fogchain.wallet import keystore
from fogchain.wallet.keystore import Wallet

pytestmark = [pytest.mark.slow, pytest.mark.chain, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
CHAIN_ID = 990_018


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    made = subprocess.run([ROOT / "scripts" / "setup", "brownie"], capture_output=True, text=True, cwd=ROOT)
    if made.returncode:
        pytest.skip(f"Brownie's environment can't be made here: {made.stderr.strip()}")
    done = brownie("compile")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareChain]:
    chain = BareChain(tmp_path_factory.mktemp("anvil"), CHAIN_ID)
    yield chain
    chain.end()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("operator")


@pytest.fixture(scope="module")
def deployer(place: Path, network: BareChain) -> Wallet:
    wallet = keystore.create(place / "key.json", "a password", light=True)
    network.fund(wallet.address, 100)
    return wallet


def environment(place: Path, network: BareChain, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "FOGCHAIN_RPC_URL": network.url,
        "FOGCHAIN_CHAIN_ID": str(network.chain_id),
        "FOGCHAIN_PROFILE": "test",
        "FOGCHAIN_KEYSTORE": str(place / "key.json"),
        "FOGCHAIN_PASSWORD": "a password",
        "FOGCHAIN_CONFIRMATIONS": "1",
        "FOGCHAIN_DEPLOYMENTS": str(place),
        **more,
    }


def brownie(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "brownie", *words], capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def deployed(place: Path, network: BareChain, deployer: Wallet) -> Deployment:
    """Killed at the first contract, the second, one in the middle and the last, each sent and not yet mined.

    Then mined, but for the second, which the next run has to replace.
    """
    env = environment(place, network)
    last = len(CONTRACTS) - 1
    replaced = ""
    for number in sorted({0, 1, last // 2 + 1, last}):
        process = subprocess.Popen(
            [ROOT / "scripts" / "brownie", "run", "deploy", "--network", "testnet"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env,
        )  # fmt: skip
        try:
            if replaced:
                network.until(lambda hash_=replaced: network.waiting(deployer.address, 1) not in ("", hash_))
                network.mine()
            for earlier in range(network.nonce(deployer.address), number):
                network.until(lambda earlier=earlier: network.waiting(deployer.address, earlier))
                network.mine()
            network.until(lambda number=number: network.waiting(deployer.address, number))
        finally:
            process.kill()
            process.wait()
        replaced = network.waiting(deployer.address, number) if number == 1 else ""
        if not replaced:
            network.mine()
    network.mine_every(1)
    done = brownie("run", "deploy", "--network", "testnet", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return Deployment.load(place / f"{CHAIN_ID}.json")


def test_what_runs_in_brownies_own_environment_passes() -> None:
    done = brownie("test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_killed_again_and_again_it_ends_with_the_addresses_known_before(
    deployed: Deployment, network: BareChain, deployer: Wallet, place: Path
) -> None:
    expected = [created_address(deployer.address, nonce) for nonce in range(len(CONTRACTS))]
    assert list(deployed.addresses.values()) == expected
    assert network.nonce(deployer.address) == len(CONTRACTS)  # nothing twice
    assert deployed.origin is not None
    for name, transaction in deployed.origin.transactions.items():
        receipt = network.call("eth_getTransactionReceipt", transaction)
        assert receipt["contractAddress"] == getattr(deployed, name) and receipt["type"] == "0x2"
    assert not (place / f"{CHAIN_ID}.json.part").exists()


def test_an_account_whose_key_is_in_another_program_deploys(tmp_path: Path) -> None:
    chain = BareChain(tmp_path / "anvil", CHAIN_ID + 1, block_time=1)
    socket = Path(tempfile.mkdtemp(prefix="clef")) / "clef.ipc"  # a socket's path is short
    try:
        with outside_signer(socket) as signer:
            chain.fund(signer.account.address, 100)
            env = environment(tmp_path, chain, FOGCHAIN_ACCOUNT=signer.account.address, FOGCHAIN_CLEF=str(socket))
            del env["FOGCHAIN_KEYSTORE"]
            done = brownie("run", "deploy", "--network", "testnet", env=env)
            assert done.returncode == 0, done.stdout + done.stderr
        deployed = Deployment.load(tmp_path / f"{chain.chain_id}.json")
        account = signer.account.address.lower()
        assert list(deployed.addresses.values()) == [created_address(account, n) for n in range(len(CONTRACTS))]
        assert [int(sent["nonce"], 16) for sent in signer.signed] == list(range(len(CONTRACTS)))
        assert all("maxFeePerGas" in sent and int(sent["chainId"], 16) == chain.chain_id for sent in signer.signed)
    finally:
        shutil.rmtree(socket.parent)
        chain.end()


def test_a_second_deployment_is_refused(deployed: Deployment, network: BareChain, place: Path) -> None:
    again = brownie("run", "deploy", "--network", "testnet", env=environment(place, network))
    assert again.returncode == 1 and "is there already" in again.stdout + again.stderr
    assert Deployment.load(place / f"{CHAIN_ID}.json") == deployed


def test_verify_passes_and_hands_the_sources_to_an_explorer(
    deployed: Deployment, network: BareChain, place: Path
) -> None:
    with Explorer() as explorer:
        env = environment(place, network, FOGCHAIN_EXPLORER_URL=explorer.url, FOGCHAIN_EXPLORER_KEY="a key")
        done = brownie("run", "verify", "--network", "testnet", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    taken = [form for form in explorer.forms if form["action"] == "verifysourcecode"]
    assert [form["contractaddress"] for form in taken] == list(deployed.addresses.values())
    assert {form["apikey"] for form in taken} == {"a key"}
    for name, form in zip(CONTRACTS, taken, strict=True):
        code = network.call("eth_getTransactionByHash", deployed.origin.transactions[name])["input"]  # type: ignore[union-attr]
        assert code.endswith(form["constructorArguments"])
        assert form["contractname"].split(":")[0] in json.loads(form["sourceCode"])["sources"]
    assert done.stdout.count("Pass - Verified") == len(CONTRACTS)


def test_verify_fails_on_a_tampered_address(
    deployed: Deployment, network: BareChain, place: Path, tmp_path: Path
) -> None:
    shutil.copy(place / f"{CHAIN_ID}.json", tmp_path)
    file = tmp_path / f"{CHAIN_ID}.json"
    file.write_text(file.read_text().replace(deployed.stake, deployed.token))
    done = brownie("run", "verify", "--network", "testnet", env=environment(tmp_path, network))
    assert done.returncode == 1
    assert f"put it at {deployed.stake}" in done.stdout
    assert "not what they should be" in done.stdout + done.stderr


def test_governance_talks_to_that_network(deployed: Deployment, network: BareChain, place: Path) -> None:
    env = environment(place, network)
    empty = brownie("run", "governance", "list", "--network", "testnet", env=env)
    assert empty.returncode == 0 and "no proposals yet" in empty.stdout, empty.stdout + empty.stderr
    wrong = brownie("run", "governance", "propose", "X", "pricing.explode()", "--network", "testnet", env=env)
    assert wrong.returncode == 1 and "no function 'explode'" in wrong.stdout + wrong.stderr


class Explorer:
    """A block explorer's API as far as it takes sources: busy with the first for a moment, then done."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        outer = self

        class Requests(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                busy = not any("guid" in earlier for earlier in outer.forms)
                outer.forms.append(form)
                result = "Pending in queue" if busy else "Pass - Verified"
                if form["action"] == "verifysourcecode":
                    result = f"guid-{form['contractaddress']}"
                answer = json.dumps({"status": "1", "message": "OK", "result": result}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Requests)
        self.url = f"http://127.0.0.1:{self._server.server_port}/api"

    def __enter__(self) -> Explorer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
