"""The signing keys, read with PyJWT's own client from an Entra ID that comes and goes."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.serving import Fault
from shared.errors import InvalidValidationToken, Unavailable
from shared.identity.signing_keys import SigningKeys
from tests.fakes.clocks import Hands
from tests.fakes.identity_services import IdentityServices, fault, hanging
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, in_time, within
from tests.integration.identity.outages import OUTAGES, Outage
from tests.sender import CLIENT_ID

pytestmark = pytest.mark.slow

KEYS = "/common/discovery/v2.0/keys"
DAY = 24 * 3600.0
COOLDOWN = 60.0
NOT_KEY_SETS = {
    "nothing": b"",
    "not JSON": b"<html>Service Unavailable</html>",
    "not UTF-8": b"\xff\xfe",
    "cut off": b'{"keys": [{"kty": "RSA", "kid": "a", "n": "',
    "null": b"null",
    "a list": b"[]",
    "an empty object": b"{}",
    "no keys": b'{"keys": []}',
    "keys null": b'{"keys": null}',
    "keys that are no objects": b'{"keys": [null, 1, "x"]}',
    "a key without a modulus": b'{"keys": [{"kty": "RSA", "kid": "a"}]}',
    "a modulus that is a number": b'{"keys": [{"kty": "RSA", "kid": "a", "n": 7, "e": "AQAB"}]}',
    "no RSA key": b'{"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}',
    "nested beyond measure": b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.fixture
def keys(outside: IdentityServices, hands: Hands) -> SigningKeys:
    return SigningKeys(outside.login.url, CLIENT_ID, monotonic=hands)


def _fetches(outside: IdentityServices) -> int:
    return sum(request.path_qs == KEYS for request in outside.login.requests)


def _serves(outside: IdentityServices, keys: SigningKeys) -> bool:
    key = keys.signing_key(outside.entra.kid, in_time())
    return key.public_key == outside.entra.signing_key.public_key()


def test_signing_key_is_fetched_once_for_all_posts(outside: IdentityServices, keys: SigningKeys, hands: Hands) -> None:
    """Peers' hole 4: metadata and signing keys fetched on every call."""
    for _ in range(3):
        assert _serves(outside, keys)
        hands.at += DAY / 4
    assert _fetches(outside) == 1


def test_simultaneous_posts_fetch_a_signing_key_once(outside: IdentityServices, keys: SigningKeys) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: keys.signing_key(outside.entra.kid, in_time()), range(8)))
    assert all(key.public_key == outside.entra.signing_key.public_key() for key in found)
    assert _fetches(outside) == 1


def test_signing_key_names_the_tenants_it_may_sign_for(outside: IdentityServices, keys: SigningKeys) -> None:
    key = keys.signing_key(outside.entra.kid, in_time())
    assert key.issuer == "https://login.microsoftonline.com/{tenantid}/v2.0"


def test_signing_keys_are_fetched_again_after_a_day(outside: IdentityServices, keys: SigningKeys, hands: Hands) -> None:
    kid = outside.entra.kid
    keys.signing_key(kid, in_time())
    outside.entra.rotate_signing_key(retire_old=True)
    hands.at += DAY
    with pytest.raises(InvalidValidationToken):
        keys.signing_key(kid, in_time())


@pytest.mark.parametrize("age", [0, DAY - 1, DAY + 1, 30 * DAY])
def test_known_keys_of_any_age_serve_through_an_outage(
    outside: IdentityServices, keys: SigningKeys, hands: Hands, age: float
) -> None:
    known = keys.signing_key(outside.entra.kid, in_time())
    hands.at += age
    with outside.down(outside.login):
        for _ in range(2):
            assert keys.signing_key(outside.entra.kid, in_time()) == known


def test_known_keys_serve_simultaneous_posts_while_entra_hangs(
    outside: IdentityServices, keys: SigningKeys, hands: Hands
) -> None:
    known = keys.signing_key(outside.entra.kid, in_time())
    hands.at += DAY + 1
    with fault(outside.login, hanging(KEYS)), ThreadPoolExecutor(8) as pool, within(BUSY_MACHINE_SECONDS):
        found = list(pool.map(lambda _: keys.signing_key(outside.entra.kid, in_time()), range(16)))
    assert found == [known] * 16


@pytest.mark.parametrize("body", NOT_KEY_SETS.values(), ids=NOT_KEY_SETS)
def test_response_that_is_no_key_set_is_unavailable(outside: IdentityServices, keys: SigningKeys, body: bytes) -> None:
    with fault(outside.login, Fault(path=KEYS, status=200, body=body)), pytest.raises(Unavailable):
        keys.signing_key(outside.entra.kid, in_time())
    assert _serves(outside, keys)


@pytest.mark.parametrize("body", NOT_KEY_SETS.values(), ids=NOT_KEY_SETS)
def test_response_that_is_no_key_set_does_not_replace_known_keys(
    outside: IdentityServices, keys: SigningKeys, hands: Hands, body: bytes
) -> None:
    known = keys.signing_key(outside.entra.kid, in_time())
    hands.at += DAY + 1
    with fault(outside.login, Fault(path=KEYS, status=200, body=body)):
        for _ in range(2):
            assert keys.signing_key(outside.entra.kid, in_time()) == known


@pytest.mark.parametrize("status", [404, 429, 500, 503])
def test_refusal_is_unavailable_and_not_cached(outside: IdentityServices, keys: SigningKeys, status: int) -> None:
    refusal = Fault(path=KEYS, status=status, headers={"Retry-After": "30"})
    with fault(outside.login, refusal), pytest.raises(Unavailable):
        keys.signing_key(outside.entra.kid, in_time())
    assert _serves(outside, keys)


# Both sets of keys hang.
_OUTAGES: Mapping[str, Outage] = {**OUTAGES, "hanging": lambda _, service: fault(service, hanging())}


@pytest.mark.parametrize("outage", _OUTAGES.values(), ids=_OUTAGES)
def test_outage_is_unavailable_by_the_deadline_and_not_cached(
    outside: IdentityServices, keys: SigningKeys, outage: Outage
) -> None:
    with outage(outside, outside.login), within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
        keys.signing_key(outside.entra.kid, in_time())
    assert _serves(outside, keys)


def test_forged_key_ids_cause_one_call_to_entra_a_minute(
    outside: IdentityServices, keys: SigningKeys, hands: Hands
) -> None:
    keys.signing_key(outside.entra.kid, in_time())
    for minute in range(2):
        with pytest.raises(InvalidValidationToken):
            keys.signing_key("forged", in_time())
        for number in range(10):
            with pytest.raises(Unavailable):
                keys.signing_key(f"forged {number}", in_time())
        assert _fetches(outside) == minute + 2
        assert _serves(outside, keys)
        hands.at += COOLDOWN


def test_simultaneous_forged_key_ids_cause_one_call_to_entra(outside: IdentityServices, keys: SigningKeys) -> None:
    keys.signing_key(outside.entra.kid, in_time())
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(keys.signing_key, f"forged {number}", in_time()) for number in range(8)]
    problems = Counter(type(each.exception()) for each in asked)
    # One thread may ask for the common set, and another one for the app's own.
    assert problems in ({InvalidValidationToken: 1, Unavailable: 7}, {Unavailable: 8})
    assert _fetches(outside) == 2


def test_rotated_key_is_found_at_once(outside: IdentityServices, keys: SigningKeys) -> None:
    old = outside.entra.kid
    keys.signing_key(old, in_time())
    for rotations in range(2):
        outside.entra.rotate_signing_key()
        assert _serves(outside, keys)
        assert _fetches(outside) == rotations + 2
    assert keys.signing_key(old, in_time()).public_key != outside.entra.signing_key.public_key()


def test_rotated_key_is_found_among_forged_ids_after_the_cooldown(
    outside: IdentityServices, keys: SigningKeys, hands: Hands
) -> None:
    with pytest.raises(InvalidValidationToken):
        keys.signing_key("forged", in_time())
    new = outside.entra.rotate_signing_key()
    with pytest.raises(Unavailable):
        keys.signing_key(new, in_time())
    hands.at += COOLDOWN
    with pytest.raises(InvalidValidationToken):
        keys.signing_key("forged", in_time())
    assert keys.signing_key(new, in_time()).public_key == outside.entra.signing_key.public_key()
    assert _fetches(outside) == 2


def test_keys_that_were_fetched_before_are_not_fetched_by_a_post(outside: IdentityServices, keys: SigningKeys) -> None:
    for _ in range(2):
        keys.fetch()
    assert _serves(outside, keys)
    assert _fetches(outside) == 1


def test_fetch_is_no_miss_so_that_the_next_new_key_is_found(outside: IdentityServices, keys: SigningKeys) -> None:
    keys.fetch()
    outside.entra.rotate_signing_key()
    assert _serves(outside, keys)


def test_fetch_that_fails_leaves_the_post_to_try_again(outside: IdentityServices, keys: SigningKeys) -> None:
    with fault(outside.login, Fault(status=503, path=KEYS)), pytest.raises(Unavailable, match="cannot be fetched"):
        keys.fetch()
    assert _serves(outside, keys)
