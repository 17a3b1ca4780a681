"""Refresh tokens: given with each sign-in and each refresh, until the user's sessions are revoked or lie idle.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.entra.directory import Account
from sandbox.entra.refused import Refused
from sandbox.entra.scopes import Scopes

_IDLE = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one refresh token stands for."""

    account: Account
    client_id: str
    scopes: Scopes
    issued_at: datetime
    value: str = field(default_factory=lambda: f"1.{secrets.token_urlsafe(96)}", repr=False)


class Sessions:
    """The refresh tokens of all users. Each use gives a fresh one; the one before stays good until its own time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._revoked: set[str] = set()
        self._challenged: set[str] = set()

    def open(self, account: Account, client_id: str, scopes: Scopes) -> str:
        """Return a fresh refresh token."""
        session = Session(account=account, client_id=client_id, scopes=scopes, issued_at=self._clock.now())
        self._sessions[session.value] = session
        return session.value

    def signed_in(self, account: Account) -> None:
        """Record that a user has signed in, with the second factor if one was asked for."""
        self._challenged.discard(account.object_id)

    def revoke(self, object_id: str) -> None:
        """End a user's sessions: refresh tokens are refused, access tokens stay valid until they expire.

        Source: https://learn.microsoft.com/en-us/graph/api/user-revokesigninsessions
        """
        self._revoked |= {value for value, session in self._sessions.items() if session.account.object_id == object_id}

    def challenge(self, object_id: str) -> None:
        """Ask for a second factor at the user's next refresh, which takes a new sign-in."""
        self._challenged.add(object_id)

    def find(self, value: str, client_id: str) -> Session:
        """Return what a refresh token stands for.

        Raises:
            Refused: AADSTS9002313 no such token, 70000 another client's, 700082 idle for 90 days, 50173 revoked,
                50076 (interaction_required) the user has to show more.
        """
        session = self._sessions.get(value)
        if session is None:
            raise _ended(9002313, "Invalid request. Request is malformed or invalid.")
        if session.client_id != client_id:
            raise _ended(70000, "Provided grant is invalid or malformed.", suberror="client_mismatch")
        if value in self._revoked:
            raise _ended(50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed.")
        if session.issued_at + _IDLE <= self._clock.now():
            raise _ended(700082, "The refresh token has expired due to inactivity.")
        if session.account.object_id in self._challenged:
            described = "You must use multi-factor authentication to access '00000003-0000-0000-c000-000000000000'."
            raise Refused(error="interaction_required", code=50076, description=described, suberror="basic_action")
        return session


def _ended(code: int, description: str, *, suberror: str = "bad_token") -> Refused:
    return Refused(error="invalid_grant", code=code, description=description, suberror=suberror)
