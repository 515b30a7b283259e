"""Job specs as they come from a file or the API: what is refused, and what the refusal says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from fogchain import cbor
from fogchain.config import explain
from fogchain.errors import BadInput, BadMessage
from fogchain.jobs.spec import (
    MAX_INPUT_BYTES,
    MAX_TEXT_BYTES,
    BlobRef,
    JobSpec,
    Limits,
    ResultManifest,
    RunSpec,
    TaskSpec,
    check_sum_of_inputs,
)

BLOB = {"sha256": "ab" * 32, "size": 10}
GOOD: dict[str, Any] = {"name": "job", "module": BLOB, "budget": "1 FOG", "tasks": [{"args": ["1"]}]}


def read(**changes: Any) -> JobSpec:
    return JobSpec.model_validate_json(json.dumps({**GOOD, **changes}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, "colour: unknown key"),
        ({"limits": {"fule": "1 Gfuel"}}, "limits.fule: unknown key"),
        ({"budget": 5}, "budget: '5' "),
        ({"budget": "5"}, "budget: '5' has no unit"),
        ({"budget": "0 FOG"}, "budget: "),
        ({"budget": None}, "budget: "),
        ({"limits": {"fuel": 3}}, "limits.fuel: '3' "),
        ({"limits": {"fuel": "0 fuel"}}, "limits.fuel: "),
        ({"limits": {"memory": "5 GiB"}}, "limits.memory: "),
        ({"limits": {"time": "1 ms"}}, "limits.time: "),
        ({"limits": {"output": "1 GiB"}}, "limits.output: "),
        ({"time_limit": "8 d"}, "time_limit: "),
        ({"verify": {"level": "L9"}}, "verify.level: "),
        ({"verify": {"sample": "101 %"}}, "verify.sample: "),
        ({"tasks": []}, "tasks: "),
        ({"tasks": [{}] * 10_001}, "tasks: "),
        ({"tasks": [{"args": ["x" * 5000]}]}, "tasks.0.args.0: "),
        ({"tasks": [{"args": ["ü" * 2049]}]}, "tasks.0.args.0: "),
        ({"tasks": [{"args": ["a\0b"]}]}, "tasks.0.args.0: "),
        ({"tasks": [{"args": ["1"] * 65}]}, "tasks.0.args: "),
        ({"tasks": [{"env": {"A=B": "1"}}]}, "tasks.0.env.A=B"),
        ({"tasks": [{"env": {"": "1"}}]}, "tasks.0.env."),
        ({"tasks": [{"env": {"A" * 101: "1"}}]}, "tasks.0.env."),
        ({"tasks": [{"inputs": {"../up": BLOB}}]}, "tasks.0.inputs.../up"),
        ({"tasks": [{"inputs": {".hidden": BLOB}}]}, "tasks.0.inputs..hidden"),
        ({"tasks": [{"inputs": {"a/b": BLOB}}]}, "tasks.0.inputs.a/b"),
        ({"tasks": [{"stdin": {"sha256": "AB" * 32, "size": 1}}]}, "tasks.0.stdin.sha256: "),
        ({"module": {"sha256": "ab" * 32, "size": -1}}, "module.size: "),
        ({"module": {"sha256": "ab" * 32, "size": MAX_INPUT_BYTES + 1}}, "module.size: "),
        ({"name": ""}, "name: "),
        ({"name": "x" * 101}, "name: "),
        ({"name": "\x1b[2Jwiped"}, "name: a name has no line breaks or control characters"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(**changes)
    assert said in explain(caught.value)


def test_text_that_would_not_fit_an_order_is_refused_and_the_largest_that_is_taken_fits() -> None:
    with pytest.raises(ValidationError, match="give them as an input file"):
        TaskSpec(args=("x" * 4096,) * 60, env={f"V{i}": "x" * 4096 for i in range(5)})
    most = TaskSpec(
        args=("x" * 4096,) * (MAX_TEXT_BYTES // 4096 - 1),
        inputs={f"{i:0100}": BlobRef(sha256="00" * 32, size=MAX_INPUT_BYTES // 64) for i in range(64)},
    )
    run = RunSpec(module=BlobRef(sha256="00" * 32, size=1), limits=Limits(), task=most)
    assert len(run.encode()) < cbor.MAX_MESSAGE // 2


def test_more_input_than_a_provider_takes_is_refused_with_the_task() -> None:
    half = BlobRef(sha256="ab" * 32, size=MAX_INPUT_BYTES // 2)
    fine = TaskSpec(inputs={"a": half}, stdin=half)
    check_sum_of_inputs(read().model_copy(update={"tasks": (fine,)}))
    over = TaskSpec(inputs={"a": half, "b": half}, stdin=BlobRef(sha256="ab" * 32, size=1))
    with pytest.raises(BadInput, match="task 1 has 256 MiB"):
        check_sum_of_inputs(read().model_copy(update={"tasks": (fine, over)}))


def test_every_blob_a_provider_may_fetch_is_listed_once() -> None:
    spec = read(
        tasks=[
            {"stdin": {"sha256": "01" * 32, "size": 1}},
            {"inputs": {"a": {"sha256": "02" * 32, "size": 2}, "b": {"sha256": "01" * 32, "size": 1}}},
        ]
    )
    assert spec.blobs() == {"ab" * 32: 10, "01" * 32: 1, "02" * 32: 2}


def test_native_results_are_not_checked_by_bytes() -> None:
    with pytest.raises(ValidationError, match="level L1 can't check them"):
        read(runtime="native")
    assert read(runtime="native", verify={"level": "L0"}).run_spec(0).runtime == "native"


def wire_form(**changes: Any) -> list[Any]:
    fields: dict[str, Any] = {
        "version": 2, "runtime": "python", "module": b"\xab" * 32, "size": 10,
        "fuel": 1000, "memory": 1 << 20, "time": 5000, "output": 10,
        "args": ["a"], "env": {"A": "b"}, "stdin": None, "inputs": {"in": [b"\1" * 32, 5]},
    }  # fmt: skip
    return list({**fields, **changes}.values())


def test_the_wire_form_is_what_the_docstring_says() -> None:
    spec = RunSpec.decode(cbor.dumps(wire_form()))
    assert spec.runtime == "python"
    assert spec.limits == Limits(fuel=1000, memory=1 << 20, time=5000, output=10)
    assert spec.task.inputs == {"in": BlobRef(sha256="01" * 32, size=5)}


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 1},
        {"runtime": "java"},
        {"runtime": None},
        {"version": True},
        {"module": "ab" * 32},
        {"module": b"\xab" * 31},
        {"size": True},
        {"size": "10"},
        {"fuel": 0},
        {"fuel": 2**64},
        {"fuel": "1 Gfuel"},
        {"time": "5 s"},
        {"args": "a"},
        {"args": [1]},
        {"args": ["a\0"]},
        {"args": {"a": 1}},
        {"env": [["A", "b"]]},
        {"env": {"A B": ""}},
        {"stdin": []},
        {"stdin": [b"\1" * 32, -1]},
        {"inputs": {"../../etc/passwd": [b"\1" * 32, 5]}},
        {"inputs": {b"in": [b"\1" * 32, 5]}},
        {"inputs": None},
        {"more": 1},
    ],
)
def test_a_run_spec_of_another_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadMessage):
        RunSpec.decode(cbor.dumps(wire_form(**changes)))


@pytest.mark.parametrize(
    "manifest",
    [
        [2, 0, 0, []],
        [1, 0, 0],
        [1, 256, 0, []],
        [1, -1, 0, []],
        [1, 0, 2**32, []],
        [1, True, 0, []],
        [1, 0, 0, [["b", b"\1" * 32, 1], ["a", b"\1" * 32, 1]]],
        [1, 0, 0, [["a", b"\1" * 32, 1], ["a", b"\2" * 32, 1]]],
        [1, 0, 0, [["../a", b"\1" * 32, 1]]],
        [1, 0, 0, [["/a", b"\1" * 32, 1]]],
        [1, 0, 0, [["out//a", b"\1" * 32, 1]]],
        [1, 0, 0, [["a\n", b"\1" * 32, 1]]],
        [1, 0, 0, [["a", b"\1" * 31, 1]]],
        [1, 0, 0, [["a", b"\1" * 32, -1]]],
        [1, 0, 0, [["a", b"\1" * 32]]],
        [1, 0, 0, [[b"a", b"\1" * 32, 1]]],
        {"a": 1},
        "text",
    ],
)
def test_a_manifest_of_another_form_is_refused(manifest: object) -> None:
    with pytest.raises(BadMessage):
        ResultManifest.decode(cbor.dumps(manifest))
