"""Look at a policy file: `python -m node.harvest.check FILE` prints what is wrong with it, as JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from node.harvest.profile import Flaw, flaws, read


def check(file: Path) -> dict[str, object]:
    """`findings`, empty for a policy that can be used, and how many guards it then has."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        return {"findings": [dataclasses.asdict(Flaw(f"it can't be read: {error}"))], "guards": 0}
    found = flaws(text, str(file))
    guards = 0 if found else len(read(text, str(file)).guards)
    return {"findings": [dataclasses.asdict(flaw) for flaw in found], "guards": guards}


if __name__ == "__main__":
    print(json.dumps(check(Path(sys.argv[1]))))
