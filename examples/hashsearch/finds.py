"""Gathers and checks what a hash search found: `python examples/hashsearch/finds.py results/`."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

JOB = Path(__file__).with_name("job.toml")


@dataclass(frozen=True)
class Find:
    number: int
    text: str
    sha256: bytes

    @property
    def zero_bits(self) -> int:
        return 256 - int.from_bytes(self.sha256).bit_length()


def text_of(job: Path = JOB) -> str:
    return str(tomllib.loads(job.read_text())["array"]["args"][3])


def gather(results: Path, text: str) -> list[Find]:
    """`results` holds one `stdout` for every range, in any folders; the best find first.

    Raises ValueError for what is no find: each hash is calculated anew, so that nobody has to be believed.
    """
    finds = []
    for file in sorted(results.rglob("stdout")):
        for line in file.read_text().splitlines():
            number, _, claimed = line.partition(" ")
            if not number.isdecimal():
                raise ValueError(f"{file}: {line[:80]!r} is not a number and its hash")
            whole = f"{text}{int(number):016x}"
            sha256 = hashlib.sha256(whole.encode()).digest()
            if sha256.hex() != claimed:
                raise ValueError(f"{file}: the hash of {whole!r} is {sha256.hex()}, not {claimed}")
            finds.append(Find(int(number), whole, sha256))
    return sorted(finds, key=lambda find: (-find.zero_bits, find.number))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the folder `fogchain job results` wrote")
    parser.add_argument("--job", type=Path, default=JOB, help="the job file the results are of")
    arguments = parser.parse_args()
    try:
        finds = gather(arguments.results, text_of(arguments.job))
    except (ValueError, OSError) as error:
        print(f"no finds: {error}", file=sys.stderr)
        return 1
    for find in finds:
        print(f"{find.zero_bits} zero bits: {find.text}  {find.sha256.hex()}")
    if not finds:
        print("nothing in these ranges: ask for fewer bits, or search on (raise `count`)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
