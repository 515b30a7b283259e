"""What a task prints while it runs: a provider shows the end of it, and no provider can make its buyer keep more."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogchain import cbor
from fogchain.errors import BadMessage, Unavailable
from fogchain.jobs.logs import TAIL_BYTES, Log
from node.trade.ports import Network
from node.trade.printing import (
    KEPT,
    MAX_PART,
    NOTHING,
    Printing,
    decode_answer,
    decode_request,
    encode_request,
    read_printed,
)

ORDER = bytes(32)


def test_a_provider_shows_what_is_new_and_of_much_the_end(tmp_path: Path) -> None:
    (tmp_path / "stdout").write_bytes(b"0123456789")
    (tmp_path / "stderr").write_bytes(bytes(3 * MAX_PART) + b"end")
    places = {name: tmp_path / name for name in ("stdout", "stderr")}
    out, err = decode_answer(read_printed(places, (4, 0)))
    assert out == (10, 4, b"456789")
    assert (err[0], err[1], len(err[2])) == (3 * MAX_PART + 3, 2 * MAX_PART + 3, MAX_PART)
    assert decode_answer(read_printed(places, (99, 99)))[0] == (10, 10, b"")  # further than there is
    assert decode_answer(read_printed({}, (5, 5))) == [(0, 0, b"")] * 2
    assert decode_answer(NOTHING) == []


@given(st.binary(max_size=300))
def test_nonsense_is_refused(data: bytes) -> None:
    for decode in (decode_answer, decode_request):
        try:
            decode(data)  # type: ignore[operator]
        except BadMessage:
            continue
        assert decode is decode_answer and cbor.loads(data)[0] == 1


@pytest.mark.parametrize(
    "parts",
    [
        [[1, 0, b"x"]],
        [[1, 0, b""], [0, 0, b""]],
        [[2**48, 2**48, b""], [0, 0, b""]],
        [[0, 1, b""], [0, 0, b""]],
        [[MAX_PART + 1, 0, bytes(MAX_PART + 1)], [0, 0, b""]],
        [[True, 0, b"x"], [0, 0, b""]],
        "x",
    ],
)
def test_pieces_that_are_no_end_of_a_stream_are_refused(parts: Any) -> None:
    with pytest.raises(BadMessage):
        decode_answer(cbor.dumps([1, parts]))


def test_a_question_names_one_order_and_a_place_in_each_stream() -> None:
    assert decode_request(encode_request(ORDER, (3, 4))) == (ORDER, (3, 4))
    for bad in ([1, ORDER, [3]], [1, ORDER, [-1, 0]], [1, b"x", [0, 0]], [2, ORDER, [0, 0]], [1, ORDER, [True, 0]]):
        with pytest.raises(BadMessage):
            decode_request(cbor.dumps(bad))


class Liar:
    """A provider's end of the network, which answers what it likes."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.answer: bytes | Exception = NOTHING

    async def request(self, peer: str, subject: str, payload: bytes, *, timeout: float) -> bytes:
        self.asked.append(decode_request(payload)[1])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def both(size: int, begin: int, data: bytes) -> bytes:
    return cbor.dumps([1, [[size, begin, data], [0, 0, b""]]])


async def test_a_buyer_asks_on_from_where_it_is_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Liar()
    printing = Printing(cast("Network", network))
    network.answer = both(5, 0, b"12345")
    await asyncio.gather(*(printing.look(("job", 1), "peer", ORDER) for _ in range(9)))
    assert network.asked == [(0, 0)]
    assert printing.logs(("job", 1))["stdout"] == Log(5, b"", b"12345")
    monkeypatch.setattr("node.trade.printing.PAUSE", 0.0)
    printing = Printing(cast("Network", network))
    for _ in range(2):
        await printing.look(("job", 1), "peer", ORDER)
    assert network.asked[1:] == [(0, 0), (5, 0)]
    network.answer = Unavailable("it is away")
    await printing.look(("job", 1), "peer", ORDER)
    assert printing.logs(("job", 1))["stdout"].size == 5  # what was heard stays


async def test_a_flood_fills_no_memory_and_nonsense_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.trade.printing.PAUSE", 0.0)
    network, size = Liar(), 0
    printing = Printing(cast("Network", network))
    for attempt in range(3 * KEPT):
        for _ in range(4):
            size += 2**30
            network.answer = both(size, size - MAX_PART, bytes(MAX_PART))
            await printing.look(("job", attempt), "peer", ORDER)
    kept = [log for attempt in range(3 * KEPT) for log in printing.logs(("job", attempt)).values()]
    assert len(kept) == 2 * KEPT and all(len(log.tail) <= TAIL_BYTES for log in kept)
    network.answer, before = cbor.dumps([1, [[9, 0, b"1"], [0, 0, b""]]]), len(network.asked)
    for _ in range(5):
        await printing.look(("job", 0), "peer", ORDER)
    assert len(network.asked) == before + 1
