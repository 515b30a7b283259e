"""The HTTP API's models, shared by daemon, client, command line and panel. Amounts are strings with units.

Endpoints (all under `/v1`, all but two want `Authorization: Bearer <token>`, the node's or a session's):

    GET    /node                          NodeStatus
    GET    /wallet                        WalletView
    POST   /wallet/deposit|withdraw       AmountRequest -> WalletView
    POST   /wallet/send                   SendRequest, header Idempotency-Key -> SentView
    GET    /accounts/{address}            AccountView             anybody's balances
    POST   /accounts/{address}/transactions   TransactionRequest -> TransactionPlan    for a wallet elsewhere to sign
    GET    /transactions/{hash}           TransactionView
    POST   /auth/challenge                ChallengeRequest -> Challenge       these two want no token:
    POST   /auth/session                  SignInRequest -> BrowserSession     a wallet's signature is one
    DELETE /auth/session                  ends the session whose token is the Bearer's
    GET    /sessions                      Page[SessionView]       ?role=buyer|provider
    GET    /receipts                      Page[ReceiptView]       ?role=buyer|provider&job=ID
    GET    /receipts/{order}              ReceiptProof            ?job=ID
    GET    /statement                     StatementView           see `fogchain.api.statement`
    GET    /providers                     Page[ProviderView]      known providers with their offers
    GET    /providers/{address}/ratings   Page[BuyerRating]       what each buyer has published of it
    GET    /offers                        MatchView               every offer, with age and measured speed
    GET    /auction                       AuctionView             ?resource_class=cpu
    POST   /match                         JobSpec -> MatchView    and why each does or does not match this job
    PUT    /blobs/{sha256}                raw body -> BlobView;  HEAD asks whether it is there
    GET    /blobs/{sha256}                raw body
    POST   /quote                         JobSpec -> Quote
    POST   /jobs                          JobSpec, header Idempotency-Key -> JobSummary
    GET    /jobs                          Page[JobSummary]
    GET    /jobs/{id}                     JobDetail               an unambiguous prefix of the id will do
    GET    /jobs/{id}/tasks               Page[TaskView]
    GET    /jobs/{id}/tasks/{n}/logs      api.data.TaskLogs       what each attempt printed
    DELETE /jobs/{id}                     forgets a job that is over, and its results
    GET    /storage                       api.data.StorageView
    GET    /jobs/{id}/tasks/{n}/files/{name}   raw bytes of one result file (stdout, stderr or an output file)
    POST   /jobs/{id}/cancel              JobSummary
    WS     /events                        Event, one JSON object a message; header auth as above; ?after=SEQ resumes
    ...    /operator                      see `fogchain.api.operators`
    ...    /harvest               see `fogchain.api.harvest`
    ...    /fleet                         see `fogchain.api.fleet`
    ...    /stake /dao /prices /slashings     see `fogchain.api.commons`

A page: `?limit=&cursor=`. Errors: RFC 9457 problem details (`Problem`) with the right status code. Every POST that
spends or changes something takes an Idempotency-Key: sent again with it, it is done once and answered the same.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from fogchain.jobs.spec import (
    AccountAddress,
    BlobRef,
    CoinAmount,
    EthAmount,
    FogAmount,
    FuelAmount,
    JobSpec,
    MultipleAmount,
    PriceAmount,
    RatioAmount,
    ResultFile,
    SpanAmount,
    Value,
)  # fmt: skip
from fogchain.market.engines import RUNTIMES, Runtime, runtime_of
from fogchain.units import MAX_UINT96

T = TypeVar("T")

API_PREFIX = "/v1"
SESSION_PREFIX = "fog1."  # what a wallet session's token begins with: the node's own is hex

JobState = Literal["planning", "running", "settling", "done", "failed", "cancelled"]
# planning: sessions being opened · running: tasks out · settling: all tasks ended, providers claim ·
# done: all tasks ended well and every voucher is paid · failed: a task could not be brought to a good end ·
# cancelled: by the buyer. `paid` says whether money is settled, whatever the state.
TaskState = Literal["queued", "sent", "running", "checking", "done", "failed", "cancelled"]
SessionState = Literal["opening", "open", "closing", "closed", "on account"]
RunState = Literal["sent", "running", "delivered", "accepted", "wrong", "failed", "lost", "superseded"]


class View(BaseModel):
    """Base of answers: unknown keys are ignored, so that an older panel can read a newer node."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Page(View, Generic[T]):
    items: list[T]
    next_cursor: str | None = None
    total: int


class Problem(View):
    """RFC 9457. `code` is the error's stable name, `type` the same as a URI, `hint` what to do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""


class ChainView(View):
    chain_id: int
    rpc_url: str
    market: str
    token: str
    block: int
    block_time: int  # Unix seconds of the newest block seen
    healthy: bool  # an answer within the last 15 s
    detail: str = ""


class RefusalView(View):
    """All refusals of one kind since the node started, by this node or by its peers."""

    subject: str  # what was refused: "order", "receipt", "offer", "hello", "api", …
    reason: str  # an error's code, as in problems: "bad-signature", "conflict", …
    count: int
    detail: str  # of the newest, in words
    time: int  # Unix seconds, of the newest


class NodeStatus(View):
    name: str
    version: str
    state: Literal["starting", "ready", "working", "degraded", "stopping"]
    detail: str = ""  # why it is degraded, in words
    roles: list[Literal["buyer", "provider"]]
    address: str  # wallet
    peer_id: str
    listen: list[str]  # multiaddrs
    pid: int
    uptime_s: float
    memory: int  # resident bytes of the daemon, workers not counted
    peers: int  # live libp2p connections
    slots: int
    running: int  # tasks in the sandbox now
    waiting: int  # orders accepted, not yet running
    done: int  # tasks delivered since the data folder was made
    held_back: str = ""  # why this machine takes no work now, in words: see `fogchain.api.harvest`
    earned: FogAmount  # in vouchers, claimed or not, fees included
    registered: bool  # provider record on chain
    refusals: list[RefusalView] = []  # by this node, most frequent first
    refused_by_peers: list[RefusalView] = []  # of what this node asked or handed over
    offer: OfferView | None = None
    runtimes: list[RuntimeView] = []  # of a provider
    executor: Literal["", "local", "ray"] = ""  # of a provider: tasks run on its machine, or on a Ray cluster
    ended: dict[str, int] = {}  # how tasks ended in the sandbox since the node started: {"ok": 12, "out_of_fuel": 1}
    chain: ChainView


class RuntimeView(View):
    """What kind of jobs a provider runs, and why not the others."""

    runtime: Runtime
    engine: str | None  # None: not offered now
    detail: str = ""  # in words, why it is not offered


class OfferView(View):
    resource_class: str = "cpu"
    multiplier: MultipleAmount | None = None  # of the class's base price; None for a fixed price
    price: PriceAmount
    regions: list[str] = []
    survival: dict[str, RatioAmount] = {}  # chance to be there in 10 min, 1 h and 2 h, by its own record
    slots: int
    memory: int
    fuel_rate: int  # fuel/s/slot
    engines: list[str]  # what it runs tasks with: "wasmtime-50.0.1/fog-1"
    on_account: FogAmount = 0  # what one buyer may owe it, for jobs paid in a batch; nothing: it takes none
    expires: int  # Unix seconds

    @property
    def runtimes(self) -> list[Runtime]:
        """What kinds of jobs those run."""
        kinds = {runtime_of(engine) for engine in self.engines}
        return [runtime for runtime in RUNTIMES if runtime in kinds]


class RatingView(View):
    """What buyers have published of a provider on the chain. Opinions: accounts are cheap, and so are theirs."""

    value: int  # out of 100: the mean of what each buyer's sessions came to
    buyers: int
    sessions: int
    paid: FogAmount  # in these sessions
    own: int | None = None  # what this node's own sessions among them came to


class BuyerRating(View):
    """What one buyer has published of a provider."""

    buyer: str
    value: int  # out of 100: the mean of its sessions
    sessions: int
    paid: FogAmount


class ProviderView(View):
    address: str
    peer_id: str
    name: str
    found_by: list[Literal["registry", "mdns", "bootstrap"]]
    state: Literal["ready", "no offer", "unreachable", "unregistered", "refused"]
    detail: str = ""  # in words, why it is not ready
    offer: OfferView | None = None
    last_seen: int | None = None
    tasks_done: int = 0  # for this node as buyer
    tasks_wrong: int = 0
    checks_passed: int = 0
    paid: FogAmount = 0
    rating: RatingView | None = None  # None: nobody has published anything


class UnmetView(View):
    """A constraint that an offer does not meet, and what it has."""

    constraint: str
    detail: str


class OfferMatch(View):
    """One known provider beside a job's wishes."""

    address: str
    peer_id: str
    name: str
    offer: OfferView | None = None
    age_s: float | None = None  # since the offer was signed
    heard_s: float | None = None  # since the provider gave a sign of life
    score: int | None = None  # fuel/s/slot as this node measured it; None: not yet, the offer's claim counts
    matches: bool
    failed: list[UnmetView] = []
    rating: RatingView | None = None  # shown only: nothing is matched or placed by it


class CountView(View):
    """How many providers meet a constraint by itself, and how many together with all constraints before it."""

    constraint: str
    wanted: str  # in words
    alone: int
    together: int


class ChangeView(View):
    constraint: str
    value: str  # in words, with its unit


class MatchView(View):
    """Every offer that is known beside what a job wants. `matching` first, cheapest first."""

    matching: int
    total: int
    summary: str  # "of 12 known, 12 run wasm, 0 at this price (…); least price that matches: 0.8 FOG/Gfuel"
    reasons: list[str]  # why the others don't, one line a constraint
    counts: list[CountView]
    least_price: PriceAmount | None = None  # among those that are too dear and nothing else
    nearest: list[ChangeView] = []  # what to change, all of it, for one more to match; empty when one does
    engine: str | None = None  # on which the job would run
    offers: list[OfferMatch]


class AuctionView(View):
    """The auction of a resource class, as this node sees it. Times are block time, in Unix seconds."""

    resource_class: str
    round: int  # that takes bids now
    now: int
    ends: int  # when it takes no more
    lot: FuelAmount  # what one bid is for
    bids: int  # for the round, that this node has
    asks: int
    cleared: int | None = None  # the newest round that was cleared, of the two before
    price: PriceAmount | None = None  # of a Gfuel, in it
    trades: int = 0
    final: bool = False  # whether that can't be replaced any more


class WalletView(View):
    address: str
    eth: EthAmount
    token: FogAmount  # in the wallet
    free: FogAmount  # deposited in the market, not locked
    promised: FogAmount = 0  # of that, to running jobs that are paid in a batch: it can't be withdrawn meanwhile
    locked: FogAmount  # as buyer: open sessions, open jobs, bonds of challenges
    earned: FogAmount  # paid as provider so far, fees taken off
    fees: FogAmount = 0  # kept back from what was earned so far
    spent: FogAmount  # paid to providers so far, fees included
    unclaimed: FogAmount  # vouchers held as provider and not yet claimed, fees included
    bonded: FogAmount
    unbonding: FogAmount = 0  # out of the bond, and not yet withdrawn
    rewards: FogAmount = 0  # what the bond earned and was not claimed


class AmountRequest(Value):
    amount: FogAmount = Field(gt=0)


class CallRequest(Value):
    """A transaction that the node's wallet is to sign and send."""

    to: str = Field(pattern="^0x[0-9a-fA-F]{40}$")
    data: str = Field(pattern="^0x([0-9a-fA-F]{2})*$", max_length=2 + 2 * 65_536)
    gas: int = Field(ge=21_000, le=30_000_000, strict=True)
    value: int = Field(default=0, ge=0, le=MAX_UINT96, strict=True)  # wei
    what: str = Field(default="the transaction", min_length=1, max_length=80)  # for messages: "the bond"


class CallView(View):
    hash: str
    block: int
    gas_used: int


class SendRequest(Value):
    to: AccountAddress
    amount: CoinAmount  # FOG or ETH


class SentView(View):
    to: str
    amount: str
    hash: str
    block: int
    fee: EthAmount


class AccountView(View):
    """Any account, as the chain has it now."""

    address: str
    eth: EthAmount
    token: FogAmount  # in the wallet
    free: FogAmount  # deposited in the market, not locked
    locked: FogAmount
    bonded: FogAmount


class TransactionRequest(Value):
    action: Literal["deposit", "withdraw", "bond"]
    amount: FogAmount = Field(gt=0)


class UnsignedTransaction(View):
    """For `eth_sendTransaction`: quantities in hex, as that call wants them."""

    what: str  # in words: "the deposit"
    to: str
    data: str
    value: str
    gas: str


class TransactionPlan(View):
    """To be sent in order, each after the one before is mined."""

    chain_id: int
    sender: str
    steps: list[UnsignedTransaction]


class TransactionView(View):
    hash: str
    state: Literal["unknown", "pending", "mined", "failed"]
    block: int | None = None
    detail: str = ""  # why it failed, in words


class ChallengeRequest(Value):
    address: AccountAddress
    origin: str = Field(max_length=200)  # of the page that asks: "http://127.0.0.1:8700"


class Challenge(View):
    message: str  # to be signed as it is (`personal_sign`)
    expires: int


class SignInRequest(Value):
    message: str = Field(max_length=4096)
    signature: str = Field(pattern=r"^0x[0-9a-fA-F]{130}$")


class BrowserSession(View):
    """`token` is worth as much as the node's own until it expires or is ended."""

    token: str
    address: str
    expires: int


class SessionView(View):
    id: str
    role: Literal["buyer", "provider"]
    counterparty: str
    job: str | None
    cap: FogAmount
    signed: FogAmount  # newest voucher
    claimed: FogAmount  # what the buyer has paid
    fee: FogAmount  # of it, kept back
    net: FogAmount  # of it, for the provider
    penalty: FogAmount = 0  # for promises not kept, kept from what was earned
    expires: int
    state: Literal["opening", "open", "closing", "closed"]


class ReceiptView(View):
    """One run as both sides have signed it."""

    order: str
    job: str
    job_name: str
    task: int
    role: Literal["buyer", "provider"]
    counterparty: str
    result: str
    fuel: FuelAmount
    price: PriceAmount
    cost: FogAmount  # what the buyer owes: nothing where `reason` says so
    fee: FogAmount  # of it, what the market keeps back when it is claimed, at the session's rate
    net: FogAmount  # of it, for the provider
    exit: str
    state: RunState
    reason: str = ""  # why it is paid or not, the same on both sides: `fogchain.market.reasons.Reason`
    reason_text: str = ""  # in words
    purpose: Literal["work", "check", "canary"] = "work"
    started: int
    finished: int


class ReceiptProof(View):
    """One run as this node books it, and whose signatures stand under just that: looked at anew with each request.

    The buyer signs the order, which has the price, the limits and the deadlines; the provider signs the receipt, which
    has the order's digest, the result, the fuel and the times.
    """

    booked: ReceiptView
    buyer: str
    provider: str
    order_signed: bool  # by the buyer
    promised: bool | None  # the provider's signature over the order, too; None where none was asked for
    receipt_signed: bool  # by the provider, over the figures in `booked`
    differences: list[str]  # in words; empty when all is as it should be


class BlobView(View):
    sha256: str
    size: int


class Quote(View):
    """What a job would cost now, before anything is spent."""

    tasks: int
    providers: int  # that match
    slots: int
    cheapest: PriceAmount | None
    dearest: PriceAmount | None  # among the chosen
    most: FogAmount  # if every task burns its whole fuel limit, checks included; never above the budget
    budget: FogAmount
    free: FogAmount
    missing: FogAmount  # to deposit before the job can start
    level: str = "L1"
    replicas: int = 1  # runs of every task from the start
    operators: int = 0  # that run the matching providers
    deadline: SpanAmount | None = None  # of one task, from its order on; None: the job's time limit
    grace: SpanAmount = 0  # after it, over which the pay falls to nothing
    penalty: FogAmount = 0  # per task that is promised and never delivered, kept from the provider's earnings
    privacy: str = "direct"
    reasons: list[str]  # why providers don't match, in words: "2 of 3 ask more than 0.5 FOG/Gfuel; least: 0.8"


class TaskCounts(View):
    queued: int = 0
    sent: int = 0
    running: int = 0
    checking: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        return (
            self.queued + self.sent + self.running + self.checking + self.done + self.failed + self.cancelled
        )  # fmt: skip


class JobSummary(View):
    id: str  # 64 hex digits
    name: str
    state: JobState
    detail: str = ""  # why it waits or failed, in words
    tasks: TaskCounts
    budget: FogAmount
    spent: FogAmount  # cost of all accepted runs
    paid: bool  # every voucher claimed, every session closed
    fuel: FuelAmount
    created: float  # Unix seconds
    finished: float | None = None


class ProviderShare(View):
    address: str
    name: str
    tasks: int
    checks: int
    fuel: FuelAmount
    owed: FogAmount
    claimed: FogAmount  # what the buyer has paid
    fee: FogAmount = 0  # of it, kept back by the market
    session: str  # empty for a job that is paid in a batch
    session_state: SessionState
    problem: str = ""
    operator: str = ""  # who runs it: the runs of one task that are compared are by different operators
    late: int = 0  # accepted runs after their deadline, paid less
    penalty: FogAmount = 0  # kept from what it earned, for what it promised and never delivered
    outages: int = 0
    faults: int = 0  # outages in a row, less what it has delivered since: each doubles its pause
    paused_until: float | None = None  # Unix seconds; until then it gets no orders of this job
    quota: int = 0  # tasks it gets at once
    rating: int | None = None  # what is published of its session, out of 100


class JobDetail(JobSummary):
    spec: JobSpec
    providers: list[ProviderShare]
    checks_done: int
    checks_failed: int


class RunView(View):
    attempt: int
    purpose: Literal["work", "check", "canary"]
    provider: str
    provider_name: str
    state: RunState
    detail: str = ""
    fuel: FuelAmount | None = None
    cost: FogAmount | None = None
    result: str | None = None
    exit: str | None = None
    sent: float
    finished: float | None = None
    deadline: int = 0  # Unix seconds; finished after it, the run earns less, and in the end nothing
    late: bool = False
    breached: bool = False  # promised and never delivered
    promised: bool = False  # its provider has signed the order, too
    sealed: bool = False  # its provider committed to the answer before it could see another
    seconds: int | None = None  # that it has been running, as its provider says
    resumed: FuelAmount = 0  # what had been burnt for its task when it went on from a checkpoint; 0: from the start
    resumed_from: str = ""  # whose checkpoint that was: a provider's name or address, its own where it was restarted
    standing: bool = False  # it stands still: its machine is wanted for something else just now


class TransferView(View):
    """Data on its way for a task, in bytes: its inputs to a provider, or its result to this node."""

    what: Literal["inputs", "result"]
    here: int
    total: int


class TaskView(View):
    index: int
    state: TaskState
    detail: str = ""
    args: list[str]
    result: str | None = None
    files: list[ResultFile] = []
    runs: list[RunView]
    transfer: TransferView | None = None
    saved: FuelAmount = 0  # what had been burnt when the newest checkpoint was taken that is here; 0: there is none


class Event(View):
    """What changed. `job`: a JobSummary; `task`: a TaskView with its job id; `node`: a NodeStatus; `wallet`,
    `providers` and `fleet` carry no data: fetch again. `gap`: some events after the number asked for are gone, fetch
    all again.

    `seq` grows with every event, over restarts of the node, too; it is what `after` takes.
    """

    kind: Literal["job", "task", "node", "wallet", "providers", "fleet", "gap"]
    seq: int = 0
    time: float
    job: JobSummary | None = None
    task: TaskView | None = None
    job_id: str | None = None
    node: NodeStatus | None = None


__all__ = [name for name in dir() if name[0].isupper()] + ["BlobRef"]
NodeStatus.model_rebuild()
