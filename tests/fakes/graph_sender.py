"""Graph as the sender of POSTs: its keys, its certificate and the clock of its tokens."""

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.clock import Clock
from sandbox.entra import Entra
from shared.clouds import CLOUDS
from shared.errors import InvalidValidationToken
from shared.notifications.validation_tokens import ExpectedToken, SigningKey
from shared.timing import Deadline
from tests.sender import CLIENT_ID, Sender

CERTIFICATE_ID = "0123456789abcdef0123456789abcdef"
AUDIENCE = ExpectedToken(client_id=CLIENT_ID, cloud=CLOUDS["global"])
KEY_ISSUER = "https://login.microsoftonline.com/{tenantid}/v2.0"


@cache
def key_pair(size: int = 2048, name: str = "first") -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, start, start + timedelta(days=3650))
    return key, builder.sign(key, hashes.SHA256())


@cache
def graph() -> Sender:
    return Sender(entra=Entra(Clock()), certificate=key_pair()[1], certificate_id=CERTIFICATE_ID)


def now() -> datetime:
    # The tokens of the sandbox's Entra ID begin with the real clock.
    return datetime.now(UTC)


def published_key(key_id: str, _deadline: Deadline | None = None) -> SigningKey:
    if key_id != graph().entra.kid:
        raise InvalidValidationToken("not published")
    return SigningKey(public_key=graph().entra.signing_key.public_key(), issuer=KEY_ISSUER)
