"""`fogchain job` in processes of its own, against the real API over services in memory."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_node import ServedNode, environment, fogchain, fogchain_json

from fogchain.jobs.blobname import name_of
from fogchain.units import WEI

WASM = b"\0asm\x01\0\0\0"


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    (tmp_path / "m.wasm").write_bytes(WASM)
    (tmp_path / "in.txt").write_bytes(os.urandom(200_000))
    path = tmp_path / "my.toml"
    path.write_text(
        '[job]\nname = "mine"\nmodule = "m.wasm"\nbudget = "2 FOG"\n[limits]\nfuel = "1 Gfuel"\n'
        '[inputs]\n"x" = "in.txt"\n[array]\ncount = 3\nargs = ["{index}"]\n'
    )
    return path


def submit(served: ServedNode, job_file: Path) -> str:
    return str(fogchain_json(served.folder.root, "job", "submit", str(job_file), "--yes")["job"]["id"])


def wait_for(what: str, condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_job_is_priced_deposited_uploaded_and_submitted(served: ServedNode, job_file: Path) -> None:
    result = fogchain(served.folder.root, "job", "submit", str(job_file), "--yes")
    assert result.returncode == 0, result.stderr
    assert "submitted mine" in result.stdout
    assert "at most" in result.stderr and "1.5 FOG, of a budget of 2 FOG" in result.stderr
    (spec,) = served.services.specs.values()
    assert served.services.free == 3 * WEI // 2  # what the quote said was missing
    assert all(served.services.blobs.has(sha256) for sha256 in spec.blobs())
    again = fogchain_json(served.folder.root, "job", "submit", str(job_file), "--yes")
    assert again["uploaded"] == 0 and again["deposited"] == "0 FOG" and again["job"]["name"] == "mine"
    assert len(served.services.specs) == 2  # each command is a job of its own


def test_nothing_is_spent_without_a_yes(served: ServedNode, job_file: Path) -> None:
    result = fogchain(served.folder.root, "job", "submit", str(job_file))
    assert result.returncode == 1 and "add --yes" in result.stderr
    for answer, code in ((b"n\n", 1), (b"\n", 1), (b"y\n", 0)):
        assert not served.services.specs and not served.services.free
        assert on_terminal(served, ["job", "submit", str(job_file)], answer)[0] == code
    assert len(served.services.specs) == 1


def on_terminal(served: ServedNode, words: list[str], answer: bytes = b"", seen=lambda shown: None) -> tuple[int, str]:
    """Exit code, and all that was shown; `seen` is told what was shown so far."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "fogchain.cli.main", *words],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment(served.folder.root),
    )  # fmt: skip
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + 60
    while process.poll() is None:
        assert time.monotonic() < deadline, shown
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break
        seen(shown.decode(errors="replace"))
        if b"[y/N]" in shown and answer:
            assert not served.services.specs  # it asks before, not after
            os.write(ours, answer)
            answer = b""
    code = process.wait(30)
    os.close(ours)
    return code, shown.decode()


def test_a_wrong_job_file_is_told_before_the_node_is_asked(served: ServedNode, job_file: Path) -> None:
    job_file.write_text(job_file.read_text().replace("budget", "budgt"))
    result = fogchain(served.folder.root, "job", "submit", str(job_file), "--yes")
    assert result.returncode == 1
    assert "error: " in result.stderr and "unknown key 'budgt'" in result.stderr
    assert "try: did you mean 'budget'?" in result.stderr
    as_json = fogchain(served.folder.root, "job", "submit", str(job_file), "--yes", "--json")
    assert as_json.returncode == 1 and as_json.stdout == ""
    assert json.loads(as_json.stderr)["error"]["code"] == "bad-input"
    assert served.services.quotes == 0


def test_too_little_money_is_told_and_nothing_is_submitted(served: ServedNode, job_file: Path) -> None:
    served.services.token = WEI
    result = fogchain(served.folder.root, "job", "submit", str(job_file), "--yes")
    assert result.returncode == 1 and "the wallet has too little" in result.stderr
    assert not served.services.specs


def test_jobs_are_listed_and_shown_by_prefix(served: ServedNode, job_file: Path) -> None:
    assert "No jobs yet" in fogchain(served.folder.root, "job", "list").stdout
    job_id = submit(served, job_file)
    served.do(lambda: served.services.finish(job_id, 0, {}))
    listed = fogchain(served.folder.root, "job", "list").stdout
    assert job_id[:12] in listed and "1/3" in listed and "0.5 FOG" in listed
    assert fogchain_json(served.folder.root, "job", "list")["items"][0]["id"] == job_id
    shown = fogchain(served.folder.root, "job", "show", job_id[:6], "--tasks").stdout
    assert job_id in shown and "2 queued, 1 done" in shown and "p1" in shown
    assert len(fogchain_json(served.folder.root, "job", "show", job_id[:6], "--tasks")["task_list"]) == 3
    unknown = fogchain(served.folder.root, "job", "show", "ffffff")
    assert unknown.returncode == 1 and "try: `fogchain job list` shows the ids" in unknown.stderr


def test_an_ambiguous_prefix_is_refused(served: ServedNode, job_file: Path) -> None:
    first = submit(served, job_file)
    second = "f" + first[1:] if first[0] != "f" else "e" + first[1:]
    served.services.specs[first[:-1] + ("0" if first[-1] != "0" else "1")] = served.services.specs[first]
    assert second != first
    result = fogchain(served.folder.root, "job", "show", first[:8])
    assert result.returncode == 1 and "more digits" in result.stderr


def test_results_are_saved_checked_and_completed(served: ServedNode, job_file: Path, tmp_path: Path) -> None:
    job_id = submit(served, job_file)
    early = fogchain(served.folder.root, "job", "results", job_id[:8], "--out", str(tmp_path / "out"))
    assert early.returncode == 1 and "no results yet" in early.stderr
    data = {n: {"stdout": b"hello\n", "out/deep/tile.bin": os.urandom(5000 + n)} for n in range(3)}
    served.do(lambda: served.services.finish(job_id, 0, data[0]))
    partly = fogchain_json(served.folder.root, "job", "results", job_id[:8], "--out", str(tmp_path / "out"))
    assert (partly["saved"], partly["tasks"], partly["complete"]) == (1, 3, False)
    for n in (1, 2):
        served.do(lambda n=n: served.services.finish(job_id, n, data[n]))
    (tmp_path / "out" / "0" / "stdout").write_bytes(b"HELLO\n")  # damaged on disk, of the right size
    whole = fogchain(served.folder.root, "job", "results", job_id[:8], "--out", str(tmp_path / "out"))
    assert whole.returncode == 0, whole.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["job"] == job_id and [task["index"] for task in manifest["tasks"]] == [0, 1, 2]
    for task in manifest["tasks"]:
        assert (task["exit"], task["fuel"], task["cost"], task["provider_name"]) == ("OK", "1 Gfuel", "0.5 FOG", "p1")
        for file in task["files"]:
            saved = (tmp_path / "out" / str(task["index"]) / file["name"]).read_bytes()
            assert name_of(saved) == file["sha256"] and len(saved) == file["size"]
        assert (tmp_path / "out" / str(task["index"]) / "out/deep/tile.bin").read_bytes() == data[task["index"]][
            "out/deep/tile.bin"
        ]
    assert not list((tmp_path / "out").rglob("*.part"))


def test_results_that_do_not_hash_right_or_leave_the_folder_are_refused(
    served: ServedNode, job_file: Path, tmp_path: Path
) -> None:
    job_id = submit(served, job_file)
    served.do(lambda: served.services.finish(job_id, 0, {"out/a": b"right"}))
    liar = tmp_path / "liar"
    liar.write_bytes(b"wrong")
    honest = served.services.result_file
    served.services.result_file = lambda *_: liar  # type: ignore[method-assign]
    result = fogchain(served.folder.root, "job", "results", job_id, "--out", str(tmp_path / "out"))
    assert result.returncode == 1 and "hashes to" in result.stderr
    assert not any(path.read_bytes() == b"wrong" for path in (tmp_path / "out").rglob("*") if path.is_file())
    served.services.result_file = honest  # type: ignore[method-assign]
    served.do(lambda: served.services.finish(job_id, 0, {"../../escaped": b"x"}))
    result = fogchain(served.folder.root, "job", "results", job_id, "--out", str(tmp_path / "out"))
    assert result.returncode == 1 and "escaped" in result.stderr
    assert not list(tmp_path.rglob("escaped"))


def start_watch(served: ServedNode, job_id: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fogchain.cli.main", "job", "watch", job_id, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(served.folder.root),
    )  # fmt: skip


def test_watching_follows_through_a_restart_of_the_node(served: ServedNode, job_file: Path) -> None:
    job_id = submit(served, job_file)
    watch = start_watch(served, job_id[:8], "--json")
    wait_for("the watch never listened", lambda: served.services.listeners)
    served.do(lambda: served.services.finish(job_id, 0, {}))
    served.stop()
    served.do(lambda: served.services.finish(job_id, 1, {}))  # missed by whoever listens to events alone
    served.start()
    wait_for("the watch never came back", lambda: served.services.listeners)
    served.do(lambda: served.services.finish(job_id, 2, {}))
    out, err = watch.communicate(timeout=60)
    assert watch.returncode == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["job"]["tasks"]["done"] for line in lines if "job" in line][-1] == 3
    assert lines[-1]["job"]["state"] == "done" and lines[-1]["job"]["paid"]
    assert any("waiting" in line for line in lines)


def test_watching_ends_with_the_job_and_says_how(served: ServedNode, job_file: Path) -> None:
    job_id = submit(served, job_file)
    watch = start_watch(served, job_id)
    wait_for("the watch never listened", lambda: served.services.listeners)
    for n in range(3):
        served.do(lambda n=n: served.services.finish(job_id, n, {}))
    out, err = watch.communicate(timeout=60)
    assert watch.returncode == 0, err
    assert "mine  done  3/3" in out and "p1" in out and f"fogchain job results {job_id[:12]}" in out


def test_on_a_terminal_the_watch_is_a_bar_that_grows(served: ServedNode, job_file: Path) -> None:
    job_file.write_text(job_file.read_text().replace('"mine"', '"[red]mine"'))
    job_id = submit(served, job_file)
    finished: list[int] = []

    def go_on(shown: str) -> None:
        if len(finished) < 3 and f"{len(finished)}/3" in shown:
            finished.append(len(finished))
            served.do(lambda: served.services.finish(job_id, finished[-1], {}))

    code, shown = on_terminal(served, ["job", "watch", job_id], seen=go_on)
    assert code == 0 and finished == [0, 1, 2]
    assert "[red]mine" in shown and "1/3" in shown and "3/3" in shown and "done" in shown and "1.5 FOG" in shown


def test_a_cancelled_job_ends_the_watch_with_exit_code_one(served: ServedNode, job_file: Path) -> None:
    job_id = submit(served, job_file)
    assert "add --yes" in fogchain(served.folder.root, "job", "cancel", job_id).stderr
    assert served.services.states[job_id] == "running"
    summary = served.services._summary
    served.services._summary = lambda found: summary(found).model_copy(update={"paid": True})  # type: ignore[method-assign]
    watch = start_watch(served, job_id)
    wait_for("the watch never listened", lambda: served.services.listeners)
    done = fogchain(served.folder.root, "job", "cancel", job_id[:9], "--yes")
    assert done.returncode == 0 and "mine is cancelled" in done.stdout
    out, _ = watch.communicate(timeout=60)
    assert watch.returncode == 1 and "cancelled" in out
    again = fogchain(served.folder.root, "job", "cancel", job_id[:9], "--yes")
    assert again.returncode == 1 and "cancelled already" in again.stderr


def test_a_node_that_is_not_there_is_told_with_the_command_to_start_it(served: ServedNode, tmp_path: Path) -> None:
    served.stop()
    for words in (["job", "list"], ["node", "status"], ["job", "watch", "ab"], ["wallet", "deposit", "1 FOG"]):
        result = fogchain(served.folder.root, *words)
        assert result.returncode == 1
        assert f"try: start it with `fogchain node run --data {served.folder.root}`" in result.stderr
    nobody = fogchain(tmp_path / "none", "job", "list")
    assert nobody.returncode == 1 and "fogchain node init" in nobody.stderr
    served.start()


def test_a_wrong_token_is_told(served: ServedNode) -> None:
    served.folder.token.write_text("other")
    result = fogchain(served.folder.root, "job", "list")
    assert result.returncode == 1 and "not this node's token" in result.stderr and "api.token" in result.stderr
