"""Policies as files: the profiles that come with the node, and an owner's own, in TOML.

    profile = "laptop"                    whose guards it begins with; none, when all stand here
    [guards.charge]
    enter = "not battery.present or battery.charge >= 80 %"
    leave = "battery.present and battery.charge < 70 %"
    scope = "safety"                      safety, owner, platform or job
    action = "freeze"                     throttle, freeze, checkpoint, vacate or kill
    dwell = "30 s"                        for how long `enter` has to hold
    deadline = "2 s"                      in which the action is done
    patience = "120 s"                    not for safety: for how long `leave` has to hold
    unknown = "ignore"                    not for safety: else what is unknown vetoes
    duty = "50 %"                         of throttle: the time that is left to work

A guard that is named in both replaces the profile's; one of the profile's safety guards can't be replaced or dropped.
`drop = ["noise"]` leaves others out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Container
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fogchain.errors import BadInput
from fogchain.units import parse_duration, parse_ratio
from node.harvest.expression import Expression
from node.harvest.lint import Finding, lint
from node.harvest.policy import Action, Guard, Policy, Scope
from node.harvest.reading import BadExpression, parse

PROFILES = ("desktop", "laptop", "phone", "server", "quiet-night", "dedicated")
MOST_GUARDS = 50
HINT = "mend it; `fogchain harvest lint FILE` says all that is wrong with a policy"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with a policy's text. `guard` and `line` are None where it concerns the whole."""

    problem: str
    guard: str | None = None
    line: int | None = None
    hint: str = ""


class BadPolicy(BadInput):
    """A policy that is not used; the message names file, line, guard and reason."""

    flaw: Flaw | None = None


class _GuardFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    enter: str
    leave: str
    scope: Literal["safety", "owner", "platform", "job"]
    action: Literal["throttle", "freeze", "checkpoint", "vacate", "kill"]
    dwell: str = "1 s"
    patience: str = "0 s"
    deadline: str
    unknown: Literal["veto", "ignore"] = "veto"
    duty: str = "0 %"


class _PolicyFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    profile: Literal["desktop", "laptop", "phone", "server", "quiet-night", "dedicated"] | None = None
    drop: list[str] = []
    guards: Annotated[dict[str, _GuardFile], Field(max_length=MOST_GUARDS)] = {}


@dataclass(frozen=True, slots=True)
class _Source:
    """A policy's text, and where in it things stand."""

    name: str
    text: str

    def wrong(self, reason: str, guard: str | None = None, key: str | None = None, *, hint: str = "") -> BadPolicy:
        line = self._line(guard, key)
        where = f"{self.name}, line {line}" if line else self.name
        of = f", guard {guard!r}" if guard else ""
        error = BadPolicy(f"{where}{of}: {reason}", hint=hint or HINT)
        error.flaw = Flaw(reason, guard, line, hint)
        return error

    def flaw(self, finding: Finding, own: Container[str]) -> Flaw:
        """`own`: the guards that stand in this text."""
        guard = finding.guard
        return Flaw(finding.problem, guard, self._line(guard, None) if guard in own else None, finding.hint)

    def _line(self, guard: str | None, key: str | None) -> int | None:
        """Where the guard's table begins, or the key in it."""
        if guard is None:
            return None
        found = None
        for number, line in enumerate(self.text.splitlines(), 1):
            stripped = line.strip()
            if stripped.startswith("["):
                if found is not None:
                    break
                if stripped in (f"[guards.{guard}]", f'[guards."{guard}"]'):
                    found = number
            elif found is not None and key is not None and stripped.split("=")[0].strip() == key:
                return number
        return found


def builtin(name: str) -> Policy:
    """One of PROFILES. Raises BadPolicy for another name."""
    return read(text_of(name), f"profile {name}")


def load(path: Path) -> Policy:
    """An owner's policy. Raises BadPolicy with file, line, guard and reason; no weaker one stands in for it."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadPolicy(f"the policy {path} can't be read: {error}") from error
    return read(text, str(path))


def read(text: str, name: str) -> Policy:
    """Raises BadPolicy for the first thing that is wrong."""
    source = _Source(name, text)
    policy, file = _parse(source)
    if findings := lint(policy):
        finding = findings[0]
        own = finding.guard if finding.guard in file.guards else None
        raise source.wrong(finding.problem, own, hint=finding.hint)
    return policy


def flaws(text: str, name: str) -> list[Flaw]:
    """All that is wrong with a policy; where it can't be read at all, the first thing why."""
    source = _Source(name, text)
    try:
        policy, file = _parse(source)
    except BadPolicy as error:
        return [error.flaw or Flaw(error.message, hint=error.hint)]
    return [source.flaw(finding, file.guards) for finding in lint(policy)]


def text_of(profile: str) -> str:
    """A profile as it comes with the node. Raises BadPolicy for a name that is none."""
    if profile not in PROFILES:
        raise BadPolicy(f"there is no profile {profile!r}", hint=f"there are {', '.join(PROFILES)}")
    return resources.files("node.harvest").joinpath("profiles", f"{profile}.toml").read_text()


def profile_in(text: str) -> str | None:
    """The profile that a policy which was read is, as it comes with the node; None where anything was changed."""
    raw = tomllib.loads(text)
    named = raw.pop("profile", None)
    return named if isinstance(named, str) and not raw else None


def _parse(source: _Source) -> tuple[Policy, _PolicyFile]:
    try:
        raw: Any = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise source.wrong(f"no TOML: {error}") from error
    try:
        file = _PolicyFile.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        guard = place[1] if len(place) > 1 and place[0] == "guards" else None
        raise source.wrong(f"{'.'.join(place[2:] if guard else place)}: {first['msg']}", guard, place[-1]) from error
    return Policy(source.name, _with_profile(source, file)), file


def _with_profile(source: _Source, file: _PolicyFile) -> tuple[Guard, ...]:
    base = {guard.name: guard for guard in builtin(file.profile).guards} if file.profile else {}
    for name in (*file.drop, *file.guards):
        if name in base and base[name].scope is Scope.SAFETY:
            raise source.wrong(
                f"{name!r} keeps the machine safe in profile {file.profile!r}, and can't be changed",
                name if name in file.guards else None,
                hint="add a guard of another name to be stricter, or write a policy without a profile",
            )
    for name in file.drop:
        if base.pop(name, None) is None:
            raise source.wrong(f"there is no guard {name!r} to drop")
    own = {name: _read_guard(source, name, guard) for name, guard in file.guards.items()}
    return tuple((base | own).values())


def _read_guard(source: _Source, name: str, file: _GuardFile) -> Guard:
    def amount(key: str, text: str, reader: Any) -> int:
        try:
            return int(reader(text))
        except BadInput as error:
            raise source.wrong(f"{key}: {error.message}", name, key, hint=error.hint) from error

    def condition(key: str, text: str) -> Expression:
        try:
            return parse(text)
        except BadExpression as error:
            raise source.wrong(
                f"{key}, at character {error.at + 1}: {error.message}", name, key, hint=error.hint
            ) from error

    return Guard(
        name=name,
        enter=condition("enter", file.enter),
        leave=condition("leave", file.leave),
        scope=Scope[file.scope.upper()],
        action=Action[file.action.upper()],
        dwell=amount("dwell", file.dwell, parse_duration) / 1000,
        deadline=amount("deadline", file.deadline, parse_duration) / 1000,
        patience=amount("patience", file.patience, parse_duration) / 1000,
        ignores_unknown=file.unknown == "ignore",
        duty=amount("duty", file.duty, parse_ratio) / 10_000,
    )
