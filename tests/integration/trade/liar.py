"""A node that lies: it runs its tasks and then hands over another result. Started like `python -m node`."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from fogchain.jobs.blobname import name_of
from fogchain.jobs.spec import ResultFile, ResultManifest
from node import __main__, plugs
from node.trade.ports import Ran


class LyingSandbox(plugs.SandboxPlug):
    """Adds a byte to the first file of every result, and signs for it as for its own."""

    async def run(self, *args: Any, **options: Any) -> Ran:
        ran = await super().run(*args, **options)
        if ran.manifest is None:
            return ran
        first, *rest = ran.manifest.files
        data = ran.files[first.name].read_bytes() + b"!"
        ran.files[first.name].write_bytes(data)
        forged = ResultFile(name=first.name, sha256=name_of(data), size=len(data))
        manifest = ResultManifest(exit=ran.manifest.exit, code=ran.manifest.code, files=(forged, *rest))
        return dataclasses.replace(ran, manifest=manifest)


if __name__ == "__main__":
    plugs.SandboxPlug = LyingSandbox  # type: ignore[misc]
    sys.exit(__main__.main())
