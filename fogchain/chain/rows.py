"""Records as rows of SQLite, by their dataclass: a column a field, nested records and lists as JSON."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

R = TypeVar("R")
Row = tuple[Any, ...]
Convert = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class _Codec:
    """One field: its column's type, and the way there and back."""

    sql: str
    dump: Convert
    load: Convert


_PLAIN = {
    int: _Codec("INTEGER", _same, _same),
    bool: _Codec("INTEGER", int, bool),
    str: _Codec("TEXT", _same, _same),
}
_WIDE = _Codec("TEXT", str, int)
_BYTES = _Codec("BLOB", _same, _same)


@cache
def _codec(hint: Any) -> _Codec:
    if get_origin(hint) is Annotated:
        return _WIDE if get_args(hint)[1] == "wide" else _codec(get_args(hint)[0])
    if hint is bytes:
        return _BYTES
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return _Codec("INTEGER", int, hint)
    if get_origin(hint) in (Union, types.UnionType):
        inner = _codec(next(kind for kind in get_args(hint) if kind is not type(None)))
        return _Codec(
            inner.sql,
            lambda value: None if value is None else inner.dump(value),
            lambda value: None if value is None else inner.load(value),
        )
    tree = _tree(hint)
    return _Codec("TEXT", lambda value: json.dumps(tree.dump(value)), lambda text: tree.load(json.loads(text)))


@cache
def _tree(hint: Any) -> _Codec:
    """For what stands within JSON."""
    if get_origin(hint) is tuple:
        item = _tree(get_args(hint)[0])
        return _Codec(
            "TEXT",
            lambda values: [item.dump(value) for value in values],
            lambda values: tuple(item.load(value) for value in values),
        )
    if is_dataclass(hint):
        kind: Any = hint
        hints = get_type_hints(hint, include_extras=True)
        parts = [(field.name, _tree(hints[field.name])) for field in fields(hint)]
        return _Codec(
            "TEXT",
            lambda record: [part.dump(getattr(record, name)) for name, part in parts],
            lambda values: kind(*(part.load(value) for (_, part), value in zip(parts, values, strict=True))),
        )
    if hint is bytes:
        return _Codec("TEXT", bytes.hex, bytes.fromhex)
    return _codec(hint)


class Layout(Generic[R]):
    """The table of one kind of record. Its key is the record's first field, or `key`, a column of its own."""

    def __init__(self, name: str, kind: type[R], key: str = "") -> None:
        hints = get_type_hints(kind, include_extras=True)
        self.name = name
        self._kind = kind
        self._extra = bool(key)
        self._parts = [(field.name, _codec(hints[field.name])) for field in fields(kind)]  # type: ignore[arg-type]
        columns = [(field, codec.sql) for field, codec in self._parts]
        if key:
            columns.insert(0, (key, "TEXT"))
        self.key = columns[0][0]
        self.schema = (
            f"CREATE TABLE IF NOT EXISTS {name} ("
            + ", ".join(f'"{field}" {sql}' + " PRIMARY KEY" * (field == self.key) for field, sql in columns)
            + ") WITHOUT ROWID;"
        )
        self.insert = f"INSERT OR REPLACE INTO {name} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
        self.select = f"SELECT * FROM {name}"  # noqa: S608
        self.delete = f'DELETE FROM {name} WHERE "{self.key}" = ?'  # noqa: S608

    def load(self, row: Row) -> R:
        values = row[1:] if self._extra else row
        return self._kind(*(codec.load(value) for (_, codec), value in zip(self._parts, values, strict=True)))

    def store(self, key: Any, record: R) -> Row:
        row = tuple(codec.dump(getattr(record, name)) for name, codec in self._parts)
        return (key, *row) if self._extra else row
