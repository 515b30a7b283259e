"""Libp2p peers that break the rules of our protocol; a process of its own, on plain py-libp2p.

argv: JSON of {target}. Each line `{id, op: <attack>}` brings a peer with a key of its own, which attacks, tells the
outcome as `{id, ok}`, and stays.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import Any

import libp2p
import trio
from libp2p.custom_types import TProtocol
from libp2p.io.exceptions import IOException
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.peerinfo import info_from_p2p_addr
from multiaddr import Multiaddr

from fogchain import cbor
from node.p2p.frames import MAX_FRAME, Envelope, FrameReader, Kind, encode, varint

HELLO = encode(Envelope(1, Kind.REQUEST, cbor.dumps([1, "test", "rogue/1", []])))


def say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


class Rogue:
    def __init__(self, host: Any, target: Any) -> None:
        self.host, self.target = host, target

    async def open(self, subject: str) -> Any:
        return await self.host.new_stream(self.target, [TProtocol(f"/fogchain/{subject}/1.0.0")])

    async def hello(self) -> None:
        stream = await self.open("hello")
        await stream.write(HELLO)
        await self.answer(stream)

    async def answer(self, stream: Any) -> Envelope:
        reader = FrameReader()
        while True:
            if found := reader.feed(await stream.read(65536)):
                return found[0]

    async def reset(self, stream: Any) -> bool:
        """Whether the other side gives this stream up within some seconds."""
        with trio.move_on_after(15):
            try:
                while await stream.read(65536):
                    pass
            except StreamError:
                return True
        return False

    async def no_hello(self) -> dict[str, Any]:
        """Ask at once, and stay."""
        stream = await self.open("echo")
        await stream.write(encode(Envelope(1, Kind.REQUEST, b"let me in")))
        envelope = await self.answer(stream)
        began = trio.current_time()
        gone = await self.reset(stream)
        return {"kind": envelope.kind.name, "gone": gone, "after": trio.current_time() - began}

    async def bad_frames(self) -> dict[str, Any]:
        await self.hello()
        refused = []
        for junk in (
            b"GET / HTTP/1.1\r\n\r\n" * 5,
            b"\xff" * 100,
            varint(MAX_FRAME + 1) + bytes(1000),
            varint(5) + b"\x84\x01\x01\x00\x7f",
            varint(3) + b"\x83\x01\x01",
            encode(Envelope(1, Kind.ANSWER, b"nobody asked")),
            encode(Envelope(1, Kind.ERROR, b"")),
        ):
            stream = await self.open("echo")
            await stream.write(junk)
            refused.append(await self.reset(stream))
        half = await self.open("echo")
        await half.write(encode(Envelope(1, Kind.REQUEST, bytes(1000)))[:500])
        return {"refused": refused}

    async def bad_hello(self) -> dict[str, Any]:
        kinds = []
        others = ([1, "test"], [2, "test", "x", []], [1, 5, 5, 5])
        for payload in (b"", b"\x80", *map(cbor.dumps, others)):
            stream = await self.open("hello")
            await stream.write(encode(Envelope(1, Kind.REQUEST, payload)))
            kinds.append((await self.answer(stream)).kind.name)
        return {"kinds": kinds}

    async def never_read(self) -> dict[str, Any]:
        """Ask for much and read nothing of it."""
        await self.hello()
        streams = [await self.open("large") for _ in range(8)]
        for number in range(1, 2000):
            for stream in streams:
                with trio.move_on_after(0.5) as scope:
                    try:
                        await stream.write(encode(Envelope(number, Kind.REQUEST, b"1000000")))
                    except StreamError:
                        continue
                if scope.cancelled_caught:
                    return {}
        return {}

    async def flood(self) -> dict[str, Any]:
        """Send without heeding the receive window: 300 MB to a handler that takes its time."""
        await self.hello()
        stream = await self.open("sleepy")
        muxed = stream.muxed_stream
        for number in range(1, 80):
            await stream.write(encode(Envelope(number, Kind.REQUEST, b"60")))
        sent = 0
        chunk = encode(Envelope(100, Kind.REQUEST, bytes(60_000)))
        header = struct.pack("!BBHII", 0, 0, 0, muxed.stream_id, len(chunk))
        with trio.move_on_after(30):
            try:
                while sent < 300 << 20 and not muxed.conn.is_closed:
                    await muxed.conn._write_frame(header + chunk)
                    sent += len(chunk)
            except IOException:
                return {"cut": True, "sent": sent}
        return {"cut": muxed.conn.is_closed, "sent": sent}

    async def many_streams(self) -> dict[str, Any]:
        await self.hello()
        streams = []
        refused = 0
        for _ in range(120):
            try:
                with trio.fail_after(10):
                    streams.append(await self.open("echo"))
            except Exception:
                refused += 1
        return {"opened": len(streams), "refused": refused}


async def attack(target: str, command: dict[str, Any]) -> None:
    info = info_from_p2p_addr(Multiaddr(target))
    host = libp2p.new_host()
    async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
        await host.connect(info)
        say(id=command["id"], ok=await getattr(Rogue(host, info.peer_id), command["op"])())
        await trio.sleep_forever()


async def main() -> None:
    target = json.loads(sys.argv[1])["target"]
    say(event="ready", peer_id="", addresses=[])
    async with trio.open_nursery() as nursery, trio.wrap_file(sys.stdin) as lines:
        async for line in lines:
            nursery.start_soon(attack, target, json.loads(line))
        nursery.cancel_scope.cancel()


trio.run(main)
