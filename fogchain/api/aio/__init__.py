"""The endpoints as coroutines, a file a subject; `link` is how they reach the node.

`fogchain.api.sync` is made of these files by `scripts/sync_clients.py`, but for its own `link`.
"""
