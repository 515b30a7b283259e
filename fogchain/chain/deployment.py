"""Where the contracts are on one chain."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fogchain.errors import CorruptData, NotFound
from fogchain.wallet.eip712 import Domain

CONTRACTS = {"token": "FogToken", "stake": "FogStake", "market": "FogMarket", "registry": "FogRegistry"}

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contracts' addresses (lower case) on one chain, and the block from which their events begin."""

    chain_id: int
    token: str
    stake: str
    market: str
    registry: str
    block: int
    rpc_url: str | None = None

    @property
    def domain(self) -> Domain:
        """What signatures on this network are made for."""
        return Domain(self.chain_id, self.market)

    @property
    def addresses(self) -> dict[str, str]:
        """By the contract's name, for example `FogMarket`."""
        return {name: getattr(self, field) for field, name in CONTRACTS.items()}

    @classmethod
    def load(cls, path: Path) -> Deployment:
        """Raises NotFound without the file, CorruptData when it is not a deployment."""
        try:
            raw = json.loads(path.read_text())
        except FileNotFoundError as error:
            raise NotFound(
                f"there is no deployment file {path}",
                hint="start a local chain with `fogchain chain up`, or copy the file of the network you want to join",
            ) from error
        except (ValueError, OSError) as error:
            raise _corrupt(path, str(error)) from error
        if not isinstance(raw, dict):
            raise _corrupt(path, "not an object")
        addresses = {field: _address(path, raw, field) for field in CONTRACTS}
        chain_id, block = _natural(path, raw, "chain_id"), _natural(path, raw, "block")
        rpc_url = raw.get("rpc_url")
        if rpc_url is not None and not isinstance(rpc_url, str):
            raise _corrupt(path, "rpc_url must be text")
        return cls(chain_id=chain_id, block=block, rpc_url=rpc_url, **addresses)

    def save(self, path: Path) -> None:
        """Atomically: a reader finds the old file or the whole new one."""
        fields = {
            "chain_id": self.chain_id,
            **{field: getattr(self, field) for field in CONTRACTS},
            "block": self.block,
        }
        if self.rpc_url is not None:
            fields["rpc_url"] = self.rpc_url
        write_atomically(path, (json.dumps(fields, indent=2) + "\n").encode())


def write_atomically(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write beside, flush to disk, rename over; `mode` is the file's from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _address(path: Path, raw: dict[str, Any], field: str) -> str:
    value = raw.get(field)
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value.lower()):
        raise _corrupt(path, f"{field} = {value!r} is not an address")
    return value.lower()


def _natural(path: Path, raw: dict[str, Any], field: str) -> int:
    value = raw.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _corrupt(path, f"{field} = {value!r} is not a whole number")
    return value


def _corrupt(path: Path, reason: str) -> CorruptData:
    return CorruptData(
        f"{path} is not a deployment file: {reason}",
        hint="copy it again from where it came; a local chain writes it anew when the file is deleted and it restarts",
    )
