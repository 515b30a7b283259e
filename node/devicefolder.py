"""A device's own folder.

DIR/device.toml     whose device it is, and what it has to give      DIR/policy.toml   when it works
DIR/node.seed       its key                                           DIR/gateway.json  what the gateway said last
DIR/blobs, work     data and running tasks                            DIR/run/device.json   how it is, while it runs
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fogchain.chain.deployment import write_atomically
from fogchain.config import HarvestSection, explain
from fogchain.errors import BadInput, NotFound
from fogchain.folder import DataFolder
from fogchain.jobs.spec import SizeAmount
from fogchain.market.engines import Runtime


class DeviceConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=40)  # as the gateway calls it
    gateway: str  # its peer id
    network: str
    addresses: tuple[str, ...] = Field(min_length=1)  # of the gateway, when this device joined
    slots: int = Field(default=1, ge=1, le=1024)
    memory: SizeAmount = Field(default=512 << 20, ge=1 << 20)  # the most one task may have
    runtimes: tuple[Runtime, ...] = Field(default=("wasm", "python"), min_length=1)
    listen: tuple[str, ...] = ("/ip4/0.0.0.0/tcp/0",)
    mdns: bool = True  # to find the gateway again when it has moved within the local network
    quota: SizeAmount | None = Field(default=None, ge=64 << 20)  # of its blobs
    harvest: HarvestSection = HarvestSection()


@dataclass(frozen=True, slots=True)
class Said:
    """What the gateway said last that outlives a restart."""

    revision: int = -1  # of the owner's word there that was obeyed here; -1: none
    addresses: tuple[str, ...] = ()


class DeviceFolder:
    def __init__(self, root: Path) -> None:
        self.data = DataFolder(root)
        self.root = root
        self.config = root / "device.toml"
        self.status = root / "run" / "device.json"
        self._said = root / "gateway.json"

    def load(self) -> DeviceConfig:
        """Raises NotFound, BadInput."""
        try:
            raw = tomllib.loads(self.config.read_text())
        except FileNotFoundError as error:
            raise NotFound(
                f"there is no device in {self.root}", hint="make one with `fogchain fleet join CODE --data DIR`"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"{self.config} is not TOML: {error}", hint="mend that line") from error
        try:
            return DeviceConfig.model_validate_json(json.dumps(raw, default=str))
        except ValidationError as error:
            raise BadInput(f"{self.config}: {explain(error)}", hint="mend the named keys") from error

    def save(self, values: dict[str, Any]) -> None:
        write_atomically(self.config, tomli_w.dumps(values).encode())

    def said(self) -> Said:
        try:
            found = json.loads(self._said.read_text())
            return Said(int(found["revision"]), tuple(str(address) for address in found["addresses"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Said()

    def keep(self, said: Said) -> None:
        write_atomically(
            self._said, json.dumps({"revision": said.revision, "addresses": list(said.addresses)}).encode()
        )

    def show(self, status: dict[str, Any]) -> None:
        """For `fogchain fleet status`; it need not outlive a power cut."""
        self.status.parent.mkdir(exist_ok=True)
        scratch = self.status.with_suffix(".new")
        scratch.write_text(json.dumps(status))
        scratch.replace(self.status)
