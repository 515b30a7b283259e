"""Endpoints that are not there, or that answer something else than JSON-RPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from fogchain.chain.rpc import Rpc, RpcError
from fogchain.errors import Unavailable


@pytest.fixture
async def answering() -> AsyncIterator[Callable]:
    """Starts an HTTP server that gives one fixed answer to everything."""
    servers = []

    async def start(body: bytes, status: str = "200 OK") -> Rpc:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
            )
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        rpc = Rpc(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        servers.append((server, rpc))
        return rpc

    yield start
    for server, rpc in servers:
        await rpc.close()
        server.close()


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b"7", b"\xff\xfe", b'"text"', b'{"error": "no"}', b'[{"id": 1}']
)
async def test_what_is_not_json_rpc_is_an_absent_chain(answering: Callable, body: bytes) -> None:
    rpc = await answering(body)
    with pytest.raises(Unavailable, match="does not answer"):
        await rpc.call("eth_blockNumber")
    with pytest.raises(Unavailable, match="does not answer"):
        await rpc.batch([("eth_blockNumber", []), ("eth_chainId", [])])


async def test_a_gateways_error_page_is_an_absent_chain(answering: Callable) -> None:
    rpc = await answering(b"<html>bad gateway</html>", "502 Bad Gateway")
    with pytest.raises(Unavailable):
        await rpc.call("eth_blockNumber")


async def test_a_refusal_keeps_the_nodes_words_and_the_reverts_bytes(answering: Callable) -> None:
    rpc = await answering(b'{"jsonrpc":"2.0","id":0,"error":{"code":3,"message":"execution reverted","data":"0x0102"}}')
    with pytest.raises(RpcError, match="execution reverted") as caught:
        await rpc.call("eth_call", {})
    assert (caught.value.number, caught.value.data) == (3, b"\x01\x02")


async def test_nobody_there(unused_tcp_port: int) -> None:
    rpc = Rpc(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(Unavailable, match=str(unused_tcp_port)) as caught:
        await rpc.call("eth_blockNumber")
    assert "fogchain chain status" in caught.value.hint
    await rpc.close()
