"""A node that can't start says why and what to do, ends with code 1, and harms nothing."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fogchain.chain.deployment import Deployment
from fogchain.chain.local import LocalChain
from fogchain.config import DataFolder
from fogchain.localnet import LocalNetwork
from fogchain.nodefolder import create_node

pytestmark = [pytest.mark.slow, pytest.mark.chain]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalChain]:
    chain = LocalChain(tmp_path_factory.mktemp("chain"))
    await chain.start()
    yield chain
    await chain.stop()


@pytest.fixture
def folder(chain: LocalChain, tmp_path: Path) -> DataFolder:
    return make(chain, tmp_path / "node")


def make(chain: LocalChain, root: Path, **sections: dict[str, object]) -> DataFolder:
    folder = DataFolder(root)
    create_node(
        folder,
        name="test",
        roles=sections.pop("roles", ("buyer",)),
        rpc_url=chain.rpc_url,
        deployment=chain.deployment,
        light=True,
        p2p={"listen": ["/ip4/127.0.0.1/tcp/0"], "mdns": False, **sections.pop("p2p", {})},
        **sections,
    )
    return folder


def run(folder: DataFolder, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run `fogchain node run` on a folder that can't run; it must end by itself."""
    command = [sys.executable, "-m", "fogchain.cli.main", "node", "run", "--data", str(folder.root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def refused(folder: DataFolder, *words: str) -> str:
    """It ends with code 1 and one error that has these words and a hint; no traceback, no file changed."""
    before = contents(folder)
    result = run(folder)
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert "error: " in result.stderr and "try: " in result.stderr, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr
    assert before.items() <= contents(folder).items()
    return result.stderr


def contents(folder: DataFolder) -> dict[str, str]:
    """Hashes of all that matters in the folder."""
    kept = ("config.toml", "keystore.json", "password", "node.seed", "api.token", "node.db", "deployment.json")
    found = {name: folder.root / name for name in kept}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items() if path.exists()
    }  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
async def test_a_second_node_on_the_same_folder_is_refused(chain: LocalChain, tmp_path: Path) -> None:
    folder = make(chain, tmp_path / "twice")
    network = LocalNetwork(tmp_path, supervised=False)
    (tmp_path / "logs").mkdir()
    try:
        await network.launch_node("twice")
        status = await network.ready("twice")
        result = run(folder)
        assert result.returncode == 1
        assert "running" in result.stderr and str(status.pid) in result.stderr and "--data" in result.stderr
        assert (await network.client("twice").status()).pid == status.pid  # the first one goes on
        no_token(network.client("twice").url)
    finally:
        await network.stop()


def no_token(url: str) -> None:
    """Without the token, or with another one, the API tells nothing."""
    for headers in ({}, {"Authorization": "Bearer 0123456789abcdef0123456789abcdef"}):
        request = urllib.request.Request(f"{url}/v1/wallet", headers=headers)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        assert caught.value.code == 401
        assert "token" in caught.value.read().decode()


def test_a_busy_api_port(chain: LocalChain, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(make(chain, tmp_path / "node", api={"port": port}), str(port))


def test_a_busy_peer_port(chain: LocalChain, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(make(chain, tmp_path / "node", p2p={"listen": [f"/ip4/127.0.0.1/tcp/{port}"]}), str(port))


GUARD = """profile = "laptop"
[guards.{}]
enter = "{}"
leave = "battery.charge < 70 %"
scope = "owner"
action = "freeze"
deadline = "2 s"
"""


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (GUARD.format("x", "battery.charge >= 80"), ("policy.toml, line 3, guard 'x'", "80 has no unit")),
        (
            GUARD.format("heat", "battery.charge >= 80 %"),
            ("line 2, guard 'heat'", "keeps the machine safe"),
        ),
        ('profile = "laptop"\ndrop = ["heat"]\n', ("policy.toml", "'heat' keeps the machine safe")),
        ("profile = laptop\n", ("policy.toml", "no TOML")),
        ("", ("policy.toml", "no safety guard looks at power.source")),
    ],
)
def test_a_policy_with_an_error_never_makes_way_for_a_weaker_one(
    chain: LocalChain, tmp_path: Path, policy: str, words: tuple[str, ...]
) -> None:
    folder = make(chain, tmp_path / "node", roles=("provider",))
    folder.policy.write_text(policy)
    refused(folder, *words)
    assert folder.policy.read_text() == policy


def test_no_node_in_the_folder(tmp_path: Path) -> None:
    result = run(DataFolder(tmp_path / "nothing"))
    assert result.returncode == 1 and "fogchain node init" in result.stderr
    assert not (tmp_path / "nothing").exists()


def test_a_damaged_database(folder: DataFolder) -> None:
    folder.database.write_bytes(os.urandom(20_000))
    refused(folder, "node.db")


def test_the_database_of_an_older_version(folder: DataFolder) -> None:
    with contextlib.closing(sqlite3.connect(folder.database)) as old:
        old.execute("PRAGMA journal_mode = WAL")
        old.executescript("CREATE TABLE orders (digest BLOB PRIMARY KEY); PRAGMA user_version = 1")
    refused(folder, "node.db has layout 1", "finish what is open", "move the file away")


def test_a_damaged_keystore(folder: DataFolder) -> None:
    folder.keystore.write_text("{")
    refused(folder, "keystore.json")


def test_a_wrong_password(folder: DataFolder) -> None:
    folder.password.write_text("not the one")
    refused(folder, "password")


def test_a_missing_seed(folder: DataFolder) -> None:
    folder.seed.unlink()
    refused(folder, "node.seed")


def test_a_missing_token(folder: DataFolder) -> None:
    folder.token.unlink()
    refused(folder, "api.token")


def test_an_unknown_key_in_the_configuration(folder: DataFolder) -> None:
    folder.config.write_text(folder.config.read_text() + "\n[buyer]\nlost_afer = '3 s'\n")
    refused(folder, "lost_afer")


def test_a_configuration_that_is_not_toml(folder: DataFolder) -> None:
    folder.config.write_text("[node\n")
    refused(folder, "config.toml")


def test_the_contracts_of_another_chain(folder: DataFolder) -> None:
    path = folder.root / "deployment.json"
    deployment = Deployment.load(path)
    path.write_text(path.read_text().replace(str(deployment.chain_id), "5"))
    refused(folder, "chain")


def test_no_anvil(tmp_path: Path) -> None:
    environment = {**os.environ, "FOGCHAIN_ANVIL": str(tmp_path / "absent")}
    command = [sys.executable, "-m", "fogchain.cli.main", "chain", "up", "--data", str(tmp_path / "chain")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert result.returncode == 1
    assert "anvil" in result.stderr and "try: " in result.stderr and "Traceback" not in result.stderr
