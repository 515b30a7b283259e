"""What a mapped function may use of its surroundings, and what is refused by name before anything is spent.

The scripts are run here by the Python that runs the tests, with the script's /out in a folder: what is tried is what
goes along with a function. That it runs in the sandbox is tried in tests/integration/client.
"""

from __future__ import annotations

import collections
import functools
import json
import math
import posixpath
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import factorial as fac
from pathlib import Path
from typing import Any

import pytest
import structlog

from fogchain.client import values
from fogchain.client.function import read_results, script_of
from fogchain.errors import BadInput

FACTOR = 3
TABLE = {"a": 1, 2: (b"x", {3, 4}), "nan": float("inf")}
cube = lambda x: x**3  # noqa: E731


@dataclass
class Own:
    x: int


def run(tmp_path: Path, function: Callable[[Any], Any], items: list[Any]) -> list[dict[str, Any]]:
    script = tmp_path / "main.py"
    script.write_text(script_of(function).replace("/out/", f"{tmp_path}/"))
    done = subprocess.run([sys.executable, "-I", script], input=values.dumps(items).encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return list(read_results((tmp_path / "results.json").read_bytes(), len(items)))


def outputs(tmp_path: Path, function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    return [entry.get("value", entry) for entry in run(tmp_path, function, items)]


def square(x: int) -> int:
    return x * x


def uses_much(x: int, step: int = FACTOR) -> Any:
    """Module, class and function of the standard library, values, an own function, itself, a comprehension."""
    if x > 100:
        return uses_much(x - 100)
    counts = collections.Counter([square(n) for n in range(x)])
    return math.sqrt(FACTOR), fac(step), TABLE, posixpath.join("a", "b"), sorted(counts), cube(x)


def annotated(x: Own) -> Iterator[Own] | int:  # annotations are not looked up where it runs
    return int(x) + 1  # type: ignore[call-overload, no-any-return]


def even(n: int) -> bool:
    return n == 0 or odd(n - 1)


def odd(n: int) -> bool:
    return n != 0 and even(n - 1)


def fails(x: int) -> float:
    if x == 2:
        raise ValueError(f"not {x}")
    return 1 / x


def test_a_function_brings_what_it_needs(tmp_path: Path) -> None:
    assert outputs(tmp_path, square, [1, 2, 3]) == [1, 4, 9]
    assert outputs(tmp_path, uses_much, [3, 103]) == [uses_much(3)] * 2
    assert outputs(tmp_path, annotated, [1]) == [2]
    assert outputs(tmp_path, even, [10, 11]) == [True, False]


def test_closures_over_plain_values_and_lambdas_go_along(tmp_path: Path) -> None:
    offset, names = 10, ["x"]

    def inner(x: int) -> Any:
        return x + offset, names

    assert outputs(tmp_path, inner, [1]) == [(11, ["x"])]
    assert outputs(tmp_path, lambda x: x + offset, [1]) == [11]
    pair = [lambda x: x + 1, lambda x: x * 2]
    assert outputs(tmp_path, pair[1], [5]) == [10]
    assert outputs(tmp_path, cube, [2]) == [8]


def test_an_exception_comes_back_with_its_traceback_and_the_others_go_on(tmp_path: Path) -> None:
    first, second, third, fourth = run(tmp_path, fails, [1, 2, 0, 4])
    assert (first, fourth) == ({"value": 1.0}, {"value": 0.25})
    assert (second["kind"], second["text"]) == ("ValueError", "not 2")
    assert 'raise ValueError(f"not {x}")' in second["traceback"] and "_main" not in second["traceback"]
    assert third["kind"] == "ZeroDivisionError"


def test_an_output_of_a_type_that_is_not_sent_says_so(tmp_path: Path) -> None:
    (answer,) = run(tmp_path, lambda x: object(), [1])
    assert answer["kind"] == "TypeError" and "builtins.object can't be sent" in answer["text"]


def uses_package(x: int) -> Any:
    return structlog.get_logger(x)


def imports_package(x: int) -> Any:
    import numpy

    return numpy.array(x)


def uses_class(x: int) -> Any:
    return Own(x)


def uses_nothing(x: int) -> Any:
    return x + not_there  # type: ignore[name-defined]  # noqa: F821


def sets_global(x: int) -> None:
    global FACTOR
    FACTOR = x


async def coroutine(x: int) -> int:
    return x


def generator(x: int) -> Any:
    yield x


@functools.cache
def decorated(x: int) -> int:
    return x


@functools.wraps(square)
def wrapped(x: int) -> int:
    return square(x)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (uses_package, "structlog"),
        (imports_package, "numpy"),
        (uses_class, "'Own'"),
        (uses_nothing, "not_there"),
        (sets_global, "FACTOR"),
        (coroutine, "coroutine"),
        (generator, "generator"),
        (decorated, "plain Python function"),
        (functools.partial(square, 1), "plain Python function"),
        (len, "plain Python function"),
        (eval("lambda x: x"), "source"),
    ],
)
def test_what_cannot_go_along_is_refused_by_name(function: Callable[..., Any], said: str) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        script_of(function)
    assert refused.value.hint


def test_a_closure_over_what_is_no_plain_value_is_refused() -> None:
    handle = sys.stderr
    with pytest.raises(BadInput, match="'handle' from outside"):
        script_of(lambda x: handle.write(x))


def test_two_things_of_one_name_are_refused() -> None:
    def square(x: int) -> int:
        return cube(x)

    with pytest.raises(BadInput, match="two different"):
        helper = globals()["square"]
        script_of(lambda x: square(helper(x)))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"[1]", b'[{"value": {"$bytes": 5}}]', b"[" * 100_000, b'[{"value": NaN}]']
)
def test_what_a_provider_makes_up_is_no_result(data: bytes) -> None:
    with pytest.raises(ValueError):
        list(read_results(data, 1))


def test_deep_results_are_refused_however_deep_python_may_go() -> None:
    deep = b'[{"value": ' + b"[" * 200_000
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    try:
        with pytest.raises(ValueError, match="nested"):
            list(read_results(deep, 1))
    finally:
        sys.setrecursionlimit(before)


def test_results_of_strange_shape_are_only_text() -> None:
    (entry,) = read_results(json.dumps([{"kind": {"x": 1}, "text": None}]).encode(), 1)
    assert all(isinstance(value, str) for value in entry.values())
