"""Signing in and moving money with a wallet in the browser, over a real node and chain, with a real key."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from browser_wallet import BrowserWallet
from coincurve import PrivateKey
from panel_stage import Visit, browser, visiting
from playwright.async_api import Browser, Locator, Page, expect
from real_stage import start_panel

from fogchain.chain.client import ChainClient
from fogchain.chain.faucet import fund
from fogchain.config import DataFolder
from fogchain.localnet import LocalNetwork
from fogchain.nodefolder import create_node
from fogchain.units import WEI
from fogchain.wallet import keystore
from fogchain.wallet.address import checksummed
from fogchain.wallet.eip712 import address_of

pytestmark = [
    pytest.mark.browser, pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip

OPERATORS = [PrivateKey(bytes([n]) * 32) for n in (11, 12, 13)]


@dataclass
class Stage:
    network: LocalNetwork
    panel: str
    chromium: Browser
    chain: ChainClient

    def wallet(self, key: PrivateKey, chain_id: int = 31337) -> BrowserWallet:
        return BrowserWallet(key, self.chain.rpc, chain_id)

    @property
    def own_key(self) -> PrivateKey:
        """The node's."""
        folder = DataFolder(self.network.folder / "buyer")
        return keystore.load(folder.keystore, keystore.find_password(folder) or "").key


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("wallets")
    async with browser() as chromium:
        network = LocalNetwork(folder / "net", providers=0, supervised=False)
        (network.folder / "logs").mkdir(parents=True)
        try:
            await network.start_chain()
            chain = ChainClient(network.rpc_url, network.deployment)
            await make_node(network, chain)
            await network.start_nodes()
            yield Stage(network, await start_panel(network, folder / "panel.json"), chromium, chain)
            await chain.close()
        finally:
            await network.stop()


async def make_node(network: LocalNetwork, chain: ChainClient) -> None:
    """A node at which the operators may sign in, all with money."""
    folder = DataFolder(network.folder / "buyer")
    own = create_node(
        folder, name="buyer", roles=("buyer",), rpc_url=network.rpc_url, deployment=network.deployment, light=True,
        p2p={"listen": ["/ip4/127.0.0.1/tcp/0"]},
    )  # fmt: skip
    operators = [checksummed(address_of(key.public_key)) for key in OPERATORS]
    with folder.config.open("a") as file:
        file.write(f"\n[signin]\noperators = {operators}\n")
    for address in (own.address, *operators):
        await fund(chain.rpc, network.deployment, address.lower(), 5 * WEI, 100 * WEI)


async def offered(visit: Visit, path: str = "/") -> Locator:
    """The wallet's button on the sign-in page."""
    await visit.page.goto(visit.panel + path)
    await expect(visit.page.get_by_role("heading", level=1)).to_contain_text("Sign in")
    return visit.page.get_by_role("button", name="Lantern")


def card(page: Page) -> Locator:
    return page.locator("section", has=page.get_by_role("heading", name="Browser wallet"))


async def move(page: Page, way: str, amount: str) -> None:
    box = card(page)
    await box.get_by_role("button", name=way).first.click()
    await box.locator("input").fill(amount)
    await box.get_by_role("button", name=way).last.click()


async def test_an_operator_signs_in_deposits_withdraws_and_bonds(stage: Stage) -> None:
    wallet = stage.wallet(OPERATORS[0])
    async with visiting(stage.chromium, stage.panel) as visit:
        page = visit.page
        await wallet.install(page)
        button = await offered(visit, "/wallet")
        icon = button.locator("img")
        await expect(icon).to_be_visible()
        assert (await icon.get_attribute("src") or "").startswith("data:image/svg+xml,")
        assert wallet.asked == [], "nothing is asked of a wallet that was not chosen"
        await button.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Wallet")
        host = stage.panel.removeprefix("http://")
        assert wallet.signed.startswith(f"http://{host} wants you to sign in with your Ethereum account:\n")
        assert checksummed(wallet.address) in wallet.signed and "spend its money" in wallet.signed

        box = card(page)
        await expect(box.get_by_title(wallet.address)).to_be_visible()
        await expect(box).to_contain_text("100 FOG")
        await move(page, "Deposit", "40 FOG")
        await expect(page.get_by_text("Deposited 40 FOG")).to_be_visible()
        assert wallet.asked.count("eth_sendTransaction") == 2, "an approval and the deposit"
        assert await stage.chain.free_balance(wallet.address) == 40 * WEI
        assert await stage.chain.allowance(wallet.address) == 0, "the approval was for this deposit alone"
        await expect(box).to_contain_text("60 FOG in the wallet")

        await move(page, "Withdraw", "15 FOG")
        await expect(page.get_by_text("Withdrew 15 FOG")).to_be_visible()
        assert await stage.chain.free_balance(wallet.address) == 25 * WEI
        await move(page, "Bond", "5 FOG")
        await expect(page.get_by_text("Bonded 5 FOG")).to_be_visible()
        assert await stage.chain.bonded(wallet.address) == 5 * WEI
        await expect(box.locator(".fc-dl")).to_contain_text(re.compile("70 FOG.*25 FOG.*5 FOG"))

        await page.reload()
        await expect(card(page).get_by_title(wallet.address)).to_be_visible()
        await expect(card(page).locator(".fc-dl")).to_contain_text("70 FOG")
        await card(page).get_by_role("button", name="Disconnect").click()
        await expect(card(page).get_by_role("button", name="Lantern")).to_be_visible()
        await expect(card(page).get_by_title(wallet.address)).to_be_hidden()
        visit.expect_clean()


async def test_saying_no_in_the_wallet_is_understood(stage: Stage) -> None:
    wallet = stage.wallet(OPERATORS[1])
    async with visiting(stage.chromium, stage.panel) as visit:
        page = visit.page
        await wallet.install(page)
        button = await offered(visit, "/wallet")
        for method in ("eth_requestAccounts", "personal_sign"):
            wallet.declines = {method}
            await button.click()
            await expect(page.get_by_role("alert").last).to_contain_text("You declined in Lantern")
            assert await page.context.cookies() == []
        wallet.declines = {"eth_sendTransaction"}
        await button.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Wallet")
        await expect(card(page)).to_contain_text("100 FOG")
        await move(page, "Deposit", "1 FOG")
        await expect(card(page)).to_contain_text("You declined in Lantern. Nothing was sent.")
        assert await stage.chain.token_balance(wallet.address) == 100 * WEI
        wallet.declines = set()
        await card(page).get_by_role("button", name="Deposit").last.click()
        await expect(page.get_by_text("Deposited 1 FOG")).to_be_visible()
        await expect(card(page)).not_to_contain_text("You declined")
        visit.expect_clean()


async def test_a_wallet_on_another_chain_is_asked_to_switch(stage: Stage) -> None:
    wallet = stage.wallet(OPERATORS[2], chain_id=1)
    async with visiting(stage.chromium, stage.panel) as visit:
        page = visit.page
        await wallet.install(page)
        await (await offered(visit, "/wallet")).click()
        box = card(page)
        await expect(box).to_contain_text("Lantern is on Ethereum, the node on Local chain.")
        await box.locator("input").fill("1 FOG")
        await expect(box.get_by_role("button", name="Deposit").last).to_be_disabled()
        wallet.declines = {"wallet_addEthereumChain"}
        await box.get_by_role("button", name="Switch to Local chain").click()
        await expect(box).to_contain_text("You declined in Lantern")
        wallet.declines = set()
        await box.get_by_role("button", name="Switch to Local chain").click()
        await expect(box.get_by_role("button", name="Switch to Local chain")).to_be_hidden()
        assert wallet.chain_id == 31337 and wallet.added == {
            "chainId": "0x7a69",
            "chainName": "Local chain",
            "rpcUrls": [stage.network.rpc_url],
            "nativeCurrency": {"name": "Ether", "symbol": "ETH", "decimals": 18},
        }
        await box.get_by_role("button", name="Deposit").last.click()
        await expect(page.get_by_text("Deposited 1 FOG")).to_be_visible()
        visit.expect_clean()


async def test_a_strangers_wallet_stays_outside(stage: Stage) -> None:
    wallet = stage.wallet(PrivateKey())
    async with visiting(stage.chromium, stage.panel) as visit:
        await wallet.install(visit.page)
        await (await offered(visit)).click()
        alert = visit.page.get_by_role("alert").last
        await expect(alert).to_contain_text(f"{checksummed(wallet.address)} may not sign in to this node")
        await expect(alert).to_contain_text("operators")
        assert "personal_sign" not in wallet.asked
        assert await visit.page.context.cookies() == []


async def test_the_nodes_own_wallet_signs_in_and_its_session_ends_everywhere(stage: Stage) -> None:
    wallet = stage.wallet(stage.own_key)
    async with visiting(stage.chromium, stage.panel) as visit:
        page = visit.page
        await wallet.install(page)
        await (await offered(visit, "/wallet")).click()
        await expect(card(page)).to_contain_text("This is the node's own account")
        (cookie,) = [c for c in await page.context.cookies() if c["name"].startswith("fogchain_panel")]
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
        token = re.search(r"fog1\.[\w-]+", cookie["value"])
        assert token is not None

        async def status() -> int:
            async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token[0]}"}) as http:
                return (await http.get(f"{stage.network.buyer.url}/v1/node")).status_code

        assert await status() == 200
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")
        assert await status() == 401
        await page.context.add_cookies([cookie])
        await page.goto(stage.panel + "/wallet")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")

        # a session that the node has ended ends in the panel, too
        await page.get_by_role("button", name="Lantern").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Wallet")
        await stage.network.kill("buyer")
        await stage.network.launch_node("buyer")
        await stage.network.ready("buyer")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")
        assert visit.external == []


async def test_what_a_wallet_tells_of_itself_is_only_ever_text_and_a_picture(stage: Stage) -> None:
    script = (
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(2)</script></svg>"
    )
    for icon, pictures in (
        (script, 1),
        ("https://evil.example/i.png", 0),
        ("javascript:alert(3)", 0),
        ("data:text/html,x", 0),
    ):
        async with visiting(stage.chromium, stage.panel) as visit:
            await stage.wallet(PrivateKey()).install(visit.page, icon=icon, name="<img src=x onerror=alert(4)>Lantern")
            button = await offered(visit)
            await expect(button).to_have_text("<img src=x onerror=alert(4)>Lantern"[:40])
            await expect(button.locator("img")).to_have_count(pictures)
            visit.expect_clean()


async def test_a_browser_without_a_wallet_is_told_so(stage: Stage) -> None:
    async with visiting(stage.chromium, stage.panel) as visit:
        await visit.page.goto(stage.panel + "/sign-in")
        await expect(visit.page.locator("#wallets")).to_contain_text("None was found in this browser")
        await visit.sign_in((stage.network.folder / "buyer" / "api.token").read_text().strip(), "/wallet")
        await expect(card(visit.page)).to_contain_text("No wallet was found in this browser")
        visit.expect_clean()
