"""Compiles examples and kernels to WebAssembly, the same bytes everywhere: `python examples/build.py [--check]`.

Uses the C compiler that PyPI's `ziglang` brings (a development dependency). The first build takes half a minute: it
compiles the C library for WebAssembly. `shards` takes another: it is built with SQLite, whose source (public domain,
9 MB in one file) is not kept here but fetched with npm, in the release that `SQLITE` names by its hash. The modules'
own hashes are in `modules.sha256`, as `sha256sum --check` takes them.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
HASHES = HERE / "modules.sha256"
WASM_FLAGS = (
    "-target", "wasm32-wasi", "-O2", "-s", "-msimd128", "-fno-sanitize=undefined", "-Wall", "-Wextra",
    "-Wl,-z,stack-size=262144",  # instead of 16 MiB, which every task would have to ask for
)  # fmt: skip


@dataclass(frozen=True)
class Release:
    """A release on npm and the files wanted of it."""

    name: str
    version: str
    integrity: str  # of its archive, as npm's lock files have it
    files: tuple[str, ...]


SQLITE = Release(  # SQLite 3.54.1
    "better-sqlite3",
    "13.2.0",
    "sha512-Z8Q/9x/uNyKxA1v4FNodyItRVRw1TeKBrmj32JhxhR0ceNcBY+wMobt/Bv7M7TzwPAXjnZRtNaEsATnUZSKWZQ==",
    ("package/deps/sqlite3/sqlite3.c", "package/deps/sqlite3/sqlite3.h"),
)
SQLITE_FLAGS = (
    "-DSQLITE_OS_OTHER=1", "-DSQLITE_THREADSAFE=0", "-DSQLITE_TEMP_STORE=3", "-DSQLITE_DQS=0",
    "-DSQLITE_DEFAULT_MEMSTATUS=0", "-DSQLITE_ENABLE_MATH_FUNCTIONS", "-DSQLITE_LIKE_DOESNT_MATCH_BLOBS",
    "-DSQLITE_OMIT_DEPRECATED", "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_OMIT_PROGRESS_CALLBACK",
    "-DSQLITE_OMIT_SHARED_CACHE", "-DSQLITE_OMIT_WAL", "-DSQLITE_USE_ALLOCA",
)  # fmt: skip

# The examples in C, and what they are built with.
EXAMPLES: dict[str, Release | None] = {
    "poster": None, "options": None, "wordcount": None, "resize": None, "hashsearch": None, "sweep": None,
    "primes": None,
    "shards": SQLITE,
}  # fmt: skip
KERNELS = ("squarings",)  # by which nodes measure each other


class NotFetched(Exception):
    """A release could not be had, or is not the one wanted."""


def source(name: str) -> Path:
    if name in KERNELS:
        return HERE.parent / "fogchain" / "market" / "kernels" / f"{name}.c"
    return HERE / name / f"{name}.c"


def module(name: str) -> Path:
    return source(name).with_suffix(".wasm")


def fetch(release: Release, cache: Path) -> list[Path]:
    """The wanted files of a release. Raises NotFetched."""
    archive = cache / f"{release.name}-{release.version}.tgz"
    if not archive.exists():
        npm = ["npm", "pack", f"{release.name}@{release.version}", "--ignore-scripts", "--silent"]
        try:
            subprocess.run([*npm, "--pack-destination", str(cache)], check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as error:
            raise NotFetched(f"npm does not bring {release.name} {release.version}: {error}") from error
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != release.integrity:
        archive.unlink()
        raise NotFetched(f"{archive.name} has the hash sha512-{digest}, not {release.integrity}")
    folder = cache / f"{release.name}-{release.version}"
    folder.mkdir(exist_ok=True)
    found = []
    with tarfile.open(archive) as members:
        for name in release.files:
            content = members.extractfile(name)
            assert content is not None
            found.append(folder / Path(name).name)
            found[-1].write_bytes(content.read())
    return found


def compile_c(source: Path, target: Path, cache: Path, release: Release | None = None) -> None:
    """Compile one C file to `target`, with a release's C beside it. Raises CalledProcessError, NotFetched; the
    compiler's words go to stderr."""
    # Compiled in a folder of its own under a bare file name: no path of this machine gets into the module.
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        shutil.copy(source, folder)
        objects = []
        for file in fetch(release, cache) if release else ():
            shutil.copy(file, folder)
            if file.suffix == ".c":
                objects.append(f"{file.stem}.o")
                _zig(folder, cache, *SQLITE_FLAGS, "-w", "-c", file.name, "-o", objects[-1])
        _zig(folder, cache, source.name, *objects, "-o", "module.wasm")
        shutil.copyfile(Path(folder) / "module.wasm", target)


def _zig(folder: str, cache: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", *WASM_FLAGS, *arguments],
        cwd=folder,
        env=os.environ | {"ZIG_GLOBAL_CACHE_DIR": str(cache / "global"), "ZIG_LOCAL_CACHE_DIR": str(cache / "local")},
        check=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="EXAMPLE", help="all, when none is named")
    parser.add_argument("--check", action="store_true", help="only compare with the modules that are there")
    parser.add_argument("--cache", type=Path, help="keep the compiler's cache and what is fetched in this folder")
    arguments = parser.parse_args()
    names = arguments.names or [*EXAMPLES, *KERNELS]
    if unknown := set(names) - EXAMPLES.keys() - set(KERNELS):
        parser.error(f"no example in C is called {', '.join(unknown)}; there are {', '.join(EXAMPLES)}")
    different = []
    with tempfile.TemporaryDirectory() as scratch:
        cache = (arguments.cache or Path(scratch)).resolve()
        cache.mkdir(parents=True, exist_ok=True)
        for name in names:
            built = Path(scratch) / f"{name}.wasm"
            try:
                compile_c(source(name), built, cache, EXAMPLES.get(name))
            except NotFetched as error:
                print(f"{name}: {error}", file=sys.stderr)
                return 3
            same = module(name).exists() and module(name).read_bytes() == built.read_bytes()
            if not same and arguments.check:
                different.append(name)
            elif not same:
                shutil.copyfile(built, module(name))
            print(f"{name}: {built.stat().st_size:,} bytes, {'the same' if same else 'different'}")
    if not arguments.check:
        hashes = [f"{hashlib.sha256(module(name).read_bytes()).hexdigest()}  {name}/{name}.wasm\n" for name in EXAMPLES]
        HASHES.write_text("".join(hashes))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
