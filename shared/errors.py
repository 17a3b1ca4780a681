"""Everything that can go wrong, split by the one question that matters to Graph (would a retry help).

Problem
├── Rejected             no: set aside for good, counted by ``reason``, and the POST answered 202
│   ├── Malformed            not what Graph sends (the whole body: 400)
│   ├── TooLarge             more than Graph is known to send (the whole body: 413)
│   ├── InvalidClientState          client state wrong, missing or of another tenant
│   ├── InvalidValidationToken              validation tokens missing, or one of them bad
│   ├── UnknownCertificate   encrypted to a certificate that the vault does not have
│   └── Undecryptable        tampered with, or encrypted in another way than Graph's
├── Unavailable          yes: something outside cannot be had in time (503, Graph sends it again)
└── Misconfigured        once an operator has acted (503, or a failed timer run)
    ├── NotFound              what was asked for by its id or path is not there, or there no longer
    └── Conflict             what was to be made exists, or what was to be changed has been changed in between
"""

from datetime import timedelta
from typing import ClassVar


class Problem(Exception):
    """The top, never raised itself. The text may be logged: no content, token, key or client state in it."""


class Rejected(Problem):
    """Refused for good; a retry would be refused again."""

    reason: ClassVar[str]


class Malformed(Rejected):
    """Not the JSON that Graph documents."""

    reason = "malformed"


class TooLarge(Malformed):
    """A body over the limit of this app."""


class InvalidClientState(Rejected):
    """The client state was not made by this app for this tenant."""

    reason = "client-state"


class InvalidValidationToken(Rejected):
    """Resource data without a valid validation token of its tenant."""

    reason = "validation-token"


class UnknownCertificate(Rejected):
    """No such version of the encryption certificate."""

    reason = "unknown-certificate"


class Undecryptable(Rejected):
    """One failure for all of decryption: what exactly failed would help only an attacker."""

    reason = "undecryptable"


class Unavailable(Problem):
    """A system outside did not answer, not in time, or not as it should; the same call may go through later.

    ``retry_after`` is how long it asked to be left alone, or None.
    """

    def __init__(self, text: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Misconfigured(Problem):
    """A setting, role or file is wrong; the text tells the operator what to change."""


class NotFound(Misconfigured):
    """There is no such thing at the system that was asked (404); most callers know what to do about it."""


class Conflict(Misconfigured):
    """Another one was there first (409, 412); most callers know what to do about it."""
