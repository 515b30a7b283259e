"""Finding nodes on the local network: multicast DNS as the libp2p specs have it (discovery/mdns).

A node answers under `_p2p-<8 hex digits>._udp.local.`, the digits being its network's fingerprint, so that
networks do not see each other; its TXT record holds `dnsaddr=<multiaddr with /p2p/…>` strings.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from collections.abc import Callable, Coroutine, Sequence

import structlog
from zeroconf import Error as ZeroconfError
from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from fogchain.errors import BadInput
from node.p2p.address import PeerAddress

log = structlog.get_logger(__name__)

_QUERY_MILLIS = 3000
_MAX_QUERIES = 64  # at once
_KEY = b"dnsaddr="


def service_type(network: str) -> str:
    return f"_p2p-{hashlib.sha256(network.encode()).hexdigest()[:8]}._udp.local."


class MdnsDiscovery:
    """Announces this node and reports the others. A machine without multicast has none; that is logged, no more."""

    def __init__(self, network: str, own: PeerAddress, found: Callable[[PeerAddress], None]) -> None:
        self._type, self._own, self._found = service_type(network), own, found
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin, in the background: making sure that the name is ours takes most of a second."""
        self._spawn(self._begin())

    async def _begin(self) -> None:
        try:
            self._zeroconf = AsyncZeroconf(ip_version=IPVersion.V4Only)
            await self._zeroconf.async_register_service(self._record(), allow_name_change=True)
            self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, self._type, handlers=[self._changed])
        except (OSError, ZeroconfError) as error:
            log.warning("p2p.mdns_off", reason=str(error) or type(error).__name__)

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._browser is not None:
            await self._browser.async_cancel()
        if self._zeroconf is not None:
            await self._zeroconf.async_close()  # takes our record back, too
        self._browser = self._zeroconf = None

    def _record(self) -> AsyncServiceInfo:
        strings = [_KEY + text.encode() for text in self._own.full]
        label = self._own.peer_id
        return AsyncServiceInfo(
            self._type,
            f"{label}.{self._type}",
            port=int(self._own.addrs[0].rpartition("/")[2]),
            properties=b"".join(bytes((len(string),)) + string for string in strings if len(string) < 256),
            server=f"{label}.local.",
            addresses=[ipaddress.IPv4Address(ip).packed for ip in _ips(self._own.addrs)],
        )

    def _changed(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        ours = name.startswith(self._own.peer_id)
        if state_change is not ServiceStateChange.Removed and not ours and len(self._tasks) < _MAX_QUERIES:
            self._spawn(self._resolve(zeroconf, name))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resolve(self, zeroconf: Zeroconf, name: str) -> None:
        info = AsyncServiceInfo(self._type, name)
        if await info.async_request(zeroconf, _QUERY_MILLIS):
            for address in read_record(info.text):
                self._found(address)


def read_record(text: bytes) -> list[PeerAddress]:
    """The peers in a TXT record's strings; what is not one of ours is passed over."""
    grouped: dict[str, list[str]] = {}
    at = 0
    while at < len(text):
        string = text[at + 1 : at + 1 + text[at]]
        at += 1 + text[at]
        if string.startswith(_KEY):
            try:
                address = PeerAddress.parse(string[len(_KEY) :].decode())
            except (BadInput, UnicodeDecodeError):
                continue
            grouped.setdefault(address.peer_id, []).extend(address.addrs)
    return [PeerAddress(peer_id, tuple(addrs)) for peer_id, addrs in grouped.items()]


def _ips(addrs: Sequence[str]) -> list[str]:
    return [addr.split("/")[2] for addr in addrs if addr.startswith("/ip4/")]
