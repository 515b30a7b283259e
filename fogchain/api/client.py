"""The typed client of a node's API: `Client` for scripts, `AsyncClient` for the panel and other event loops.

Methods are named after the endpoints (see `fogchain.api.models` and `fogchain.api.commons`) and raise the FogchainError
that the node's problem stands for, or Unavailable when the node does not answer. HTTP libraries are imported when a
client is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from fogchain.api.commons import (
    CaseView,
    DaoView,
    DelegateRequest,
    PriceStepView,
    PricesView,
    ProposalDetail,
    ProposeRequest,
    StakeView,
    UnbondingRequest,
    UnbondingView,
    Vote,
    VoteRequest,
)
from fogchain.api.data import TaskLogs
from fogchain.api.models import (
    AccountView,
    AmountRequest,
    AuctionView,
    BlobView,
    BrowserSession,
    Challenge,
    ChallengeRequest,
    Event,
    JobDetail,
    JobSummary,
    MatchView,
    NodeStatus,
    Page,
    ProviderView,
    Quote,
    ReceiptProof,
    ReceiptView,
    SendRequest,
    SentView,
    SessionView,
    SignInRequest,
    TaskView,
    TransactionPlan,
    TransactionRequest,
    TransactionView,
    WalletView,
)  # fmt: skip
from fogchain.api.problems import error_from
from fogchain.api.rest import NODE_HINT, Query, Rest, path_of
from fogchain.api.statement import StatementView
from fogchain.errors import FogchainError, Unavailable
from fogchain.jobs.source import BlobSource, chunks, sha256_of, size_of
from fogchain.jobs.spec import JobSpec
from fogchain.units import Coin

M = TypeVar("M", bound=BaseModel)

TIMEOUT = 60.0  # seconds for one answer; a deposit waits for blocks
MAX_EVENT = 8 << 20
PAGE = 1000


class Client:
    """Synchronous; one connection, not for several threads at once."""

    def __init__(self, url: str, token: str, timeout: float = TIMEOUT, hint: str = NODE_HINT) -> None:
        """`hint` is what to do when the node does not answer."""
        self.url, self._token, self._hint = url.rstrip("/"), token, hint
        self.rest = Rest(url, token, timeout, hint)

    def status(self) -> NodeStatus:
        return self._get(NodeStatus, "node")

    def wallet(self) -> WalletView:
        return self._get(WalletView, "wallet")

    def deposit(self, amount: int, key: str | None = None) -> WalletView:
        """Bring `amount` base units from the wallet into the market. Returns when it is mined; once for each `key`."""
        return self._post(WalletView, AmountRequest(amount=amount), "wallet", "deposit", headers=_key(key))

    def withdraw(self, amount: int, key: str | None = None) -> WalletView:
        return self._post(WalletView, AmountRequest(amount=amount), "wallet", "withdraw", headers=_key(key))

    def send(self, to: str, amount: Coin, key: str | None = None) -> SentView:
        """Out of the node's wallet. Returns when it is mined; the same `key` sends once, however often it is sent."""
        request = SendRequest(to=to, amount=amount)
        return self._post(SentView, request, "wallet", "send", headers=_key(key))

    def account(self, address: str) -> AccountView:
        return self._get(AccountView, "accounts", address)

    def plan(self, address: str, wanted: TransactionRequest) -> TransactionPlan:
        """The transactions that the owner of `address` has to sign for it."""
        return self._post(TransactionPlan, wanted, "accounts", address, "transactions")

    def transaction(self, hash: str) -> TransactionView:
        return self._get(TransactionView, "transactions", hash)

    def sessions(
        self, role: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[SessionView]:
        return self._get(Page[SessionView], "sessions", query={"role": role, "limit": limit, "cursor": cursor})

    def receipts(
        self, role: str | None = None, job: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[ReceiptView]:
        query = {"role": role, "job": job, "limit": limit, "cursor": cursor}
        return self._get(Page[ReceiptView], "receipts", query=query)

    def receipt(self, order: str, job: str) -> ReceiptProof:
        return self._get(ReceiptProof, "receipts", order, query={"job": job})

    def statement(
        self, first: int | None = None, end: int | None = None, limit: int | None = None, cursor: str | None = None
    ) -> StatementView:
        """Block times from `first` to before `end`, in Unix seconds."""
        query = {"from": first, "to": end, "limit": limit, "cursor": cursor}
        return self._get(StatementView, "statement", query=query)

    def statement_csv(self, first: int | None = None, end: int | None = None) -> str:
        path = path_of("statement", query={"from": first, "to": end})
        return self.rest.raw("GET", path, None, {"Accept": "text/csv"}).decode()

    def providers(self) -> list[ProviderView]:
        """All of them, however many pages that takes."""
        found: list[ProviderView] = []
        cursor: str | None = None
        while True:
            page = self._get(Page[ProviderView], "providers", query={"limit": PAGE, "cursor": cursor})
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    def offers(self) -> MatchView:
        """Every offer that the node knows."""
        return self._get(MatchView, "offers")

    def auction(self, resource_class: str = "cpu") -> AuctionView:
        return self._get(AuctionView, "auction", query={"resource_class": resource_class})

    def match(self, spec: JobSpec) -> MatchView:
        """Every offer that the node knows, and why it does or does not match this job. Needs no upload."""
        return self._post(MatchView, spec, "match")

    def quote(self, spec: JobSpec) -> Quote:
        return self._post(Quote, spec, "quote")

    def submit(self, spec: JobSpec, key: str | None = None) -> JobSummary:
        """The same `key` gives the same job, however often it is sent."""
        return self._post(JobSummary, spec, "jobs", headers=_key(key))

    def jobs(self, limit: int = 50, cursor: str | None = None) -> Page[JobSummary]:
        return self._get(Page[JobSummary], "jobs", query={"limit": limit, "cursor": cursor})

    def job(self, job_id: str) -> JobDetail:
        return self._get(JobDetail, "jobs", job_id)

    def tasks(self, job_id: str, limit: int = 100, cursor: str | None = None) -> Page[TaskView]:
        return self._get(Page[TaskView], "jobs", job_id, "tasks", query={"limit": limit, "cursor": cursor})

    def result_file(self, job_id: str, task: int, name: str) -> bytes:
        return self.rest.raw("GET", path_of("jobs", job_id, "tasks", task, "files", name))

    def logs(self, job_id: str, task: int) -> TaskLogs:
        return self._get(TaskLogs, "jobs", job_id, "tasks", task, "logs")

    def cancel(self, job_id: str) -> JobSummary:
        return self._post(JobSummary, None, "jobs", job_id, "cancel")

    def delete_job(self, job_id: str) -> None:
        """Forget a job that is over, with its results."""
        self.rest.raw("DELETE", path_of("jobs", job_id))

    def stake(self) -> StakeView:
        return self._get(StakeView, "stake")

    def bond(self, amount: int) -> StakeView:
        """Bond `amount` base units from the wallet. This and the other changes return when they are mined."""
        return self._post(StakeView, AmountRequest(amount=amount), "stake", "bond")

    def unbond(self, amount: int) -> StakeView:
        return self._post(StakeView, AmountRequest(amount=amount), "stake", "unbond")

    def withdraw_stake(self) -> StakeView:
        return self._post(StakeView, None, "stake", "withdraw")

    def claim_rewards(self) -> StakeView:
        return self._post(StakeView, None, "stake", "rewards")

    def cancel_unbonding(self, index: int, entry: UnbondingView) -> StakeView:
        """`entry`: as `stake` showed it at place `index`."""
        request = UnbondingRequest(amount=entry.amount, release=entry.release)
        return self._post(StakeView, request, "stake", "unbonding", index, "cancel")

    def dao(self, limit: int | None = None) -> DaoView:
        return self._get(DaoView, "dao", query={"limit": limit})

    def delegate(self, to: str) -> StakeView:
        """An address, or "me"."""
        return self._post(StakeView, DelegateRequest(to=to), "dao", "delegate")

    def proposal(self, id: str) -> ProposalDetail:
        return self._get(ProposalDetail, "dao", "proposals", id)

    def propose(self, request: ProposeRequest) -> ProposalDetail:
        return self._post(ProposalDetail, request, "dao", "proposals")

    def vote(self, id: str, vote: Vote, reason: str = "") -> ProposalDetail:
        return self._post(ProposalDetail, VoteRequest(vote=vote, reason=reason), "dao", "proposals", id, "vote")

    def move_proposal(self, id: str, step: Literal["queue", "execute", "cancel"]) -> ProposalDetail:
        return self._post(ProposalDetail, None, "dao", "proposals", id, step)

    def prices(self) -> PricesView:
        return self._get(PricesView, "prices")

    def price_history(
        self, name: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[PriceStepView]:
        query = {"class": name, "limit": limit, "cursor": cursor}
        return self._get(Page[PriceStepView], "prices", "history", query=query)

    def cases(self, limit: int | None = None, cursor: str | None = None) -> Page[CaseView]:
        return self._get(Page[CaseView], "slashings", query={"limit": limit, "cursor": cursor})

    def case(self, job: str) -> CaseView:
        return self._get(CaseView, "slashings", job)

    def has_blob(self, sha256: str) -> bool:
        return self.rest.exists(path_of("blobs", sha256))

    def put_blob(self, source: BlobSource, sha256: str | None = None) -> BlobView:
        """Upload a file, a slice of one, or bytes; the node checks the hash. Raises OSError for an unreadable file."""
        name = sha256 or sha256_of(source)
        answer = self.rest.upload(path_of("blobs", name), lambda: chunks(source), size_of(source))
        return BlobView.model_validate(answer)

    def events(self) -> EventStream:
        """What changes, from now on: the connection stands when this returns."""
        return EventStream(self.url, self._token, self._hint)

    def close(self) -> None:
        self.rest.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get(self, kind: type[M], *parts: object, query: Query | None = None) -> M:
        return _decode(kind, self.url, self.rest.raw("GET", path_of(*parts, query=query)))

    def _post(self, kind: type[M], body: BaseModel | None, *parts: object, headers: dict[str, str] | None = None) -> M:
        content = body.model_dump_json().encode() if body is not None else b""
        extra = {"Content-Type": "application/json", **(headers or {})}
        return _decode(kind, self.url, self.rest.raw("POST", path_of(*parts), content, extra))


class EventStream:
    """An iterator of events. Raises Unavailable when the connection ends. Close it when done."""

    def __init__(self, url: str, token: str, hint: str) -> None:
        from websockets.exceptions import InvalidHandshake, InvalidStatus
        from websockets.sync.client import connect

        self._url, self._hint = url, hint
        try:
            self._link = connect(_ws(url), additional_headers=_auth(token), max_size=MAX_EVENT, proxy=None)
        except InvalidStatus as error:
            raise error_from(error.response.status_code, error.response.body or b"") from error
        except (InvalidHandshake, OSError, TimeoutError) as error:
            raise _unreachable(url, error, hint) from error

    def receive(self, timeout: float | None = None) -> Event | None:
        """The next event, or None when none came within `timeout` seconds."""
        from websockets.exceptions import WebSocketException

        try:
            return _decode(Event, self._url, self._link.recv(timeout))
        except TimeoutError:
            return None
        except (WebSocketException, OSError) as error:
            raise _ended(self._url, self._hint) from error

    def close(self) -> None:
        self._link.close()

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> Event:
        event = self.receive()
        assert event is not None
        return event

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient:
    """The same for asyncio; any number of calls at once. Close it when done."""

    def __init__(self, url: str, token: str, timeout: float = TIMEOUT) -> None:
        import httpx

        self.url, self._token = url.rstrip("/"), token
        # trust_env off: a proxy set for the Internet must not see a local node's token.
        self._http = httpx.AsyncClient(base_url=self.url, headers=_auth(token), timeout=timeout, trust_env=False)

    async def status(self) -> NodeStatus:
        return await self._get(NodeStatus, "node")

    async def wallet(self) -> WalletView:
        return await self._get(WalletView, "wallet")

    async def deposit(self, amount: int, key: str | None = None) -> WalletView:
        """Bring `amount` base units from the wallet into the market. Returns when it is mined; once for each `key`."""
        return await self._post(WalletView, AmountRequest(amount=amount), "wallet", "deposit", headers=_key(key))

    async def withdraw(self, amount: int, key: str | None = None) -> WalletView:
        return await self._post(WalletView, AmountRequest(amount=amount), "wallet", "withdraw", headers=_key(key))

    async def send(self, to: str, amount: Coin, key: str | None = None) -> SentView:
        """Out of the node's wallet. Returns when it is mined; the same `key` sends once, however often it is sent."""
        request = SendRequest(to=to, amount=amount)
        return await self._post(SentView, request, "wallet", "send", headers=_key(key))

    async def account(self, address: str) -> AccountView:
        return await self._get(AccountView, "accounts", address)

    async def plan(self, address: str, wanted: TransactionRequest) -> TransactionPlan:
        """The transactions that the owner of `address` has to sign for it."""
        return await self._post(TransactionPlan, wanted, "accounts", address, "transactions")

    async def transaction(self, hash: str) -> TransactionView:
        return await self._get(TransactionView, "transactions", hash)

    async def challenge(self, address: str, origin: str) -> Challenge:
        """The message that `address` signs to sign in at the page `origin`."""
        request = ChallengeRequest(address=address, origin=origin)
        return await self._post(Challenge, request, "auth", "challenge")

    async def open_session(self, message: str, signature: str) -> BrowserSession:
        request = SignInRequest(message=message, signature=signature)
        return await self._post(BrowserSession, request, "auth", "session")

    async def close_session(self) -> None:
        """Ends the session whose token this client has."""
        await self._raw("DELETE", path_of("auth", "session"))

    async def sessions(
        self, role: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[SessionView]:
        return await self._get(Page[SessionView], "sessions", query={"role": role, "limit": limit, "cursor": cursor})

    async def receipts(
        self, role: str | None = None, job: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[ReceiptView]:
        query = {"role": role, "job": job, "limit": limit, "cursor": cursor}
        return await self._get(Page[ReceiptView], "receipts", query=query)

    async def receipt(self, order: str, job: str) -> ReceiptProof:
        return await self._get(ReceiptProof, "receipts", order, query={"job": job})

    async def statement(
        self, first: int | None = None, end: int | None = None, limit: int | None = None, cursor: str | None = None
    ) -> StatementView:
        """Block times from `first` to before `end`, in Unix seconds."""
        query = {"from": first, "to": end, "limit": limit, "cursor": cursor}
        return await self._get(StatementView, "statement", query=query)

    async def statement_csv(self, first: int | None = None, end: int | None = None) -> str:
        path = path_of("statement", query={"from": first, "to": end})
        return (await self._raw("GET", path, headers={"Accept": "text/csv"})).decode()

    async def providers(self) -> list[ProviderView]:
        """All of them, however many pages that takes."""
        found: list[ProviderView] = []
        cursor: str | None = None
        while True:
            page = await self._get(Page[ProviderView], "providers", query={"limit": PAGE, "cursor": cursor})
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    async def offers(self) -> MatchView:
        return await self._get(MatchView, "offers")

    async def auction(self, resource_class: str = "cpu") -> AuctionView:
        return await self._get(AuctionView, "auction", query={"resource_class": resource_class})

    async def match(self, spec: JobSpec) -> MatchView:
        return await self._post(MatchView, spec, "match")

    async def quote(self, spec: JobSpec) -> Quote:
        return await self._post(Quote, spec, "quote")

    async def submit(self, spec: JobSpec, key: str | None = None) -> JobSummary:
        """The same `key` gives the same job, however often it is sent."""
        return await self._post(JobSummary, spec, "jobs", headers=_key(key))

    async def jobs(self, limit: int = 50, cursor: str | None = None) -> Page[JobSummary]:
        return await self._get(Page[JobSummary], "jobs", query={"limit": limit, "cursor": cursor})

    async def job(self, job_id: str) -> JobDetail:
        return await self._get(JobDetail, "jobs", job_id)

    async def tasks(self, job_id: str, limit: int = 100, cursor: str | None = None) -> Page[TaskView]:
        return await self._get(Page[TaskView], "jobs", job_id, "tasks", query={"limit": limit, "cursor": cursor})

    async def result_file(self, job_id: str, task: int, name: str) -> bytes:
        return await self._raw("GET", path_of("jobs", job_id, "tasks", task, "files", name))

    async def logs(self, job_id: str, task: int) -> TaskLogs:
        return await self._get(TaskLogs, "jobs", job_id, "tasks", task, "logs")

    async def cancel(self, job_id: str) -> JobSummary:
        return await self._post(JobSummary, None, "jobs", job_id, "cancel")

    async def delete_job(self, job_id: str) -> None:
        """Forget a job that is over, with its results."""
        await self._raw("DELETE", path_of("jobs", job_id))

    async def stake(self) -> StakeView:
        return await self._get(StakeView, "stake")

    async def bond(self, amount: int) -> StakeView:
        """Bond `amount` base units from the wallet. This and the other changes return when they are mined."""
        return await self._post(StakeView, AmountRequest(amount=amount), "stake", "bond")

    async def unbond(self, amount: int) -> StakeView:
        return await self._post(StakeView, AmountRequest(amount=amount), "stake", "unbond")

    async def withdraw_stake(self) -> StakeView:
        return await self._post(StakeView, None, "stake", "withdraw")

    async def claim_rewards(self) -> StakeView:
        return await self._post(StakeView, None, "stake", "rewards")

    async def cancel_unbonding(self, index: int, entry: UnbondingView) -> StakeView:
        """`entry`: as `stake` showed it at place `index`."""
        request = UnbondingRequest(amount=entry.amount, release=entry.release)
        return await self._post(StakeView, request, "stake", "unbonding", index, "cancel")

    async def dao(self, limit: int | None = None) -> DaoView:
        return await self._get(DaoView, "dao", query={"limit": limit})

    async def delegate(self, to: str) -> StakeView:
        """An address, or "me"."""
        return await self._post(StakeView, DelegateRequest(to=to), "dao", "delegate")

    async def proposal(self, id: str) -> ProposalDetail:
        return await self._get(ProposalDetail, "dao", "proposals", id)

    async def propose(self, request: ProposeRequest) -> ProposalDetail:
        return await self._post(ProposalDetail, request, "dao", "proposals")

    async def vote(self, id: str, vote: Vote, reason: str = "") -> ProposalDetail:
        return await self._post(ProposalDetail, VoteRequest(vote=vote, reason=reason), "dao", "proposals", id, "vote")

    async def move_proposal(self, id: str, step: Literal["queue", "execute", "cancel"]) -> ProposalDetail:
        return await self._post(ProposalDetail, None, "dao", "proposals", id, step)

    async def prices(self) -> PricesView:
        return await self._get(PricesView, "prices")

    async def price_history(
        self, name: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[PriceStepView]:
        query = {"class": name, "limit": limit, "cursor": cursor}
        return await self._get(Page[PriceStepView], "prices", "history", query=query)

    async def cases(self, limit: int | None = None, cursor: str | None = None) -> Page[CaseView]:
        return await self._get(Page[CaseView], "slashings", query={"limit": limit, "cursor": cursor})

    async def case(self, job: str) -> CaseView:
        return await self._get(CaseView, "slashings", job)

    async def has_blob(self, sha256: str) -> bool:
        response = await self._send("HEAD", path_of("blobs", sha256))
        if response.status_code in (401, 403) or response.status_code >= 500:
            await self.status()  # an answer to HEAD has no body: hear the reason elsewhere
            raise error_from(response.status_code, b"")
        return bool(response.status_code < 400)

    async def put_blob(self, source: BlobSource, sha256: str | None = None) -> BlobView:
        """Upload a file, a slice of one, or bytes; the node checks the hash. Raises OSError for an unreadable file."""
        name = sha256 or await asyncio.to_thread(sha256_of, source)
        headers = {"Content-Length": str(size_of(source)), "Content-Type": "application/octet-stream"}
        answer = await self._raw("PUT", path_of("blobs", name), content=_stream(source), headers=headers)
        return _decode(BlobView, self.url, answer)

    async def events(
        self, after: int | None = None, connected: Callable[[], None] = lambda: None
    ) -> AsyncGenerator[Event, None]:
        """What changes, from now on, or after the event of that `seq`. `connected` is called once nothing is missed.

        Raises Unavailable when the connection ends.
        """
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidStatus, WebSocketException

        headers = _auth(self._token)
        try:
            async with connect(
                _ws(self.url, after), additional_headers=headers, max_size=MAX_EVENT, proxy=None
            ) as link:
                connected()
                async for message in link:
                    yield _decode(Event, self.url, message)
        except InvalidStatus as error:
            raise error_from(error.response.status_code, error.response.body or b"") from error
        except (WebSocketException, OSError, TimeoutError) as error:
            raise _unreachable(self.url, error) from error
        raise _ended(self.url)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _get(self, kind: type[M], *parts: object, query: Query | None = None) -> M:
        return _decode(kind, self.url, await self._raw("GET", path_of(*parts, query=query)))

    async def _post(
        self, kind: type[M], body: BaseModel | None, *parts: object, headers: dict[str, str] | None = None
    ) -> M:
        content = body.model_dump_json().encode() if body is not None else b""
        extra = {"Content-Type": "application/json", **(headers or {})}
        return _decode(kind, self.url, await self._raw("POST", path_of(*parts), content=content, headers=extra))

    async def _raw(self, method: str, path: str, **options: Any) -> bytes:
        response = await self._send(method, path, **options)
        if response.status_code >= 400:
            raise error_from(response.status_code, response.content)
        return bytes(response.content)

    async def _send(self, method: str, path: str, **options: Any) -> Any:
        import httpx

        try:
            return await self._http.request(method, path, **options)
        except httpx.TimeoutException as error:
            hint = "see whether the node is overloaded or stuck"
            raise Unavailable(f"the node at {self.url} does not answer in time", hint=hint) from error
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from error


async def _stream(source: BlobSource) -> AsyncIterator[bytes]:
    pieces = chunks(source)
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


def _key(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key} if key else {}


def _auth(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _ws(url: str, after: int | None = None) -> str:
    return "ws" + url.removeprefix("http") + path_of("events", query={"after": after})


def _decode(kind: type[M], url: str, body: bytes | str) -> M:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise _strange(url) from error


def _strange(url: str) -> FogchainError:
    return FogchainError(
        f"{url} does not answer like a fogchain node of this version", hint="bring both to one version"
    )


def _unreachable(url: str, error: Exception, hint: str = NODE_HINT) -> Unavailable:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unavailable(f"the node at {url} can't be reached: {reason}", hint=hint)


def _ended(url: str, hint: str = NODE_HINT) -> Unavailable:
    return Unavailable(f"the node at {url} ended the stream of events", hint=hint)
