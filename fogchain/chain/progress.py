"""A deployment under way, on disk beside the file it will end in, so that a restart goes on where it stopped.

Written before the first transaction and before each that follows. Light, as plan.py: Brownie's script keeps it, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fogchain.chain.deployment import Deployment, Origin, write_atomically
from fogchain.chain.plan import CONTRACTS, Site, site_of
from fogchain.chain.profile import Profile
from fogchain.errors import FogchainError


@dataclass(slots=True)
class Progress:
    """`profile` as its file says it; `sent`: by contract, what was signed for it, in the deployer's own format."""

    chain_id: int
    deployer: str
    first_nonce: int
    block: int
    time: int
    profile: dict[str, Any]
    sent: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def read(cls, target: Path) -> Progress | None:
        """None when nothing was begun, or nothing that can be gone on with."""
        try:
            progress = cls(**json.loads(_part(target).read_text()))
            Profile(progress.profile)
        except (OSError, ValueError, TypeError, AttributeError, FogchainError):
            return None
        return progress

    def write(self, target: Path) -> None:
        write_atomically(_part(target), json.dumps(asdict(self), indent=1).encode())

    def site(self, created: Callable[[str, int], str]) -> Site:
        return site_of(Profile(self.profile), self.deployer, self.first_nonce, self.time, created)

    def finish(self, target: Path, site: Site, transactions: dict[str, str], rpc_url: str | None) -> Deployment:
        """Writes the deployment file, and forgets the way to it."""
        deployment = Deployment(
            chain_id=self.chain_id,
            block=self.block,
            rpc_url=rpc_url,
            vesting={name: address for name, address in site.addresses.items() if name not in CONTRACTS},
            origin=Origin(self.deployer, self.first_nonce, self.time, self.profile, transactions),
            **{name: site[name] for name in CONTRACTS},
        )
        deployment.save(target)
        _part(target).unlink(missing_ok=True)
        return deployment


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")
