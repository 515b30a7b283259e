"""What a device's sandbox says of its runs, as the gateway hears of it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from fleet_stage import MODULE, spec

from fogchain.errors import TooLarge, Unavailable
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.checkpoint import Checkpoint
from fogchain.jobs.quota import Storage
from fogchain.jobs.spec import Limits, ResultFile, ResultManifest
from fogchain.market.messages import Exit
from node.devicefolder import DeviceConfig
from node.executor.pool import Evicted, RunOutcome, RunRequest
from node.fleet.messages import INLINE_BYTES
from node.fleetbox import PRINTED_BYTES, LocalBox


class Sandbox:
    """One that ends as it is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.outcome, self.saved = folder, None, None  # type: ignore[var-annotated]

    async def run(self, request: RunRequest) -> RunOutcome:
        if self.outcome is None:
            raise Evicted("unplugged")
        return self.outcome

    def checkpoint(self, run_id: str) -> Path | None:
        return self.saved

    def discard(self, run_id: str) -> None: ...


def box_in(folder: Path) -> tuple[LocalBox, Any, BlobStore]:
    storage = Storage(BlobStore(folder / "blobs"), 64 << 20)
    storage.store.put(MODULE)
    sandbox: Any = Sandbox(folder)
    config = DeviceConfig(name="pi", gateway="x", network="n", addresses=("/ip4/127.0.0.1/tcp/1",))
    return LocalBox(sandbox, contextlib.nullcontext, storage, config), sandbox, storage.store


def ended(folder: Path, exit_: Exit, **files: bytes) -> RunOutcome:
    places, listed = {}, []
    for name, content in files.items():
        places[name] = folder / name
        places[name].write_bytes(content)
        listed.append(ResultFile(name=name, sha256=name_of(content), size=len(content)))
    manifest = ResultManifest(exit=exit_, code=0, files=tuple(listed))
    return RunOutcome(exit_, 0, 5, manifest, places, 1000.0, 1002.5, "", stood=0.5)


async def test_small_files_come_along_and_large_ones_are_offered_until_they_are_fetched(tmp_path: Path) -> None:
    box, sandbox, store = box_in(tmp_path)
    large = b"x" * (INLINE_BYTES + 1)
    sandbox.outcome = ended(tmp_path, Exit.OK, stdout=b"out", large=large)
    found = await box.run("a" * 16, spec(), b"seed")
    assert found.files == {"stdout": b"out"} and box.offered == {name_of(large)}
    assert (found.took, found.stood, found.fuel) == (2500, 500, 5)
    assert store.read(name_of(large)) == large
    box.discard("a" * 16)
    assert box.offered == set()


async def test_an_evicted_run_is_given_back_with_its_newest_checkpoint(tmp_path: Path) -> None:
    box, sandbox, store = box_in(tmp_path)
    bare = await box.run("a" * 16, spec(), b"seed")
    assert (bare.returned, bare.saved) == ("unplugged", None)
    archive = Checkpoint(spec().seed, 40, {"at": b"4"}).encode()
    sandbox.saved = tmp_path / "kept"
    sandbox.saved.write_bytes(archive)
    found = await box.run("a" * 16, spec(), b"seed")
    assert found.saved is not None and (found.saved.fuel, found.saved.sha256) == (40, name_of(archive))
    assert box.offered == {name_of(archive)} and store.read(name_of(archive)) == archive


async def test_the_end_of_what_a_killed_run_has_printed(tmp_path: Path) -> None:
    box, sandbox, _ = box_in(tmp_path)
    sandbox.outcome = ended(tmp_path, Exit.TIMEOUT, stdout=b"a" * PRINTED_BYTES + b"end")
    found = await box.run("a" * 16, spec(), b"seed")
    assert len(found.files["stdout"]) == PRINTED_BYTES and found.files["stdout"].endswith(b"end")
    assert found.manifest == b""


def test_what_there_is_no_room_for_is_not_begun(tmp_path: Path) -> None:
    box, _, _ = box_in(tmp_path)
    box.room(spec())
    limits = Limits(fuel=1000, memory=1 << 20, time=1000, output=200 << 20)
    with pytest.raises((TooLarge, Unavailable)):
        box.room(spec().model_copy(update={"limits": limits}))
