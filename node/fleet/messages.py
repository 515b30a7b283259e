"""What gateway and devices say to each other, over requests of these subjects:

    fleet-join     device → gateway   Join      → Welcome      the only one that a stranger may ask
    fleet-beat     device → gateway   Report    → Wishes       every few seconds, and whenever one of them has news
    fleet-result   device → gateway   Result    → Receipt      again and again until it is answered
    fleet-wake     gateway → device   nothing   → nothing      "beat now": it carries no orders, so none can get lost

Each is deterministic CBOR of [1, map of the model's fields]. Who asks is known by its node key, which the connection
has proved. A device asks and the gateway answers with all that it wishes: whatever is lost is said again.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from fogchain import cbor
from fogchain.errors import BadMessage
from fogchain.jobs.checkpoint import MAX_BYTES, OVERHEAD

JOIN, BEAT, RESULT, WAKE = "fleet-join", "fleet-beat", "fleet-result", "fleet-wake"
VERSION = 1
REPORT_BYTES = 128 << 10
GIVEN_BYTES = 512 << 10  # of runs in one answer; the rest comes with the next
INLINE_BYTES = 256 << 10  # of a result's files that come along; larger ones are fetched
MOST_SLOTS = 1024
MOST_RUNS = 2 * MOST_SLOTS

M = TypeVar("M", bound=BaseModel)


def _printable(text: str) -> str:
    """Fit for a terminal and a log."""
    return "".join(character if character.isprintable() else " " for character in text)


Word = Annotated[str, StringConstraints(max_length=40), AfterValidator(_printable)]
Line = Annotated[str, StringConstraints(max_length=400), AfterValidator(_printable)]
Long = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_printable)]
Attempt = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Hash = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
Milliseconds = Annotated[int, Field(ge=0, lt=2**48)]
RunState = Literal["fetching", "running", "standing"]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Join(_Message):
    secret: Annotated[bytes, Field(max_length=64, strict=True)]
    name: Word
    version: Word


class Welcome(_Message):
    name: Word  # that the device has from now on
    gateway: Word


class Veto(_Message):
    guard: Word
    cause: Line
    action: Word = ""
    clears_in: Milliseconds | None = None


class Report(_Message):
    """All that a gateway knows of a device. Durations only: a device's clock may be hours off."""

    life: Attempt
    version: Word
    state: Word
    intent: Word
    takes_work: bool
    detail: Line = ""
    vetoes: Annotated[list[Veto], Field(max_length=50)] = []
    sensors: Annotated[dict[Word, Word], Field(max_length=64)] = {}
    slots: Annotated[int, Field(ge=0, le=MOST_SLOTS)]
    memory: Annotated[int, Field(ge=0, lt=2**48)]
    rate: Annotated[int, Field(ge=0, lt=2**48)]
    engines: Annotated[list[Annotated[str, StringConstraints(max_length=80)]], Field(max_length=16)]
    runs: Annotated[dict[Attempt, RunState], Field(max_length=MOST_RUNS)] = {}
    policy: Line = ""
    policy_hash: Hash = ""
    refused: Hash = ""  # hash of a policy that the gateway sent and this device does not use
    refusal: Long = ""  # why not
    leaving: bool = False


class Work(_Message):
    attempt: Attempt
    spec: bytes
    seed: Annotated[bytes, Field(max_length=64)]


class Wishes(_Message):
    """All that a gateway wants of a device now."""

    name: Word
    version: Word  # the gateway's
    heartbeat: Annotated[int, Field(ge=50, le=600_000)]  # ms
    intent: Literal["auto", "pause", "drain"]
    revision: Annotated[int, Field(ge=0, lt=2**53)]  # of the intent; an intent counts once
    policy: Annotated[str, StringConstraints(max_length=64 << 10)] | None = None  # where the device has another
    policy_hash: Hash = ""
    give: list[Work] = []
    drop: list[Attempt] = []
    more: bool = False  # there is more to give: beat again at once
    addresses: Annotated[list[Annotated[str, StringConstraints(max_length=200)]], Field(max_length=16)] = []
    # ^ where the gateway is now, without /p2p/…


class Saved(_Message):
    """A checkpoint: an archive that can be fetched, taken after so much fuel was burnt for the task."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(gt=0, le=MAX_BYTES + OVERHEAD)]
    fuel: Annotated[int, Field(ge=0, lt=2**63)]


class Result(_Message):
    """How a run ended at a device, or that it gives the run back."""

    attempt: Attempt
    returned: Line = ""  # why it gives it back; then the rest says nothing, but for `saved`
    saved: Saved | None = None  # from where it can go on elsewhere
    exit: Annotated[int, Field(ge=0, le=255)] = 0
    code: Annotated[int, Field(ge=-(2**31), lt=2**32)] = 0
    fuel: Annotated[int, Field(ge=0, lt=2**63)] = 0
    manifest: bytes = b""
    files: Annotated[dict[str, bytes], Field(max_length=4096)] = {}
    took: Milliseconds = 0
    stood: Milliseconds = 0  # of these; they count toward no limit
    resumed: Annotated[int, Field(ge=0, lt=2**63)] = 0  # fuel burnt by when it went on from a checkpoint
    detail: Long = ""


class Receipt(_Message):
    wanted: bool  # False: the run is another's by now


def hash_of(policy: str | None) -> str:
    """By which a policy's text is known; empty for none."""
    return hashlib.sha256(policy.encode()).hexdigest() if policy is not None else ""


def encode(message: BaseModel) -> bytes:
    return cbor.dumps([VERSION, message.model_dump()])


def decode(kind: type[M], data: bytes, limit: int = cbor.MAX_MESSAGE) -> M:
    """Raises BadMessage."""
    value: Any = cbor.loads(data, limit)
    if not isinstance(value, list) or len(value) != 2 or value[0] != VERSION or not isinstance(value[1], dict):
        raise BadMessage(f"not a {kind.__name__.lower()} of version {VERSION}")
    try:
        return kind.model_validate(value[1])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        raise BadMessage(f"not a {kind.__name__.lower()}: {where}: {first['msg']}") from error
