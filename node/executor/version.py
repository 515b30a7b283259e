"""The engine's name, known without loading it: what providers announce, because only equal engines can be compared.

`fog-1` stands for the settings in `engine.py`, what `canonical.py` adds to a module, and the calls and their fuel in
`wasi.py`; a change to any of them that could change a result or its fuel needs another number.
"""

from __future__ import annotations

from importlib.metadata import version

ENGINE = f"wasmtime-{version('wasmtime')}/fog-1"
