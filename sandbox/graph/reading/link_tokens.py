"""What is in the token of a link to the next page? A place in the list, for one request, for a limited time.

Sources: https://learn.microsoft.com/en-us/graph/paging, https://learn.microsoft.com/en-us/graph/delta-query-overview
"""

import json
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from sandbox.clock import Clock
from sandbox.graph.errors import Refused

# Not stated for Teams; this is the shortest that is stated for anything.
_DELTA_LIFETIME = timedelta(days=7)


class Paging:
    """How this Graph cuts its lists: opaque tokens, and changes that are forgotten after a while.

    ``hollow`` puts an empty page before each page, which a client has to get over; ``most`` makes pages smaller than
    was asked for.
    """

    def __init__(self, clock: Clock) -> None:
        self.hollow = False
        self.most: int | None = None
        self.delta_lifetime = _DELTA_LIFETIME
        self._clock = clock
        self._fernet = Fernet(Fernet.generate_key())
        self._generation = 0

    def reset(self) -> None:
        """Forget all changes, as the service does when a tenant moves: every client has to start again."""
        self._generation += 1

    def size(self, asked: int) -> int:
        """Return how many items go on a page."""
        return asked if self.most is None else min(asked, self.most)

    def now(self) -> datetime:
        """Return the time."""
        return self._clock.now()

    def seal(self, state: dict[str, Any]) -> str:
        """Return a token that only this Graph can read."""
        stamped = state | {"at": self._clock.now().isoformat(), "generation": self._generation}
        return self._fernet.encrypt(json.dumps(stamped).encode()).decode()

    def open(self, token: str, **bound: object) -> dict[str, Any]:
        """Return what is in a token.

        Raises:
            Refused: with 400, Graph has not issued it, or not for what it is ``bound`` to.
        """
        try:
            state: dict[str, Any] = json.loads(self._fernet.decrypt(token.encode()))
        except InvalidToken as exc:
            raise Refused(400, "BadRequest", "The state token is invalid.") from exc
        if any(state.get(name) != value for name, value in bound.items()):
            raise Refused(400, "BadRequest", "The state token was issued for another request.")
        return state

    def check_freshness(self, state: dict[str, Any], *, restart: str) -> None:
        """Look whether the changes since a token was sealed are still known.

        Raises:
            Refused: with 410 and the URL to ``restart`` from, or with 400 for a token that is too old.
        """
        if state["generation"] != self._generation:
            message = "The delta token is no longer valid, and the app must reset the sync state."
            raise Refused(410, "resyncRequired", message, location=restart)
        if self._clock.now() - datetime.fromisoformat(state["at"]) > self.delta_lifetime:
            # Source: https://devblogs.microsoft.com/microsoft365dev/duration-of-change-tracking-tokens-for-identity-and-education-resources/
            message = "The sync state generation is not found. The delta token is expired."
            raise Refused(400, "syncStateNotFound", f"{message} Data must be synchronized again.")
