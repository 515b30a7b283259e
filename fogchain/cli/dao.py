"""`fogchain dao`: propose, vote, and carry out what was decided."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.lazy import new_app
from fogchain.cli.options import Data, Json, Key, folder_of
from fogchain.errors import BadInput, Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fogchain.chain.calls import Call
    from fogchain.chain.dao import Ballot, Proposal, State
    from fogchain.cli.act import Desk

app = new_app(no_args_is_help=True, help="Governance by bonded FOG: propose, vote, carry out.")

Id = Annotated[str, typer.Argument(metavar="PROPOSAL", help="Its id, or the first digits of it.")]


@app.command()
def propose(
    description: Annotated[str, typer.Argument(help="Why, in words; the first line is the title.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help='A setting: "market.fee=0.5 %". See `fogchain dao settings`.'),
    ] = None,
    by_hand: Annotated[
        list[str] | None,
        typer.Option("--call", metavar="CALL", help="Any call: 'market.setPricing(\"0x…\")'."),
    ] = None,
    key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Put a change to the vote."""
    from fogchain.chain.contracts import parse_call, tell
    from fogchain.chain.dao import Dao, draft, short_id
    from fogchain.chain.settings import change_settings
    from fogchain.cli.act import act

    wanted = dict(map(_assignment, changes or []))
    made: list[tuple[int, list[str]]] = []

    async def plan(desk: Desk) -> list[Call]:
        deployment, dao = desk.client.deployment, Dao(desk.client)
        calls = [
            *await change_settings(desk.client, wanted),
            *(parse_call(deployment, text) for text in by_hand or []),
        ]
        proposal = draft(calls, description)
        made.append((await dao.id_of(proposal), [str(tell(deployment, call.to, call.data)) for call in calls]))
        return [dao.propose(proposal)]

    sent = act(folder_of(data), plan, key)
    id, told = made[0]
    if as_json:
        output.say_json({"id": str(id), "short_id": short_id(id), "calls": told, **sent[0].view})
        return
    output.say(f"proposal {output.bold(short_id(id))}: {description.strip().splitlines()[0]}")
    for line in told:
        output.say(f"  {line}")
    output.note(output.dim(f"{sent[0].what}: {sent[0].hash}, block {sent[0].block}"))


@app.command()
def delegate(
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help='Who votes with the bond; "me" for oneself.')],
    key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give the bond's votes to somebody, or to oneself.

    A bond that was never delegated does not vote. A proposal counts votes as they were when its delay ended.
    """
    from fogchain.cli.act import act, report

    async def plan(desk: Desk) -> list[Call]:
        return [desk.calls.delegate(desk.address if to == "me" else _address(to))]

    done = "the bond votes for itself now" if to == "me" else f"{to} has the votes of this bond now"
    report(act(folder_of(data), plan, key), as_json, done)


@app.command()
def vote(
    proposal: Id,
    support: Annotated[str, typer.Argument(metavar="for|against|abstain")],
    reason: Annotated[str, typer.Option(help="For everyone to read.")] = "",
    key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Vote on a proposal that is active."""
    from fogchain.chain.dao import Dao, State, Support, short_id
    from fogchain.cli.act import act, report

    try:
        choice = Support[support.upper()]
    except KeyError:
        raise BadInput(f"{support!r} is no vote", hint="for, against or abstain") from None
    named: list[str] = []

    async def plan(desk: Desk) -> list[Call]:
        dao = Dao(desk.client)
        found = await dao.find(proposal)
        if not desk.again:
            _expect(found, State.ACTIVE, "voted on")
        named.append(short_id(found.id))
        return [dao.vote(found.id, choice, reason)]

    sent = act(folder_of(data), plan, key)
    report(sent, as_json, f"voted {support.lower()} proposal {named[0]}")


@app.command()
def queue(proposal: Id, key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Hand a proposal that won to the timelock."""
    _step("queue", proposal, key, data, as_json)


@app.command()
def execute(proposal: Id, key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Carry out a proposal whose time in the timelock is over."""
    _step("execute", proposal, key, data, as_json)


@app.command()
def cancel(proposal: Id, key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Withdraw one's own proposal before its vote begins; the guardian may cancel any, in its term."""
    _step("cancel", proposal, key, data, as_json)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=1000)] = 20,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """All proposals, newest first."""
    from fogchain.chain.dao import Dao, short_id
    from fogchain.cli.act import look

    async def question(desk: Desk) -> list[Proposal]:
        return await Dao(desk.client).proposals(limit)

    found = look(folder_of(data), question)
    if as_json:
        output.say_json([_view(proposal) for proposal in found])
        return
    if not found:
        output.say("no proposals yet; `fogchain dao propose` makes one")
        return
    rows = [
        [
            output.bold(short_id(one.id)), _state(one.state), output.fog(one.votes_for), output.fog(one.votes_against),
            _when(one), one.title[:60],
        ]
        for one in found
    ]  # fmt: skip
    output.table(["id", "state", "for", "against", "", "title"], rows, right=(2, 3))


@app.command()
def show(proposal: Id, data: Data = None, as_json: Json = False) -> None:
    """A proposal: what it does, how the vote stands, who voted."""
    from fogchain.chain.dao import Dao
    from fogchain.cli.act import look

    async def question(desk: Desk) -> tuple[Proposal, list[Ballot]]:
        dao = Dao(desk.client)
        found = await dao.find(proposal)
        return found, await dao.ballots(found)

    found, ballots = look(folder_of(data), question)
    if as_json:
        votes = [_ballot_view(ballot) for ballot in ballots]
        output.say_json({**_view(found), "ballots": votes})
        return
    output.say(output.bold(found.title))
    rest = found.draft.description.strip().partition("\n")[2].strip()
    if rest:
        output.say(rest)
    output.say()
    output.facts(
        [
            ("id", f"{found.id:064x}"),
            ("state", f"{_state(found.state)} {output.dim(_when(found))}"),
            ("by", found.proposer),
            ("for", output.fog(found.votes_for)),
            ("against", output.fog(found.votes_against)),
            ("abstain", output.fog(found.votes_abstain)),
            ("quorum", output.fog(found.quorum) if found.quorum is not None else "set when the vote begins"),
        ]
    )
    output.say()
    for call in found.calls:
        output.say(f"{output.dim('does')}  {call}")
    if ballots:
        output.say()
        rows = [[one.voter, one.support.name.lower(), output.fog(one.weight), one.reason[:60]] for one in ballots]
        output.table(["voter", "vote", "weight", "reason"], rows, right=(2,))


@app.command()
def settings(data: Data = None, as_json: Json = False) -> None:
    """What a vote can set, as it is now."""
    from fogchain.chain.settings import Setting, read_settings
    from fogchain.cli.act import look

    async def question(desk: Desk) -> list[Setting]:
        return await read_settings(desk.client)

    found = look(folder_of(data), question)
    if as_json:
        output.say_json({setting.name: setting.value for setting in found})
        return
    output.facts((setting.name, setting.value) for setting in found)


def _step(what: str, proposal: str, key: str | None, data: Path | None, as_json: bool) -> None:
    from fogchain.chain.dao import Dao, State, short_id
    from fogchain.cli.act import act, report

    named: list[str] = []

    async def plan(desk: Desk) -> Sequence[Call]:
        dao = Dao(desk.client)
        found = await dao.find(proposal)
        named.append(short_id(found.id))
        if what == "queue":
            if not desk.again:
                _expect(found, State.SUCCEEDED, "queued")
            return [dao.queue(found)]
        if what == "execute":
            left = found.eta - (await desk.client.head()).timestamp
            if not desk.again:
                _expect(found, State.QUEUED, "executed")
            if left > 0:
                raise Conflict(
                    f"proposal {named[0]} waits in the timelock for {output.span(left)} more",
                    hint="anyone can execute it then",
                )
            return [dao.execute(found)]
        return [dao.cancel(found)]

    sent = act(folder_of(data), plan, key)
    done = {"queue": "queued: it waits in the timelock", "execute": "executed", "cancel": "cancelled"}[what]
    report(sent, as_json, f"proposal {named[0]} is {done}")


def _expect(proposal: Proposal, wanted: State, what: str) -> None:
    from fogchain.chain.dao import short_id

    if proposal.state != wanted:
        raise Conflict(
            f"proposal {short_id(proposal.id)} is {proposal.state.word} and can't be {what}",
            hint=_when(proposal) or "`fogchain dao show` says more",
        )


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"{text!r} sets nothing", hint='write it like --set "market.fee=0.5 %"')
    return name.strip(), value.strip()


def _address(text: str) -> str:
    if len(text) != 42 or not text.startswith("0x"):
        raise BadInput(f"{text!r} is not an address", hint='write 0x and 40 hex digits, or "me"')
    return text.lower()


def _state(state: State) -> str:
    colours = {"active": "cyan", "succeeded": "green", "queued": "cyan", "executed": "green", "defeated": "red"}
    return typer.style(state.word, fg=colours.get(state.word, "yellow"))


def _when(proposal: Proposal) -> str:
    now = time.time()
    match proposal.state.word:
        case "pending":
            return f"the vote begins in {output.span(proposal.snapshot - now)}"
        case "active":
            return f"the vote ends in {output.span(proposal.deadline - now)}"
        case "succeeded":
            return "can be queued"
        case "queued":
            left = proposal.eta - now
            return "can be executed" if left <= 0 else f"can be executed in {output.span(left)}"
    return ""


def _view(proposal: Proposal) -> dict[str, Any]:
    from fogchain.chain.dao import short_id
    from fogchain.units import format_fog

    return {
        "id": str(proposal.id),
        "short_id": short_id(proposal.id),
        "title": proposal.title,
        "description": proposal.draft.description,
        "proposer": proposal.proposer,
        "state": proposal.state.word,
        "snapshot": proposal.snapshot,
        "deadline": proposal.deadline,
        "eta": proposal.eta,
        "for": format_fog(proposal.votes_for),
        "against": format_fog(proposal.votes_against),
        "abstain": format_fog(proposal.votes_abstain),
        "quorum": None if proposal.quorum is None else format_fog(proposal.quorum),
        "calls": [
            {"to": call.to, "contract": call.contract, "function": call.function, "arguments": dict(call.arguments)}
            for call in proposal.calls
        ],
    }


def _ballot_view(ballot: Ballot) -> dict[str, Any]:
    from fogchain.units import format_fog

    return {
        "voter": ballot.voter,
        "vote": ballot.support.name.lower(),
        "weight": format_fog(ballot.weight),
        "reason": ballot.reason,
        "block": ballot.block,
    }
