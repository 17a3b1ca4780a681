"""The second set of signing keys: an app with keys of its own (claims mapping, SAML) is signed for with those."""

import json

import pytest

from sandbox.serving import Fault
from shared.errors import Unavailable
from shared.identity.signing_keys import SigningKeys
from tests.fakes.clocks import Hands
from tests.fakes.identity_services import IdentityServices, fault
from tests.fakes.time_limits import in_time
from tests.sender import CLIENT_ID

pytestmark = pytest.mark.slow

KEYS = "/common/discovery/v2.0/keys"
# RFC 7517, appendix A.1
ANOTHER_KEY = {
    "kty": "RSA",
    "kid": "2011-04-29",
    "e": "AQAB",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
    "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
    "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
}


@pytest.fixture
def keys(outside: IdentityServices, hands: Hands) -> SigningKeys:
    return SigningKeys(outside.login.url, CLIENT_ID, monotonic=hands)


def test_key_of_the_apps_own_set_is_found(outside: IdentityServices, keys: SigningKeys) -> None:
    others = Fault(path=KEYS, status=200, body=json.dumps({"keys": [ANOTHER_KEY]}).encode(), times=1)
    with fault(outside.login, others):
        found = keys.signing_key(outside.entra.kid, in_time())
    assert found.public_key == outside.entra.signing_key.public_key()
    assert [request.path_qs for request in outside.login.requests] == [KEYS, f"{KEYS}?appid={CLIENT_ID}"]


def test_unknown_key_is_unavailable_while_one_set_is_out_of_reach(outside: IdentityServices, keys: SigningKeys) -> None:
    """The set that does not answer may have it."""
    first, second = Fault(path=KEYS, times=1), Fault(path=KEYS, status=503)
    with fault(outside.login, first), fault(outside.login, second), pytest.raises(Unavailable):
        keys.signing_key("not in the common set", in_time())
    assert len(outside.login.requests) == 2
