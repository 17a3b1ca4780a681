"""The errors of this app. The class says what helps.

Problem
├── Rejected                    nothing: a retry would fail again. An item that is authentic goes to the quarantine
│   ├── Malformed                   it is not what Graph sends (a whole body: 400)
│   │   └── TooLarge                    it exceeds this app's limit (a whole body: 413)
│   ├── InvalidValidationToken      its resource data comes without a valid validation token
│   ├── Undecryptable               it cannot be decrypted (which step failed is secret: it helps attackers)
│   ├── Refused                     Graph refuses this one resource for good (400, 402, 410, 423, some 403)
│   └── Expired                     it came, or waited, too long after its subscription or its retries had ended
├── Pending                     a later retry. An item that is authentic is parked
│   ├── Unavailable                 another system did not answer, or not in time
│   │   └── NotSignedIn                 there is no token for it: a login, or the identity's endpoint, is missing
│   ├── Misconfigured               an operator has to correct a setting, role or file
│   ├── TenantNotServed             its tenant is not in TENANT_IDS
│   ├── UnknownCertificate          the vault does not have the certificate that it was encrypted for
│   ├── NotFoundYet                 Graph does not show yet what was created a moment ago
│   └── EndpointProbe               nothing is wrong: the app calls its own URL, to see that items can be parked
├── NotFound                    it depends: the requested item does not exist (404)
└── Conflict                    a retry: it already exists, or another process changed it first (409, 412)
"""

from datetime import timedelta
from typing import ClassVar


class Problem(Exception):
    """The base class. Its text may be logged, so it contains no content, token, key or client state.

    It is one line of printable text, even where it repeats another system's words: these may contain line breaks, which
    would look like entries of the log, escape sequences of a terminal, or characters that a table does not take.
    """

    def __init__(self, text: str = "") -> None:
        if not text.isprintable():
            text = "".join(character if character.isprintable() else " " for character in text)
        super().__init__(text)


class Rejected(Problem):
    """An item that this app will never accept; ``reason`` is its name in counts and in the quarantine."""

    reason: ClassVar[str]


class Malformed(Rejected):
    """A body or an item that is not the JSON that Graph documents."""

    reason = "malformed"


class TooLarge(Malformed):
    """A body that exceeds this app's limit."""


class InvalidValidationToken(Rejected):
    """Resource data without a valid validation token of its tenant."""

    reason = "validation-token"


class Undecryptable(Rejected):
    """Encrypted content that cannot be decrypted, whichever step failed."""

    reason = "undecryptable"


class Refused(Rejected):
    """A resource that Graph refuses to return for good, whatever the app's permissions are."""

    reason = "refused"


class Expired(Rejected):
    """An item that arrived long after its subscription had expired, or that waited too long for a retry to succeed."""

    reason = "expired"


class Pending(Problem):
    """An authentic item that may be published later; ``reason`` is its name in counts and in the container parked."""

    reason: ClassVar[str]


class Unavailable(Pending):
    """A system that did not answer in time and as documented; ``retry_after`` is the pause it asked for, or None."""

    reason = "unavailable"

    def __init__(self, text: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class NotSignedIn(Unavailable):
    """No token for a system; in Azure the identity's endpoint may be out of order, on a laptop nobody is signed in."""


class Misconfigured(Pending):
    """A wrong setting, role or file; the text says what the operator has to change."""

    reason = "misconfigured"


class NewerRows(Misconfigured):
    """Rows that a newer version of the app has written, which this one would read wrongly."""


class TenantNotServed(Pending):
    """An authentic item of a tenant that is not in TENANT_IDS."""

    reason = "tenant-not-served"


class UnknownCertificate(Pending):
    """A version of the encryption certificate that the vault does not have."""

    reason = "certificate-unknown"


class NotFoundYet(Pending):
    """A resource that was created a moment ago, and that Graph does not show yet."""

    reason = "not-found-yet"


class EndpointProbe(Pending):
    """The app's own call of its URL."""

    reason = "probe"


class NotFound(Problem):
    """A requested item that does not exist (404)."""


class Conflict(Problem):
    """An item to create that already exists, or an item to change that has changed since it was read (409, 412)."""
