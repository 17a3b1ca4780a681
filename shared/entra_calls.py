"""What all calls to Entra ID through MSAL share: a time-out, and one translation of what goes wrong."""

from collections.abc import Mapping
from typing import Any

import requests
from msal.exceptions import MsalError

from shared.errors import Misconfigured, Unavailable

TIMEOUT_SECONDS = 10

# MSAL lets through what requests raises, and what indexing does when an answer is not what Entra ID sends.
NO_ANSWER = (MsalError, requests.RequestException, ValueError, TypeError, AttributeError, LookupError)


def unanswered(authority: str, exc: Exception) -> Unavailable:
    """Return the problem that one of ``NO_ANSWER`` means; MSAL tells an unknown tenant no better than nonsense."""
    what = f"{type(exc).__name__} (if it stays: is this a tenant, and in this cloud?)"
    return Unavailable(f"Entra ID does not answer as it should at {authority}: {what}")


def refused(authority: str, answer: Mapping[str, Any]) -> Misconfigured:
    """Return the problem that Entra ID's error means: an operator finds the AADSTS code in its reference.

    Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    """
    return Misconfigured(f"Entra ID refuses the app in {authority}: {answer.get('error')} {codes(answer)}")


def codes(answer: Mapping[str, Any]) -> str:
    """Return the AADSTS codes of an error, separated by commas.

    Raises:
        TypeError: the answer is not what Entra ID sends.
    """
    return ", ".join(f"AADSTS{code}" for code in answer.get("error_codes", []))
