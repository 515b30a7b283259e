"""A wallet as a browser extension is one: announced by EIP-6963, asked by EIP-1193, its key out of the page's reach.

The page's half is injected; what it is asked is answered here, with a real key against a real chain.
"""

from __future__ import annotations

import json
from typing import Any

from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_defunct
from playwright.async_api import Page

from fogchain.chain.rpc import Rpc, RpcError
from fogchain.chain.transaction import fees_for, sign_transaction
from fogchain.wallet.address import checksummed
from fogchain.wallet.eip712 import address_of

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='8' fill='%23e8833a'/%3E%3Ccircle cx='16' cy='16' r='7' fill='white'/%3E"
    "%3C/svg%3E"
)
PAGES_HALF = """(info => {
  const listeners = {};
  const provider = {
    async request({ method, params }) {
      const answer = await window.askWallet(JSON.stringify({ method, params: params ?? [] }));
      if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
      return answer.result;
    },
    on(name, listener) { (listeners[name] ??= new Set()).add(listener); },
    removeListener(name, listener) { listeners[name]?.delete(listener); },
  };
  window.walletSays = (name, value) => listeners[name]?.forEach(listener => listener(value));
  const detail = Object.freeze({ info: Object.freeze(info), provider });
  const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  addEventListener("eip6963:requestProvider", announce);
  announce();
})"""


class BrowserWallet:
    """`declines` names the methods at which its owner says no; `asked` are all it was asked, in order."""

    def __init__(self, key: PrivateKey, rpc: Rpc, chain_id: int, name: str = "Lantern") -> None:
        self.key, self.rpc, self.name = key, rpc, name
        self.address = address_of(key.public_key)
        self.chain_id, self.known = chain_id, {chain_id}
        self.declines: set[str] = set()
        self.asked: list[str] = []
        self.added: dict[str, Any] | None = None
        self.signed = ""  # the last text
        self._connected = False
        self._page: Page | None = None

    async def install(self, page: Page, **info: str) -> None:
        self._page = page
        await page.expose_function("askWallet", self._answer)
        told = {"uuid": "350670db-19fa-4704-a166-e52e178b59d2", "name": self.name, "icon": ICON, "rdns": "org.lantern"}
        await page.add_init_script(f"{PAGES_HALF}({json.dumps({**told, **info})})")

    async def _answer(self, asked: str) -> dict[str, Any]:
        request = json.loads(asked)
        method, params = request["method"], request["params"]
        self.asked.append(method)
        try:
            if method in self.declines:
                return _error(4001, "User rejected the request.")
            return {"result": await self._do(method, params)}
        except LookupError as error:
            return _error(4902, f"Unrecognized chain ID {error}")
        except NotImplementedError:
            return _error(4200, "no such method")
        except RpcError as error:
            return _error(-32603, error.reason)

    async def _do(self, method: str, params: list[Any]) -> Any:
        match method:
            case "eth_requestAccounts":
                self._connected = True
                return [checksummed(self.address)]
            case "eth_accounts":
                return [checksummed(self.address)] if self._connected else []
            case "eth_chainId":
                return hex(self.chain_id)
            case "personal_sign":
                text, address = params
                assert address.lower() == self.address
                self.signed = bytes.fromhex(text[2:]).decode()
                made = Account.sign_message(encode_defunct(hexstr=text), self.key.secret)
                return "0x" + bytes(made.signature).hex()
            case "wallet_switchEthereumChain":
                await self._switch(int(params[0]["chainId"], 16))
                return None
            case "wallet_addEthereumChain":
                self.added = params[0]
                self.known.add(int(params[0]["chainId"], 16))
                return None
            case "eth_sendTransaction":
                return await self._send(params[0])
            case _:
                raise NotImplementedError

    async def _switch(self, wanted: int) -> None:
        if wanted not in self.known:
            raise LookupError(wanted)
        self.chain_id = wanted
        assert self._page is not None
        await self._page.evaluate("id => window.walletSays('chainChanged', id)", hex(wanted))

    async def _send(self, tx: dict[str, str]) -> Any:
        assert tx["from"] == self.address and int(tx["chainId"], 16) == self.chain_id
        block = await self.rpc.call("eth_getBlockByNumber", "latest", False)
        nonce = int(await self.rpc.call("eth_getTransactionCount", self.address, "pending"), 16)
        signed = sign_transaction(
            self.key, self.chain_id, nonce, fees_for(int(block["baseFeePerGas"], 16), 1), int(tx["gas"], 16),
            tx["to"], bytes.fromhex(tx["data"][2:]), int(tx["value"], 16),
        )  # fmt: skip
        return await self.rpc.call("eth_sendRawTransaction", signed.hex)


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
