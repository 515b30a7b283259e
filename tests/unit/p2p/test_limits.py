from hypothesis import given
from hypothesis import strategies as st

from node.p2p.limits import TokenBucket


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    bucket = TokenBucket(rate=10, burst=5, now=100.0)
    assert [bucket.take(100.0) for _ in range(5)] == [0] * 5
    assert bucket.take(100.0) == 0.1
    assert abs(bucket.take(100.0) - 0.2) < 1e-9
    assert bucket.take(200.0) == 0


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_who_waits_as_told_never_gets_more_than_burst_and_rate(gaps: list[float]) -> None:
    rate, burst, now = 10.0, 5.0, 0.0
    bucket = TokenBucket(rate, burst, now)
    for served, gap in enumerate(gaps, start=1):
        now += gap
        now += bucket.take(now)
        assert served <= burst + rate * now + 1e-6
