"""Federated credentials at the token endpoint: issuer, subject and audience of a managed identity's token."""

from dataclasses import replace
from datetime import timedelta

import jwt
import pytest

from sandbox.entra import Application, FederatedCredential
from tests.sandbox.login_services import CLIENT_ID, GRAPH, IDENTITY, OTHER_TENANT, TENANT, UNKNOWN, LoginServices

pytestmark = pytest.mark.slow

AUDIENCE = "api://AzureADTokenExchange"
TRUST = FederatedCredential(
    issuer=f"https://login.microsoftonline.com/{TENANT}/v2.0",
    subject=Application(client_id=IDENTITY, tenant_ids=(TENANT,)).object_id(TENANT),
)
REGISTRATION = Application(client_id=CLIENT_ID, tenant_ids=(TENANT, OTHER_TENANT), federated=(TRUST,))


@pytest.fixture
def assertion(services: LoginServices) -> str:
    services.entra.register(REGISTRATION)
    return str(services.identity_request(resource=AUDIENCE).json()["access_token"])


def _codes(services: LoginServices, assertion: str, *, tenant: str = TENANT) -> object:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"client_secret": "", "client_assertion": assertion, "client_assertion_type": kind}
    return services.token_request(tenant=tenant, **form).json().get("error_codes")


@pytest.mark.parametrize("tenant", [TENANT, OTHER_TENANT])
def test_trusted_identity_signs_the_app_in_to_each_tenant(services: LoginServices, assertion: str, tenant: str) -> None:
    assert _codes(services, assertion, tenant=tenant) is None


@pytest.mark.parametrize(
    ("trust", "code"),
    [
        pytest.param(replace(TRUST, issuer=f"https://sts.windows.net/{TENANT}/"), 700211, id="issuer of version 1"),
        pytest.param(replace(TRUST, issuer=TRUST.issuer.replace(TENANT, UNKNOWN)), 700211, id="issuer"),
        pytest.param(replace(TRUST, subject=IDENTITY), 700213, id="client id as subject"),
        pytest.param(replace(TRUST, subject=TRUST.subject.upper()), 700213, id="subject in another case"),
        pytest.param(replace(TRUST, audience="api://AzureADTokenExchangeUSGov"), 700212, id="audience"),
    ],
)
def test_credential_that_does_not_match_is_refused(
    services: LoginServices, assertion: str, trust: FederatedCredential, code: int
) -> None:
    services.entra.register(replace(REGISTRATION, federated=(trust,)))
    assert _codes(services, assertion) == [code]


@pytest.mark.usefixtures("assertion")
def test_token_for_another_resource_is_700212(services: LoginServices) -> None:
    claims = {"iss": TRUST.issuer, "sub": TRUST.subject, "aud": GRAPH}
    assert _codes(services, jwt.encode(claims, "not a signature of anyone, and long enough", "HS256")) == [700212]


def test_identity_is_not_trusted_without_a_credential(services: LoginServices, assertion: str) -> None:
    services.entra.register(replace(REGISTRATION, federated=(), secret="a secret"))
    assert _codes(services, assertion) == [700211]


def test_forged_token_of_the_identity_is_700027(services: LoginServices, assertion: str) -> None:
    claims = jwt.decode(assertion, options={"verify_signature": False})
    header = {"kid": jwt.get_unverified_header(assertion)["kid"]}
    assert _codes(services, jwt.encode(claims, services.key_source(2048), "RS256", headers=header)) == [700027]


def test_expired_token_of_the_identity_is_700024(services: LoginServices, assertion: str) -> None:
    services.clock.advance(timedelta(days=2))
    assert _codes(services, assertion) == [700024]


def test_one_of_several_credentials_is_enough(services: LoginServices, assertion: str) -> None:
    others = (replace(TRUST, subject=UNKNOWN), TRUST, replace(TRUST, issuer="https://token.actions.example"))
    services.entra.register(replace(REGISTRATION, federated=others))
    assert _codes(services, assertion) is None
