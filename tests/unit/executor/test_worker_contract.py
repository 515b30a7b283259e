"""What the worker keeps a copy of, because it must not load the daemon's modules, is what the daemon means."""

from __future__ import annotations

import subprocess
import sys

from fogchain.jobs.spec import ResultFile, ResultManifest
from fogchain.market.messages import Exit
from node.executor import endings, filesystem, frames, inodes
from node.executor.version import ENGINE


def test_exit_classes_are_the_messages_own() -> None:
    for name in ("OK", "NONZERO", "TRAP", "OUT_OF_FUEL", "OUTPUT_LIMIT", "BAD_MODULE", "TIMEOUT", "REFUSED"):
        assert getattr(endings, name) == Exit[name]


def test_the_longest_result_fits_a_frame_and_a_manifest() -> None:
    name = "out/" + "d/" * 100 + "f" * (filesystem.MAX_RESULT_NAME - 204)
    files = [[f"{name[:-4]}{n:04}", bytes(32), 2**28, "/x" * 200] for n in range(inodes.MAX_FILES)]
    frame = frames.pack({"exit": 0, "code": 0, "fuel": 2**64 - 1, "files": files, "detail": "x" * 2000})
    assert len(frame) < frames.MAX_FRAME
    manifest = ResultManifest(
        exit=0, code=0, files=tuple(ResultFile(name=n, sha256=d.hex(), size=s) for n, d, s, _ in files)
    )
    assert ResultManifest.decode(manifest.encode()) == manifest


def test_the_daemon_side_does_not_load_the_engine_nor_the_worker_the_models() -> None:
    check = "import sys; import {module}; sys.exit(any(m.split('.')[0] == '{without}' for m in sys.modules))"
    for module, without in (("node.executor.pool", "wasmtime"), ("node.executor.worker", "pydantic")):
        code = check.format(module=module, without=without)
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0, module


def test_the_engine_names_its_version_and_settings() -> None:
    name, _, settings = ENGINE.partition("/")
    assert name.startswith("wasmtime-")
    assert settings == "fog-1"
