"""The configuration file: what is taken, and how what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from fogchain.config import DataFolder, NodeConfig, explain, load_config
from fogchain.errors import BadInput, NotFound
from fogchain.units import WEI

LEAST = """
[chain]
rpc_url = "http://127.0.0.1:8545"
deployment = "deployment.json"
"""


def load(folder: Path, text: str) -> NodeConfig:
    (folder / "config.toml").write_text(text)
    return load_config(DataFolder(folder))


def test_the_least_file_has_sane_defaults_and_finds_the_deployment_beside_it(tmp_path: Path) -> None:
    config = load(tmp_path, LEAST)
    assert config.node.roles == ("buyer", "provider")
    assert config.api.host == "127.0.0.1"
    assert config.provider.price == WEI // 2
    assert config.chain.deployment == tmp_path / "deployment.json"
    absolute = tmp_path / "elsewhere.json"
    assert load(tmp_path, LEAST.replace("deployment.json", str(absolute))).chain.deployment == absolute


def test_amounts_are_read_with_their_units(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        LEAST
        + """
[provider]
price = "1.25 FOG/Gfuel"
memory = "2 GiB"
offer_validity = "10 min"
[buyer]
lost_after = "2.5 s"
""",
    )
    assert config.provider.price == 125 * WEI // 100
    assert config.provider.memory == 2 << 30
    assert config.provider.offer_validity == 600_000
    assert config.buyer.lost_after == 2500


def test_operators_who_may_sign_in_are_accounts(tmp_path: Path) -> None:
    assert load(tmp_path, LEAST).signin.operators == ()
    rules = """
[signin]
operators = ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"]
panels = ["https://panel.example:8443"]
"""
    section = load(tmp_path, LEAST + rules).signin
    assert section.operators == ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",)
    for old, new, said in (
        ("0x5aA", "0x5AA", "signin.operators.0: .* capitals"),
        ("0x5aA", "5aA", "signin.operators.0: .* not an account"),
        ("8443", "8443/path", "signin.panels.0"),
        ("https", "ftp", "signin.panels.0"),
    ):
        with pytest.raises(BadInput, match=said):
            load(tmp_path, LEAST + rules.replace(old, new))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LEAST + '[provider]\nprise = "1 FOG/Gfuel"', "provider.prise: unknown key"),
        (LEAST + "[wallets]\nkeep = 1", "wallets: unknown key"),
        ("", "chain: missing"),
        ('[chain]\nrpc_url = "http://x"', "chain.deployment: missing"),
        (LEAST.replace("http:", "ftp:"), "chain.rpc_url"),
        (LEAST + "[provider]\nprice = 1", "provider.price: '1' "),
        (LEAST + "[provider]\nprice = 0.5", "provider.price: '0.5' "),
        (LEAST + '[provider]\nprice = "1"', "provider.price: '1' has no unit"),
        (LEAST + '[provider]\nprice = "1 FOG"', "provider.price: 'FOG' is not a unit of a price"),
        (LEAST + '[provider]\nprice = "-1 FOG/Gfuel"', "provider.price: '-1 FOG/Gfuel' is not a price"),
        (LEAST + '[provider]\nprice = "1e5 FOG/Gfuel"', "provider.price"),
        (LEAST + '[provider]\nmemory = "64 parsec"', "provider.memory: 'parsec' is not a unit of a size"),
        (LEAST + '[provider]\nmemory = "1 kB"', "provider.memory: "),
        (LEAST + "[provider]\nslots = 0", "provider.slots: "),
        (LEAST + "[provider]\nslots = 1.5", "provider.slots: "),
        (LEAST + "[buyer]\nlost_after = 15", "buyer.lost_after: '15' "),
        (LEAST + "[buyer]\nlost_after = true", "buyer.lost_after: "),
        (LEAST + "[buyer]\nmax_providers = 101", "buyer.max_providers: "),
        (LEAST + "[api]\nport = 65536", "api.port: "),
        (LEAST + '[node]\nroles = ["judge"]', "node.roles.0: "),
        (LEAST + "[node]\nroles = []", "node.roles: "),
        (LEAST + '[node]\nname = ""', "node.name: "),
    ],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(tmp_path, text)
    assert said in caught.value.message
    assert str(tmp_path / "config.toml") in caught.value.message
    assert caught.value.hint


def test_a_line_that_is_not_toml_is_named_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="line 6"):
        load(tmp_path, LEAST + "\nprice = = 1")
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(BadInput, match="not TOML"):
        load_config(DataFolder(tmp_path))


def test_a_folder_without_a_node_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        load_config(DataFolder(tmp_path / "empty"))
    assert f"fogchain node init --data {tmp_path / 'empty'}" in caught.value.hint


def test_many_errors_are_shortened_but_counted(tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as caught:
        NodeConfig.model_validate({f"key{number}": 1 for number in range(9)})
    said = explain(caught.value)
    assert said.count("unknown key") + said.count("missing") == 5
    assert said.endswith("; and 5 more")
    assert "\n" not in said


def test_the_default_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOGCHAIN_HOME", str(tmp_path))
    assert DataFolder.default().root == tmp_path
    monkeypatch.delenv("FOGCHAIN_HOME")
    assert DataFolder.default().root == Path.home() / ".fogchain"
