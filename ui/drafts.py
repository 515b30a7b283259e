"""Jobs that are being written: their fields and files, kept over reloads of the page until they are submitted."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from fogchain.api.client import AsyncClient
from fogchain.api.jobfile import ResolvedJob, Uploads, read_uploaded
from fogchain.errors import BadInput, FogchainError, TooLarge, Unavailable
from fogchain.units import show_size
from ui.feed import NodeFeed

Slot = Literal["program", "shared", "each", "job"]
SLOTS: tuple[Slot, ...] = get_args(Slot)

PLACEHOLDER = "placeholder.wasm"  # stands for a program that is not there yet, so that the job can be priced
MOST_DRAFTS = 16
MOST_FILES = 2000
MOST_BYTES = 2 << 30  # of one draft
MOST_FILE = 256 << 20
SUBMIT_TIMEOUT = 600.0  # s, with the upload to the node
TRIES, PAUSE = 20, 1.0  # for a node that is being restarted


@dataclass
class Draft:
    """One job before it is one. `rev` grows with every change of its files or its fate."""

    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    values: dict[str, str] = field(default_factory=dict)
    files: dict[Slot, dict[str, int]] = field(default_factory=lambda: {slot: {} for slot in SLOTS})  # name: size
    uploads: Uploads = field(default_factory=Uploads)
    job: str | None = None  # its id, once it is submitted
    problem: FogchainError | None = None  # why it was not
    step: str = ""  # what is being done to submit it, in words
    rev: int = 0
    _work: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        return self._work is not None and not self._work.done()

    def path(self, slot: Slot, name: str) -> Path:
        return self.folder / slot / name

    def admit(self, slot: Slot, name: str, size: int) -> None:
        """Raises BadInput, TooLarge."""
        if self.busy or self.job:
            raise BadInput("this job is submitted already", hint="begin a new one")
        if not name or len(name) > 100 or name[0] in ".-" or not all(c.isalnum() or c in "._- " for c in name):
            raise BadInput(f"{name[:100]!r} is not a plain file name", hint="use letters, digits, '.', '_' and '-'")
        if size > MOST_FILE:
            raise TooLarge(f"{name} has {show_size(size)}; at most {show_size(MOST_FILE)} go", hint="split it")
        others = sum(sum(files.values()) for files in self.files.values())
        if others + size > MOST_BYTES or sum(map(len, self.files.values())) >= MOST_FILES:
            raise TooLarge(
                f"one job's files are at most {MOST_FILES} and {show_size(MOST_BYTES)} here",
                hint="use `fogchain job submit` for more",
            )

    def added(self, slot: Slot, name: str, size: int) -> None:
        if slot == "program":  # there is one
            for other in [known for known in self.files[slot] if known != name]:
                self.remove(slot, other)
        self.files[slot][name] = size
        self.rev += 1

    def remove(self, slot: Slot, name: str) -> None:
        if self.files[slot].pop(name, None) is not None:
            self.path(slot, name).unlink(missing_ok=True)
            self.rev += 1

    def read(self, toml: str | None) -> ResolvedJob:
        """The job as it stands: of a job file's text, or of the one among the uploads. Blocks. Raises BadInput."""
        if toml is None:
            file = self.job_file
            if file is None:
                raise BadInput("the job file is missing", hint="add the job's .toml file")
            return read_uploaded(file, self.uploads)
        file = self.folder / "job.toml"
        file.write_text(toml, encoding="utf-8")
        return read_uploaded(file, self.uploads)

    @property
    def job_file(self) -> Path | None:
        names = sorted(name for name in self.files["job"] if name.lower().endswith(".toml"))
        return self.path("job", "job.toml" if "job.toml" in names else names[0]) if names else None

    def submit(self, feed: NodeFeed, job: ResolvedJob) -> None:
        """Go on until the node has it, whoever looks. Asked again meanwhile or afterwards, nothing happens."""
        if self.busy or self.job:
            return
        self.problem, self.step = None, "Uploading"
        self._work = asyncio.create_task(self._submit(feed, job), name=f"submit {job.spec.name}")
        self.rev += 1

    async def _submit(self, feed: NodeFeed, job: ResolvedJob) -> None:
        key = hashlib.sha256(f"{self.id} {job.spec.model_dump_json()}".encode()).hexdigest()
        try:
            for tries in range(TRIES + 1):
                try:
                    self.job = await feed.ask(lambda client: self._hand_in(client, job, key), SUBMIT_TIMEOUT)
                    break
                except Unavailable:  # with one key for all tries it is one job
                    if tries == TRIES:
                        raise
                    await asyncio.sleep(PAUSE)
        except FogchainError as error:
            self.problem = error
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
            feed.refresh("jobs", "wallet")
        finally:
            self.step = ""
            self.rev += 1

    async def _hand_in(self, client: AsyncClient, job: ResolvedJob, key: str) -> str:
        for number, (sha256, source) in enumerate(job.blobs.items(), 1):
            self.step = f"Uploading {number} of {len(job.blobs)}"
            self.rev += 1
            if not await client.has_blob(sha256):
                try:
                    await client.put_blob(source, sha256)
                except OSError as error:
                    raise BadInput(f"a file can't be read: {error}", hint="upload it again") from error
        self.step = "Submitting"
        self.rev += 1
        return (await client.submit(job.spec, key)).id

    def drop(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class Drafts:
    """The newest few; older ones go with their files."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, Draft] = {}
        self._used: dict[str, float] = {}

    def new(self) -> Draft:
        draft = Draft(Path(tempfile.mkdtemp(prefix="fogchain-draft-")))
        for slot in SLOTS:
            (draft.folder / slot).mkdir()
        (draft.folder / PLACEHOLDER).write_bytes(b"\0asm\1\0\0\0")
        self._known[draft.id] = draft
        self._used[draft.id] = self._clock()
        idle = sorted((key for key in self._known if not self._known[key].busy), key=self._used.__getitem__)
        for key in idle[: max(0, len(self._known) - MOST_DRAFTS)]:
            self._known.pop(key).drop()
        return draft

    def get(self, id: str) -> Draft | None:
        if id in self._known:
            self._used[id] = self._clock()
        return self._known.get(id)

    def close(self) -> None:
        for draft in self._known.values():
            draft.drop()
        self._known.clear()
