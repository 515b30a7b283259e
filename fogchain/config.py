"""The node's configuration file, `config.toml` in its data folder."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fogchain.errors import BadInput, NotFound
from fogchain.folder import HOME_VARIABLE as HOME_VARIABLE
from fogchain.folder import PASSWORD_VARIABLE as PASSWORD_VARIABLE
from fogchain.folder import DataFolder as DataFolder
from fogchain.jobs.spec import (
    AccountAddress,
    ClassName,
    FogAmount,
    MultipleAmount,
    PriceAmount,
    Region,
    SizeAmount,
    SpanAmount,
)
from fogchain.market.engines import Runtime
from fogchain.market.offers import MAX_MULTIPLIER, MIN_MULTIPLIER
from fogchain.market.reputation import FIRST_QUOTA, MAX_QUOTA
from fogchain.units import parse_fog, parse_price

Port = Annotated[int, Field(ge=0, le=65535)]
Origin = Annotated[str, Field(pattern=r"^https?://[a-z0-9.\-\[\]:]+$", max_length=200)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NodeSection(_Section):
    name: str = Field(default="node", min_length=1, max_length=40)
    roles: tuple[Literal["buyer", "provider"], ...] = Field(default=("buyer", "provider"), min_length=1)


class ChainSection(_Section):
    rpc_url: str = Field(pattern=r"^https?://\S+$")
    deployment: Path  # JSON: chain id and contract addresses; relative to the configuration file


class ApiSection(_Section):
    host: str = "127.0.0.1"
    port: Port = 0  # 0: any free one; the address in use is in run/api.json


class SignInSection(_Section):
    """Who may sign in with a wallet (Sign-In with Ethereum), beside the node's own one, and at which panels."""

    operators: tuple[AccountAddress, ...] = ()  # they may do all that the API's token allows
    panels: tuple[Origin, ...] = ()  # origins other than this machine's loopback: "https://panel.example"


class P2pSection(_Section):
    listen: tuple[str, ...] = ("/ip4/0.0.0.0/tcp/0",)
    mdns: bool = True
    bootstrap: tuple[str, ...] = ()  # multiaddrs ending in /p2p/<peer id>


class ProviderSection(_Section):
    """What is sold, and at which price: a fixed one, or a multiple of the base price of the class, which moves."""

    price: PriceAmount = parse_price("0.5 FOG/Gfuel")
    multiplier: MultipleAmount | None = Field(default=None, ge=MIN_MULTIPLIER, le=MAX_MULTIPLIER)  # then no price
    class_: ClassName = Field(default="cpu", alias="class")
    regions: tuple[Region, ...] = Field(default=(), max_length=8)
    auction: bool = True  # sell in the auction, too, as far as the bond covers it
    slots: int = Field(default=1, ge=1, le=1024)
    memory: SizeAmount = Field(default=512 << 20, ge=1 << 20)  # the most one task may ask for
    offer_validity: SpanAmount = Field(default=300_000, ge=30_000)
    queue: int = Field(default=64, ge=1)  # accepted orders that may wait
    increment: FogAmount = Field(default=parse_fog("50 FOG"), gt=0)  # work ahead of one buyer's pay, at most
    on_account: FogAmount = 0  # what one buyer may owe outside of sessions, for jobs that it pays in a batch
    claim_above: FogAmount = parse_fog("10 FOG")  # vouchers of running jobs are claimed when they hold more than this
    lease: SpanAmount = Field(default=900_000, ge=10_000)  # silence after which a buyer's waiting orders are dropped
    runtimes: tuple[Runtime, ...] = Field(default=("wasm", "python"), min_length=1)  # "native" wants to be asked for
    executor: Literal["local", "ray"] = "local"
    ray_address: str | None = Field(
        default=None, min_length=1
    )  # "ray://host:10001"; without it Ray runs on this machine

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if self.multiplier is not None and "price" in self.model_fields_set:
            raise ValueError("price and multiplier exclude each other: keep one of them")
        return self


class BuyerSection(_Section):
    lost_after: SpanAmount = Field(default=15_000, ge=1_000)  # silence after which a provider's tasks go elsewhere
    stale_after: SpanAmount = Field(default=60_000, ge=1_000)  # an offer whose node is silent so long is not matched
    measure_after: SpanAmount = Field(default=20_000, ge=100)  # after the start; how fast providers are, in idle time
    max_providers: int = Field(default=8, ge=1, le=100)
    newcomer_tasks: int = Field(default=FIRST_QUOTA, ge=1, le=MAX_QUOTA)  # at once, to a provider that is new
    rate: bool = True  # whether it is published how sessions with providers went, a transaction a job


class HarvestSection(_Section):
    """Where this machine tells of itself; other folders than its own are for trying a policy on a fed tree."""

    sys: Path = Path("/sys")
    proc: Path = Path("/proc")
    dev: Path = Path("/dev")


class DataSection(_Section):
    quota: SizeAmount | None = Field(
        default=None, ge=64 << 20
    )  # of all blobs; None: a tenth of the disk, 20 GiB at most
    retention: SpanAmount = Field(default=30 * 86_400_000, ge=3_600_000)  # of results that nobody has fetched


class FleetSection(_Section):
    """Devices of the same owner that work for this node, their gateway."""

    enabled: bool = False  # needs the role provider
    heartbeat: SpanAmount = Field(default=5_000, ge=100, le=60_000)  # between two signs of life of a device
    offline_after: SpanAmount = Field(default=30_000, ge=1_000, le=3_600_000)  # of silence; its tasks go elsewhere
    standing: SpanAmount = Field(default=60_000, ge=1_000)  # for which a task may stand still on a device
    works: bool = True  # whether the gateway runs tasks itself, beside its devices

    @model_validator(mode="after")
    def _patient(self) -> Self:
        if self.offline_after < 2 * self.heartbeat:
            raise ValueError("offline_after has to be two heartbeats at least: one may be late")
        return self


class NodeConfig(_Section):
    node: NodeSection = NodeSection()
    chain: ChainSection
    api: ApiSection = ApiSection()
    signin: SignInSection = SignInSection()
    p2p: P2pSection = P2pSection()
    provider: ProviderSection = ProviderSection()
    buyer: BuyerSection = BuyerSection()
    harvest: HarvestSection = HarvestSection()
    data: DataSection = DataSection()
    fleet: FleetSection = FleetSection()

    @model_validator(mode="after")
    def _fleet_sells(self) -> Self:
        if self.fleet.enabled and "provider" not in self.node.roles:
            raise ValueError('fleet.enabled needs the role "provider" in node.roles: devices work for a provider')
        return self


def load_config(folder: DataFolder) -> NodeConfig:
    """Raises NotFound without a file, BadInput naming the line or key that is wrong."""
    try:
        raw = tomllib.loads(folder.config.read_text())
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no node in {folder.root}", hint=f"make one with `fogchain node init --data {folder.root}`"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{folder.config} is not TOML: {error}", hint="mend that line") from error
    try:
        config = parse_config(raw)
    except ValidationError as error:
        raise BadInput(f"{folder.config}: {explain(error)}", hint="mend the named keys") from error
    deployment = config.chain.deployment
    if not deployment.is_absolute():
        chain = config.chain.model_copy(update={"deployment": folder.root / deployment})
        config = config.model_copy(update={"chain": chain})
    return config


def parse_config(raw: dict[str, Any]) -> NodeConfig:
    """From TOML's values. By way of JSON, in which a bare number is no amount. Raises ValidationError."""
    return NodeConfig.model_validate_json(json.dumps(raw, default=str))


def explain(error: ValidationError) -> str:
    """A validation error in one line a person can act on: `limits.fuel: '3' has no unit; …`."""
    return explain_items(error.errors(include_url=False, include_input=False))


def explain_items(items: Sequence[Any]) -> str:
    """The same for pydantic's list of errors, as FastAPI hands it on."""
    parts = []
    for item in items[:5]:
        where = ".".join(str(step) for step in item["loc"]) or "the whole"
        what: Any = item["msg"]
        if item["type"] == "extra_forbidden":
            what = "unknown key"
        elif item["type"] == "missing":
            what = "missing"
        parts.append(f"{where}: {str(what).removeprefix('Value error, ')}")
    more = len(items) - len(parts)
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")
