"""The command line is quick because it imports little: what a command does not need is not loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "rich", "httpx", "aiohttp", "web3", "fastapi", "websockets", "structlog", "asyncio", "fogchain.api.models",
    "fogchain.jobs.spec",
}  # fmt: skip

PROBE = """
import sys
sys.argv = ["fogchain", *sys.argv[1:]]
from fogchain.cli.main import main
try:
    main()
except SystemExit:
    pass
print("\\n".join(sys.modules), file=sys.stderr)
"""


def loaded(*words: str, data: str = "/nonexistent") -> set[str]:
    result = subprocess.run(
        [sys.executable, "-c", PROBE, *words], capture_output=True, text=True, timeout=60, env={"FOGCHAIN_HOME": data}
    )
    assert "fogchain.cli.main" in result.stderr
    return set(result.stderr.splitlines())


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_loads_next_to_nothing(words: list[str]) -> None:
    assert loaded(*words) & (HEAVY | {"pydantic", "http.client", "fogchain.cli.job"}) == set()


@pytest.mark.parametrize("words", [["job", "--help"], ["job", "list", "--help"], ["wallet", "--help"], ["nonsense"]])
def test_help_of_a_group_loads_nothing_heavy(words: list[str]) -> None:
    assert loaded(*words) & (HEAVY | {"http.client"}) == set()


@pytest.mark.parametrize("words", [["job", "list"], ["job", "show", "ab"], ["node", "status"]])
def test_commands_that_only_show_load_no_models_and_no_event_loop(words: list[str]) -> None:
    assert loaded(*words) & HEAVY == set()


def test_nothing_loads_the_daemon_or_the_panel() -> None:
    for words in (["--help"], ["node", "--help"], ["panel", "--help"], ["job", "submit", "--help"]):
        assert not {name for name in loaded(*words) if name.split(".")[0] in {"node", "ui", "nicegui"}}


def test_help_names_every_group() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "fogchain.cli.main", "--help"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0
    for name in ("demo", "job", "node", "wallet", "chain", "panel", "bench"):
        assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize(
    "words",
    [["jib"], ["job", "lst"], ["job", "show"], ["chain", "up", "--port", "70000"], ["job", "list", "--limit", "0"], []],
)
def test_wrong_usage_is_exit_code_two(words: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "fogchain.cli.main", *words], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 2 and "Traceback" not in result.stderr
    if words == ["jib"]:
        assert "Did you mean 'job'" in result.stderr


def test_columns_stay_aligned_under_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fogchain.cli import output

    monkeypatch.setenv("FORCE_COLOR", "1")
    output.table(("name", "n"), [(output.state("done"), "7"), ("longer name", "1234")], right=(1,))
    lines = [output._ANSI.sub("", line) for line in capsys.readouterr().out.splitlines()]
    assert [len(line) for line in lines] == [len("longer name  1234")] * 3
    monkeypatch.setenv("NO_COLOR", "1")
    output.say(output.state("failed"))
    assert capsys.readouterr().out == "failed\n"


def test_small_amounts_are_not_shown_as_nothing() -> None:
    from fogchain.cli import output

    assert output.fog("0.00000001 FOG") == "<0.0001 FOG"
    assert output.fog("0 FOG") == "0 FOG"
    assert output.fog("1.23456 FOG") == "1.2345 FOG"
    assert output.fog(None) == "–"
    assert output.fuel("1234567890 fuel") == "1.23 Gfuel"
