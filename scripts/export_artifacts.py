#!/usr/bin/env python3
"""Compile the contracts and write what a user needs of them into the package.

One JSON a contract in `fogchain/chain/artifacts/`: ABI, creation bytecode, compiler version and settings, and a hash of
all sources that went in. With it neither a user nor the daemon needs a compiler.

    scripts/export_artifacts.py           compile, write
    scripts/export_artifacts.py --check   compile, compare with what is committed; exit code 1 when it differs

Needs nothing but the standard library and the npm packages of package-lock.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "fogchain" / "chain" / "artifacts"
CONTRACTS = (
    "FogToken",
    "FogVesting",
    "FogStake",
    "FogMarket",
    "FogCourt",
    "FogPricing",
    "FogRegistry",
    "FogTimelock",
    "FogGovernor",
    "FogLens",
)
SETTINGS = ("evmVersion", "optimizer", "metadata", "viaIR", "remappings")


def forge() -> Path:
    """The native forge of npm's package for this machine: the shim in `.bin` costs a Node.js start."""
    system = {"win32": "win32", "darwin": "darwin"}.get(sys.platform, "linux")
    machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "amd64")
    found = ROOT / "node_modules" / "@foundry-rs" / f"forge-{system}-{machine}" / "bin" / "forge"
    if not found.exists():
        sys.exit(f"forge is not installed for {system}-{machine}: run `make contracts`, which installs it")
    return found


def artifact(name: str) -> dict[str, Any]:
    """What forge made of contract `name`, reduced to what does not depend on this machine."""
    built = json.loads((ROOT / "out" / f"{name}.sol" / f"{name}.json").read_text())
    metadata = built["metadata"]
    sources = sorted((path, entry["keccak256"]) for path, entry in metadata["sources"].items())
    return {
        "contract": name,
        "source": f"contracts/{name}.sol",
        "sourceHash": hashlib.sha256(json.dumps(sources).encode()).hexdigest(),
        "compiler": {
            "version": metadata["compiler"]["version"],
            "settings": {key: metadata["settings"][key] for key in SETTINGS if key in metadata["settings"]},
        },
        "abi": sorted(built["abi"], key=lambda item: (item["type"], item.get("name", ""), len(item.get("inputs", [])))),
        "bytecode": built["bytecode"]["object"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Compile the contracts and export them into the package.")
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    check = parser.parse_args().check
    subprocess.run([forge(), "build", "--quiet", "contracts"], cwd=ROOT, check=True)

    stale = []
    for name in CONTRACTS:
        text = json.dumps(artifact(name), indent=1) + "\n"
        path = OUT / f"{name}.json"
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)} ({len(text) / 1024:.0f} KiB)")
    if check and stale:
        print(
            f"out of date: {', '.join(stale)}; run `make contracts` and commit fogchain/chain/artifacts",
            file=sys.stderr,
        )
        return 1
    if not stale:
        print(f"the artifacts of {', '.join(CONTRACTS)} match the sources")
    return 0


if __name__ == "__main__":
    sys.exit(main())
