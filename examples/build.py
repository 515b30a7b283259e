"""Compiles the examples' C to WebAssembly, the same bytes on every machine: `python examples/build.py [--check]`.

Uses the C compiler that PyPI's `ziglang` brings (a development dependency). The first build takes half a minute: it
compiles the C library for WebAssembly.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLES = ("poster", "options", "wordcount")
WASM_FLAGS = (
    "-target", "wasm32-wasi", "-O2", "-s", "-msimd128", "-fno-sanitize=undefined", "-Wall", "-Wextra",
    "-Wl,-z,stack-size=262144",  # instead of 16 MiB, which every task would have to ask for
)  # fmt: skip


def source(name: str) -> Path:
    return HERE / name / f"{name}.c"


def module(name: str) -> Path:
    return HERE / name / f"{name}.wasm"


def compile_c(source: Path, target: Path, cache: Path) -> None:
    """Compile one C file to `target`. Raises CalledProcessError; the compiler's words go to stderr."""
    # Compiled in a folder of its own under a bare file name: no path of this machine gets into the module.
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        shutil.copy(source, folder)
        subprocess.run(
            [sys.executable, "-m", "ziglang", "cc", *WASM_FLAGS, "-o", "module.wasm", source.name],
            cwd=folder,
            env=os.environ
            | {"ZIG_GLOBAL_CACHE_DIR": str(cache / "global"), "ZIG_LOCAL_CACHE_DIR": str(cache / "local")},
            check=True,
        )
        shutil.copyfile(Path(folder) / "module.wasm", target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare with the modules that are there")
    parser.add_argument("--cache", type=Path, help="keep the compiler's cache in this folder")
    arguments = parser.parse_args()
    different = []
    with tempfile.TemporaryDirectory() as scratch:
        cache = (arguments.cache or Path(scratch)).resolve()
        cache.mkdir(parents=True, exist_ok=True)
        for name in EXAMPLES:
            built = Path(scratch) / f"{name}.wasm"
            compile_c(source(name), built, cache)
            same = module(name).exists() and module(name).read_bytes() == built.read_bytes()
            if not same and arguments.check:
                different.append(name)
            elif not same:
                shutil.copyfile(built, module(name))
            print(f"{name}: {built.stat().st_size:,} bytes, {'the same' if same else 'different'}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
