"""`fogchain stake`: the bond of the node's account."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.lazy import new_app
from fogchain.cli.options import Data, Json, Key, folder_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from fogchain.chain.calls import Call
    from fogchain.cli.act import Desk

app = new_app(no_args_is_help=True, help="The bond: it answers for work, votes, and earns a part of the fees.")

Amount = Annotated[str, typer.Argument(help='With its unit: "1000 FOG".')]


@app.command()
def show(data: Data = None, as_json: Json = False) -> None:
    """The bond, what is unbonding, its votes and its rewards."""
    from fogchain.cli.act import look
    from fogchain.units import format_fog

    async def question(desk: Desk) -> dict[str, Any]:
        from fogchain.chain.bond import read_bond

        bond = await read_bond(desk.client, desk.address)
        return {
            "address": bond.owner,
            "bonded": format_fog(bond.bonded),
            "unbonding": [{"amount": format_fog(part.amount), "release": part.release} for part in bond.unbonding],
            "rewards": format_fog(bond.rewards),
            "votes": format_fog(bond.votes),
            "delegatee": bond.delegatee,
            "total_bonded": format_fog(bond.total),
            "wallet": format_fog(bond.wallet),
        }

    view = look(folder_of(data), question)
    if as_json:
        output.say_json(view)
        return
    to = view["delegatee"]
    output.facts(
        [
            ("address", output.bold(view["address"])),
            ("bonded", f"{output.fog(view['bonded'])} of {output.fog(view['total_bonded'])} in all"),
            ("rewards", output.fog(view["rewards"])),
            ("votes", output.fog(view["votes"])),
            ("delegated to", "itself" if to == view["address"] else to or "nobody: the bond does not vote"),
            ("in the wallet", output.fog(view["wallet"])),
        ]
    )
    if view["unbonding"]:
        output.say()
        rows = [
            [str(place), output.fog(entry["amount"]), _release(entry["release"])]
            for place, entry in enumerate(view["unbonding"])
        ]
        output.table(["#", "unbonding", "can be withdrawn"], rows, right=(0, 1))


@app.command()
def bond(amount: Amount, key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Bond FOG from the wallet."""
    from fogchain.errors import PaymentRequired
    from fogchain.units import format_fog, parse_fog

    value = parse_fog(amount)

    async def plan(desk: Desk) -> list[Call]:
        stake, client = desk.client.deployment.stake, desk.client
        held = await client.token_balance(desk.address)
        if held < value and not desk.again:
            raise PaymentRequired(
                f"the wallet holds {format_fog(held, 6)}, less than {format_fog(value)}",
                hint="bond less, or withdraw from the market first",
            )
        approved = await client.allowance(desk.address, stake)
        first = [] if approved >= value else [desk.calls.approve(value, stake)]
        return [*first, desk.calls.bond(value)]

    _act(data, as_json, plan, key, f"bonded {format_fog(value)}")


@app.command()
def unbond(amount: Amount, key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Take FOG out of the bond.

    It can be withdrawn when the unbonding period is over; until then it still answers for work.
    """
    from fogchain.units import format_fog, parse_fog

    value = parse_fog(amount)

    async def plan(desk: Desk) -> list[Call]:
        return [desk.calls.unbond(value)]

    _act(data, as_json, plan, key, f"{format_fog(value)} is unbonding; see `fogchain stake show`")


@app.command()
def cancel(
    place: Annotated[int, typer.Argument(metavar="#", help="As `fogchain stake show` numbers it.", min=0)],
    key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Put an amount that is unbonding back into the bond."""

    async def plan(desk: Desk) -> list[Call]:
        return [desk.calls.cancel_unbond(place)]

    _act(data, as_json, plan, key, "bonded again")


@app.command()
def withdraw(key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Take what has finished unbonding into the wallet."""

    async def plan(desk: Desk) -> list[Call]:
        return [desk.calls.withdraw_stake()]

    _act(data, as_json, plan, key, "in the wallet now")


@app.command()
def rewards(key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Take the bond's rewards into the wallet."""

    async def plan(desk: Desk) -> list[Call]:
        return [desk.calls.claim_rewards()]

    _act(data, as_json, plan, key, "rewards are in the wallet")


def _act(
    data: Path | None, as_json: bool, plan: Callable[[Desk], Awaitable[Sequence[Call]]], key: str | None, done: str
) -> None:
    from fogchain.cli.act import act, report

    report(act(folder_of(data), plan, key), as_json, done)


def _release(when: int) -> str:
    left = when - time.time()
    return "now" if left <= 0 else f"in {output.span(left)}"
