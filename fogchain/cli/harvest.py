"""`fogchain harvest`: when this machine works for others, why it does or doesn't, and what its owner wants of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.lazy import new_app
from fogchain.cli.options import Data, Json, folder_of
from fogchain.errors import BadInput

app = new_app(no_args_is_help=True, help="When this machine works for others, and why it does or doesn't.")

COLOURS = {
    "idle": "green", "claimed": "green", "running": "green", "benchmark": "green", "warming": "cyan",
    "draining": "cyan", "frozen": "yellow", "checkpointing": "yellow", "vacating": "yellow", "blocked": "yellow",
    "quarantine": "red", "offline": "red",
}  # fmt: skip

Span = Annotated[str | None, typer.Argument(metavar="[SPAN]", help='For how long, as in "2 h".', show_default=False)]


@app.command()
def status(data: Data = None, as_json: Json = False) -> None:
    """What the machine is doing now, by which policy, and what its sensors say."""
    _show(_get(data), as_json)


@app.command()
def why(data: Data = None, as_json: Json = False) -> None:
    """Why it does or doesn't work: every active veto with its value, its threshold, and the time until it clears."""
    view = _get(data)
    if as_json:
        names = ("state", "cause", "takes_work", "why", "intent", "until", "duty", "pace", "vetoes")
        output.say_json({name: view[name] for name in names})
        return
    output.say(_headline(view))
    if view["intent"] != "auto":
        output.say(f"The owner: {_intent(view)}")
    if view["pace"]:
        output.say(f"Slowed to {view['duty']}: {view['pace']}")
    if not view["vetoes"]:
        output.say("No guard forbids anything.")
        return
    output.say()
    output.table(
        ("guard", "scope", "does", "because", "value", "clears"),
        [
            (
                veto["guard"] if number == 0 else "",
                veto["scope"] if number == 0 else "",
                veto["action"] if number == 0 else "",
                cause["condition"],
                cause["value"],
                _clears(veto) if number == 0 else "",
            )
            for veto in view["vetoes"]
            for number, cause in enumerate(veto["causes"])
        ],
    )


@app.command()
def log(
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="How many.")] = 20,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Its last changes of state, each with its cause and who caused it."""
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    page = rest_to(folder_of(data)).json("GET", path_of("harvest", "transitions", query={"limit": limit}))
    if as_json:
        output.say_json(page)
        return
    output.table(
        ("when", "from", "to", "by", "because"),
        [
            (_clock(one["at"]), one["before"], _state(one["after"]), one["actor"], one["cause"])
            for one in reversed(page["items"])
        ],
    )


@app.command()
def pause(span: Span = None, data: Data = None, as_json: Json = False) -> None:
    """Take no work, and let what runs stand still, for SPAN or until `resume`."""
    _intend(data, "pause", span, as_json)


@app.command()
def finish(data: Data = None, as_json: Json = False) -> None:
    """Finish what runs, and take nothing new until `resume`."""
    _intend(data, "finish", None, as_json)


@app.command()
def resume(data: Data = None, as_json: Json = False) -> None:
    """Work as the policy allows: ends a pause, a boost, and `finish`; clears a quarantine."""
    if _get(data)["state"] == "quarantine":
        _post(data, ("harvest", "clear"), None)
    _intend(data, "auto", None, as_json)


@app.command()
def boost(
    span: Annotated[str, typer.Argument(metavar="SPAN", help='For how long, as in "2 h".')],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Work for SPAN although its owner uses the machine. What keeps the machine safe stays in force."""
    _intend(data, "boost", span, as_json)


@app.command()
def profile(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="desktop, laptop, phone, server, quiet-night or dedicated."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A policy of one's own, in TOML, instead.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the policy in use, or use another. One with an error is refused, and the one in use stays."""
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    if name is not None and file is not None:
        raise BadInput("a profile or a file, not both", hint="leave one of them out")
    if name is None and file is None:
        policy = rest_to(folder_of(data)).json("GET", path_of("harvest", "policy"))
        if as_json:
            output.say_json(policy)
            return
        output.say(policy["text"].rstrip())
        output.note(output.dim(f"{policy['file']}; there are the profiles {', '.join(policy['profiles'])}"))
        return
    body = {"profile": name} if name is not None else {"text": _text(file)}
    _show(_post(data, ("harvest", "policy"), body), as_json)


@app.command()
def lint(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A policy, in TOML.")],
    as_json: Json = False,
) -> None:
    """Look for what is wrong with a policy. Needs no node; exit code 1 when there is anything."""
    command = [sys.executable, "-m", "node.harvest.check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise BadInput(f"{file} can't be checked: {done.stderr.strip()[-300:]}") from error
    if as_json:
        output.say_json(found)
    elif not found["findings"]:
        output.say(f"{file}: {found['guards']} guards, nothing wrong")
    for flaw in [] if as_json else found["findings"]:
        place = f"{file}:{flaw['line']}" if flaw["line"] else str(file)
        guard = f" guard {flaw['guard']!r}:" if flaw["guard"] else ""
        output.say(f"{output.bold(place)}:{guard} {flaw['problem']}")
        if flaw["hint"]:
            output.say(f"  {output.dim(flaw['hint'])}")
    if found["findings"]:
        raise typer.Exit(1)


@app.command()
def replay(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[PROFILE]", help="Whose guards to try.", show_default="the policy in use"),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="A policy of one's own instead.")] = None,
    span: Annotated[str, typer.Option("--span", metavar="SPAN", help="How much of the past.")] = "7 d",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What a policy would have done with what this node's sensors have said: hours offered, transitions, energy."""
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    body: dict[str, Any] = {"span": span}
    if file is not None:
        body["text"] = _text(file)
    elif name is not None:
        body["profile"] = name
    else:
        body["text"] = rest_to(folder_of(data)).json("GET", path_of("harvest", "policy"))["text"]
    found = _post(data, ("harvest", "replay"), body)
    if as_json:
        output.say_json(found)
        return
    share = found["offered"] / found["hours"] if found["hours"] else 0.0
    output.facts(
        [
            ("readings", f"{_hours(found['hours'])}, from {_clock(found['first'])} to {_clock(found['last'])}"),
            ("offered", f"{_hours(found['offered'])}, {share:.0%} of them; {_hours(found['worked'])} at full speed"),
            ("longest", f"{_hours(found['longest'])} at a stretch"),
            ("changes", str(found["transitions"])),
            ("energy", f"{found['energy']:.2f} kWh, if there had always been work"),
            ("lost to", ", ".join(f"{one['guard']} {_hours(one['hours'])}" for one in found["lost"])),
        ]
    )


# -------------------------------------------------------------------- inside


def _get(data: Path | None) -> dict[str, Any]:
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    return dict(rest_to(folder_of(data)).json("GET", path_of("harvest")))


def _post(data: Path | None, place: tuple[str, ...], body: dict[str, Any] | None) -> dict[str, Any]:
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    content = json.dumps(body).encode() if body is not None else b""
    return dict(rest_to(folder_of(data)).json("POST", path_of(*place), content))


def _intend(data: Path | None, intent: str, span: str | None, as_json: bool) -> None:
    _show(_post(data, ("harvest", "intent"), {"intent": intent, "span": span}), as_json)


def _text(file: Path | None) -> str:
    assert file is not None
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} can't be read: {error}", hint="name a policy in TOML") from error


def _show(view: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.say_json(view)
        return
    survival = ", ".join(f"{span} {chance}" for span, chance in view["survival"].items())
    troubled = [probe for probe in view["probes"] if probe["state"] in ("late", "failed")]
    output.say(_headline(view))
    output.say()
    output.facts(
        [
            ("policy", view["policy"]),
            ("owner", _intent(view)),
            ("tasks", f"{view['running']}, running {view['duty']} of the time" if view["running"] else "none"),
            ("slowed", view["pace"] if view["running"] else ""),
            ("stays", f"{survival}, by its own record" if survival else ""),
            ("vetoes", "\n        ".join(veto["text"] for veto in view["vetoes"]) or "none"),
            ("probes", "\n        ".join(f"{one['name']} {one['state']}: {one['detail']}" for one in troubled)),
        ]
    )
    output.say()
    known = [sensor for sensor in view["sensors"] if sensor["known"]]
    output.table(("sensor", "value"), [(sensor["name"], sensor["value"]) for sensor in known])
    if unknown := [sensor["name"] for sensor in view["sensors"] if not sensor["known"]]:
        output.say(output.dim(f"not known here: {', '.join(unknown)}"))


def _headline(view: dict[str, Any]) -> str:
    for_ = output.span(time.time() - view["since"])
    because = f": {view['why'] or view['cause']}" if view["why"] or view["cause"] else ""
    return f"{_state(view['state'])} for {for_}{because}"


def _state(name: str) -> str:
    return typer.style(name, fg=COLOURS.get(name))


def _intent(view: dict[str, Any]) -> str:
    words = {
        "auto": "as the policy allows", "pause": "paused", "finish": "finish, then stop", "boost": "boosted",
    }  # fmt: skip
    said = words[view["intent"]]
    return f"{said} until {_clock(view['until'])}" if view["until"] is not None else said


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else output.span(hours * 3600)


def _clears(veto: dict[str, Any]) -> str:
    if veto["clears_in"] is not None:
        return f"in {output.span(veto['clears_in'] + 0.99)}"
    return f"{output.span(veto['dwell'])} after {veto['enter']}"


def _clock(at: float) -> str:
    moment = time.localtime(at)
    today = time.localtime()[:3] == moment[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", moment)
