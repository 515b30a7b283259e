from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.client import values

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
hashable = scalars | st.tuples(scalars, scalars) | st.complex_numbers(allow_nan=False)
marks = st.sampled_from(["$bytes", "$tuple", "$dict", "$float", "$set", "$complex"])
trees = st.recursive(
    hashable | st.sets(hashable, max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | marks, inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=3)
    ),
    max_leaves=20,
)


@given(trees)
def test_a_value_comes_back_equal_and_of_its_type(value: Any) -> None:
    text = values.dumps(value)
    again = values.loads(text)
    assert again == value and type(again) is type(value)
    assert values.dumps(again) == text


def test_not_a_number_comes_back() -> None:
    assert math.isnan(values.loads(values.dumps(float("nan"))))  # type: ignore[arg-type]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | marks, inner, max_size=3),
        max_leaves=15,
    )
)
def test_any_json_is_a_value_or_refused(tree: Any) -> None:
    try:
        values.loads(values.json.dumps(tree))
    except ValueError:
        pass


@pytest.mark.parametrize("value", [object(), len, Exception(), type("S", (str,), {})("x"), memoryview(b"")])
def test_other_types_are_refused_by_name(value: object) -> None:
    with pytest.raises(TypeError, match=type(value).__qualname__):
        values.dumps([value])


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        values.dumps(loop)
    with pytest.raises(ValueError):
        values.loads("[" * 200_000)
