"""What receiving needs from outside: values, and ports for the systems around the app."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.authenticity import Authentic, SigningKey, ValidationTokens
from shared.decryption import Content
from shared.errors import NotFound
from shared.events import CloudEvent
from shared.kept import Kept
from shared.limits import ConcurrencyLimiter
from shared.locations import Location
from shared.settings import ClientStateKey
from shared.timing import Deadline

type Keep = Callable[[bytes, Kept, Deadline], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What receiving needs from outside, each port a call that ends by the deadline it is given.

    ``hear`` notes what is told of the subscriptions themselves, or raises Unavailable; ``signing_key`` and
    ``private_key`` raise Unavailable when a key cannot be had now, and InvalidValidationToken or UnknownCertificate
    when there is none; ``fetch`` reads resources as their tenant's app, all of them or it raises Unavailable or
    Misconfigured; ``publish`` returns once every event is kept, or raises Unavailable. ``quarantine`` keeps what is
    refused for good, ``park`` what cannot be worked on now, or raises Unavailable; None: such is told to the caller,
    and not kept. ``turns``: for the POSTs that may be worked on at once.
    """

    client_id: str
    tenant_ids: tuple[str, ...]
    client_state_keys: tuple[ClientStateKey, ...]
    validation_tokens: ValidationTokens
    hear: Callable[[Sequence[Authentic], datetime, Deadline], None]
    signing_key: Callable[[str, Deadline], SigningKey]
    private_key: Callable[[str, Deadline], RSAPrivateKey]
    fetch: Callable[[Collection[Location], Deadline], Mapping[Location, Content | NotFound]]
    publish: Callable[[Sequence[CloudEvent], Deadline], object]
    quarantine: Keep | None
    park: Keep | None
    turns: ConcurrencyLimiter
