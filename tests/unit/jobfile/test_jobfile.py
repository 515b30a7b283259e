"""Job files: what resolves to what, and what each mistake is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fogchain.errors import BadInput
from fogchain.jobs.blobname import name_of
from fogchain.jobs.file import ResolvedJob, load_job_file
from fogchain.jobs.source import chunks
from fogchain.jobs.spec import MAX_INPUT_BYTES, JobSpec
from fogchain.units import GFUEL, WEI

WASM = b"\0asm\x01\0\0\0"
HEAD = '[job]\nname = "poster"\nmodule = "m.wasm"\nbudget = "5 FOG"\n'
ARRAY = "[array]\ncount = 3\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.wasm").write_bytes(WASM)
    (tmp_path / "in.txt").write_text("hello")
    (tmp_path / "book.txt").write_text("".join(f"line {n}\n" for n in range(100)))
    return tmp_path


def load(folder: Path, text: str) -> ResolvedJob:
    path = folder / "job.toml"
    path.write_text(text)
    return load_job_file(path)


def content(job: ResolvedJob, sha256: str) -> bytes:
    return b"".join(chunks(job.blobs[sha256]))


def test_the_documented_example_resolves(folder: Path) -> None:
    job = load(
        folder,
        """
        [job]
        name = "poster"
        module = "m.wasm"
        budget = "5 FOG"
        max_price = "1 FOG/Gfuel"
        time_limit = "10 min"
        [limits]
        fuel = "20 Gfuel"
        memory = "64 MiB"
        time = "60 s"
        output = "4 MiB"
        [verify]
        level = "L1"
        sample = "10 %"
        [inputs]
        "scene.txt" = "in.txt"
        [array]
        count = 48
        args = ["{index}", "{count}", '{"json": {"a": 1}}', "{{index}}"]
        split = { file = "book.txt", as = "part" }
        """,
    )
    spec = job.spec
    assert (spec.name, spec.budget, spec.max_price, spec.time_limit) == ("poster", 5 * WEI, WEI, 600_000)
    assert (spec.limits.fuel, spec.limits.memory, spec.limits.output) == (20 * GFUEL, 64 << 20, 4 << 20)
    assert spec.verify.sample == 1000
    assert len(spec.tasks) == 48
    assert spec.tasks[7].args == ("7", "48", '{"json": {"a": 1}}', "{index}")
    assert content(job, spec.module.sha256) == WASM
    assert content(job, spec.tasks[0].inputs["scene.txt"].sha256) == b"hello"
    parts = [content(job, task.inputs["part"].sha256) for task in spec.tasks]
    assert b"".join(parts) == (folder / "book.txt").read_bytes()
    assert all(part.endswith(b"\n") for part in parts)


def test_written_out_tasks_have_inputs_of_their_own(folder: Path) -> None:
    absolute = folder / "book.txt"
    job = load(
        folder,
        HEAD
        + f"""
        [inputs]
        "common" = "in.txt"
        [[task]]
        args = ["a"]
        stdin = "in.txt"
        env = {{ N = "{{index}}" }}
        [[task]]
        inputs = {{ "x.txt" = "{absolute}", "common" = "book.txt" }}
        """,
    )
    first, second = job.spec.tasks
    assert first.stdin is not None and content(job, first.stdin.sha256) == b"hello"
    assert first.env == {"N": "0"} and set(first.inputs) == {"common"}
    assert second.inputs["x.txt"] == second.inputs["common"] != first.inputs["common"]


def test_paths_may_hold_the_index_and_the_name_has_a_default(folder: Path) -> None:
    for n in range(3):
        (folder / f"{n}.dat").write_text(str(n))
    job = load(
        folder,
        '[job]\nmodule = "m.wasm"\nbudget = "1 FOG"\n'
        + ARRAY
        + 'inputs = { "x" = "{index}.dat" }\nstdin = "{index}.dat"',
    )
    assert job.spec.name == "job"
    assert [content(job, task.inputs["x"].sha256) for task in job.spec.tasks] == [b"0", b"1", b"2"]


REFUSALS = {
    # case: (text, words of the message, words of the hint)
    "unknown key": (HEAD.replace("budget", "budgt") + ARRAY, "unknown key 'budgt' in [job]", "did you mean 'budget'"),
    "key elsewhere": (HEAD + 'fuel = "1 Gfuel"\n' + ARRAY, "unknown key 'fuel' in [job]", "belongs in [limits]"),
    "unknown table": (HEAD + ARRAY + "[limit]\n", "unknown key 'limit'", "did you mean 'limits'"),
    "odd key": (HEAD + ARRAY + "zzz = 1", "unknown key 'zzz' in [array]", "known here are"),
    "key of split": (HEAD + ARRAY + 'split = { file = "book.txt", az = "p" }', "key 'az'", "known here are: file, as"),
    "key of task": (HEAD + "[[task]]\narg = []", "unknown key 'arg' in [[task]]", "did you mean 'args'"),
    "no budget": (HEAD.replace('budget = "5 FOG"', "") + ARRAY, "job.budget: missing", 'budget = "5 FOG"'),
    "zero budget": (HEAD.replace("5 FOG", "0 FOG") + ARRAY, "job.budget", "5 FOG"),
    "no module": (HEAD.replace('module = "m.wasm"', "") + ARRAY, "job.module: missing", "module ="),
    "no job": (ARRAY, "job: missing", "[job]"),
    "empty file": ("", "job: missing", "[job]"),
    "no tasks": (HEAD, "no tasks", "[array]"),
    "no written tasks": ("task = []\n" + HEAD, "no tasks", "[[task]]"),
    "no count": (HEAD + "[array]\nargs = []", "array.count: missing", "count = 8"),
    "zero count": (HEAD + "[array]\ncount = 0", "array.count", "count"),
    "too many": (HEAD + "[array]\ncount = 10001", "array.count", "count"),
    "both": (HEAD + ARRAY + "[[task]]\n", "both [array] and [[task]]", "keep one"),
    "bare budget": (HEAD.replace('"5 FOG"', "5") + ARRAY, "job.budget", "5 FOG"),
    "bare text budget": (HEAD.replace("5 FOG", "5") + ARRAY, "'5' has no unit", "5 FOG"),
    "wrong unit": (HEAD + ARRAY + '[limits]\nmemory = "64 Gfuel"', "limits.memory: 'Gfuel' is not a unit", "mend"),
    "negative": (HEAD.replace("5 FOG", "-5 FOG") + ARRAY, "job.budget", "5 FOG"),
    "bare time": (HEAD + ARRAY + "[limits]\ntime = 60", "limits.time", "mend"),
    "bad level": (HEAD + ARRAY + '[verify]\nlevel = "L9"', "verify.level", "mend"),
    "no TOML": (HEAD + "name = poster\n", "line 5", "quotes"),
    "missing module": (HEAD.replace("m.wasm", "no.wasm") + ARRAY, "no.wasm can't be read: No such file", "build it"),
    "module is text": (HEAD.replace("m.wasm", "in.txt") + ARRAY, "not a WebAssembly module", "wasm32-wasi"),
    "module is folder": (HEAD.replace("m.wasm", ".") + ARRAY, "is not a file", "single file"),
    "missing input": (HEAD + '[inputs]\n"a" = "no.txt"\n' + ARRAY, "inputs.a: ", "relative to the job file"),
    "device": (HEAD + '[inputs]\n"a" = "/dev/zero"\n' + ARRAY, "is not a file", "single file"),
    "missing stdin": (HEAD + '[[task]]\nstdin = "no.txt"', "task 0: stdin", "relative to the job file"),
    "missing split": (HEAD + ARRAY + 'split = { file = "no.txt", as = "p" }', "array.split.file", "relative"),
    "split too fine": (HEAD + "[array]\ncount = 500\nsplit = { file = 'book.txt', as = 'p' }", "be empty", "smaller"),
    "split name taken": (
        HEAD + ARRAY + "inputs = { p = 'in.txt' }\nsplit = { file = 'book.txt', as = 'p' }", "called 'p'", "another",
    ),
    "path as name": (HEAD + '[inputs]\n"../a" = "in.txt"\n' + ARRAY, "'../a' is not a plain file name", "mend"),
    "placeholder": (HEAD + ARRAY + 'args = ["{indx}"]', "unknown placeholder {indx}", "did you mean {index}"),
    "odd placeholder": (HEAD + ARRAY + 'args = ["{who}"]', "unknown placeholder {who}", "{index} or {count}"),
    "args no list": (HEAD + ARRAY + 'args = "a"', "array.args", "mend"),
    "args numbers": (HEAD + ARRAY + "args = [1]", "array.args.0", "mend"),
    "long argument": (HEAD + ARRAY + f'args = ["{"x" * 5000}"]', "args.0", "guide"),
    "date": (HEAD + ARRAY + "args = [2024-01-01]\n[limits]\nfuel = 2024-01-01", "limits.fuel", "mend"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_each_mistake_is_answered_in_words(folder: Path, case: str) -> None:
    text, message, hint = REFUSALS[case]
    with pytest.raises(BadInput) as refused:
        load(folder, text)
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_too_big_an_input_is_refused_without_reading_it(folder: Path) -> None:
    with (folder / "big").open("wb") as file:
        file.truncate(MAX_INPUT_BYTES + 1)
    with pytest.raises(BadInput, match="the limit is 256 MiB"):
        load(folder, HEAD + '[inputs]\n"a" = "big"\n' + ARRAY)
    with pytest.raises(BadInput, match="the limit is 64 MiB"):
        (folder / "big.wasm").write_bytes(WASM)
        with (folder / "big.wasm").open("r+b") as file:
            file.truncate((64 << 20) + 1)
        load(folder, HEAD.replace("m.wasm", "big.wasm") + ARRAY)


def test_unreadable_job_files_are_refused(folder: Path) -> None:
    (folder / "binary").write_bytes(b"\xff\xfe")
    (folder / "deep.toml").write_text("a = " + "[" * 50_000)
    (folder / "huge.toml").write_text("# " + "x" * (5 << 20))
    for name in ("none.toml", ".", "binary", "deep.toml", "huge.toml", "m.wasm"):
        with pytest.raises(BadInput) as refused:
            load_job_file(folder / name)
        assert refused.value.hint


words = st.text(st.characters(codec="utf-8", exclude_characters="{}\0"), max_size=20)
variables = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,20}", fullmatch=True)


@st.composite
def files(draw: st.DrawFn) -> dict[str, object]:
    job = {
        "module": "m.wasm",
        "budget": f"{draw(st.integers(1, 10**6))} FOG",
        "name": draw(words.filter(lambda w: w and w.isprintable())),
    }
    if draw(st.booleans()):
        job["max_price"] = f"0.{draw(st.integers(1, 10**9))} FOG/Gfuel"
    task = st.fixed_dictionaries(
        {"args": st.lists(words, max_size=5)},
        optional={
            "stdin": st.sampled_from(["in.txt", "book.txt"]),
            "inputs": st.dictionaries(names, st.sampled_from(["in.txt", "book.txt", "m.wasm"]), max_size=3),
            "env": st.dictionaries(variables, words, max_size=3),
        },
    )
    file: dict[str, object] = {"job": job}
    if draw(st.booleans()):
        file["limits"] = {
            "fuel": f"{draw(st.integers(1, 10**6))} Mfuel",
            "memory": f"{draw(st.integers(1, 4096))} MiB",
            "time": f"{draw(st.integers(1, 3600))} s",
        }
    if draw(st.booleans()):
        file["task"] = draw(st.lists(task, min_size=1, max_size=5))
    else:
        array = {"count": draw(st.integers(1, 20)), **draw(task)}
        if draw(st.booleans()):
            array["split"] = {"file": "book.txt", "as": "part of the book"}
        file["array"] = array
    return file


@given(file=files())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_well_formed_file_resolves_and_its_spec_survives_json(folder: Path, file: dict[str, object]) -> None:
    job = load(folder, tomli_w.dumps(file))
    assert JobSpec.model_validate_json(job.spec.model_dump_json()) == job.spec
    assert set(job.blobs) == set(job.spec.blobs())
    for sha256, size in job.spec.blobs().items():
        data = content(job, sha256)
        assert (name_of(data), len(data)) == (sha256, size)


@given(
    lines=st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"") + b"\n"), min_size=1, max_size=60),
    tail=st.binary(max_size=5).map(lambda b: b.replace(b"\n", b"")),
    count=st.integers(1, 20),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_split_parts_join_to_the_file_and_end_at_line_ends(
    tmp_path: Path, lines: list[bytes], tail: bytes, count: int
) -> None:
    from fogchain.jobs.split import split_lines

    data = b"".join(lines) + tail
    path = tmp_path / "text"
    path.write_bytes(data)
    try:
        parts = [b"".join(chunks(part)) for part in split_lines(path, count)]
    except BadInput:
        assert count > 1
        return
    assert b"".join(parts) == data and len(parts) == count
    assert all(part.endswith(b"\n") for part in parts[:-1])
