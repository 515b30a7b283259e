"""The keystore: other programs read it, wrong passwords and broken files are told apart, nothing is overwritten."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from coincurve import PrivateKey
from eth_account import Account

from fogchain.config import DataFolder
from fogchain.errors import BadInput, Conflict, CorruptData, NotFound
from fogchain.wallet import keystore


def test_made_and_opened(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    made = keystore.create(path, "correct horse", light=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    opened = keystore.load(path, "correct horse")
    assert opened.address == made.address == keystore.address_in(path)
    assert opened.key.secret == made.key.secret
    assert [item.name for item in tmp_path.iterdir()] == ["keystore.json"]


def test_the_default_strength_is_full_scrypt_and_other_programs_open_it(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    made = keystore.create(path, "pässword ☂")
    raw = json.loads(path.read_text())
    assert raw["crypto"]["kdf"] == "scrypt"
    assert raw["crypto"]["kdfparams"]["n"] == 2**18
    assert Account.decrypt(raw, "pässword ☂") == made.key.secret


def test_opens_what_other_programs_made(tmp_path: Path) -> None:
    account = Account.create()
    source = tmp_path / "UTC--2026"
    source.write_text(json.dumps(Account.encrypt(account.key, "pw", kdf="pbkdf2", iterations=1000)))
    for wallet in (keystore.load(source, "pw"), keystore.open_keystore(source.read_bytes(), "pw", source)):
        assert wallet.address == account.address.lower()
        assert wallet.key.secret == bytes(account.key)


def test_a_wrong_password_says_so_and_where_passwords_come_from(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    keystore.create(path, "right", light=True)
    with pytest.raises(BadInput, match="password") as caught:
        keystore.load(path, "wrong")
    assert "FOGCHAIN_PASSWORD" in caught.value.hint


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    made = keystore.create(path, "pw", light=True)
    for attempt in (
        lambda: keystore.create(path, "pw", light=True),
        lambda: keystore.import_key(path, PrivateKey().secret, "pw", light=True),
    ):
        with pytest.raises(Conflict):
            attempt()
    assert keystore.load(path, "pw").address == made.address


@pytest.mark.parametrize("key", [b"", b"\1" * 31, b"\0" * 32, b"\xff" * 32, b"\1" * 33])
def test_what_is_no_key_is_refused(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(BadInput):
        keystore.import_key(tmp_path / "keystore.json", key, "pw", light=True)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        keystore.create(tmp_path / "keystore.json", "")


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        keystore.load(tmp_path / "keystore.json", "pw")
    assert "fogchain wallet new" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"version": 3}',
        b'{"version": 9, "crypto": {}}',
        b'{"version": 3, "crypto": []}',
    ],
)
def test_a_broken_file_is_corrupt_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keystore.json"
    path.write_bytes(content)
    with pytest.raises(CorruptData, match="keystore"):
        keystore.load(path, "pw")
    assert path.read_bytes() == content


def test_an_address_that_is_not_the_keys_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    keystore.create(path, "pw", light=True)
    raw = json.loads(path.read_text()) | {"address": "11" * 20}
    path.write_text(json.dumps(raw))
    with pytest.raises(CorruptData, match="holds the key of"):
        keystore.load(path, "pw")


def test_a_wallet_does_not_show_its_key(tmp_path: Path) -> None:
    wallet = keystore.create(tmp_path / "keystore.json", "pw", light=True)
    assert wallet.key.secret.hex() not in repr(wallet)
    assert "PrivateKey" not in repr(wallet)


def test_the_password_comes_from_the_file_then_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = DataFolder(tmp_path)
    monkeypatch.delenv("FOGCHAIN_PASSWORD", raising=False)
    assert keystore.find_password(folder) is None
    monkeypatch.setenv("FOGCHAIN_PASSWORD", "from outside")
    assert keystore.find_password(folder) == "from outside"
    keystore.save_password(folder, "from file ")
    assert keystore.find_password(folder) == "from file "
    assert stat.S_IMODE(folder.password.stat().st_mode) == 0o600
