"""How often one may speak."""

from __future__ import annotations

from node.p2p.limits import Pace, TokenBucket


def test_a_pace_is_kept_for_each_and_forgets_who_was_seen_longest_ago() -> None:
    pace = Pace(30.0, 2)
    assert pace.allows("a", 0.0) and pace.allows("b", 1.0) and not pace.allows("a", 29.9)
    assert pace.refused == 1
    assert pace.allows("a", 30.0) and pace.allows("c", 31.0)
    assert pace.allows("b", 31.0)  # forgotten: only two are kept
    assert not pace.allows("c", 32.0)


def test_a_bucket_gives_what_it_holds_and_fills_up_again() -> None:
    bucket = TokenBucket(2.0, 3.0, 0.0)
    assert [bucket.allows(0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.allows(0.5) and not bucket.allows(0.5)
