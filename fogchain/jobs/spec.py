"""What a job is once it is resolved: every module and input named by hash. And what one run of a task is.

The job *file* that people write is in `jobs/file.py`; it resolves to a `JobSpec`.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from fogchain import cbor, units
from fogchain.errors import BadInput, BadMessage, FogchainError
from fogchain.jobs.checkpoint import MAX_BYTES as MAX_CHECKPOINT_BYTES
from fogchain.jobs.names import is_plain_name
from fogchain.market.constraints import Pay, Wanted
from fogchain.market.engines import Runtime
from fogchain.wallet.address import parse_address

MAX_TASKS = 10_000
MAX_ARGS = 64
MAX_ARG_BYTES = 4096
MAX_TEXT_BYTES = 256 << 10  # of one task's arguments and environment together: an order has to fit a message
MAX_INPUTS = 64
MAX_INPUT_BYTES = 256 << 20
MAX_MODULE_BYTES = 64 << 20
MAX_SCRIPT_BYTES = 1 << 20
MIN_PYTHON_MEMORY = 32 << 20  # the interpreter itself takes 10 MiB


def _unit(parse: Any, show: Any) -> tuple[BeforeValidator, PlainSerializer]:
    def read(value: object, info: ValidationInfo) -> object:
        made_in_code = isinstance(value, int | units.Coin) and not isinstance(value, bool)
        if info.mode != "json" and made_in_code:
            return value  # already base units
        try:
            return parse(value)
        except FogchainError as error:
            raise ValueError(f"{error.message}; {error.hint}") from error

    return BeforeValidator(read), PlainSerializer(show, return_type=str, when_used="json")


_fog, _price, _fuel = (
    _unit(units.parse_fog, units.format_fog),
    _unit(units.parse_price, units.format_price),
    _unit(units.parse_fuel, units.format_fuel),
)
_size, _span, _ratio = (
    _unit(units.parse_size, units.format_size),
    _unit(units.parse_duration, units.format_duration),
    _unit(units.parse_ratio, units.format_ratio),
)
_multiple = _unit(units.parse_multiple, units.format_multiple)
_eth = _unit(units.parse_eth, units.format_eth)


def _written(units_of_it: str, example: str) -> WithJsonSchema:
    """What an amount looks like in JSON."""
    pattern = rf"^[0-9]{{1,30}}(\.[0-9]{{1,18}})? ?({units_of_it})$"
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


# Integers inside, "1.5 FOG" and the like in JSON and TOML.
FogAmount = Annotated[int, *_fog, Field(ge=0, le=units.MAX_UINT96), _written("FOG", "1.5 FOG")]
EthAmount = Annotated[int, *_eth, Field(ge=0), _written("ETH|gwei|wei", "0.01 ETH")]
CoinAmount = Annotated[units.Coin, *_unit(units.parse_coin, str), _written("FOG|ETH|gwei|wei", "1.5 FOG")]
PriceAmount = Annotated[int, *_price, Field(ge=0, le=units.MAX_UINT96), _written("FOG/Gfuel", "0.8 FOG/Gfuel")]
FuelAmount = Annotated[int, *_fuel, Field(ge=0, le=units.MAX_UINT64), _written("[kMGT]?fuel", "3 Gfuel")]
SizeAmount = Annotated[int, *_size, Field(ge=0), _written("B|kB|MB|GB|KiB|MiB|GiB", "64 MiB")]
SpanAmount = Annotated[int, *_span, Field(ge=0), _written("ms|s|min|h|d", "30 s")]  # milliseconds
RatioAmount = Annotated[int, *_ratio, Field(ge=0, le=10_000), _written("%|bps", "5 %")]  # basis points
MultipleAmount = Annotated[int, *_multiple, Field(ge=0), _written("x", "1.2 x")]  # basis points: "1.2 x" is 12,000

ClassName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]  # of a resource class
Region = Annotated[str, Field(pattern=r"^[a-z0-9]{2,12}(-[a-z0-9]{1,12}){0,3}$")]  # "eu", and within it "eu-de"


def _account(text: str) -> str:
    try:
        return parse_address(text)
    except FogchainError as error:
        raise ValueError(f"{error.message}; {error.hint}") from error


AccountAddress = Annotated[str, AfterValidator(_account)]  # lower case inside


def _check_name(name: str) -> str:
    """A plain file name: no path, nothing hidden, nothing a file system or terminal trips over."""
    if not is_plain_name(name):
        raise ValueError(f"{name[:100]!r} is not a plain file name; use letters, digits, '.', '_' and '-'")
    return name


FileName = Annotated[str, AfterValidator(_check_name)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _check_text(text: str) -> str:
    if "\0" in text or len(text.encode(errors="replace")) > MAX_ARG_BYTES:
        raise ValueError(f"an argument or variable has at most {MAX_ARG_BYTES} bytes and no NUL among them")
    return text


Arg = Annotated[str, AfterValidator(_check_text)]


def _check_title(title: str) -> str:
    if not title.isprintable():
        raise ValueError("a name has no line breaks or control characters")
    return title


VariableName = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Value(BaseModel):
    """Base of immutable values that cross a trust boundary; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# now: the best offer at once. deferrable: an auction first, which takes its time and may be cheaper.
Urgency = Literal["now", "deferrable"]


class BlobRef(Value):
    """Content by its name: the SHA-256 of up to 256 KiB, the root over its chunks' hashes above; see `blobname`."""

    sha256: Sha256
    size: int = Field(ge=0, le=MAX_INPUT_BYTES, strict=True)


class Limits(Value):
    """What one run may use. Fuel, memory and output are part of the order: they decide the result. With `checkpoint`
    above zero a task has a folder for so much of what it saves of itself, to go on from elsewhere."""

    fuel: FuelAmount = Field(default=10 * units.GFUEL, gt=0)
    memory: SizeAmount = Field(default=256 << 20, ge=1 << 16, le=4 << 30)
    time: SpanAmount = Field(default=300_000, ge=100, le=86_400_000)
    output: SizeAmount = Field(default=16 << 20, le=256 << 20)
    checkpoint: SizeAmount = Field(default=0, le=MAX_CHECKPOINT_BYTES)


Level = Literal["L0", "L1", "L2", "L3"]
Privacy = Literal["direct", "onion", "mix"]


class Verify(Value):
    """How results are checked. L0: not at all. L1: a random sample is run again by another provider. L2, L3: two,
    three providers of different operators run every task from the start; where they differ, more are asked."""

    level: Level = "L1"
    sample: RatioAmount | None = None  # None: max(2 %, 2/(n+1)), n = the checks its provider has passed


class TaskSpec(Value):
    args: tuple[Arg, ...] = Field(default=(), max_length=MAX_ARGS)
    env: dict[VariableName, Arg] = Field(default_factory=dict, max_length=MAX_ARGS)
    stdin: BlobRef | None = None
    inputs: dict[FileName, BlobRef] = Field(default_factory=dict, max_length=MAX_INPUTS)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        size = sum(len(text.encode(errors="replace")) for text in (*self.args, *self.env, *self.env.values()))
        if size > MAX_TEXT_BYTES:
            raise ValueError(
                f"arguments and environment of {units.show_size(size)} are over {units.show_size(MAX_TEXT_BYTES)}; "
                "give them as an input file"
            )
        return self


class JobSpec(Value):
    """A batch of tasks over one module. Serialises to JSON with units.

    `module` is a WebAssembly module, a Python script, or a Linux executable or tar image, as `runtime` says.
    """

    name: Annotated[str, AfterValidator(_check_title)] = Field(min_length=1, max_length=100)
    runtime: Runtime = "wasm"
    module: BlobRef
    budget: FogAmount = Field(gt=0)
    max_price: PriceAmount | None = None
    resource_class: ClassName | None = None  # None: any
    regions: tuple[Region, ...] = Field(default=(), max_length=8)  # one of them; none: anywhere
    min_survival: RatioAmount | None = None  # chance, by the provider's forecast, to be there until a task is done
    urgency: Urgency = "now"
    pay: Pay = "session"
    time_limit: SpanAmount = Field(default=3_600_000, ge=10_000, le=7 * 86_400_000)  # of the whole job
    deadline: SpanAmount | None = Field(default=None, ge=1000, le=7 * 86_400_000)
    # ^ of one task, from the order to its provider's result; None: the job's time limit
    grace: SpanAmount = Field(default=60_000, le=86_400_000)  # after it, over which the pay falls to nothing
    penalty: FogAmount = 0  # of a provider that accepts and never delivers, at most what the task could have earned it
    privacy: Privacy = "direct"
    limits: Limits = Limits()
    verify: Verify = Verify()
    tasks: tuple[TaskSpec, ...] = Field(min_length=1, max_length=MAX_TASKS)

    @model_validator(mode="after")
    def _checkable(self) -> Self:
        if self.runtime == "native" and self.verify.level == "L1":
            raise ValueError(
                "native programs need not give the same bytes twice, so level L1 can't check them; "
                'set verify.level = "L0", or "L2" if this one does'
            )
        if self.runtime == "native" and self.limits.checkpoint:
            raise ValueError("native programs have no checkpoints: leave limits.checkpoint out")
        if self.runtime == "python" and self.limits.memory < MIN_PYTHON_MEMORY:
            raise ValueError(f"limits.memory: Python needs at least {units.show_size(MIN_PYTHON_MEMORY)}")
        return self

    def wanted(self, engine: str | None = None) -> Wanted:
        """What the job asks of an offer; `engine`: the one that it has begun with."""
        return Wanted(
            runtime=self.runtime,
            memory=self.limits.memory,
            max_price=self.max_price,
            resource_class=self.resource_class,
            regions=self.regions,
            min_survival=self.min_survival,
            fuel=self.limits.fuel,
            seconds=self.limits.time / 1000,
            pay=self.pay,
            engine=engine,
        )

    def blobs(self) -> dict[str, int]:
        """sha256 to size of everything a provider may have to fetch."""
        found = {self.module.sha256: self.module.size}
        for task in self.tasks:
            for ref in (*task.inputs.values(), *([task.stdin] if task.stdin else [])):
                found[ref.sha256] = ref.size
        return found

    @property
    def replicas(self) -> int:
        """How many providers run every task from the start."""
        return {"L0": 1, "L1": 1, "L2": 2, "L3": 3}[self.verify.level]

    @property
    def operators(self) -> int:
        """Of how many operators there must be providers."""
        return {"L0": 1, "L1": 2, "L2": 2, "L3": 3}[self.verify.level]

    def penalty_at(self, price: int, burnt: int = 0) -> int:
        """What a provider of this price owes for one task that it accepted and never delivers, in base units; `burnt`:
        the fuel that others had burnt for it when it was ordered."""
        return min(self.penalty, units.cost(self.limits.fuel - burnt, price))

    def run_spec(self, index: int) -> RunSpec:
        task = self.tasks[index]
        return RunSpec(runtime=self.runtime, module=self.module, limits=self.limits, task=task)


class Resume(Value):
    """The checkpoint that a run goes on from, and the fuel that others have burnt for it."""

    archive: BlobRef
    fuel: int = Field(ge=0, le=units.MAX_UINT64, strict=True)


class RunSpec(Value):
    """All that decides a run's result: equal specs give equal results and fuel on every machine, but for native ones.

    Wire form: deterministic CBOR of
    `[2, runtime, module, module_size, fuel, memory, time_ms, output, args, env, stdin | null, inputs]` where a blob is
    `[sha256, size]`; one whose task has checkpoints is
    `[3, …, checkpoint, null | [archive, archive_size, fuel_burnt]]`. Its SHA-256 stands in the signed order.
    """

    runtime: Runtime = "wasm"
    module: BlobRef
    limits: Limits
    task: TaskSpec
    resume: Resume | None = None

    @model_validator(mode="after")
    def _resumable(self) -> Self:
        if self.resume is not None and not self.limits.checkpoint:
            raise ValueError("a task without checkpoints can't be resumed from one")
        return self

    def encode(self) -> bytes:
        limits, task, resume = self.limits, self.task, self.resume
        fields = [
            2, self.runtime, *_blob(self.module), limits.fuel, limits.memory, limits.time, limits.output,
            list(task.args), dict(task.env), _blob(task.stdin) if task.stdin else None,
            {name: _blob(ref) for name, ref in task.inputs.items()},
        ]  # fmt: skip
        if limits.checkpoint:
            fields = [3, *fields[1:], limits.checkpoint, [*_blob(resume.archive), resume.fuel] if resume else None]
        return cbor.dumps(fields)

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.encode()).digest()

    @property
    def origin(self) -> RunSpec:
        """The same task from the start."""
        if self.resume is None:
            return self
        limits = self.limits.model_copy(update={"fuel": self.limits.fuel + self.resume.fuel})
        return self.model_copy(update={"limits": limits, "resume": None})

    @property
    def seed(self) -> bytes:
        """Of the task's random numbers: the digest of its spec from the start."""
        return self.origin.digest

    def resumed(self, archive: BlobRef, fuel: int) -> RunSpec:
        """The rest of this task from a checkpoint, after `fuel` was burnt for it; fewer than its limit."""
        limits = self.limits.model_copy(update={"fuel": self.limits.fuel - fuel})
        return self.model_copy(update={"limits": limits, "resume": Resume(archive=archive, fuel=fuel)})

    @classmethod
    def decode(cls, data: bytes) -> RunSpec:
        """Raises BadMessage."""
        try:
            version, runtime, sha, size, fuel, memory, time, output, args, env, stdin, inputs, *saved = cbor.loads(data)
            if version not in (2, 3):
                raise BadMessage(f"run spec version {version!r} is not known")
            checkpoint, resume = saved if version == 3 else (0, None)
            spec = cls(
                runtime=runtime,
                module=BlobRef(sha256=sha.hex(), size=size),
                limits=Limits(fuel=fuel, memory=memory, time=time, output=output, checkpoint=checkpoint),
                task=TaskSpec(
                    args=tuple(args),
                    env=env,
                    stdin=_ref(stdin) if stdin is not None else None,
                    inputs={name: _ref(blob) for name, blob in inputs.items()},
                ),
                resume=Resume(archive=_ref(resume[:2]), fuel=resume[2]) if resume is not None else None,
            )
        except (ValueError, TypeError, AttributeError, IndexError) as error:  # pydantic's ValidationError is one
            raise BadMessage(f"a run spec that does not hold together: {str(error)[:300]}") from error
        if spec.encode() != data:
            raise BadMessage("a run spec in another form than its own")  # true for 1, "5 s" for 5000 and the like
        return spec


def _blob(ref: BlobRef) -> list[Any]:
    return [bytes.fromhex(ref.sha256), ref.size]


def _ref(blob: Any) -> BlobRef:
    sha, size = blob
    return BlobRef(sha256=sha.hex(), size=size)


class ResultFile(Value):
    name: str
    sha256: Sha256
    size: int = Field(ge=0, le=units.MAX_UINT40)


class ResultManifest(Value):
    """A run's result: its files by hash, `stdout` and `stderr` among them. Its CBOR's SHA-256 is the result hash.

    Wire form: `[1, exit, code, [[name, sha256, size], …]]`, files sorted by name.
    """

    exit: int = Field(ge=0, le=255)
    code: int = Field(ge=-(2**31), lt=2**32)
    files: tuple[ResultFile, ...]

    def encode(self) -> bytes:
        return cbor.dumps([1, self.exit, self.code, [[f.name, bytes.fromhex(f.sha256), f.size] for f in self.files]])

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.encode()).digest()

    @classmethod
    def decode(cls, data: bytes) -> ResultManifest:
        """Raises BadMessage."""
        try:
            version, exit_, code, files = cbor.loads(data)
            if version != 1:
                raise BadMessage(f"result manifest version {version!r} is not known")
            manifest = cls(
                exit=exit_,
                code=code,
                files=tuple(ResultFile(name=_result_name(n), sha256=h.hex(), size=s) for n, h, s in files),
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise BadMessage(f"a result manifest that does not hold together: {str(error)[:300]}") from error
        names = [file.name for file in manifest.files]
        if names != sorted(set(names)):
            raise BadMessage("a result manifest whose files are not sorted, or that names one twice")
        if manifest.encode() != data:
            raise BadMessage("a result manifest in another form than its own")
        return manifest


def _result_name(name: str) -> str:
    """Result files may lie in folders below the output folder, but nowhere else."""
    try:
        for part in name.split("/"):
            _check_name(part)
    except ValueError as error:
        raise BadMessage(f"a result file named {name[:100]!r}") from error
    return name


def is_native(head: bytes) -> bool:
    """Whether a file that begins so (512 bytes) is what the native runtime takes: an ELF executable or a tar archive,
    plain or compressed by gzip."""
    return head[:4] == b"\x7fELF" or head[257:262] == b"ustar" or head[:3] == b"\x1f\x8b\x08"


def check_sum_of_inputs(spec: JobSpec) -> None:
    """Raises BadInput when one task's inputs are more than a provider takes."""
    for number, task in enumerate(spec.tasks):
        total = sum(ref.size for ref in task.inputs.values()) + (task.stdin.size if task.stdin else 0)
        if total > MAX_INPUT_BYTES:
            raise BadInput(
                f"task {number} has {units.show_size(total)} of inputs; at most {units.show_size(MAX_INPUT_BYTES)} go",
                hint="split the input over more tasks",
            )
