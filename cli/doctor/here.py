"""Checks of this machine: Python, packages, settings, the addresses in them, the clock, and who is signed in.

Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from cli.doctor.case import Case
from cli.doctor.finding import Finding, mend, ok, watch
from cli.doctor.network import Answer, UnreachableError, call, refusal
from shared.errors import Misconfigured

_PYTHON = (3, 13)
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_INSTALL = "python -m pip install --require-hashes -r requirements.txt"
# Entra ID takes assertions for five minutes more or less.
_SKEW_TO_WATCH, _SKEW_TO_MEND = timedelta(minutes=1), timedelta(minutes=5)
_FEW = 3


def python(case: Case) -> Finding:
    """Look at Python and at the packages that the app needs."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] != _PYTHON:
        return mend(f"Python {running}: the app runs on 3.13 only", "uv venv --python 3.13 .venv")
    other = list(_other_versions(case))
    if other:
        shown = ", ".join(other[:_FEW]) + (f" and {len(other) - _FEW} more" if len(other) > _FEW else "")
        return watch(f"Python {running}; not the locked packages: {shown}", _INSTALL)
    return ok(f"Python {running}, locked packages")


def _other_versions(case: Case) -> Iterator[str]:
    for name, locked in _PINNED.findall(case.requirements.read_text(encoding="utf-8")):
        installed = _installed(name)
        if installed is None:
            yield f"{name} is missing"
        elif installed != locked:
            yield f"{name} {installed} instead of {locked}"


@cache
def _installed(name: str) -> str | None:
    # A process goes on with what it has imported, and to read of 30 packages takes longer than a service to answer.
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def settings(case: Case) -> Finding:
    """Look at all settings; each fault is a line of its own."""
    try:
        found = case.settings
    except Misconfigured as problem:
        faults = str(problem).split("; ")
        return mend(f"{len(faults)} to correct", *faults)
    return ok(f"{len(found.tenant_ids)} tenants, {found.notification_url.partition('?')[0]}")


def _address(url: str, setting: str, *, path: str = "", expected: int | None = None) -> Answer | Finding:
    try:
        answer = call("GET", f"{url}{path}", setting)
    except UnreachableError as exc:
        return exc.finding
    if expected is not None and answer.status != expected:
        return refusal(answer.status, url, setting) or mend(f"{url} answered {answer.status}: correct {setting}")
    # Who does not sign in is refused: that is an answer.
    return answer if answer.status < 500 else refusal(answer.status, url, setting) or answer  # noqa: PLR2004  HTTP's


def entra_host(case: Case) -> Finding:
    """Ask Entra ID for the keys that sign tokens: the app needs them as well."""
    url = case.settings.login_url
    found = _address(url, "LOGIN_URL or GRAPH_CLOUD", path=_KEYS, expected=200)
    return found if isinstance(found, Finding) else ok(f"{url}: its signing keys in {found.seconds:.2f} s")


_KEYS = "/common/discovery/v2.0/keys"


def clock(case: Case) -> Finding:
    """Compare this machine's clock with Entra ID's."""
    before = datetime.now(UTC)
    found = _address(case.settings.login_url, "LOGIN_URL", path=_KEYS)
    if isinstance(found, Finding):
        return found
    try:
        theirs = parsedate_to_datetime(found.headers.get("Date", ""))
    except ValueError:
        return watch("Entra ID's answer has no date to compare with")
    # The date has no fractions, and the answer took its time.
    ahead = max(timedelta(), abs(before - theirs) - timedelta(seconds=1 + found.seconds))
    text = f"{ahead.total_seconds():.0f} s {'fast' if before > theirs else 'slow'}"
    if ahead > _SKEW_TO_MEND:
        return mend(f"{text}: no token is valid here", "sudo timedatectl set-ntp true")
    if ahead > _SKEW_TO_WATCH:
        return watch(f"{text}: at five minutes no token is valid", "sudo timedatectl set-ntp true")
    return ok("as Entra ID's")


def graph_host(case: Case) -> Finding:
    """Reach Microsoft Graph."""
    url = case.settings.graph_url
    found = _address(url, "GRAPH_URL or GRAPH_CLOUD", path="/v1.0/subscriptions")
    return found if isinstance(found, Finding) else ok(f"{url} answers in {found.seconds:.2f} s")


def vault_host(case: Case) -> Finding:
    """Reach the vault."""
    url = case.settings.key_vault_url
    if url is None:
        return ok("no vault is set: only basic notifications")
    found = _address(url, "KEY_VAULT_URL", path="/secrets/none?api-version=7.4")
    return found if isinstance(found, Finding) else ok(f"{url} answers in {found.seconds:.2f} s")


def login(case: Case) -> Finding:
    """Look at who is signed in to Azure here."""
    try:
        claims = case.login_claims
    except Misconfigured as problem:
        return mend(str(problem), "az login")
    who = claims.get("upn") or claims.get("unique_name") or f"the identity {claims.get('oid')}"
    emulated = " (the sandbox's emulated identity)" if _is_loopback(case.environ.get("IDENTITY_ENDPOINT", "")) else ""
    return ok(f"{who} of tenant {claims.get('tid')}{emulated}")


def _is_loopback(url: str) -> bool:
    return "//127.0.0.1:" in url
