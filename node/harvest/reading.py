"""Reads the expressions of harvest policies.

    expression   = conjunction { "or" conjunction }
    conjunction  = negation { "and" negation }
    negation     = "not" negation | condition
    condition    = "(" expression ")" | "true" | "false" | "unknown" "(" sensor ")"
                 | sensor                                   a flag
                 | sensor ( "<" | "<=" | ">" | ">=" ) ( quantity | sensor )
                 | sensor ( "==" | "!=" ) ( word | "true" | "false" )
                 | sensor "in" "{" word { "," word } "}"
                 | sensor "in" clock ".." clock             may run past midnight

A quantity has a unit, which has to be the sensor's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fogchain.errors import BadInput
from node.harvest.expression import (
    And,
    Between,
    Compared,
    ComparedWith,
    Constant,
    Expression,
    Is,
    IsUnknown,
    Not,
    OneOf,
    Or,
    Order,
)
from node.harvest.sensors import SENSORS, Choice, Flag, Number, Unit

MAX_LENGTH = 2000  # characters
MAX_DEPTH = 50
_ORDERS: tuple[Order, ...] = ("<", "<=", ">", ">=")

# How a policy may write a unit, and what one of it is in the sensor's own.
_SCALES: dict[str, tuple[Unit, float]] = {
    "%": (Unit.PERCENT, 1), "C": (Unit.CELSIUS, 1), "C/min": (Unit.CELSIUS_A_MINUTE, 1),
    "%/h": (Unit.PERCENT_AN_HOUR, 1), "ms": (Unit.SECONDS, 0.001), "s": (Unit.SECONDS, 1), "min": (Unit.SECONDS, 60),
    "h": (Unit.SECONDS, 3600), "W": (Unit.WATTS, 1), "MB": (Unit.MEGABYTES, 1), "GB": (Unit.MEGABYTES, 1000),
}  # fmt: skip


class BadExpression(BadInput):
    """What is wrong in an expression; `at` is the place, in characters from its beginning."""

    def __init__(self, message: str, at: int, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.at = at


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


_TOKENS = re.compile(
    r"\s*(?:(?P<clock>\d{1,2}:\d{2})"
    r"|(?P<number>-?\d+(?:\.\d+)?)\s*(?P<unit>%/h|%|[A-Za-z]+(?:/[A-Za-z]+)?)?"
    r"|(?P<name>[a-z][a-z-]*(?:\.[a-z-]+)?)"
    r"|(?P<sign><=|>=|==|!=|\.\.|[<>(){},]))"
)
_WORDS = frozenset(("and", "or", "not", "in", "true", "false", "unknown"))


def parse(text: str) -> Expression:
    """Raises BadExpression with the place of what is wrong."""
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"an expression of {len(text)} characters; {MAX_LENGTH} are the most", MAX_LENGTH)
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._next = 0
        self._depth = 0

    def _split(self) -> Iterator[_Token]:
        at, text = 0, self._text.rstrip()
        while at < len(text):
            match = _TOKENS.match(text, at)
            if match is None or not match.lastgroup:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise BadExpression(f"{text[at : at + 10]!r} is not understood", at)
            kind = "number" if match.group("number") else match.lastgroup
            word = match.group(kind)
            if kind == "number":
                word = f"{word} {match.group('unit') or ''}"
            yield _Token(kind, word, match.start(kind))
            at = match.end()

    def whole(self) -> Expression:
        found = self._or()
        if (token := self._peek()) is not None:
            raise self._wrong(token, "and or or")
        return found

    def _or(self) -> Expression:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Expression:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadExpression(f"more than {MAX_DEPTH} levels of brackets", self._at())
        try:
            if self._take("not"):
                return Not(self._not())
            if self._take("("):
                inner = self._or()
                self._need(")")
                return inner
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Expression:
        if self._take("true"):
            return Constant(True)
        if self._take("false"):
            return Constant(False)
        if self._take("unknown"):
            self._need("(")
            name, _ = self._sensor()
            self._need(")")
            return IsUnknown(name)
        name, at = self._sensor()
        kind = SENSORS[name]
        match kind:
            case Flag():
                return self._flag(name)
            case Choice():
                return self._choice(name, kind, at)
            case Number():
                return self._number(name, kind, at)

    def _sensor(self) -> tuple[str, int]:
        token = self._peek()
        if token is None or token.kind != "name" or token.text in _WORDS:
            raise self._wrong(token, "a sensor")
        if token.text not in SENSORS:
            near = [name for name in SENSORS if token.text.split(".")[0] == name.split(".")[0]] or sorted(SENSORS)
            raise BadExpression(f"there is no sensor {token.text!r}", token.at, hint=f"there are {', '.join(near)}")
        self._next += 1
        return token.text, token.at

    def _flag(self, name: str) -> Expression:
        for sign, same in (("==", True), ("!=", False)):
            if self._take(sign):
                if self._take("true"):
                    return Is(name) if same else Not(Is(name))
                if self._take("false"):
                    return Not(Is(name)) if same else Is(name)
                raise self._wrong(self._peek(), "true or false")
        return Is(name)

    def _choice(self, name: str, kind: Choice, at: int) -> Expression:
        if self._take("=="):
            return OneOf(name, frozenset((self._word(kind),)))
        if self._take("!="):
            return Not(OneOf(name, frozenset((self._word(kind),))))
        if self._take("in"):
            self._need("{")
            words = {self._word(kind)}
            while self._take(","):
                words.add(self._word(kind))
            self._need("}")
            return OneOf(name, frozenset(words))
        listed = sorted(kind.words)
        raise BadExpression(f"{name} is one of {', '.join(listed)}", at, hint=f"write {name} == {listed[0]}")

    def _word(self, kind: Choice) -> str:
        token = self._peek()
        if token is None or token.text not in kind.words:
            raise self._wrong(token, f"one of {', '.join(sorted(kind.words))}")
        self._next += 1
        return token.text

    def _number(self, name: str, kind: Number, at: int) -> Expression:
        if kind.unit is Unit.CLOCK and self._take("in"):
            first = self._clock()
            self._need("..")
            return Between(name, first, self._clock())
        order = next((order for order in _ORDERS if self._take(order)), None)
        if order is None:
            if self._take("==") or self._take("!="):
                raise BadExpression(
                    f"{name} is measured, and never the same twice", at, hint="compare it by <, <=, > or >="
                )
            raise self._wrong(self._peek(), "<, <=, > or >=")
        token = self._peek()
        if token is not None and token.kind == "name" and token.text not in _WORDS:
            other, where = self._sensor()
            theirs = SENSORS[other]
            if not isinstance(theirs, Number) or theirs.unit is not kind.unit:
                raise BadExpression(f"{name} can't be compared with {other}: they have other units", where)
            return ComparedWith(name, order, other)
        limit = self._clock() if kind.unit is Unit.CLOCK else self._amount(name, kind)
        return Compared(name, order, limit)

    def _amount(self, name: str, kind: Number) -> float:
        token = self._peek()
        if token is None or token.kind != "number":
            raise self._wrong(token, f"a quantity in {kind.unit.value}")
        digits, _, unit = token.text.partition(" ")
        if not unit:
            raise BadExpression(
                f"{digits} has no unit",
                token.at,
                hint=f"{name} is in {kind.unit.value}: write {digits} {kind.unit.value}",
            )
        known = _SCALES.get(unit)
        if known is None or known[0] is not kind.unit:
            raise BadExpression(f"{name} is in {kind.unit.value}, not in {unit}", token.at)
        value = float(digits) * known[1]
        if not kind.low <= value <= kind.high:
            raise BadExpression(f"{name} is never {token.text}", token.at, hint=f"it is {kind.low:g} to {kind.high:g}")
        self._next += 1
        return value

    def _clock(self) -> float:
        token = self._peek()
        if token is None or token.kind != "clock":
            raise self._wrong(token, "a time of day like 22:30")
        hours, minutes = (int(part) for part in token.text.split(":"))
        if hours > 24 or minutes > 59 or hours * 60 + minutes > 24 * 60:
            raise BadExpression(f"{token.text} is no time of day", token.at)
        self._next += 1
        return float(hours * 60 + minutes)

    # ---------------------------------------------------------------- tokens

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, text: str) -> bool:
        token = self._peek()
        if token is None or token.text != text or token.kind not in ("name", "sign"):
            return False
        self._next += 1
        return True

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self._wrong(self._peek(), repr(text))

    def _at(self) -> int:
        token = self._peek()
        return token.at if token else len(self._text)

    def _wrong(self, token: _Token | None, wanted: str) -> BadExpression:
        if token is None:
            return BadExpression(f"it ends where {wanted} should stand", len(self._text))
        return BadExpression(f"{token.text.strip()!r} stands where {wanted} should", token.at)
