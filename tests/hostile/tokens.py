"""Validation tokens that have to be refused, by what is wrong with them."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.sender import CLIENT_ID, OTHER_TENANT, STRANGER, TENANT, Sender

V1 = "https://sts.windows.net/{}/"
V2 = "https://login.microsoftonline.com/{}/v2.0"
# More than the five minutes by which clocks may differ.
_BEYOND_SKEW = timedelta(minutes=6)
_BEYOND_A_SLOW_CLOCK = timedelta(hours=2, minutes=6)


@cache
def _wrong_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def claims_of(sender: Sender, version: str = "2.0") -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(sender.token(version), options={"verify_signature": False})
    return claims


def signed(sender: Sender, claims: dict[str, Any], algorithm: str = "RS256", **headers: Any) -> str:
    return jwt.encode(
        claims, sender.entra.signing_key, algorithm=algorithm, headers={"kid": sender.entra.kid} | headers
    )


def _signed_bytes(sender: Sender, payload: bytes) -> str:
    return jwt.PyJWS().encode(payload, sender.entra.signing_key, "RS256", headers={"kid": sender.entra.kid})


def _segment(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unsigned(sender: Sender, header: dict[str, Any], signature: str = "") -> str:
    return f"{_segment(header)}.{_segment(claims_of(sender))}.{signature}"


def _hs256_with_the_public_key(sender: Sender) -> str:
    # PyJWT itself refuses to sign like this; an attacker does not.
    public = sender.entra.signing_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing_input = _unsigned(sender, {"alg": "HS256", "kid": sender.entra.kid}).rpartition(".")[0]
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signing_input.encode(), public)
    return f"{signing_input}.{urlsafe_b64encode(mac).decode().rstrip('=')}"


def _now(offset: timedelta) -> int:
    return int((datetime.now(UTC) + offset).timestamp())


BAD_TOKENS: Mapping[str, Callable[[Sender], str]] = {
    "wrong key with the known kid": lambda graph: jwt.encode(
        claims_of(graph), _wrong_key(), algorithm="RS256", headers={"kid": graph.entra.kid}
    ),
    "no kid": lambda graph: jwt.encode(claims_of(graph), graph.entra.signing_key, algorithm="RS256"),
    "kid is a number": lambda graph: _unsigned(graph, {"alg": "RS256", "kid": 7}, "AAAA"),
    "wrong audience": lambda graph: graph.token(audience=STRANGER),
    "several audiences": lambda graph: graph.token(aud=[CLIENT_ID, STRANGER]),
    "another caller in version 2": lambda graph: graph.token("2.0", azp=STRANGER),
    "another caller in version 1": lambda graph: graph.token("1.0", appid=STRANGER),
    "no caller in version 2": lambda graph: graph.token("2.0", azp=None),
    "no caller in version 1": lambda graph: graph.token("1.0", appid=None),
    "version 1's caller in version 2": lambda graph: graph.token("2.0", azp=None, appid=claims_of(graph)["azp"]),
    "issuer of another tenant, version 2": lambda graph: graph.token("2.0", iss=V2.format(OTHER_TENANT)),
    "issuer of another tenant, version 1": lambda graph: graph.token("1.0", iss=V1.format(OTHER_TENANT)),
    "issuer of an evil host with the tenant in it": lambda graph: graph.token(
        iss=f"https://evil.example/{TENANT}/v2.0"
    ),
    "issuer that ends like a good one": lambda graph: graph.token(iss=f"https://evil.example/?{V1.format(TENANT)}"),
    "issuer is a list": lambda graph: _signed_bytes(
        graph, json.dumps(claims_of(graph) | {"iss": [V2.format(TENANT)]}).encode()
    ),
    "no issuer": lambda graph: graph.token(iss=None),
    "a tenant that is not served": lambda graph: graph.token(tenant_id=STRANGER),
    "tenant is a list": lambda graph: graph.token(tid=[TENANT]),
    "tenant is a list, as its issuer says": lambda graph: graph.token(tid=[TENANT], iss=V2.format([TENANT])),
    "no tenant": lambda graph: graph.token(tid=None),
    "no exp": lambda graph: graph.token(exp=None),
    "no nbf": lambda graph: graph.token(nbf=None),
    "exp is a text": lambda graph: graph.token(exp="9999999999"),
    "exp is true": lambda graph: graph.token(exp=True),
    "exp is beyond all dates": lambda graph: graph.token(exp=-(10**400)),
    "expired": lambda graph: graph.token(exp=_now(-_BEYOND_SKEW)),
    "not yet valid": lambda graph: graph.token(nbf=_now(_BEYOND_A_SLOW_CLOCK)),
    "alg none": lambda graph: _unsigned(graph, {"alg": "none", "kid": graph.entra.kid}),
    "HS256 with the public key": _hs256_with_the_public_key,
    "RS512": lambda graph: signed(graph, claims_of(graph), algorithm="RS512"),
    "signature cut off": lambda graph: graph.token().rpartition(".")[0] + ".",
    "claims that are no object": lambda graph: _signed_bytes(graph, b"[]"),
    "claims that are no JSON": lambda graph: _signed_bytes(graph, b"\xff"),
    "a header nested beyond measure": lambda _: urlsafe_b64encode(b"[" * 4000).decode() + ".e30.AAAA",
    "garbage": lambda _: "garbage",
    "empty": lambda _: "",
    "only dots": lambda _: "..",
    "a lone surrogate": lambda _: "\ud800.e30.AAAA",
    "not ASCII": lambda graph: graph.token() + "é",
    "good, but larger than any genuine one": lambda graph: graph.token(padding="x" * 8192),
    "a megabyte": lambda _: "x" * 1_000_000,
}
