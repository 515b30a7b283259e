"""The job log's records, and run specs and manifests as they travel."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fogchain import cbor
from fogchain.errors import BadMessage, CorruptData
from fogchain.jobs.events import (
    CapRaised,
    Checkpointed,
    Delivered,
    Ended,
    Failed,
    Filed,
    JobEvent,
    Lost,
    Paid,
    Sent,
    SessionPlanned,
    Signed,
    from_record,
    to_record,
)
from fogchain.jobs.spec import BlobRef, JobSpec, Limits, ResultFile, ResultManifest, RunSpec, TaskSpec, Verify
from fogchain.units import MAX_UINT64, MAX_UINT96

text = st.text(max_size=40)
times = st.floats(0, 1e11, allow_nan=False)
amounts = st.integers(0, MAX_UINT96)
counts = st.integers(0, 2**40 - 1)
events: st.SearchStrategy[JobEvent] = st.one_of(
    st.builds(SessionPlanned, times, text, text, text, amounts, text, amounts),
    st.builds(CapRaised, times, text, amounts),
    st.builds(Sent, times, counts, counts, text, st.sampled_from(("work", "check")), text, text, counts, text),
    st.builds(Delivered, times, counts, text, counts, counts, counts, counts, text, st.booleans(), counts),
    st.builds(Checkpointed, times, counts, text, counts, counts),
    st.builds(Failed, times, counts, counts, text),
    st.builds(Lost, times, counts, text),
    st.builds(Filed, times, counts, text, counts, counts, counts, counts, text),
    st.builds(Signed, times, text, amounts, text),
    st.builds(Ended, times, st.sampled_from(("done", "failed", "cancelled")), text),
    st.builds(Paid, times),
)

hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
blobs = st.builds(BlobRef, sha256=hashes, size=st.integers(0, 256 << 20))
names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._ -]{0,20}", fullmatch=True)
variables = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
words = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=60)
tasks = st.builds(
    TaskSpec,
    args=st.lists(words, max_size=5).map(tuple),
    env=st.dictionaries(variables, words, max_size=4),
    stdin=st.none() | blobs,
    inputs=st.dictionaries(names, blobs, max_size=4),
)
limits = st.builds(
    Limits,
    fuel=st.integers(1, MAX_UINT64),
    memory=st.integers(1 << 16, 4 << 30),
    time=st.integers(100, 86_400_000),
    output=st.integers(0, 256 << 20),
    checkpoint=st.just(0) | st.integers(0, 64 << 20),
)
specs = st.builds(
    JobSpec,
    name=st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=60),
    module=blobs,
    budget=st.integers(1, MAX_UINT96),
    max_price=st.none() | amounts,
    time_limit=st.integers(10_000, 7 * 86_400_000),
    limits=limits,
    verify=st.builds(Verify, level=st.sampled_from(("L0", "L1")), sample=st.none() | st.integers(0, 10_000)),
    tasks=st.lists(tasks, min_size=1, max_size=4).map(tuple),
)
files = st.builds(ResultFile, name=st.lists(names, min_size=1, max_size=3).map("/".join), sha256=hashes, size=counts)
manifests = st.builds(
    ResultManifest,
    exit=st.integers(0, 255),
    code=st.integers(-(2**31), 2**32 - 1),
    files=st.lists(files, max_size=5, unique_by=lambda file: file.name).map(
        lambda found: tuple(sorted(found, key=lambda file: file.name))
    ),
)


@given(events)
def test_an_event_survives_its_record(event: JobEvent) -> None:
    kind, body = to_record(event)
    again = from_record(kind, json.loads(json.dumps(body)))
    assert again == event and type(again) is type(event)


@pytest.mark.parametrize(
    ("kind", "body"),
    [("Vanished", {}), ("Paid", {}), ("Paid", {"at": 1.0, "by": "me"}), ("JobEvent", {"at": 1.0}), ("Lost", {"at": 1})],
)
def test_a_record_no_version_wrote_is_corrupt(kind: str, body: dict[str, object]) -> None:
    with pytest.raises(CorruptData, match=kind):
        from_record(kind, body)


@settings(max_examples=60)
@given(specs)
def test_a_job_spec_survives_json_to_the_unit(spec: JobSpec) -> None:
    assert JobSpec.model_validate_json(spec.model_dump_json()) == spec


@settings(max_examples=60)
@given(specs)
def test_a_run_spec_survives_the_wire_and_its_hash_names_it(spec: JobSpec) -> None:
    run = spec.run_spec(0)
    again = RunSpec.decode(run.encode())
    assert again == run
    assert again.digest == run.digest


@settings(max_examples=60)
@given(specs, blobs, st.data())
def test_the_rest_of_a_run_is_another_spec_with_the_same_origin(
    spec: JobSpec, archive: BlobRef, data: st.DataObject
) -> None:
    run = spec.run_spec(0)
    if not run.limits.checkpoint:
        return
    burnt = data.draw(st.integers(1, run.limits.fuel)) - 1
    rest = run.resumed(archive, burnt)
    assert RunSpec.decode(rest.encode()) == rest
    assert rest.digest != run.digest
    assert (rest.origin, rest.seed, rest.limits.fuel) == (run, run.digest, run.limits.fuel - burnt)
    # And once more, by whoever goes on from there.
    further = run.resumed(archive, min(burnt + 1, run.limits.fuel - 1))
    assert further.origin == run


def test_a_run_without_checkpoints_travels_as_it_always_did_and_none_goes_on_without() -> None:
    run = RunSpec(module=BlobRef(sha256="00" * 32, size=1), limits=Limits(), task=TaskSpec())
    assert cbor.loads(run.encode())[0] == 2
    resumed = run.model_copy(update={"limits": Limits(checkpoint=1)}).resumed(run.module, 1)
    for broken in (
        cbor.dumps([3, *cbor.loads(run.encode())[1:], 0, None]),
        cbor.dumps([3, *cbor.loads(run.encode())[1:], 0, [bytes(32), 1, 1]]),
        cbor.dumps([2, *cbor.loads(resumed.encode())[1:]]),
        cbor.dumps([*cbor.loads(resumed.encode())[:-1], [bytes(32), 1]]),
        cbor.dumps([*cbor.loads(resumed.encode())[:-1], [bytes(32), 1, 1, 1]]),
        cbor.dumps([*cbor.loads(resumed.encode())[:-1], [bytes(32), 1, -1]]),
        cbor.dumps([*cbor.loads(resumed.encode())[:-1], []]),
    ):
        with pytest.raises(BadMessage):
            RunSpec.decode(broken)


@settings(max_examples=60)
@given(tasks, tasks, limits)
def test_different_runs_have_different_hashes(one: TaskSpec, other: TaskSpec, limit: Limits) -> None:
    module = BlobRef(sha256="00" * 32, size=1)
    first, second = RunSpec(module=module, limits=limit, task=one), RunSpec(module=module, limits=limit, task=other)
    assert (first.digest == second.digest) == (one == other)


@settings(max_examples=60)
@given(manifests)
def test_a_manifest_survives_the_wire(manifest: ResultManifest) -> None:
    assert ResultManifest.decode(manifest.encode()) == manifest


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_run_spec_or_manifest_is_refused_or_means_what_it_says(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from((RunSpec, ResultManifest)))
    whole = (
        data.draw(manifests).encode()
        if kind is ResultManifest
        else RunSpec(module=data.draw(blobs), limits=data.draw(limits), task=data.draw(tasks)).encode()
    )
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(0, len(damaged)) | st.just(len(damaged))) :]
    try:
        value = kind.decode(bytes(damaged))
    except BadMessage:
        return
    assert value.encode() == bytes(damaged)
