"""docs/troubleshooting.md has a row for every problem, and names only checks that exist."""

import re
from pathlib import Path

import pytest

from cli.doctor.aadsts import SENTENCES
from cli.doctor.checks import CHECKS, number

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "troubleshooting.md"
_ROW = re.compile(r"^\| (?P<error>.+?) \| (?P<cause>.+?) \| (?P<answer>.+?) \|$", re.MULTILINE)
_ANSWERS = ("Prevented", "Doctor ", "Fix: ")
_NAMED = re.compile(r"(?P<number>\d+) `(?P<name>[a-z-]+)`")

# Graph's own words, or what people see, in the order of the facts; then those of a trial as a new operator.
PROBLEMS = (
    "Notification endpoint must respond with 200 OK to validation request.",
    "HTTP status code is 'Forbidden'",
    "Subscription validation request timed out.",
    "The validation token is echoed wrongly",
    "The lifecycle URL is not validated",
    "Certificate validation error: Cannot find the requested object.",
    "Invalid length for a Base-64 char array or string",
    "Certificate cannot be empty",
    "The key is too small, or not RSA",
    "BadPaddingException",
    "An AES error, or the signature never matches",
    "Access denied",
    "A validation token is refused for its issuer",
    "Forged notifications are accepted",
    "`validationTokens` is null",
    "lifecycleNotificationUrl is a required property",
    "Changes stop silently",
    "`reauthorizationRequired` without end",
    "Odd states after reauthorize and PATCH",
    "Required permissions to access tenant-wide chat messages subscription",
    "403 with the name of a limit",
    "already exists for the requested combination",
    "The same change twice",
    "Changes are missing",
    "workload is not enabled for rich notifications",
    "A path with a typing mistake",
    "No transcript comes",
    "No change of an app in a chat comes",
    "`clientState` is too long",
    "Deliveries stop after a change of the network",
    "`EncryptedContent`, `Created`, offsets",
    "201, but nothing arrives",
    "A renewal fails with 400",
    "`GET /subscriptions` is empty",
    "unknownFutureValue",
    "GraphAccessToTranscriptsDisabled",
    "404 for what was created a moment ago",
    "The signing keys of an app with claims mapping",
    "No validation token comes for a managed identity",
    "asks for a language",
    "The app lacks its role, though you can read the vault",
    "The host name is not found",
    "A renewed certificate has the old key",
    "Lines are missing in Application Insights",
    "Files are missing, or too many, in the app",
    "`@Microsoft.KeyVault(`",
    "`refuses connections`",
    "`is not found in DNS`",
    "`the certificate of ... has expired`",
    "`asks for a login (401)`",
    "`refuses this machine (403)`",
    "`has nothing at this address (404)`",
    *(f"`AADSTS{code}`" for code in SENTENCES),
)


def _rows() -> list[re.Match[str]]:
    headings = ("Error, or", "Code", "What the doctor", "---")
    found = _ROW.finditer(PAGE.read_text(encoding="utf-8"))
    return [row for row in found if not row["error"].startswith(headings)]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_problem_has_one_row(problem: str) -> None:
    assert [problem for row in _rows() if problem in row["error"]] == [problem]


def test_each_row_is_prevented_found_or_has_a_fix() -> None:
    assert not [row["error"] for row in _rows() if not row["answer"].startswith(_ANSWERS)]


def test_each_named_check_exists_under_its_number() -> None:
    named = {(int(each["number"]), each["name"]) for each in _NAMED.finditer(PAGE.read_text(encoding="utf-8"))}
    assert named == {(number(check), check.name) for check in CHECKS}
