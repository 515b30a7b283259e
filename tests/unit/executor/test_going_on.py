"""Runs that go on for a while although they should stand, and what ends that."""

from __future__ import annotations

from typing import Any

from node.executor.standing import Standing


class Watched:
    """A member that only keeps what it was told."""

    stands = False

    def hold_to(self, duty: float) -> bool:
        return True

    def set_clock(self, stands: bool) -> None: ...

    def halt(self) -> None:
        self.stands = True

    def go(self) -> None:
        self.stands = False


def test_a_suspension_ends_what_was_let_go_on() -> None:
    standing, run = Standing(), Watched()
    member: Any = run
    standing.join("run", member)
    standing.suspend()
    assert run.stands
    with standing.going_on():
        assert not run.stands
        standing.suspend()
        assert run.stands
        with standing.going_on():
            assert not run.stands
        assert run.stands
    assert run.stands
    standing.resume()
    assert not run.stands
