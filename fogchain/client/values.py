"""Python values as JSON, both ways, for functions that run on a stranger's machine.

Not pickle: unpickling runs what the sender likes, and the sender is a provider. What comes back is data, no more.

    None, bool, int, float, str, list, dict with str keys     as JSON has them
    bytes      {"$bytes": base64}          tuple       {"$tuple": […]}       set, frozenset  {"$set": […]}
    complex    {"$complex": [re, im]}      nan, inf    {"$float": "nan"}    other dicts   {"$dict": [[key, value], …]}

This file's text is sent along with the function: it imports the standard library alone.
"""

from __future__ import annotations

import base64
import json
import math


def dumps(value: object) -> str:
    """Raises TypeError for a value of another type, naming it, ValueError for one that contains itself."""
    return json.dumps(_plain(value, 0), ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def loads(text: str | bytes) -> object:
    """Raises ValueError for what `dumps` did not make."""
    try:
        return _rich(json.loads(text, parse_constant=_refuse))
    except (RecursionError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"that is no value: {error}") from error


_DEPTH = 200
_MARKS = ("$bytes", "$tuple", "$set", "$complex", "$float", "$dict")


def _plain(value: object, depth: int) -> object:
    if depth > _DEPTH:
        raise ValueError(f"a value that is nested more than {_DEPTH} deep, or contains itself")
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if isinstance(value, float) and kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, complex) and kind is complex:
        return {"$complex": [repr(value.real), repr(value.imag)]}
    if isinstance(value, list) and kind is list:
        return [_plain(one, depth + 1) for one in value]
    if isinstance(value, tuple) and kind is tuple:
        return {"$tuple": [_plain(one, depth + 1) for one in value]}
    if isinstance(value, (set, frozenset)) and kind in (set, frozenset):
        return {"$set": sorted((_plain(one, depth + 1) for one in value), key=json.dumps)}
    if isinstance(value, dict) and kind is dict:
        if all(type(key) is str for key in value) and not any(key in _MARKS for key in value):
            return {key: _plain(one, depth + 1) for key, one in value.items()}
        return {"$dict": [[_plain(key, depth + 1), _plain(one, depth + 1)] for key, one in value.items()]}
    raise TypeError(
        f"a {kind.__module__}.{kind.__qualname__} can't be sent; "
        "use numbers, text, bytes, None, and lists, tuples, sets and dicts of them"
    )


def _rich(value: object) -> object:
    if isinstance(value, list):
        return [_rich(one) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or (mark := next(iter(value))) not in _MARKS:
        return {key: _rich(one) for key, one in value.items()}
    held = value[mark]
    if mark == "$bytes":
        return base64.b64decode(held, validate=True)
    if mark == "$float":
        return float(held)
    if not isinstance(held, list):
        raise ValueError(f"{mark} holds no list")
    if mark == "$complex":
        real, imaginary = held
        return complex(float(real), float(imaginary))
    if mark == "$dict":
        return {_rich(key): _rich(one) for key, one in held}
    return tuple(map(_rich, held)) if mark == "$tuple" else set(map(_rich, held))


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
