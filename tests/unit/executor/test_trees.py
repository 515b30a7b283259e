"""Folders of hostile programs go, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

from node.executor.trees import remove_tree


def test_a_tree_goes_with_its_links_but_not_with_what_they_lead_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("kept")
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").write_text("x")
    (tree / "link").symlink_to(kept)
    (tree / "a" / "file").symlink_to(kept / "file")
    (tree / "a" / "b").chmod(0)
    remove_tree(tree)
    assert not tree.exists()
    assert (kept / "file").read_text() == "kept"
    remove_tree(tmp_path / "link-to-nothing")
    (tmp_path / "link").symlink_to(kept)
    remove_tree(tmp_path / "link")
    assert (kept / "file").exists()


def test_a_tree_deeper_than_any_path_goes(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    descriptor = os.open(tree, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    remove_tree(tree)
    assert not tree.exists()
