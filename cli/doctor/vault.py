"""Checks of the encryption certificate in the vault, read without its key with the operator's own login.

Source: https://learn.microsoft.com/rest/api/keyvault/certificates/get-certificate/get-certificate and
https://learn.microsoft.com/graph/change-notifications-with-resource-data (RSA, 2,048 to 4,096 bits)
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cli.doctor.case import Case
from cli.doctor.finding import Finding, mend, ok, watch
from shared.errors import NotFound

_KTY = frozenset({"RSA", "RSA-HSM"})
_LEAST_BITS, _MOST_BITS = 2048, 4096
_SOON = timedelta(days=30)
_CREATE, _ROTATE = "python -m cli certificate create", "python -m cli certificate rotate"
_NONE = "no encryption certificate is set: only basic notifications"


def certificate(case: Case) -> Finding:
    """Look at the newest version: Graph encrypts to no other key, and the app has to be able to read it."""
    name = case.settings.encryption_certificate_name
    if name is None:
        return ok(_NONE)
    try:
        found = case.certificate(name)
    except NotFound as problem:
        return mend(f"{problem}: correct ENCRYPTION_CERTIFICATE_NAME, or create it", f"{_CREATE} --name {name}")
    key, attributes = found["policy"]["key_props"], found["attributes"]
    if not attributes["enabled"]:
        return mend(f"the newest version of {name} is disabled", _az(case, "certificate set-attributes", "--enabled"))
    if key["kty"] not in _KTY or not _LEAST_BITS <= (key["key_size"] or 0) <= _MOST_BITS:
        text = f"{name} is {key['kty']} of {key['key_size']} bits: Graph takes RSA of {_LEAST_BITS} to {_MOST_BITS}"
        return mend(text, _ROTATE)
    if not key["exportable"]:
        return mend(f"the key of {name} is not exportable: the app cannot decrypt with it", _ROTATE)
    return _lifetime(case, name, datetime.fromtimestamp(attributes["exp"], UTC))


def _lifetime(case: Case, name: str, ends_at: datetime) -> Finding:
    if ends_at <= case.now():
        return mend(f"{name} ended on {ends_at:%Y-%m-%d}: make a new version", _ROTATE)
    if ends_at - case.now() < _SOON:
        return watch(f"{name} ends on {ends_at:%Y-%m-%d}: make a new version", _ROTATE)
    return ok(f"{name}: RSA, ends on {ends_at:%Y-%m-%d}")


def key_policy(case: Case) -> Finding:
    """Look at whether a renewal makes a new key."""
    name = case.settings.encryption_certificate_name
    if name is None:
        return ok(_NONE)
    if case.certificate(name)["policy"]["key_props"]["reuse_key"]:
        return watch(f"{name} keeps its key when it is renewed: whoever had it once can read on", _ROTATE)
    return ok("each renewal makes a new key")


def versions(case: Case) -> Finding:
    """Look at each version that subscriptions are encrypted to."""
    name = case.settings.encryption_certificate_name
    if name is None:
        return ok(_NONE)
    in_use = sorted({row.applied.certificate_id for row in case.rows() if row.applied and row.applied.certificate_id})
    for version in in_use:
        try:
            found = case.certificate(name, version)
        except NotFound:
            return mend(
                f"version {version} of {name} is in use at Graph and gone from the vault: recover it",
                _az(case, "certificate recover"),
            )
        if not found["attributes"]["enabled"]:
            return mend(
                f"version {version} of {name} is in use at Graph and disabled: what comes is parked",
                _az(case, "certificate set-attributes", f"--version {version} --enabled"),
            )
    return ok(f"{len(in_use)} in use at Graph, all enabled")


def _az(case: Case, what: str, more: str = "") -> str:
    name = case.settings.encryption_certificate_name
    command = f"az keyvault {what} --vault-name {_vault(case)} --name {name} {more}".rstrip()
    return f"{command} true" if command.endswith("--enabled") else command


def _vault(case: Case) -> str:
    return (urlsplit(case.settings.key_vault_url or "").hostname or "").partition(".")[0]
