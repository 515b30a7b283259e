# Made of fogchain/api/aio/auth.py by scripts/sync_clients.py: change that file, then run `make clients`.
"""Signing in with a wallet."""

from __future__ import annotations

from fogchain.api.models import BrowserSession, Challenge, ChallengeRequest, SignInRequest
from fogchain.api.sync.link import Link


class AuthApi(Link):
    def challenge(self, address: str, origin: str) -> Challenge:
        """The message that `address` signs to sign in at the page `origin`."""
        request = ChallengeRequest(address=address, origin=origin)
        return self._post(Challenge, request, "auth", "challenge")

    def open_session(self, message: str, signature: str) -> BrowserSession:
        request = SignInRequest(message=message, signature=signature)
        return self._post(BrowserSession, request, "auth", "session")

    def close_session(self) -> None:
        """Ends the session whose token this client has."""
        self._delete("auth", "session")
