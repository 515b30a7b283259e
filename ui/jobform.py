"""The fields of the new-job page as a job file, and the job file's complaints back at their fields. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fogchain.errors import BadInput
from fogchain.units import format_duration
from ui import show

Runtime = Literal["wasm", "python", "native"]

DEFAULTS: dict[str, str] = {
    "mode": "form",
    "name": "",
    "args": "{index}",
    "shape": "count",
    "count": "8",
    "fuel": "10 Gfuel",
    "memory": "256 MiB",
    "time": "5 min",
    "output": "16 MiB",
    "budget": "5 FOG",
    "max_price": "",
    "level": "L1",
    "sample": "",
    "urgency": "now",
    "pay": "session",
    "time_limit": "1 h",
    "deadline": "",
    "grace": "1 min",
    "penalty": "",
    "privacy": "direct",
    "class": "",
    "regions": "",
    "min_survival": "",
}
LEVELS: dict[str, tuple[str, str]] = {
    "L0": ("Nothing is checked", "The cheapest: each task is run and paid once. For results that you can check."),
    "L1": (
        "A sample is run again",
        "A random share goes to a second provider, drawn after the first delivered. About 2 % more, at first above.",
    ),
    "L2": (
        "Everything twice",
        "Two providers of different operators run each task; where they differ, more do. It costs twice as much.",
    ),
    "L3": (
        "Everything three times",
        "Three operators run each task, the majority stands. It costs three times as much.",
    ),
}
AGREEMENT = ("deadline", "grace", "penalty", "privacy")  # what both sides sign beside the price
PRIVACY = {"direct": "Direct", "onion": "Onion circuits", "mix": "Mixnet"}
FIELD_OF_KEY = {  # a key of the job file or of the API: the field that stands for it
    "job.name": "name", "job.module": "program", "job.script": "program", "job.budget": "budget",
    "job.max_price": "max_price", "job.time_limit": "time_limit", "job.class": "class", "job.regions": "regions",
    "job.min_survival": "min_survival", "job.deadline": "deadline", "job.grace": "grace",
    "job.penalty": "penalty", "job.privacy": "privacy", "limits.fuel": "fuel", "limits.memory": "memory",
    "limits.time": "time", "limits.output": "output", "verify.sample": "sample", "verify.level": "level",
    "array.count": "count",
    "array.args": "args", "array": "args", "budget": "budget", "max_price": "max_price", "name": "name",
    "time_limit": "time_limit", "min_survival": "min_survival", "regions": "regions", "class": "class",
    "resource_class": "class", "deadline": "deadline", "grace": "grace", "penalty": "penalty", "privacy": "privacy",
}  # fmt: skip


def terms(deadline: int | None, grace: int, penalty: int, privacy: str) -> str:
    """What both sides sign beside the price, in a line. Milliseconds; base units of FOG."""
    within = f"within {format_duration(deadline)}" if deadline is not None else "within the job's time"
    late = f"then paid less over {format_duration(grace)}" if grace else "later not paid"
    kept = f"penalty {show.fog(penalty).text}" if penalty else "no penalty"
    return f"{within}, {late} · {kept} · {PRIVACY.get(privacy, privacy).lower()}"


@dataclass(frozen=True)
class Files:
    """Names as the browser gave them. `runtime` is of the program; None without one."""

    program: str | None
    runtime: Runtime | None
    shared: Sequence[str] = ()
    each: Sequence[str] = ()


class WrongField(BadInput):
    """`field` is the one to mend."""

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


def runtime_of(name: str, head: bytes) -> Runtime:
    """What a program is, by its first bytes and its name."""
    if head[:4] == b"\0asm":
        return "wasm"
    if name.lower().endswith(".py"):
        return "python"
    if head[:4] == b"\x7fELF" or head[:2] == b"\x1f\x8b" or name.lower().endswith((".tar", ".tgz", ".tar.gz")):
        return "native"
    return "wasm"  # and the reader says that it is none


def job_file(values: Mapping[str, str], files: Files, placeholder: str) -> str:
    """The TOML of a job that lies beside the folders `program`, `shared` and `each`.

    Without a program it is of `placeholder`, so that it can be priced. Raises WrongField.
    """
    runtime: Runtime = files.runtime or "wasm"
    program = f"program/{files.program}" if files.program else placeholder
    key = "script" if runtime == "python" else "module"
    job = [("name", _quoted(values["name"] or _stem(files.program))), (key, _quoted(program))]
    job += [("runtime", _quoted(runtime))] if runtime != "wasm" else []
    job += [(name, _quoted(values[name])) for name in ("budget", "max_price", "time_limit") if values[name]]
    job += [(name, _quoted(values[name])) for name in ("class", "min_survival", *AGREEMENT) if values[name]]
    if regions := re.findall(r"[^\s,;]+", values["regions"]):
        job.append(("regions", _list(regions)))
    job += [("urgency", _quoted(values["urgency"])), ("pay", _quoted(values["pay"]))]
    verify = [("level", _quoted(values["level"]))]
    if values["level"] == "L1" and values["sample"]:
        verify.append(("sample", _quoted(values["sample"])))
    limits = [(name, _quoted(values[name])) for name in ("fuel", "memory", "time", "output") if values[name]]
    tables = [_table("[job]", job), _table("[limits]", limits), _table("[verify]", verify)]
    if files.shared:
        tables.append(_table("[inputs]", [(_quoted(name), _quoted(f"shared/{name}")) for name in files.shared]))
    args = _args(values["args"])
    if values["shape"] == "count":
        tables.append(_table("[array]", [("count", str(_count(values["count"]))), ("args", _list(args))]))
    else:
        if not files.each:
            raise WrongField("each", "no file is there yet", hint="add one for each task")
        for name in files.each:
            own = [arg.replace("{file}", name) for arg in args]
            inputs = f"{{ {_quoted(name)} = {_quoted(f'each/{name}')} }}"
            tables.append(_table("[[task]]", [("args", _list(own)), ("inputs", inputs)]))
    return "\n".join(tables)


def wrong_fields(message: str) -> dict[str, str]:
    """The fields that a complaint names, each with its part of it; empty when it names none."""
    found: dict[str, str] = {}
    for part in re.split(r"; (?=[a-z_]+(?:\.[a-z_0-9]+)*: )", message):
        place, colon, words = part.partition(": ")
        name = FIELD_OF_KEY.get(re.sub(r"\.\d+$", "", place))
        if colon and name:
            found.setdefault(name, words)
    return found


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text) or int(text) == 0:
        raise WrongField("count", f"{text!r} is no number of tasks" if text else "how many tasks?")
    return int(text)


def _args(text: str) -> list[str]:
    """As a shell would split them, without anything else a shell does."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise WrongField("args", f"they can't be told apart: {error}".lower()) from error


def _stem(program: str | None) -> str:
    return (program or "job").rsplit(".", 1)[0]


def _table(head: str, rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join([head, *(f"{key} = {value}" for key, value in rows), ""])


def _list(words: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, words))}]"


def _quoted(words: str) -> str:
    """A TOML string: JSON's, but for the one control character that JSON lets stand."""
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007f")
