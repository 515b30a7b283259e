"""The guide is right: its job files load, its tables name every key, and its limits are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fogchain import units
from fogchain.jobs import file as job_file
from fogchain.jobs import spec, tables

GUIDE = (Path(__file__).parents[3] / "docs" / "job-guide.md").read_text()
EXAMPLES = Path(__file__).parents[3] / "examples"


def test_every_job_file_in_the_guide_loads(tmp_path: Path) -> None:
    blocks = [block for block in re.findall(r"```toml\n(.*?)```", GUIDE, re.S) if "[job]" in block]
    assert len(blocks) >= 3
    for number, block in enumerate(blocks):
        for name in re.findall(r'"([\w.]+\.(?:wasm|txt))"', block):
            lines = "".join(f"line {n}\n" for n in range(500))
            (tmp_path / name).write_bytes(b"\0asm\x01\0\0\0" if name.endswith("wasm") else lines.encode())
        (tmp_path / "render").write_bytes(b"\x7fELF")
        for script in re.findall(r"```python\n(.*?)```", GUIDE, re.S):
            (tmp_path / "words.py").write_text(script)
        path = tmp_path / f"{number}.toml"
        path.write_text(block)
        assert job_file.load_job_file(path).spec.tasks


@pytest.mark.parametrize("place", ["job", "limits", "verify", "array"])
def test_every_key_stands_in_its_table(place: str) -> None:
    section = GUIDE[GUIDE.index(f"**`[{place}]`**") :]
    table = section[: section.index("\n\n", section.index("\n|"))]
    assert set(re.findall(r"^\| `(\w+)` ", table, re.M)) == set(tables.KEYS[place])


def test_limits_and_defaults_are_the_codes_own() -> None:
    defaults = spec.Limits()
    for shown in (
        units.format_fuel(defaults.fuel),
        units.format_size(defaults.memory),
        units.format_duration(defaults.time),
        units.format_size(defaults.output),
    ):
        assert f'`"{shown}"`' in GUIDE
    assert f"at most {spec.MAX_TASKS:,}." in GUIDE
    assert f"at most {units.format_size(spec.MAX_MODULE_BYTES)} " in GUIDE
    assert f"At most {spec.MAX_INPUTS} files and {units.format_size(spec.MAX_INPUT_BYTES)} for one task" in GUIDE
    assert f"at most {spec.MAX_ARGS} of {spec.MAX_ARG_BYTES} bytes" in GUIDE


@pytest.mark.parametrize(
    "name", ["poster", "options", "wordcount", "resize", "shards", "hashsearch", "sweep", "primes"]
)
def test_the_example_jobs_load(name: str) -> None:
    job = job_file.load_job_file(EXAMPLES / name / "job.toml")
    assert job.spec.name == name and len(job.spec.tasks) > 1
