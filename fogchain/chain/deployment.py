"""Where the contracts are on one chain."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fogchain.chain.plan import CONTRACTS as CONTRACTS
from fogchain.errors import CorruptData, NotFound

if TYPE_CHECKING:  # Brownie's environment, which writes these files, lacks what signatures need
    from fogchain.wallet.eip712 import Domain

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who deployed, how and when; with it anyone can check the contracts. `profile` as in profiles/*.toml."""

    deployer: str
    first_nonce: int
    time: int  # block time at which the deployment began
    profile: dict[str, Any]
    transactions: dict[str, str]  # by contract, 0x hex


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contracts' addresses (lower case) on one chain, and the block from which their events begin."""

    chain_id: int
    token: str
    timelock: str
    stake: str
    market: str
    court: str  # of new jobs, when they were deployed; a vote can name another
    pricing: str
    registry: str
    governor: str
    lens: str
    block: int
    rpc_url: str | None = None
    vesting: dict[str, str] = field(default_factory=dict)
    origin: Origin | None = None

    @property
    def domain(self) -> Domain:
        """What signatures on this network are made for."""
        from fogchain.wallet.eip712 import Domain

        return Domain(self.chain_id, self.market)

    @property
    def addresses(self) -> dict[str, str]:
        """By the contract's name, for example `FogMarket`."""
        return {contract: getattr(self, name) for name, contract in CONTRACTS.items()}

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
        addresses = {name: _address(path, raw, name) for name in CONTRACTS}
        chain_id, block = _natural(path, raw, "chain_id"), _natural(path, raw, "block")
        rpc_url = raw.get("rpc_url")
        if rpc_url is not None and not isinstance(rpc_url, str):
            raise _corrupt(path, "rpc_url must be text")
        vesting = raw.get("vesting", {})
        if not isinstance(vesting, dict):
            raise _corrupt(path, "vesting must be an object")
        return cls(
            chain_id=chain_id,
            block=block,
            rpc_url=rpc_url,
            vesting={name: _address(path, vesting, name) for name in vesting},
            origin=_origin(path, raw.get("origin")),
            **addresses,
        )

    def save(self, path: Path) -> None:
        """Atomically: a reader finds the old file or the whole new one."""
        fields = {
            "chain_id": self.chain_id,
            **{name: getattr(self, name) for name in CONTRACTS},
            "block": self.block,
        }
        if self.rpc_url is not None:
            fields["rpc_url"] = self.rpc_url
        if self.vesting:
            fields["vesting"] = self.vesting
        if self.origin is not None:
            fields["origin"] = asdict(self.origin)
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


def _origin(path: Path, raw: object) -> Origin | None:
    if raw is None:
        return None
    try:
        origin = Origin(**raw)  # type: ignore[arg-type]
    except TypeError as error:
        raise _corrupt(path, "origin is not whole") from error
    if not isinstance(origin.profile, dict) or not isinstance(origin.transactions, dict):
        raise _corrupt(path, "origin's profile and transactions must be objects")
    return origin


def _corrupt(path: Path, reason: str) -> CorruptData:
    return CorruptData(
        f"{path} is not a deployment file: {reason}",
        hint="copy it again from where it came; a local chain writes it anew when the file is deleted and it restarts",
    )
