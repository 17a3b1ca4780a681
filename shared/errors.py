"""Everything that can go wrong, split by the one question that matters to Graph (would a retry help).

Problem
├── Rejected             no: set aside for good, counted by ``kind``, and the POST answered 202
│   ├── Malformed            not what Graph sends (the whole body: 400)
│   ├── TooLarge             more than Graph is known to send (the whole body: 413)
│   ├── Unauthentic          client state wrong, missing or of another tenant
│   ├── Suspect              validation tokens missing, or one of them bad
│   ├── UnknownCertificate   encrypted to a certificate that the vault does not have
│   └── Undecryptable        tampered with, or encrypted in another way than Graph's
├── Unavailable          yes: something outside cannot be had in time (503, Graph sends it again)
└── Misconfigured        once an operator has acted (503, or a failed timer run)
"""

from typing import ClassVar


class Problem(Exception):
    """The top, never raised itself. The text may be logged: no content, token, key or client state in it."""


class Rejected(Problem):
    """Refused for good; a retry would be refused again."""

    kind: ClassVar[str]


class Malformed(Rejected):
    """Not the JSON that Graph documents."""

    kind = "malformed"


class TooLarge(Malformed):
    """A body over the limit of this app."""


class Unauthentic(Rejected):
    """The client state was not made by this app for this tenant."""

    kind = "client-state"


class Suspect(Rejected):
    """Resource data without a valid validation token of its tenant."""

    kind = "validation-token"


class UnknownCertificate(Rejected):
    """No such version of the encryption certificate."""

    kind = "unknown-certificate"


class Undecryptable(Rejected):
    """One failure for all of decryption: what exactly failed would help only an attacker."""

    kind = "undecryptable"


class Unavailable(Problem):
    """A system outside did not answer, not in time, or not as it should; the same call may go through later."""


class Misconfigured(Problem):
    """A setting, role or file is wrong; the text tells the operator what to change."""
