"""Where groups are made, in a tree that looks like version 2's; version 1 is what the integration tests meet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from node.executor import cgroup
from node.executor.cgroup import Cgroup


@pytest.fixture
def unified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    service = tmp_path / "system.slice" / "fogchain.service"
    service.mkdir(parents=True)
    (service / "cgroup.controllers").write_text("cpu memory pids\n")
    (service / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (tmp_path / "membership").write_text("0::/system.slice/fogchain.service\n")
    monkeypatch.setattr(cgroup, "_ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "_MEMBERSHIP", tmp_path / "membership")
    return service


def test_a_service_alone_in_its_group_passes_the_limits_on(unified: Path, tmp_path: Path) -> None:
    said = Path.write_text
    written: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_text", lambda path, text: (written.append(text), said(path, text))[1])
        cgroup.delegate()
    own = unified / f"{cgroup.own_prefix()}-daemon"
    assert (own / "cgroup.procs").read_text() == str(os.getpid())
    assert written[-2:] == ["+memory +pids", "+cpu"] and (unified / "cgroup.subtree_control").exists()
    (tmp_path / "membership").write_text(f"0::/system.slice/fogchain.service/{own.name}\n")  # as the kernel then says
    group = Cgroup.make("0-1", 1 << 20)
    assert group is not None
    assert group.folders == {unified / f"{cgroup.own_prefix()}-0-1"}
    assert (group.memory / "memory.max").read_text() == str(1 << 20)
    assert (group.memory / "pids.max").read_text() == "64"


@pytest.mark.parametrize("change", ["another process", "no controller"])
def test_a_group_that_is_not_ours_alone_is_left_as_it_is(unified: Path, change: str) -> None:
    if change == "another process":
        (unified / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")
    else:
        (unified / "cgroup.controllers").write_text("cpu\n")
    cgroup.delegate()
    assert not list(unified.glob("fogchain-*"))
    assert not (unified / "cgroup.subtree_control").exists()


def test_processor_time_is_read_in_nanoseconds(unified: Path) -> None:
    (unified / "cpu.stat").write_text("usage_usec 1500\nuser_usec 1000\n")
    assert Cgroup(unified, unified, unified).processor_time() == 1_500_000
    (unified / "cpuacct.usage").write_text("77\n")
    assert Cgroup(unified, unified, unified).processor_time() == 77


def test_version_2_freezes_and_slows_down_by_files_of_the_same_group(unified: Path) -> None:
    folder = unified / f"{cgroup.own_prefix()}-0-1"
    folder.mkdir()
    for name in ("cgroup.freeze", "cpu.max", "cgroup.events"):
        (folder / name).touch()
    group = Cgroup.make("0-1", 1 << 20)
    assert group is not None
    assert (group.folders, group.freezer, group.quota) == ({folder}, folder / "cgroup.freeze", folder / "cpu.max")
    assert Cgroup.from_paths(group.paths()) == group
    assert group.freeze(True) and (folder / "cgroup.freeze").read_text() == "1"
    assert not group.frozen(), "the kernel has not said so"
    (folder / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    assert group.frozen()
    assert group.freeze(False) and (folder / "cgroup.freeze").read_text() == "0"
    assert group.hold_to(0.5) and (folder / "cpu.max").read_text() == "25000 50000"
    assert group.hold_to(1.0) and (folder / "cpu.max").read_text() == "max 50000"


def test_a_group_without_such_files_can_not_be_frozen_nor_slowed_down(unified: Path) -> None:
    group = Cgroup.make("0-1", 1 << 20)
    assert group is not None
    assert (group.freezer, group.quota) == (None, None)
    assert Cgroup.from_paths(group.paths()) == group
    assert not (group.freeze(True) or group.frozen() or group.hold_to(0.5))
