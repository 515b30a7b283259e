"""`fogchain fleet`: devices that work for a node, their gateway; and a device's own part."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from fogchain.cli import output
from fogchain.cli.lazy import new_app
from fogchain.cli.options import Data, Json, Key, Yes, folder_of
from fogchain.errors import BadInput

app = new_app(no_args_is_help=True, help="Devices that work for a node, their gateway.")

Device = Annotated[str, typer.Argument(metavar="DEVICE", help="Its name, or its peer id.")]
Home = Annotated[Path, typer.Option("--data", metavar="DIR", help="The device's own folder.")]
Profile = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="When it works: desktop, laptop, phone, server, quiet-night or dedicated."),
]
Policy = Annotated[Path | None, typer.Option(metavar="FILE", help="When it works, as a policy of your own.")]

DEVICE_FILE = "device.toml"


# -------------------------------------------------------------------- at the gateway


@app.command()
def invite(
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What the device will be called.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a code by which one device joins, once, within ten minutes. It is kept nowhere."""
    made = _ask(data, "POST", ("invitations",), {"name": name})
    if as_json:
        output.say_json(made)
        return
    output.note(f"For one device, good for {output.span(made['valid_ms'] / 1000)}. On the device:")
    output.note(output.dim("  fogchain fleet join CODE --data DIR && fogchain fleet run --data DIR"))
    output.say(made["code"])


@app.command("list")
def list_devices(data: Data = None, as_json: Json = False) -> None:
    """Every device, with its state, what it runs, and why it does not."""
    fleet = _ask(data, "GET", ())
    if not fleet["enabled"]:
        if as_json:
            output.say_json({**fleet, "items": []})
        else:
            output.say("This node has no fleet: set `enabled = true` under [fleet] in its config.toml.")
        return
    found = _all(data)
    if as_json:
        output.say_json({**fleet, "items": found})
        return
    capacity = fleet["capacity"]
    output.say(
        f"{capacity['slots']} slots, {capacity['free']} free, {_rate(capacity['fuel_rate'])}; "
        f"{fleet['running']} tasks on devices"
    )
    output.table(
        ("DEVICE", "STATE", "RUNS", "SLOTS", "RATE", "HEARD", "VERSION", "WHY"),
        [
            (
                output.bold(one["name"]),
                output.state(one["state"]),
                str(len(one["runs"])),
                str(one["capacity"]["slots"] or "–"),
                _rate(one["capacity"]["fuel_rate"]),
                _heard(one),
                one["version"] + ("*" if one["outdated"] else "") or "–",
                _why(one),
            )
            for one in found
        ],
        right=(2, 3, 4),
    )
    if any(one["outdated"] for one in found):
        output.note(f"* another version than the gateway's, {fleet['version']}: install that one there")


@app.command()
def show(device: Device, data: Data = None, as_json: Json = False) -> None:
    """One device: its state, its reasons, its sensors, its runs, and what it went through."""
    _report(_ask(data, "GET", ("devices", device)), as_json, whole=True)


@app.command()
def pause(device: Device, key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Let its tasks stand still; it takes no more until `resume`. What stands for long is handed on."""
    _report(_change(data, device, "pause", None, key), as_json)


@app.command()
def resume(device: Device, key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Let it work again whenever its own policy allows."""
    _report(_change(data, device, "resume", None, key), as_json)


@app.command()
def drain(
    device: Device,
    within: Annotated[str, typer.Option(metavar="SPAN", help="What it runs then still is handed on.")] = "10 min",
    key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Let it end what it runs, and take no more until `resume`."""
    _report(_change(data, device, "drain", {"within": within}, key), as_json)


@app.command()
def update(
    device: Device,
    profile: Profile = None,
    policy: Policy = None,
    key: Key = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give it another policy. One that the linter refuses changes nothing, here or at the device."""
    body: dict[str, Any] = {"profile": profile}
    if policy is not None:
        try:
            body["policy"] = policy.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"the policy {policy} can't be read: {error}", hint="give a file of TOML") from error
    if profile is None and policy is None:
        raise BadInput("which policy?", hint="name one with --profile, or a file with --policy")
    _report(_change(data, device, "update", body, key), as_json)


@app.command()
def remove(device: Device, yes: Yes = False, key: Key = None, data: Data = None, as_json: Json = False) -> None:
    """Refuse it from now on; what it runs is handed on. It can join again with a new code."""
    if not yes and not as_json and output.on_terminal() and not output.confirm(f"Remove {device} from the fleet?"):
        raise typer.Exit(1)
    _report(_change(data, device, "remove", None, key), as_json)


# -------------------------------------------------------------------- at the device


@app.command()
def join(
    code: Annotated[str, typer.Argument(metavar="CODE", help="What `fogchain fleet invite` said at the gateway.")],
    data: Home,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What the gateway calls it.")] = None,
    slots: Annotated[int, typer.Option(metavar="N", min=1, max=1024, help="Tasks at once.")] = 1,
    memory: Annotated[str, typer.Option(metavar="SIZE", help="The most that a task may have.")] = "512 MiB",
    profile: Profile = None,
    policy: Policy = None,
    listen: Annotated[
        list[str] | None, typer.Option(metavar="MULTIADDR", help="Where the gateway reaches it; repeatable.")
    ] = None,
    mdns: Annotated[bool, typer.Option("--mdns/--no-mdns", help="Find the gateway again in the local network.")] = True,
) -> None:
    """Make this machine a device of a gateway: a folder with its key, known to the gateway from now on."""
    from fogchain.cli.start import become

    words = ["join", code, "--data", str(data.expanduser().absolute()), "--slots", str(slots), "--memory", memory]
    for option, value in (("--name", name), ("--profile", profile), ("--policy", policy)):
        words += [option, str(value)] if value is not None else []
    for address in listen or []:
        words += ["--listen", address]
    become("node.fleetdevice", [*words, *([] if mdns else ["--no-mdns"])])


@app.command()
def run(
    data: Home,
    log_level: Annotated[str, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")] = "info",
) -> None:
    """Work for the gateway in the foreground, until interrupted."""
    from fogchain.cli.start import become

    folder = data.expanduser().absolute()
    if not (folder / DEVICE_FILE).exists():
        raise BadInput(f"there is no device in {folder}", hint="make one with `fogchain fleet join CODE --data DIR`")
    become("node.fleetdevice", ["run", "--data", str(folder), "--log-level", log_level])


@app.command()
def status(data: Home, as_json: Json = False) -> None:
    """What this device is doing, and whether it reaches its gateway."""
    folder = data.expanduser().absolute()
    try:
        said = json.loads((folder / "run" / "device.json").read_text())
    except (OSError, ValueError) as error:
        raise BadInput(
            f"no device runs in {folder}", hint=f"start it with `fogchain fleet run --data {folder}`"
        ) from error
    said["age_s"] = round(max(0.0, time.time() - said["at"]), 1)
    if as_json:
        output.say_json(said)
        return
    output.facts(
        [
            (said["name"], output.state(said["state"]) + (f": {said['detail']}" if said["detail"] else "")),
            ("gateway", said["link"] + (f": {said['trouble']}" if said["trouble"] else "")),
            ("runs", str(said["runs"])),
            ("policy", said["policy"]),
            ("written", f"{output.span(said['age_s'])} ago"),
        ]
    )


# -------------------------------------------------------------------- inside


def _ask(data: Path | None, method: str, parts: tuple[str, ...], body: dict[str, Any] | None = None) -> dict[str, Any]:
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    content = json.dumps(body).encode() if body is not None else None
    return dict(rest_to(folder_of(data)).json(method, path_of("fleet", *parts), content))


def _all(data: Path | None) -> list[dict[str, Any]]:
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to

    rest, cursor, found = rest_to(folder_of(data)), None, list[dict[str, Any]]()
    while True:
        page = rest.json("GET", path_of("fleet", "devices", query={"limit": 1000, "cursor": cursor}))
        found += page["items"]
        if (cursor := page["next_cursor"]) is None:
            return found


def _change(data: Path | None, device: str, step: str, body: dict[str, Any] | None, key: str | None) -> dict[str, Any]:
    from fogchain.api.rest import path_of
    from fogchain.cli.link import rest_to
    from fogchain.cli.once import key_or_new, post_once

    folder = folder_of(data)
    rest_to(folder).json("GET", path_of("fleet", "devices", device))  # without it nothing is tried
    content = json.dumps(body).encode() if body is not None else b""
    return dict(post_once(folder, path_of("fleet", "devices", device, step), content, key_or_new(key)))


def _report(view: dict[str, Any], as_json: bool, whole: bool = False) -> None:
    if as_json:
        output.say_json(view)
        return
    capacity = view["capacity"]
    there = f"{capacity['slots']} slots of {capacity['memory'] >> 20} MiB, {_rate(capacity['fuel_rate'])}"
    rows = [
        (view["name"], output.state(view["state"]) + (f": {view['detail']}" if view["detail"] else "")),
        ("peer id", view["peer_id"]),
        ("gateway says", view["intent"]),
        ("device", f"{view['own_state']}, its owner says {view['own_intent']}" if view["own_state"] else ""),
        ("vetoes", "\n              ".join(_veto(veto) for veto in view["vetoes"])),
        ("sensors", ", ".join(f"{name} {value}" for name, value in view["sensors"].items())),
        ("has", there if capacity["slots"] else ""),
        ("runs", "\n              ".join(f"{run['run'][:12]} {run['state']}" for run in view["runs"])),
        ("ended", f"{view['done']} accepted, {view['handed_on']} handed on"),
        ("policy", view["policy"] + (f"; refused: {view['policy_error']}" if view["policy_error"] else "")),
        ("version", view["version"] + (", not the gateway's" if view["outdated"] else "")),
        ("heard", _heard(view)),
    ]
    if whole:
        went = (f"{output.ago(one['at'])}: {one['after']}, {one['cause']}" for one in view["changes"][:10])
        rows.append(("went", "\n              ".join(went)))
    output.facts(rows)


def _veto(veto: dict[str, Any]) -> str:
    left = veto["clears_in_ms"]
    return f"{veto['guard']}: {veto['cause']}" + (f", clears in {output.span(left / 1000)}" if left is not None else "")


def _why(device: dict[str, Any]) -> str:
    return "" if device["state"] == "ready" else str(device["detail"])


def _heard(device: dict[str, Any]) -> str:
    seen = device["last_seen"]
    return output.ago(seen) if seen is not None else "never"


def _rate(fuel: int) -> str:
    return f"{fuel / 1e9:.2f} Gfuel/s" if fuel else "–"
