"""The policy of the encryption certificate: the one that deploying makes, and the one of the next version."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.certificate_policy import described, new_policy, next_policy
from shared.errors import Misconfigured

OF_THE_HOOKS = Path(__file__).parents[2] / "infra/hooks/certificate-policy.json"
RENEWED = [{"trigger": {"days_before_expiry": 30}, "action": {"action_type": "AutoRenew"}}]
REPORTED = [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "EmailContacts"}}]


def _of_azs(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a policy in the words of Azure's command line as the REST API has it."""
    key, (action,) = policy["keyProperties"], policy["lifetimeActions"]
    subject = policy["x509CertificateProperties"]
    return {
        "issuer": policy["issuerParameters"],
        "key_props": {
            "exportable": key["exportable"],
            "kty": key["keyType"],
            "key_size": key["keySize"],
            "reuse_key": key["reuseKey"],
        },
        "secret_props": policy["secretProperties"],
        "x509_props": {"subject": subject["subject"], "validity_months": subject["validityInMonths"]},
        "lifetime_actions": [
            {
                "trigger": {"lifetime_percentage": action["trigger"]["lifetimePercentage"]},
                "action": {"action_type": action["action"]["actionType"]},
            }
        ],
    }


def test_first_version_has_the_policy_that_deploying_gives_it() -> None:
    hooks = json.loads(OF_THE_HOOKS.read_text(encoding="utf-8"))
    assert new_policy("graph-notifications") == _of_azs(hooks)


@pytest.mark.parametrize(
    ("key", "size"),
    [
        ({"kty": "RSA", "key_size": 4096, "exportable": False, "reuse_key": True}, 4096),
        ({"kty": "EC", "key_size": 256, "exportable": True, "reuse_key": True}, 2048),
        ({"kty": "RSA", "key_size": 1024, "exportable": True, "reuse_key": False}, 2048),
    ],
)
def test_next_version_has_a_new_key_that_graph_and_the_app_can_use(key: Mapping[str, Any], size: int) -> None:
    policy = {**new_policy("x"), "key_props": key, "issuer": {"name": "DigiCert"}, "attributes": {"enabled": True}}
    following = next_policy(policy)
    assert following["key_props"] == {"exportable": True, "kty": "RSA", "key_size": size, "reuse_key": False}
    assert {name: following[name] for name in ("issuer", "x509_props")} == {
        "issuer": {"name": "DigiCert"},
        "x509_props": {"subject": "CN=x", "validity_months": 12},
    }
    assert "attributes" not in following


def test_certificate_that_others_sign_is_not_rotated() -> None:
    with pytest.raises(Misconfigured, match="its issuer is Unknown: have the next version signed"):
        next_policy({**new_policy("x"), "issuer": {"name": "Unknown"}})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "RSA of 2048 bits, exportable, renewed at 80 % of its validity, with a new key"),
        ({"lifetime_actions": RENEWED}, "RSA of 2048 bits, exportable, renewed days before it ends, with a new key"),
        ({"lifetime_actions": REPORTED}, "RSA of 2048 bits, exportable, not renewed by the vault, with a new key"),
        ({"lifetime_actions": None}, "RSA of 2048 bits, exportable, not renewed by the vault, with a new key"),
    ],
)
def test_policy_is_described_in_words(changes: Mapping[str, Any], words: str) -> None:
    assert described({**new_policy("x"), **changes}) == words
