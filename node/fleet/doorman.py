"""Who is let into the fleet: a device that brings a code, once. Wrong codes are counted, and are not taken for ever."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence

import structlog

from fogchain.errors import Conflict, Forbidden, Unavailable
from node.fleet.codes import MOST_ADDRESSES, SECRET_BYTES, VALID, Code, Issued, digest_of, find, open_codes
from node.fleet.messages import Join
from node.fleet.store import FleetStore, Stored

log = structlog.get_logger(__name__)

WRONG_OF_ONE, WRONG_OF_ALL = 5, 200  # wrong codes in WITHIN that are answered, of one peer and of all together
WITHIN = 600.0  # seconds
MOST_GUESSERS = 1024
_NEW = "have the gateway make a new one: `fogchain fleet invite`"


class Doorman:
    """Makes codes and takes them. Times are Unix seconds for codes, and never go back for counting."""

    def __init__(self, store: FleetStore) -> None:
        self._store = store
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()  # peer to when it brought a wrong code

    def invite(self, network: str, gateway: bytes, addresses: Sequence[str], name: str | None, now: float) -> Code:
        """Raises Conflict while too many codes can be used."""
        code = Code(network, gateway, tuple(addresses[:MOST_ADDRESSES]), secrets.token_bytes(SECRET_BYTES))
        self._store.issue(Issued(digest_of(code.secret), now, name or ""))
        return code

    def open(self, now: float) -> int:
        """Codes that can be used now."""
        return open_codes(self._store.codes(), now)

    def admit(self, peer_id: str, join: Join, now: float, clock: float) -> Stored:
        """Let a device in. A device that asks again with its own code, as its answer was lost, is in already.

        Raises Forbidden for a code that is wrong, used or expired, Unavailable to those who try too often.
        """
        self._check_pace(peer_id, clock)
        issued = find(self._store.codes(), join.secret)
        if issued is None:
            self._note_wrong(peer_id, clock)
            log.warning("a wrong code", peer=peer_id)
            raise Forbidden("this gateway knows no such code", hint=_NEW)
        verdict = issued.verdict(now)
        known = next((one for one in self._store.devices() if one.peer_id == peer_id and one.removed is None), None)
        if verdict == "used":
            if issued.used_by == peer_id and known is not None and known.code == issued.digest:
                return known
            self._note_wrong(peer_id, clock)
            raise Forbidden("that code was used already: each is for one device", hint=_NEW)
        if verdict == "expired":
            raise Forbidden(f"that code has expired: it was good for {VALID / 60:g} minutes", hint=_NEW)
        try:
            return self._store.admit(peer_id, issued.name or join.name or "device", issued.digest, now)
        except Conflict as error:
            raise Forbidden(error.message, hint=error.hint) from error

    def _check_pace(self, peer_id: str, clock: float) -> None:
        for peer in [peer for peer, times in self._wrong.items() if times[-1] <= clock - WITHIN]:
            del self._wrong[peer]
        of_one = sum(at > clock - WITHIN for at in self._wrong.get(peer_id, ()))
        of_all = sum(at > clock - WITHIN for times in self._wrong.values() for at in times)
        if of_one >= WRONG_OF_ONE or of_all >= WRONG_OF_ALL:
            raise Unavailable("too many wrong codes were tried here", hint=f"try again in {WITHIN / 60:g} minutes")

    def _note_wrong(self, peer_id: str, clock: float) -> None:
        times = self._wrong.setdefault(peer_id, [])
        times.append(clock)
        self._wrong.move_to_end(peer_id)
        while len(self._wrong) > MOST_GUESSERS:
            self._wrong.popitem(last=False)
