"""An account whose key is in another program, as clef gives those of Ledger and Trezor: its external API."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount


class _Asked(socketserver.BaseRequestHandler):
    """JSON-RPC without framing: a request is whole when it parses."""

    server: _Signer

    def handle(self) -> None:
        text = ""
        while part := self.request.recv(1 << 16):
            text += part.decode()
            try:
                request = json.loads(text)
            except ValueError:
                continue
            text = ""
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": self.server.answer(request)}
            self.request.sendall(json.dumps(answer).encode())


class _Signer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, account: LocalAccount) -> None:
        super().__init__(str(path), _Asked)
        self.account = account
        self.signed: list[dict[str, Any]] = []

    def answer(self, request: dict[str, Any]) -> Any:
        if request["method"] == "account_list":
            return [self.account.address]
        assert request["method"] == "account_signTransaction", request["method"]
        (wanted,) = request["params"]
        assert wanted.pop("from") == self.account.address
        self.signed.append(wanted)
        return {"raw": "0x" + self.account.sign_transaction(wanted).raw_transaction.hex(), "tx": wanted}


@contextmanager
def outside_signer(path: Path) -> Iterator[_Signer]:
    """A fresh account that signs whatever it is asked to at the socket `path`; `signed` are the transactions."""
    with _Signer(path, Account.create()) as signer:
        threading.Thread(target=signer.serve_forever, daemon=True).start()
        try:
            yield signer
        finally:
            signer.shutdown()
