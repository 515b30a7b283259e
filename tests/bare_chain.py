"""A chain with nothing on it, of an id of its own: what a public network is to a deployment."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fogchain.chain.anvil import find_anvil, free_port

ETH = 10**18


class BareChain:
    """anvil as a child. Without `block_time` a block is mined when `mine` says so."""

    def __init__(self, home: Path, chain_id: int, *, block_time: float | None = None, gas_limit: int = 0) -> None:
        self.chain_id = chain_id
        port = free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{port}"
        home.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [
                *(str(find_anvil()), "--silent", "--port", str(port), "--chain-id", str(chain_id)),
                *(("--block-time", str(block_time)) if block_time else ("--no-mining",)),
                *(("--gas-limit", str(gas_limit)) if gas_limit else ()),
            ],
            env={"HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self.until(self._answers)

    def call(self, method: str, *parameters: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            result = json.loads(answer.read())
        assert "error" not in result, result
        return result["result"]

    def fund(self, address: str, eth: float) -> None:
        self.call("anvil_setBalance", address, hex(int(eth * ETH)))

    def mine(self) -> None:
        self.call("evm_mine")

    def mine_every(self, seconds: float) -> None:
        self.call("evm_setIntervalMining", seconds)

    def nonce(self, address: str, block: str = "latest") -> int:
        return int(self.call("eth_getTransactionCount", address, block), 16)

    def waiting(self, address: str, nonce: int) -> str:
        """The hash of the transaction in the pool, empty without one."""
        pool = {who.lower(): sent for who, sent in self.call("txpool_content")["pending"].items()}
        return str(pool.get(address, {}).get(str(nonce), {}).get("hash", ""))

    def has_code(self, address: str) -> bool:
        return bool(self.call("eth_getCode", address, "latest") != "0x")

    def until(self, condition: Callable[[], object], timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.02)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        assert self._process.poll() is None, "anvil ended"
        try:
            return int(self.call("eth_chainId"), 16) == self.chain_id
        except OSError:
            return False
