"""Entra ID's key set as values: whatever an entry has for an issuer, the other keys can be used."""

import json
from typing import Any

import jwt
import pytest

from shared.identity.signing_keys import parse_jwks
from tests.fakes.graph_sender import key_pair

KEY = key_pair()[0].public_key()


def _entry(key_id: str, **more: Any) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY))
    return entry | {"kid": key_id, "use": "sig"} | more


@pytest.mark.parametrize("issuer", [5, 0, True, ["https://x"], {"a": 1}], ids=str)
def test_jwks_key_whose_issuer_is_no_text_is_left_out(issuer: Any) -> None:
    keys = parse_jwks({"keys": [_entry("odd", issuer=issuer), _entry("good", issuer="https://sts.windows.net/{tid}/")]})
    assert list(keys) == ["good"]


@pytest.mark.parametrize("issuer", [{"issuer": None}, {}], ids=["null", "absent"])
def test_jwks_key_without_an_issuer_is_used(issuer: dict[str, Any]) -> None:
    assert parse_jwks({"keys": [_entry("any", **issuer)]})["any"].issuer is None


def test_jwks_with_odd_issuers_only_is_an_error() -> None:
    with pytest.raises(jwt.PyJWTError):
        parse_jwks({"keys": [_entry("odd", issuer=5)]})
