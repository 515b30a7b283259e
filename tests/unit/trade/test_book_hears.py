"""When a buyer's book asks a provider again: connections come and go."""

from __future__ import annotations

import time
from typing import Any, cast

from fogchain.wallet.eip712 import Domain
from node.trade.book import FIRST_RETRY, ProviderBook


class Nothing:
    """A network and an index of which nothing is asked here."""

    peer_id = "me"
    now = staticmethod(time.time)


def book() -> ProviderBook:
    nothing = cast(Any, Nothing())
    return ProviderBook(
        own_address="0x" + "00" * 20, domain=Domain(1, "0x" + "11" * 20), network=nothing, index=nothing,
        changed=lambda: None,
    )  # fmt: skip


def test_a_provider_whose_connection_is_gone_is_asked_soon() -> None:
    known_by = book()
    known_by.found("oak", (), "mdns")
    known = known_by._known["oak"]
    known.state, known.next_try = "ready", time.monotonic() + 20
    known_by.down("oak")
    assert known.next_try <= time.monotonic() + FIRST_RETRY
    known.state, known.next_try = "unreachable", time.monotonic() + 20
    known_by.down("oak")  # it is looked for already, ever less often
    assert known.next_try > time.monotonic() + FIRST_RETRY
    known_by.down("nobody")
    assert "nobody" not in known_by._known
