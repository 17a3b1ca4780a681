"""The policy of the encryption certificate: a key that the app can read, and a new one at each renewal.

Sources: https://learn.microsoft.com/azure/key-vault/certificates/about-certificates#certificate-policy and
https://learn.microsoft.com/graph/change-notifications-with-resource-data (RSA, 2,048 to 4,096 bits)
"""

from collections.abc import Mapping
from typing import Any

from shared.errors import Misconfigured

_SELF, _UNKNOWN = "Self", "Unknown"
_RSA, _BITS, _SIZES = "RSA", 2048, (2048, 3072, 4096)
_PERCENT, _MONTHS = 80, 12


def new_policy(name: str) -> Mapping[str, Any]:
    """Return the policy of a first version, which is that of infra/hooks/certificate-policy.json."""
    return {
        "issuer": {"name": _SELF},
        "key_props": {"exportable": True, "kty": _RSA, "key_size": _BITS, "reuse_key": False},
        "secret_props": {"contentType": "application/x-pkcs12"},
        "x509_props": {"subject": f"CN={name}", "validity_months": _MONTHS},
        "lifetime_actions": [{"trigger": {"lifetime_percentage": _PERCENT}, "action": {"action_type": "AutoRenew"}}],
    }


def next_policy(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the policy of the next version: the last one's, with a new RSA key that is exportable.

    Raises:
        Misconfigured: the vault cannot make a version, because somebody else signs the certificate.
    """
    if policy["issuer"]["name"] == _UNKNOWN:
        raise Misconfigured("its issuer is Unknown: have the next version signed elsewhere, and merge it in the portal")
    key = policy["key_props"]
    size = key.get("key_size") if key.get("kty") in {_RSA, "RSA-HSM"} and key.get("key_size") in _SIZES else _BITS
    kept = {name: policy[name] for name in ("issuer", "secret_props", "x509_props", "lifetime_actions")}
    return kept | {"key_props": {"exportable": True, "kty": _RSA, "key_size": size, "reuse_key": False}}


def described(policy: Mapping[str, Any]) -> str:
    """Return a policy in words."""
    key, actions = policy["key_props"], policy.get("lifetime_actions") or ()
    renewed = [each["trigger"] for each in actions if each["action"]["action_type"] == "AutoRenew"]
    percent = renewed[0].get("lifetime_percentage") if renewed else None
    when = f"renewed at {percent} % of its validity" if percent else "renewed days before it ends" if renewed else ""
    words = (
        f"{key['kty']} of {key['key_size']} bits",
        "exportable" if key["exportable"] else "not exportable",
        when or "not renewed by the vault",
        "with the same key" if key["reuse_key"] else "with a new key",
    )
    return ", ".join(words)
