"""Over which network this machine reaches others, from `/proc/net/route` and `/sys/class/net`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

from node.harvest.probes.files import folders, table, text
from node.harvest.probes.probe import Readings, Root

SENSORS = ("network.kind", "network.metered")
_UP = 0x1  # RTF_UP of linux/route.h
_CELLULAR = ("wwan", "rmnet", "ccmni", "ppp", "usb_rmnet", "wwp")
_TETHERS = ("usb", "rndis", "bnep")
_ETHERNET = "1"  # ARPHRD_ETHER of linux/if_arp.h

Kind: TypeAlias = Literal["none", "ethernet", "wifi", "cellular", "other"]


def read_network(root: Root) -> Readings:
    """By the route that is taken where there is no better one. Whether it costs money is told only where the kind says
    so: a cable does not, a telephone does, and of a radio network nobody knows but who set it up."""
    device = default_device(root)
    kind = _kind(root.sys / "class" / "net" / device, device) if device is not None else "none"
    said: Readings = {"network.kind": kind}
    if kind in ("ethernet", "cellular"):
        said["network.metered"] = kind == "cellular"
    return said


def default_device(root: Root) -> str | None:
    """The least metric counts, of IPv4 first."""
    routes = [*_routes(root.proc / "net" / "route"), *_routes6(root.proc / "net" / "ipv6_route")]
    return min(routes, default=(0, 0, None), key=lambda route: route[:2])[2]


def _routes(path: Path) -> Iterator[tuple[int, int, str]]:
    for row in table(path)[1:]:
        if len(row) >= 8 and row[1] == row[7] == "00000000" and (flags := _hex(row[3])) is not None and flags & _UP:
            yield 4, int(row[6]) if row[6].isdecimal() else 0, row[0]


def _routes6(path: Path) -> Iterator[tuple[int, int, str]]:
    for row in table(path):
        if len(row) >= 10 and row[0] == "0" * 32 and row[1] == "00" and row[9] != "lo":
            yield 6, _hex(row[5]) or 0, row[9]


def _kind(folder: Path, name: str) -> Kind:
    if (folder / "wireless").is_dir() or (folder / "phy80211").exists():
        return "wifi"
    if name.startswith(_CELLULAR) or "DEVTYPE=wwan" in (text(folder / "uevent") or ""):
        return "cellular"
    if (bridged := folders(folder / "brif")) or (bridged := folders(folder / "lower")):
        return _kind(folder.parent / bridged[0].name, bridged[0].name)
    if name.startswith(_TETHERS):
        return "other"  # a telephone at a cable, perhaps
    return "ethernet" if text(folder / "type") == _ETHERNET else "other"


def _hex(word: str) -> int | None:
    try:
        return int(word, 16)
    except ValueError:
        return None
