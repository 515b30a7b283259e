"""A stream that is heard of piece by piece: what is shown of it is what was written, each byte once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fogchain.api.data import LogView
from fogchain.jobs.logs import TAIL_BYTES, LiveLog, Log, contradicts

texts = st.lists(st.sampled_from(["a", "ü", "\n", "漢", "🜂", "line\n" * 50]), max_size=60).map("".join)


@given(texts, st.lists(st.integers(0, 40), min_size=1), st.data())
def test_parts_of_a_growing_stream_add_up_to_it(text: str, steps: list[int], data: st.DataObject) -> None:
    written, live, shown, place = text.encode(), LiveLog(), "", 0
    size = 0
    while size < len(written):
        size = min(len(written), size + 1 + data.draw(st.sampled_from(steps)))
        begin = data.draw(st.integers(0, min(live.size, size)))
        live.feed(size, begin, written[begin:size])
        view = LogView.part(live.log, place, ended=size == len(written))
        assert view.left_out == 0 and view.begin == place and "�" not in view.text
        shown, place = shown + view.text, view.next
    assert shown == text
    assert live.log == Log(len(written), b"", written)


@given(st.integers(0, 3 * TAIL_BYTES), st.integers(0, 3 * TAIL_BYTES), st.integers(1, 32 << 10))
def test_only_the_end_of_a_long_stream_is_kept_and_what_is_missing_is_counted(size: int, asked: int, part: int) -> None:
    live = LiveLog()
    for end in range(0, size + 1, max(1, size // 7)):
        begin = max(live.size, end - part)
        live.feed(end, begin, bytes(end - begin))
    assert len(live.tail) <= TAIL_BYTES and live.size == live.log.size <= size
    view = LogView.part(live.log, asked, ended=True)
    assert view.next == max(asked, live.size)
    assert view.left_out + len(view.text) == max(0, live.size - asked)


@given(st.binary(max_size=400), st.integers(0, 400), st.integers(0, 400), st.integers(1, 300), st.integers(1, 300))
def test_a_stream_contradicts_what_was_recorded_only_when_it_differs(
    written: bytes, low: int, high: int, head: int, tail: int
) -> None:
    low, high = sorted((min(low, len(written)), min(high, len(written))))
    streamed = Log(high, b"", written[low:high])
    recorded = Log(len(written), written)
    if head + tail < len(written):
        recorded = Log(len(written), written[:head], written[-tail:])
    assert not contradicts(streamed, recorded)
    assert contradicts(Log(len(written) + 1, b"", b""), recorded)
    for at in range(low, high):
        spoiled = bytearray(streamed.tail)
        spoiled[at - low] ^= 1
        seen = not recorded.left_out or at < head or at >= len(written) - tail
        assert contradicts(Log(high, b"", bytes(spoiled)), recorded) == seen


def test_a_run_that_was_begun_again_says_nothing_new_until_it_is_further() -> None:
    live = LiveLog()
    live.feed(6, 0, b"abcdef")
    live.feed(3, 0, b"abc")
    assert live.log == Log(6, b"", b"abcdef")
    live.feed(8, 2, b"cdefgh")
    assert live.log == Log(8, b"", b"abcdefgh")
    live.feed(20, 12, b"mnopqrst")  # nine to twelve were missed
    assert live.log == Log(20, b"", b"mnopqrst")
