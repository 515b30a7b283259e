"""What a device brings of a run, checked against its hashes and made into an outcome as of a run here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from fogchain.errors import BadMessage
from fogchain.jobs.blobname import name_of
from fogchain.jobs.blobs import BlobStore
from fogchain.jobs.spec import BlobRef, ResultManifest, RunSpec
from fogchain.market.messages import Exit
from node.executor.pool import RunOutcome, failed
from node.executor.trees import remove_tree
from node.fleet.messages import Result

Fetch = Callable[[str, BlobRef], Awaitable[None]]  # from a peer into the node's store


class Results:
    """Files that came along lie in `folder`, a folder a run; the others in `blobs`, where `fetch` brings them."""

    def __init__(self, folder: Path, blobs: BlobStore, fetch: Fetch) -> None:
        self._folder, self._blobs, self._fetch = folder, blobs, fetch

    async def outcome(self, peer_id: str, run_id: str, spec: RunSpec, result: Result, began: float) -> RunOutcome:
        """`began`: Unix seconds when the device had it; its own clock may be wrong. Raises BadMessage for a result that
        contradicts itself, Unavailable and NotFound when its files can't be had."""
        try:
            exit_ = Exit(result.exit)
        except ValueError as error:
            raise BadMessage(f"there is no exit {result.exit}") from error
        finished = time.time()
        started = max(began, finished - result.took / 1000)
        folder = self._folder / run_id
        await asyncio.to_thread(_fresh, folder)
        if not exit_.deterministic:
            printed = {
                name: await asyncio.to_thread(_write, folder / name, result.files[name])
                for name in sorted({"stdout", "stderr"} & result.files.keys())
            }
            return failed(exit_, result.detail, started, finished, printed, result.stood / 1000)
        manifest = _manifest(result, exit_, spec)
        files = await self._files(peer_id, folder, manifest, result)
        return RunOutcome(
            exit=exit_, code=result.code, fuel=result.fuel, manifest=manifest, files=files, started=started,
            finished=finished, detail=result.detail, resumed=result.resumed, stood=result.stood / 1000,
        )  # fmt: skip

    async def _files(self, peer_id: str, folder: Path, manifest: ResultManifest, result: Result) -> dict[str, Path]:
        files: dict[str, Path] = {}
        for number, file in enumerate(manifest.files):
            content = result.files.get(file.name)
            if content is None:
                await self._fetch(peer_id, BlobRef(sha256=file.sha256, size=file.size))  # checked as it comes
                files[file.name] = self._blobs.path(file.sha256)
                continue
            if len(content) != file.size or name_of(content) != file.sha256:
                raise BadMessage(f"the file {file.name!r} is not the one its manifest names")
            files[file.name] = await asyncio.to_thread(_write, folder / str(number), content)
        return files


def _manifest(result: Result, exit_: Exit, spec: RunSpec) -> ResultManifest:
    """Raises BadMessage."""
    if result.fuel > spec.limits.fuel:
        raise BadMessage("it used more fuel than its limit")
    manifest = ResultManifest.decode(result.manifest)
    if (manifest.exit, manifest.code) != (exit_, result.code):
        raise BadMessage("its manifest is of another ending")
    if sum(file.size for file in manifest.files) > spec.limits.output:
        raise BadMessage("its files are over the task's limit")
    return manifest


def _fresh(folder: Path) -> None:
    remove_tree(folder)
    folder.mkdir(mode=0o700, parents=True)


def _write(place: Path, content: bytes) -> Path:
    place.write_bytes(content)
    return place
