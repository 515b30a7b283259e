"""Signing in with a wallet."""

from __future__ import annotations

from fogchain.api.aio.link import AsyncLink
from fogchain.api.models import BrowserSession, Challenge, ChallengeRequest, SignInRequest


class AsyncAuthApi(AsyncLink):
    async def challenge(self, address: str, origin: str) -> Challenge:
        """The message that `address` signs to sign in at the page `origin`."""
        request = ChallengeRequest(address=address, origin=origin)
        return await self._post(Challenge, request, "auth", "challenge")

    async def open_session(self, message: str, signature: str) -> BrowserSession:
        request = SignInRequest(message=message, signature=signature)
        return await self._post(BrowserSession, request, "auth", "session")

    async def close_session(self) -> None:
        """Ends the session whose token this client has."""
        await self._delete("auth", "session")
