"""Policies of certificates, as the vault takes and shows them, and what it refuses.

Source: https://learn.microsoft.com/en-us/rest/api/keyvault/certificates/create-certificate/create-certificate
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sandbox.keyvault.certificates import LIFETIME, ContentType, KeyPolicy

_SIZES = frozenset({2048, 3072, 4096})
_CONTENT_TYPES: tuple[ContentType, ...] = ("application/x-pkcs12", "application/x-pem-file")
_SUBJECT = re.compile(r"CN=[^,=]+(, ?[A-Z]+=[^,=]+)*")
_MONTHS = 12


class PolicyError(ValueError):
    """The vault refuses a policy; the text is its own."""


def shown(key_policy: KeyPolicy, name: str, key_size: int | None) -> Mapping[str, Any]:
    """Return the policy of a certificate that an administrator has made."""
    return {
        "key_props": {**asdict(key_policy), "key_size": key_size},
        "secret_props": {"contentType": "application/x-pkcs12"},
        "x509_props": {"subject": f"CN={name}", "validity_months": _MONTHS},
        "lifetime_actions": [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "AutoRenew"}}],
        "issuer": {"name": "Self"},
    }


def checked(policy: Any) -> Mapping[str, Any]:
    """Return a policy that a request brings.

    Raises:
        PolicyError: the vault takes no such policy; EC keys are left out, which Graph does not encrypt to.
    """
    if not isinstance(policy, dict):
        raise PolicyError("Property policy has invalid value")
    key, content_type = policy.get("key_props"), _part(policy, "secret_props").get("contentType")
    if not isinstance(key, dict) or key.get("kty") not in {"RSA", "RSA-HSM"} or key.get("key_size") not in _SIZES:
        raise PolicyError("Property policy.key_props has invalid value")
    if any(not isinstance(key.get(name), bool) for name in ("exportable", "reuse_key")):
        raise PolicyError("Property policy.key_props has invalid value")
    if content_type not in _CONTENT_TYPES:
        raise PolicyError("Property policy.secret_props.contentType has invalid value")
    if not _SUBJECT.fullmatch(str(_part(policy, "x509_props").get("subject"))):
        raise PolicyError("The subject must be a valid X500 distinguished name")
    if not isinstance(_part(policy, "issuer").get("name"), str):
        raise PolicyError("Property policy.issuer has invalid value")
    return policy


def lifetime(policy: Mapping[str, Any]) -> timedelta:
    """Return how long a version is valid."""
    months = _part(policy, "x509_props").get("validity_months")
    return LIFETIME if months is None else LIFETIME * int(months) / _MONTHS


def _part(policy: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = policy.get(name)
    return part if isinstance(part, dict) else {}
