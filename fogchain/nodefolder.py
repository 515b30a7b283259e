"""Making a node: its data folder with wallet, seed, token and configuration. Nothing that exists is overwritten."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w
from pydantic import ValidationError

from fogchain.chain.deployment import Deployment, write_atomically
from fogchain.config import PASSWORD_VARIABLE, DataFolder, NodeConfig, explain
from fogchain.errors import BadInput, Conflict
from fogchain.identity import NodeIdentity
from fogchain.wallet import keystore
from fogchain.wallet.keystore import Wallet, find_password, save_password

DEPLOYMENT_FILE = "deployment.json"


def create_node(
    folder: DataFolder,
    *,
    name: str,
    roles: Sequence[str],
    rpc_url: str,
    deployment: Deployment,
    light: bool = False,
    provider: Mapping[str, Any] | None = None,
    buyer: Mapping[str, Any] | None = None,
    p2p: Mapping[str, Any] | None = None,
    api: Mapping[str, Any] | None = None,
    fleet: Mapping[str, Any] | None = None,
    profile: str | None = None,
) -> Wallet:
    """Make a data folder, keeping a wallet that is there already (`fogchain wallet new`). Returns the wallet.

    `light` encrypts the keystore cheaply, for throw-away networks. The password comes from $FOGCHAIN_PASSWORD, else a
    random one is made and kept in the folder, readable by the owner alone. `profile`: by which guards it works for
    others; without one always, as long as it is powered and cool. Raises Conflict when a node is there,
    BadInput for settings that the configuration refuses; in both cases nothing is written.
    """
    if folder.config.exists():
        raise Conflict(
            f"there is a node in {folder.root} already", hint="give another folder with --data, or remove that one"
        )
    raw: dict[str, Any] = {
        "node": {"name": name, "roles": list(roles)},
        "chain": {"rpc_url": rpc_url, "deployment": DEPLOYMENT_FILE},
        "api": dict(api or {}),
        "p2p": dict(p2p or {}),
        "provider": dict(provider or {}),
        "buyer": dict(buyer or {}),
        "fleet": dict(fleet or {}),
    }
    raw = {section: values for section, values in raw.items() if values}
    try:
        NodeConfig.model_validate(raw)
    except ValidationError as error:
        raise BadInput(f"a node can't be set up so: {explain(error)}", hint="change the named options") from error
    fresh = not folder.root.exists()
    folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        wallet = _wallet(folder, light)
        if not folder.seed.exists():
            NodeIdentity.create(folder.seed)
        if not folder.token.exists():
            write_atomically(folder.token, secrets.token_hex(32).encode(), mode=0o600)
        if profile is not None and not folder.policy.exists():
            write_atomically(folder.policy, f'profile = "{profile}"\n'.encode())
        deployment.save(folder.root / DEPLOYMENT_FILE)
        write_atomically(folder.config, tomli_w.dumps(raw).encode())
    except BaseException:
        if fresh:
            shutil.rmtree(folder.root, ignore_errors=True)
        raise
    return wallet


def _wallet(folder: DataFolder, light: bool) -> Wallet:
    password = find_password(folder)
    if folder.keystore.exists():
        if password is None:
            raise BadInput(
                f"{folder.keystore} is there, but not its password",
                hint=f"set ${PASSWORD_VARIABLE}, or write the password into {folder.password}",
            )
        return keystore.load(folder.keystore, password)
    if password is None:
        password = secrets.token_urlsafe(24)
        save_password(folder, password)
    return keystore.create(folder.keystore, password, light=light)
