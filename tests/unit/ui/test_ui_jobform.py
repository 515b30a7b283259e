"""The new-job page's fields as a job file, and the complaints about it at the fields again."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain.api.jobfile import Uploads, read_uploaded
from fogchain.errors import BadInput, FogchainError, TooLarge
from ui.drafts import MOST_DRAFTS, MOST_FILE, PLACEHOLDER, Drafts
from ui.jobform import DEFAULTS, Files, WrongField, job_file, runtime_of, wrong_fields

WASM = b"\0asm\1\0\0\0"
NONE = Files(None, None)


@given(st.text(), st.lists(st.text(min_size=1), max_size=3))
def test_whatever_is_written_is_one_string_of_the_file(words: str, names: list[str]) -> None:
    values = {**DEFAULTS, "name": words, "regions": words}
    told = tomllib.loads(job_file(values, Files("a.wasm", "wasm", shared=list(dict.fromkeys(names))), PLACEHOLDER))
    assert told["job"]["name"] == (words or "a")
    assert told["job"]["module"] == "program/a.wasm"
    assert set(told.get("inputs", {})) == set(names)


def test_the_fields_become_the_job(tmp_path: Path) -> None:
    for place, data in {
        "program/words.py": b"print(1)",
        "each/a.txt": b"a",
        "each/b.txt": b"b",
        "shared/s": b"s",
    }.items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(data)
    values = {
        **DEFAULTS, "shape": "each", "args": '--of "{file}" {index}/{count}', "max_price": "0.8 FOG/Gfuel",
        "level": "L2", "sample": "10 %", "regions": "eu, us-va", "class": "cpu", "min_survival": "95 %",
    }  # fmt: skip
    toml = job_file(values, Files("words.py", "python", ["s"], ["a.txt", "b.txt"]), PLACEHOLDER)
    (tmp_path / "job.toml").write_text(toml)
    spec = read_uploaded(tmp_path / "job.toml", Uploads()).spec
    assert (spec.name, spec.runtime, spec.verify.level, spec.verify.sample) == ("words", "python", "L2", None)
    assert [task.args for task in spec.tasks] == [("--of", "a.txt", "0/2"), ("--of", "b.txt", "1/2")]
    assert [sorted(task.inputs) for task in spec.tasks] == [["a.txt", "s"], ["b.txt", "s"]]
    assert (spec.regions, spec.resource_class, spec.min_survival) == (("eu", "us-va"), "cpu", 9500)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"count": ""}, "count"),
        ({"count": "0"}, "count"),
        ({"count": "many"}, "count"),
        ({"args": "'open"}, "args"),
        ({"shape": "each"}, "each"),
    ],
)
def test_what_makes_no_file_is_told_at_its_field(changed: dict[str, str], field: str) -> None:
    with pytest.raises(WrongField) as refused:
        job_file({**DEFAULTS, **changed}, NONE, PLACEHOLDER)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"budget": "5"}, "budget", "no unit"),
        ({"budget": ""}, "budget", "missing"),
        ({"fuel": "2 FOG"}, "fuel", "not a unit"),
        ({"memory": "8 TB"}, "memory", ""),
        ({"max_price": "1 FOG"}, "max_price", "not a unit"),
        ({"time_limit": "1 s"}, "time_limit", ""),
        ({"regions": "EU!"}, "regions", ""),
        ({"class": "C P U"}, "class", ""),
        ({"count": "10001"}, "count", "10000"),
        ({"args": "{indx}"}, "args", "unknown placeholder"),
    ],
)
def test_a_wrong_value_is_told_at_its_field(tmp_path: Path, changed: dict[str, str], field: str, words: str) -> None:
    (tmp_path / PLACEHOLDER).write_bytes(WASM)
    (tmp_path / "job.toml").write_text(job_file({**DEFAULTS, **changed}, NONE, PLACEHOLDER))
    with pytest.raises(BadInput) as refused:
        read_uploaded(tmp_path / "job.toml", Uploads())
    assert str(tmp_path) not in refused.value.message
    found = wrong_fields(refused.value.message)
    assert list(found) == [field]
    assert words in found[field]


def test_several_complaints_stand_at_several_fields() -> None:
    found = wrong_fields("job.budget: '5' has no unit; write 1.5 FOG; limits.fuel: '3' has no unit; and so on")
    assert found == {"budget": "'5' has no unit; write 1.5 FOG", "fuel": "'3' has no unit; and so on"}
    assert wrong_fields("the node's disk is full") == {}


@pytest.mark.parametrize("written", ["/etc/hostname", "../secret", "../../secret", "deep/../../secret"])
def test_an_uploaded_job_file_reads_nothing_outside_its_folder(tmp_path: Path, written: str) -> None:
    (tmp_path / "secret").write_bytes(WASM)
    folder = tmp_path / "draft"
    folder.mkdir()
    (folder / "job.toml").write_text(f'[job]\nmodule = "{written}"\nbudget = "1 FOG"\n[array]\ncount = 1\n')
    with pytest.raises(BadInput, match="was not uploaded"):
        read_uploaded(folder / "job.toml", Uploads())
    (folder / Path(written).name).write_bytes(WASM + b"own")
    assert read_uploaded(folder / "job.toml", Uploads()).spec.module.size == len(WASM) + 3


def test_programs_are_known_by_their_beginning() -> None:
    assert runtime_of("a.bin", WASM) == "wasm"
    assert runtime_of("A.PY", b"impo") == "python"
    assert runtime_of("render", b"\x7fELF") == "native"
    assert runtime_of("image.tar.gz", b"\x1f\x8b\x08\0") == "native"


def test_drafts_are_bounded_and_leave_nothing() -> None:
    drafts = Drafts()
    made = [drafts.new() for _ in range(MOST_DRAFTS + 2)]
    assert drafts.get(made[0].id) is None
    assert not made[0].folder.exists()
    newest = made[-1]
    for name in ("../x", ".hidden", "a/b", "", "-flag", "x" * 101):
        with pytest.raises(FogchainError):
            newest.admit("each", name, 1)
    with pytest.raises(TooLarge):
        newest.admit("each", "big", MOST_FILE + 1)
    newest.added("program", "a.wasm", 1)
    newest.added("program", "b.wasm", 1)
    assert list(newest.files["program"]) == ["b.wasm"]
    drafts.close()
    assert not newest.folder.exists()
