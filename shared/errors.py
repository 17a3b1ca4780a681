"""The errors of this app. The class says what helps.

Problem
├── Rejected                    nothing: a retry would fail again. Counted by ``reason``; the POST gets a 202
│   ├── Malformed                   it is not what Graph sends (a whole body: 400)
│   │   └── TooLarge                    it exceeds this app's limit (a whole body: 413)
│   ├── InvalidClientState          its client state is missing, or this app did not sign it for its tenant
│   ├── InvalidValidationToken      its resource data comes without a valid validation token
│   ├── UnknownCertificate          the vault does not have the certificate that it was encrypted for
│   └── Undecryptable               it cannot be decrypted (which step failed is secret: it helps attackers)
├── Unavailable                 a retry: another system did not answer, or not in time (a POST: parked, else 503)
├── Misconfigured               an operator: a setting, role or file is wrong (a POST: parked, else 503)
├── NotFound                    it depends: the requested item does not exist (404)
└── Conflict                    a retry: it already exists, or another process changed it first (409, 412)
"""

from datetime import timedelta
from typing import ClassVar


class Problem(Exception):
    """The base class. Its text may be logged, so it contains no content, token, key or client state."""


class Rejected(Problem):
    """An item that this app will never accept."""

    reason: ClassVar[str]


class Malformed(Rejected):
    """A body or an item that is not the JSON that Graph documents."""

    reason = "malformed"


class TooLarge(Malformed):
    """A body that exceeds this app's limit."""


class InvalidClientState(Rejected):
    """A client state that this app did not sign for the item's tenant."""

    reason = "client-state"


class InvalidValidationToken(Rejected):
    """Resource data without a valid validation token of its tenant."""

    reason = "validation-token"


class UnknownCertificate(Rejected):
    """A version of the encryption certificate that the vault does not have."""

    reason = "unknown-certificate"


class Undecryptable(Rejected):
    """Encrypted content that cannot be decrypted, whichever step failed."""

    reason = "undecryptable"


class Unavailable(Problem):
    """A system that did not answer in time and as documented; ``retry_after`` is the pause it asked for, or None."""

    def __init__(self, text: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Misconfigured(Problem):
    """A wrong setting, role or file; the text says what the operator has to change."""


class NotFound(Problem):
    """A requested item that does not exist (404)."""


class Conflict(Problem):
    """An item to create that already exists, or an item to change that has changed since it was read (409, 412)."""
