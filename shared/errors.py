"""Everything that can go wrong outside this code. The class says what helps.

Problem
├── Rejected                    nothing: this item will never be accepted. Counted by ``reason``; the POST gets a 202
│   ├── Malformed                   it is not what Graph sends (a whole body: 400)
│   │   └── TooLarge                    it is larger than anything Graph is known to send (a whole body: 413)
│   ├── InvalidClientState          the client state is missing, wrong, or belongs to another tenant
│   ├── InvalidValidationToken      a validation token is missing or invalid
│   ├── UnknownCertificate          it was encrypted for a certificate that the vault does not have
│   └── Undecryptable               it was tampered with, or encrypted in another way than Graph's
├── Unavailable                 a retry: another system did not answer in time (a POST: parked, else 503)
├── Misconfigured               an operator: a setting, role or file is wrong (a POST: parked, else 503)
├── NotFound                    it depends: the thing with this id or path does not exist (404)
└── Conflict                    a retry: it already exists, or somebody else changed it first (409, 412)
"""

from datetime import timedelta
from typing import ClassVar


class Problem(Exception):
    """The base class, never raised itself. Its text may be logged: no content, token, key or client state."""


class Rejected(Problem):
    """An item that is refused for good: a retry would be refused again."""

    reason: ClassVar[str]


class Malformed(Rejected):
    """Not the JSON that Graph documents."""

    reason = "malformed"


class TooLarge(Malformed):
    """A body that exceeds this app's limit."""


class InvalidClientState(Rejected):
    """A client state that this app did not create for this tenant."""

    reason = "client-state"


class InvalidValidationToken(Rejected):
    """Resource data without a valid validation token for its tenant."""

    reason = "validation-token"


class UnknownCertificate(Rejected):
    """The vault has no such version of the encryption certificate."""

    reason = "unknown-certificate"


class Undecryptable(Rejected):
    """The only failure of decryption: saying which step failed would help an attacker."""

    reason = "undecryptable"


class Unavailable(Problem):
    """Another system did not answer, or not in time, or not as documented; a retry may succeed.

    ``retry_after`` is how long that system asked the caller to wait, or None.
    """

    def __init__(self, text: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Misconfigured(Problem):
    """A setting, role or file is wrong; the text says what the operator has to change."""


class NotFound(Problem):
    """The requested thing does not exist (404)."""


class Conflict(Problem):
    """What was to be created already exists, or what was to be changed has changed since it was read (409, 412)."""
