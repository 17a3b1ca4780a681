"""The public keys with which Microsoft Entra ID signs tokens, by key id.

Source: https://learn.microsoft.com/entra/identity-platform/signing-key-rollover
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.errors import InvalidValidationToken, Unavailable
from shared.notifications.validation_tokens import SigningKey
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

# Entra ID publishes a key well before it uses it; Microsoft recommends checking once a day.
_MAX_AGE_SECONDS = 24 * 3600.0

# Made-up key ids must not make this app call Entra ID for every POST. Only a miss starts the pause, so that a newly
# published key is found at once.
_COOLDOWN_SECONDS = 60.0

_FETCH_TIMEOUT_SECONDS = 2.0


class SigningKeys:
    """The keys of all tenants, and those of an app that has signing keys of its own (claims mapping, SAML).

    Source: https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-signature
    """

    def __init__(self, login_url: str, client_id: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        url = f"{login_url}/common/discovery/v2.0/keys"
        self._sets = (_KeySet(url, monotonic), _KeySet(f"{url}?appid={client_id}", monotonic))
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="signing-keys")

    def fetch(self) -> None:
        """Fetch the keys of all tenants, unless they are cached; raise Unavailable if Entra ID does not answer."""
        self._sets[0].fetch()

    def signing_key(self, key_id: str, deadline: Deadline) -> SigningKey:
        """Return the key with the id ``key_id``.

        Raises:
            InvalidValidationToken: Entra ID publishes no such key.
            Unavailable: the key is not cached, and Entra ID does not answer or was asked less than a minute ago.
        """
        cached = next((key for each in self._sets if (key := each.usable(key_id)) is not None), None)
        return cached or deadline.run_on(self._pool, self._fetch, key_id)

    def _fetch(self, key_id: str) -> SigningKey:
        problems: list[InvalidValidationToken | Unavailable] = []
        for each in self._sets:
            try:
                return each.get(key_id)
            except (InvalidValidationToken, Unavailable) as problem:
                problems.append(problem)
        # A set that does not answer may have the key.
        raise next((problem for problem in problems if isinstance(problem, Unavailable)), problems[0])


class _KeySet:
    """A cache of one set of published keys. It is replaced only on success, so an outage never empties it."""

    def __init__(self, url: str, monotonic: Callable[[], float]) -> None:
        # PyJWKClient only fetches: its own cache drops good keys while Entra ID is unreachable.
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_FETCH_TIMEOUT_SECONDS)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys: Mapping[str, SigningKey] = {}
        self._fetched_at: float | None = None
        self._next_try = float("-inf")
        self._last_miss = float("-inf")

    def usable(self, key_id: str) -> SigningKey | None:
        """Return a cached key that needs no refresh: the cache is fresh, or a refresh was tried a moment ago."""
        return self._keys.get(key_id) if self._is_usable() else None

    def _is_usable(self) -> bool:
        return self._age() < _MAX_AGE_SECONDS or self._monotonic() < self._next_try

    def _age(self) -> float:
        fetched_at = self._fetched_at
        return float("inf") if fetched_at is None else self._monotonic() - fetched_at

    def fetch(self) -> None:
        """Fetch the keys unless they are cached. This is no miss: the next unknown key is looked for at once."""
        with self._lock:
            if not self._is_usable():
                self._refresh(None)

    def get(self, key_id: str) -> SigningKey:
        """Return a key, after a refresh if it is unknown; raises what ``SigningKeys.signing_key`` raises."""
        with self._lock:
            cached = self._keys.get(key_id)
            if cached is None and self._monotonic() - self._last_miss < _COOLDOWN_SECONDS:
                raise Unavailable("an unknown signing key, and Entra ID was asked less than a minute ago")
            if cached is None or not self._is_usable():
                self._refresh(cached)
            key = self._keys.get(key_id)
            if key is None:
                self._last_miss = self._monotonic()
                raise InvalidValidationToken("a signing key that Entra ID does not publish")
            return key

    def _refresh(self, cached: SigningKey | None) -> None:
        # Set before the call, so that other POSTs with a cached key do not wait while Entra ID hangs.
        self._next_try = self._monotonic() + _COOLDOWN_SECONDS
        try:
            self._keys = parse_jwks(self._client.fetch_data())
        # PyJWT does not translate what the socket and the JSON parser raise in the middle of a response.
        except (jwt.PyJWTError, OSError, ValueError, RecursionError) as exc:
            if cached is None:
                raise Unavailable(f"Entra ID's signing keys cannot be fetched: {type(exc).__name__}") from exc
            _LOG.warning("cannot refresh Entra ID's signing keys, using the cached ones: %s", type(exc).__name__)
        else:
            self._fetched_at = self._monotonic()


def parse_jwks(document: Mapping[str, Any]) -> Mapping[str, SigningKey]:
    """Return the RSA signing keys of a JWK set by key id; a set without any is treated as an error.

    Raises:
        jwt.PyJWTError: not a JWK set, or without a usable key.
    """
    published = {key.key_id: key.key for key in jwt.PyJWKSet.from_dict(dict(document)).keys}
    issuers = {entry.get("kid"): entry.get("issuer") for entry in document["keys"] if isinstance(entry, dict)}
    usable = {
        key_id: SigningKey(public_key=key, issuer=issuer)
        for key_id, key in published.items()
        if key_id is not None
        and isinstance(key, RSAPublicKey)
        and isinstance(issuer := issuers.get(key_id), str | None)
    }
    if not usable:
        raise jwt.PyJWKSetError("no RSA key in the set")
    return usable
