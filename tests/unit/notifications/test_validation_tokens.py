"""Validation tokens.

Guards, each with the test that fails without it (``python -m tests.guards`` removes them in turn): length and alphabet,
key id, algorithm and signature, audience, required claims, tenant, issuer, caller, the signing key's own issuer, times.
"""

import base64
import dataclasses
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clouds import CLOUDS
from shared.errors import InvalidValidationToken, Unavailable
from shared.identity.signing_keys import parse_jwks
from shared.notifications.validation_tokens import CLOCK_SKEW, ExpectedToken, SigningKey, ValidationTokens, verify
from tests.fakes.calls import raising
from tests.fakes.graph_sender import AUDIENCE, graph, now, published_key
from tests.hostile.tokens import BAD_TOKENS, V2, claims_of, signed
from tests.sender import CLIENT_ID, OTHER_TENANT, STRANGER, TENANT

GENUINE = Path(__file__).parents[4] / "shared" / "vectors" / "entra-validation-token-2019"


def _tenants(*tokens: str, received_at: datetime | None = None) -> frozenset[str]:
    verifier = ValidationTokens(AUDIENCE)
    return verifier.verify_all(tokens, received_at=received_at or now(), signing_key=published_key)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_token_of_either_version_vouches_for_its_tenant(version: str) -> None:
    """Peers' hole 3: only one of the two issuers accepted. Hole 2: version 1 raises because only ``azp`` is read."""
    assert _tenants(graph().token(version)) == {TENANT}


def test_each_token_vouches_for_its_own_tenant() -> None:
    assert _tenants(graph().token(), graph().token(tenant_id=OTHER_TENANT)) == {TENANT, OTHER_TENANT}


def test_empty_token_list_vouches_for_no_tenant() -> None:
    assert _tenants() == frozenset()


def test_one_bad_token_among_good_ones_makes_all_suspicious() -> None:
    with pytest.raises(InvalidValidationToken):
        _tenants(graph().token(), "", graph().token(tenant_id=OTHER_TENANT))


def test_a_token_of_a_key_that_entra_id_does_not_publish_is_refused() -> None:
    with pytest.raises(InvalidValidationToken):
        _tenants(signed(graph(), claims_of(graph()), kid="unknown"))


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_is_refused(name: str) -> None:
    """Peers' holes 2 and 3: any application as the caller; the issuer tested with "contains" or "ends with"."""
    with pytest.raises(InvalidValidationToken):
        _tenants(BAD_TOKENS[name](graph()))


def test_a_token_is_good_within_five_minutes_of_its_times_and_not_beyond() -> None:
    claims = claims_of(graph())
    good, skew = signed(graph(), claims), CLOCK_SKEW
    begin, end = (datetime.fromtimestamp(claims[name], UTC) for name in ("nbf", "exp"))
    second = timedelta(seconds=1)
    for moment in (begin - skew, end + skew - second):
        assert _tenants(good, received_at=moment) == {TENANT}
    for moment in (begin - skew - second, end + skew):
        with pytest.raises(InvalidValidationToken):
            _tenants(good, received_at=moment)


def test_a_token_verified_before_is_judged_by_the_moment_of_each_post() -> None:
    verifier, good = ValidationTokens(AUDIENCE), graph().token()
    assert verifier.verify_all([good], received_at=now(), signing_key=published_key)
    with pytest.raises(InvalidValidationToken):
        verifier.verify_all([good], received_at=now() + timedelta(days=2), signing_key=published_key)


def test_a_verified_token_costs_no_second_look_at_the_keys() -> None:
    """Peers' hole 4: metadata and signing keys fetched on every call."""
    asked: list[str] = []

    def signing_key(key_id: str) -> SigningKey:
        asked.append(key_id)
        return published_key(key_id)

    verifier, good = ValidationTokens(AUDIENCE), graph().token()
    for _ in range(3):
        verifier.verify_all([good], received_at=now(), signing_key=signing_key)
    assert asked == [graph().entra.kid]


def test_a_token_that_names_no_key_asks_for_none() -> None:
    asked: list[str] = []

    def signing_key(key_id: str) -> SigningKey:
        asked.append(key_id)
        return SigningKey(public_key=graph().entra.signing_key.public_key(), issuer=None)

    for name in ("no kid", "kid is a number", "a lone surrogate", "good, but larger than any genuine one"):
        with pytest.raises(InvalidValidationToken):
            verify(BAD_TOKENS[name](graph()), expected=AUDIENCE, signing_key=signing_key)
    assert asked == []


@pytest.mark.parametrize("days", [-30, 30])
def test_only_the_moment_of_receipt_counts_and_never_the_wall_clock(days: int) -> None:
    """The wall clock is in PyJWT's hands, the moment of receipt in the caller's; a parked POST is judged late."""
    moment = now() + timedelta(days=days)
    begin, end = (int((moment + timedelta(hours=hours)).timestamp()) for hours in (-1, 1))
    assert _tenants(graph().token(iat=begin, nbf=begin, exp=end), received_at=moment) == {TENANT}


_NASTY: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([[], [TENANT], {}])
)
_CLAIM_NAMES = ["iss", "aud", "tid", "exp", "nbf", "iat", "sub", "jti", "appid", "azp"]
_HEADER_NAMES = ["typ", "crit", "b64", "x5c", "jku"]


@pytest.fixture(scope="module", autouse=True)
def _keys() -> None:
    """Make the keys beforehand, which takes longer than Hypothesis allows for an example."""
    graph()


@pytest.mark.slow
@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from(_CLAIM_NAMES), _NASTY), st.dictionaries(st.sampled_from(_HEADER_NAMES), _NASTY))
def test_any_signed_token_is_either_good_or_suspicious(claims: dict[str, Any], headers: dict[str, Any]) -> None:
    token = _segments({"alg": "RS256", "kid": graph().entra.kid} | headers, claims_of(graph()) | claims)
    with suppress(InvalidValidationToken):
        _tenants(token)


@given(st.text() | st.text("abcXYZ012_-.", max_size=60))
def test_any_text_is_suspicious(token: str) -> None:
    with pytest.raises(InvalidValidationToken):
        _tenants(token)


def _segments(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Return a token with any header, as Entra ID would sign it; PyJWT refuses to make some of them."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = graph().entra.signing_key.sign(b".".join(parts), PKCS1v15(), SHA256())
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_a_key_published_without_an_issuer_signs_for_every_tenant() -> None:
    def key_without_issuer(key_id: str) -> SigningKey:
        return SigningKey(public_key=published_key(key_id).public_key, issuer=None)

    assert verify(graph().token(), expected=AUDIENCE, signing_key=key_without_issuer).tenant_id == TENANT


def test_a_failure_is_not_remembered() -> None:
    verifier, good = ValidationTokens(AUDIENCE), graph().token()
    with pytest.raises(Unavailable):
        verifier.verify_all([good], received_at=now(), signing_key=raising(Unavailable("Entra ID does not answer")))
    assert verifier.verify_all([good], received_at=now(), signing_key=published_key) == {TENANT}


@pytest.mark.slow
def test_memory_for_verified_tokens_is_bounded() -> None:
    verifier = ValidationTokens(AUDIENCE)
    for number in range(300):
        verifier.verify_all([graph().token(uti=str(number))], received_at=now(), signing_key=published_key)
    assert len(verifier._cache) <= 256


def test_a_key_published_for_one_tenant_signs_for_no_other() -> None:
    def key_of_another_tenant(key_id: str) -> SigningKey:
        return SigningKey(public_key=published_key(key_id).public_key, issuer=V2.format(OTHER_TENANT))

    with pytest.raises(InvalidValidationToken):
        verify(graph().token(), expected=AUDIENCE, signing_key=key_of_another_tenant)


def test_a_cloud_may_have_another_application_that_tracks_changes() -> None:
    audience = dataclasses.replace(AUDIENCE, caller_id=STRANGER)
    assert verify(graph().token(azp=STRANGER), expected=audience, signing_key=published_key).tenant_id == TENANT
    with pytest.raises(InvalidValidationToken):
        verify(graph().token(), expected=audience, signing_key=published_key)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_cloud_has_its_own_issuers(cloud: str) -> None:
    audience = ExpectedToken(client_id=CLIENT_ID, tenant_ids=(TENANT,), cloud=CLOUDS[cloud])
    for version, issuer in (("1.0", CLOUDS[cloud].issuer_v1), ("2.0", CLOUDS[cloud].issuer_v2)):
        good = graph().token(version, iss=issuer.format(tid=TENANT))

        def signing_key(key_id: str) -> SigningKey:
            template = CLOUDS[cloud].issuer_v2.replace("{tid}", "{tenantid}")
            return SigningKey(public_key=published_key(key_id).public_key, issuer=template)

        assert verify(good, expected=audience, signing_key=signing_key).tenant_id == TENANT


@pytest.mark.skipif(not GENUINE.exists(), reason="the genuine token is not at hand")
def test_a_genuine_token_is_accepted_as_received_in_2019_and_refused_today() -> None:
    genuine = (GENUINE / "validationToken.jwt").read_text().strip()
    keys = parse_jwks(json.loads((GENUINE / "jwks.json").read_text()))
    expected = json.loads((GENUINE / "expected_claims.json").read_text())
    audience = ExpectedToken(client_id=expected["aud"], tenant_ids=(expected["tid"],), cloud=CLOUDS["global"])
    verifier = ValidationTokens(audience)
    at_the_time = datetime(2019, 8, 6, tzinfo=UTC)
    tenants = verifier.verify_all([genuine], received_at=at_the_time, signing_key=keys.__getitem__)
    assert tenants == {expected["tid"]}
    with pytest.raises(InvalidValidationToken):
        verifier.verify_all([genuine], received_at=now(), signing_key=keys.__getitem__)
