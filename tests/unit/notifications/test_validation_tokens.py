"""Validation tokens.

Guards, each with the test that fails without it (``python -m tests.guards`` removes them in turn): length and alphabet,
key id, algorithm and signature, audience, required claims, tenant, issuer, caller, the signing key's own issuer, times.
"""

import base64
import dataclasses
import json
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
from tests.fakes.graph_sender import AUDIENCE, graph, now, published_key
from tests.hostile.tokens import BAD_TOKENS, V2, claims_of, signed
from tests.sender import CLIENT_ID, OTHER_TENANT, STRANGER, TENANT

GENUINE = Path(__file__).parents[4] / "shared" / "vectors" / "entra-validation-token-2019"


def _tenants(*tokens: str, received_at: datetime | None = None) -> frozenset[str]:
    return _judged(ValidationTokens(AUDIENCE), *tokens, received_at=received_at)


def _judged(verifier: ValidationTokens, *tokens: str, received_at: datetime | None = None) -> frozenset[str]:
    vouchers = verifier.judge(tokens, received_at=received_at or now(), signing_key=published_key)
    assert vouchers.problem is None
    return vouchers.tenant_ids


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_token_of_either_version_vouches_for_its_tenant(version: str) -> None:
    """Peers' hole 3: only one of the two issuers accepted. Hole 2: version 1 raises because only ``azp`` is read."""
    assert _tenants(graph().token(version)) == {TENANT}


def test_each_token_vouches_for_its_own_tenant() -> None:
    assert _tenants(graph().token(), graph().token(tenant_id=OTHER_TENANT)) == {TENANT, OTHER_TENANT}


def test_no_token_vouches_for_nobody() -> None:
    assert _tenants() == frozenset()


def test_bad_token_beside_good_ones_harms_none_of_them() -> None:
    foreign, forged = graph().token(audience=STRANGER), signed(graph(), claims_of(graph()), kid="unknown")
    tokens = (graph().token(), "", foreign, forged, graph().token(tenant_id=OTHER_TENANT))
    assert _tenants(*tokens) == {TENANT, OTHER_TENANT}


def test_token_of_a_key_that_entra_id_does_not_publish_vouches_for_nothing() -> None:
    assert _tenants(signed(graph(), claims_of(graph()), kid="unknown")) == frozenset()


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_token_vouches_for_nothing(name: str) -> None:
    """Peers' holes 2 and 3: any application as the caller; the issuer tested with "contains" or "ends with"."""
    assert BAD_TOKENS[name](graph()) != graph().token()
    assert TENANT not in _tenants(BAD_TOKENS[name](graph()))


def test_token_counts_two_hours_early_and_five_minutes_late() -> None:
    """An instance's clock may be slow; Entra ID never signs ahead of time."""
    claims = claims_of(graph())
    good, second = signed(graph(), claims), timedelta(seconds=1)
    begin, end = (datetime.fromtimestamp(claims[name], UTC) for name in ("nbf", "exp"))
    first, last = begin - timedelta(hours=2), end + CLOCK_SKEW - second
    assert [_tenants(good, received_at=moment) for moment in (first, last)] == [{TENANT}, {TENANT}]
    assert not _tenants(good, received_at=first - second) | _tenants(good, received_at=last + second)


def test_token_issued_more_than_two_hours_ahead_does_not_count() -> None:
    claims = claims_of(graph())
    late = int((now() + timedelta(hours=2, minutes=1)).timestamp())
    assert _tenants(signed(graph(), claims | {"iat": late, "exp": late + 3600})) == frozenset()


def test_verified_token_is_judged_by_the_receipt_of_each_post() -> None:
    verifier, good = ValidationTokens(AUDIENCE), graph().token()
    assert _judged(verifier, good) == {TENANT}
    assert _judged(verifier, good, received_at=now() + timedelta(days=2)) == frozenset()


def test_verified_token_costs_no_second_look_at_the_keys() -> None:
    """Peers' hole 4: metadata and signing keys fetched on every call."""
    asked: list[str] = []

    def signing_key(key_id: str) -> SigningKey:
        asked.append(key_id)
        return published_key(key_id)

    verifier, good = ValidationTokens(AUDIENCE), graph().token()
    for _ in range(3):
        verifier.judge([good], received_at=now(), signing_key=signing_key)
    assert asked == [graph().entra.kid]


def test_token_that_names_no_key_asks_for_none() -> None:
    asked: list[str] = []

    def signing_key(key_id: str) -> SigningKey:
        asked.append(key_id)
        return SigningKey(public_key=graph().entra.signing_key.public_key(), issuer=None)

    for name in ("no kid", "kid is a number", "a lone surrogate", "good, but larger than any genuine one"):
        with pytest.raises(InvalidValidationToken):
            verify(BAD_TOKENS[name](graph()), expected=AUDIENCE, signing_key=signing_key)
    assert asked == []


@pytest.mark.parametrize("audience", [STRANGER, [CLIENT_ID, STRANGER]])
def test_token_for_another_app_asks_for_no_key(audience: object) -> None:
    """Its key may be one that only the other app's tenant has: to ask for it would start the cool-down."""
    asked: list[str] = []

    def signing_key(key_id: str) -> SigningKey:
        asked.append(key_id)
        return published_key(key_id)

    with pytest.raises(InvalidValidationToken):
        verify(graph().token(aud=audience), expected=AUDIENCE, signing_key=signing_key)
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
    assert len(_tenants(token)) <= 1


@given(st.text() | st.text("abcXYZ012_-.", max_size=60))
def test_any_text_is_suspicious(token: str) -> None:
    assert _tenants(token) == frozenset()


def _segments(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Return a token with any header, as Entra ID would sign it; PyJWT refuses to make some of them."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = graph().entra.signing_key.sign(b".".join(parts), PKCS1v15(), SHA256())
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_key_published_without_an_issuer_signs_for_every_tenant() -> None:
    def key_without_issuer(key_id: str) -> SigningKey:
        return SigningKey(public_key=published_key(key_id).public_key, issuer=None)

    assert verify(graph().token(), expected=AUDIENCE, signing_key=key_without_issuer).tenant_id == TENANT


def test_failure_is_not_remembered() -> None:
    def out_of_reach(_key_id: str) -> SigningKey:
        raise Unavailable("Entra ID does not answer")

    verifier, good = ValidationTokens(AUDIENCE), graph().token()
    vouchers = verifier.judge([good], received_at=now(), signing_key=out_of_reach)
    assert (vouchers.tenant_ids, str(vouchers.problem)) == (frozenset(), "Entra ID does not answer")
    assert _judged(verifier, good) == {TENANT}


@pytest.mark.slow
def test_memory_for_verified_tokens_is_bounded() -> None:
    verifier = ValidationTokens(AUDIENCE)
    for number in range(300):
        _judged(verifier, graph().token(uti=str(number)))
    assert len(verifier._cache) <= 256


def test_key_published_for_one_tenant_signs_for_no_other() -> None:
    def key_of_another_tenant(key_id: str) -> SigningKey:
        return SigningKey(public_key=published_key(key_id).public_key, issuer=V2.format(OTHER_TENANT))

    with pytest.raises(InvalidValidationToken):
        verify(graph().token(), expected=AUDIENCE, signing_key=key_of_another_tenant)


def test_cloud_may_have_another_application_that_tracks_changes() -> None:
    audience = dataclasses.replace(AUDIENCE, caller_id=STRANGER)
    assert verify(graph().token(azp=STRANGER), expected=audience, signing_key=published_key).tenant_id == TENANT
    with pytest.raises(InvalidValidationToken):
        verify(graph().token(), expected=audience, signing_key=published_key)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_cloud_has_its_own_issuers(cloud: str) -> None:
    audience = ExpectedToken(client_id=CLIENT_ID, cloud=CLOUDS[cloud])
    for version, issuer in (("1.0", CLOUDS[cloud].issuer_v1), ("2.0", CLOUDS[cloud].issuer_v2)):
        good = graph().token(version, iss=issuer.format(tid=TENANT))

        def signing_key(key_id: str) -> SigningKey:
            template = CLOUDS[cloud].issuer_v2.replace("{tid}", "{tenantid}")
            return SigningKey(public_key=published_key(key_id).public_key, issuer=template)

        assert verify(good, expected=audience, signing_key=signing_key).tenant_id == TENANT


@pytest.mark.skipif(not GENUINE.exists(), reason="the genuine token is not at hand")
def test_genuine_token_is_accepted_as_of_2019_and_refused_today() -> None:
    genuine = (GENUINE / "validationToken.jwt").read_text().strip()
    keys = parse_jwks(json.loads((GENUINE / "jwks.json").read_text()))
    expected = json.loads((GENUINE / "expected_claims.json").read_text())
    audience = ExpectedToken(client_id=expected["aud"], cloud=CLOUDS["global"])
    verifier = ValidationTokens(audience)
    at_the_time = datetime(2019, 8, 6, tzinfo=UTC)
    tenants = [
        verifier.judge([genuine], received_at=moment, signing_key=keys.__getitem__).tenant_ids
        for moment in (at_the_time, now())
    ]
    assert tenants == [{expected["tid"]}, frozenset()]
