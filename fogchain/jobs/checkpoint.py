"""What a task has saved of itself, as one archive that goes on to whoever runs it next.

Wire form: deterministic CBOR of `[1, spec, fuel, [[name, bytes], …]]`, files sorted by name; so equal checkpoints have
equal bytes, and the archive's name as a blob (`blobname`) is a checkpoint's name. `spec` is the digest of the task's
run spec from the start, by which one can't be taken for another task's.

An archive is one provider's word. Reading one checks its form; what its files mean, only the program knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from fogchain import cbor
from fogchain.errors import BadMessage
from fogchain.jobs.names import is_plain_name

VERSION = 1
MAX_BYTES = 64 << 20  # of all files together
MAX_FILES = 100
OVERHEAD = 64 << 10  # bytes that an archive may have beside its files' content
UNFINISHED = ".tmp"  # files whose names end so are still being written, and are never carried


@dataclass(frozen=True, slots=True)
class Checkpoint:
    spec: bytes  # digest of the task's run spec, from the start
    fuel: int  # what the program had burnt by then, since it first began
    files: dict[str, bytes]

    def encode(self) -> bytes:
        return cbor.dumps([VERSION, self.spec, self.fuel, [[name, self.files[name]] for name in sorted(self.files)]])

    @classmethod
    def decode(cls, data: bytes, limit: int) -> Checkpoint:
        """`limit`: bytes that its files may have together. Raises BadMessage."""
        value = cbor.loads(data, limit + OVERHEAD)
        if not isinstance(value, list) or len(value) != 4 or value[0] != VERSION or isinstance(value[0], bool):
            raise BadMessage("a checkpoint of another version")
        spec, fuel, entries = value[1:]
        if not isinstance(spec, bytes) or len(spec) != 32 or type(fuel) is not int or not 0 <= fuel < 2**64:
            raise BadMessage("a checkpoint of no task, or with no fuel")
        if not isinstance(entries, list) or len(entries) > MAX_FILES:
            raise BadMessage(f"a checkpoint of more than {MAX_FILES} files")
        files = dict(_file(entry) for entry in entries)
        if list(files) != sorted(files) or len(files) != len(entries):
            raise BadMessage("a checkpoint whose files are not sorted, or that names one twice")
        if sum(map(len, files.values())) > limit:
            raise BadMessage(f"a checkpoint of more than {limit} bytes")
        return cls(spec, fuel, files)

    def belongs(self, spec: bytes, fuel_limit: int) -> None:
        """Raises BadMessage unless it is that task's (the digest of its run spec from the start), and fuel is left."""
        if self.spec != spec:
            raise BadMessage("a checkpoint of another task")
        if self.fuel >= fuel_limit:
            raise BadMessage("a checkpoint that leaves no fuel")


def _file(entry: object) -> tuple[str, bytes]:
    if not isinstance(entry, list) or len(entry) != 2:
        raise BadMessage("a checkpoint with an entry that is no file")
    name, content = entry
    if not isinstance(name, str) or not is_plain_name(name) or name.endswith(UNFINISHED):
        raise BadMessage(f"a checkpoint with a file named {str(name)[:100]!r}")
    if not isinstance(content, bytes):
        raise BadMessage("a checkpoint with a file that has no content")
    return name, content
