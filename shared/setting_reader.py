"""One setting after the other: the text of an environment as values, and what is wrong with it in words.

Source: https://learn.microsoft.com/azure/app-service/app-service-key-vault-references (a reference that does not
resolve leaves its own text)
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLACEHOLDER = re.compile(r"<[A-Za-z][\w .-]*+>")
_QUOTES = tuple("\"'`\u2018\u2019\u201c\u201d")


class SettingReader:
    """Reads settings, of which an empty one counts as not set; ``errors`` says what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._unusable: set[str] = set()
        self.errors: list[str] = []

    def text(self, name: str) -> str | None:
        """Return a setting as it is, or None; every other method reads it by this one."""
        text = self._environ.get(name, "")
        if not text.strip():
            return None
        if (fault := _fault(text)) is not None:
            self.report(name, fault)
            self._unusable.add(name)
        return text

    def report(self, name: str, fault: str) -> None:
        """Add an error, unless the setting's text is unusable as such: whatever else it lacks would only mislead."""
        error = f"{name} {fault}"
        if name not in self._unusable and error not in self.errors:
            self.errors.append(error)

    def required(self, name: str, meaning: str) -> str:
        """Return a setting that has to be set."""
        value = self.text(name)
        if value is None:
            self.report(name, f"is not set: {meaning}")
        return value or ""

    def url(self, name: str) -> str | None:
        """Return an https URL, without a slash at its end."""
        value = self.text(name)
        if value is None:
            return None
        parts = split_url(value)
        if parts.scheme != "https" or not parts.netloc:
            self.report(name, "is not an https URL")
        return value.rstrip("/")

    def guid(self, name: str) -> str | None:
        """Return the id of an application or identity, in lower case."""
        value = self.text(name)
        if value is not None and not is_guid(value.lower()):
            self.report(name, f"is {value!r}: use an application (client) id, which is a GUID")
        return value.lower() if value else None

    def duration(self, name: str) -> timedelta | None:
        """Return a time of more than zero."""
        # Imported here, because a handshake needs no settings and its cold start must be fast.
        import isodate  # noqa: PLC0415

        text = self.text(name)
        if text is None:
            return None
        try:
            value = isodate.parse_duration(text)
        except (ValueError, OverflowError):
            value = None
        if not isinstance(value, timedelta) or value <= timedelta(0):
            self.report(name, f"is {text!r}: use an ISO 8601 duration such as PT30M or P3D")
            return None
        return value


def _fault(text: str) -> str | None:
    """Return what has gone wrong when the text of a setting was copied, or None; the answer does not repeat it."""
    if text.strip().startswith("@Microsoft."):
        return "is a reference that was not resolved: its status in the portal says why (most often a missing role)"
    if placeholder := _PLACEHOLDER.search(text):
        return f"still contains the placeholder {placeholder[0]}: replace it"
    if text != text.strip():
        return "has a space or line break around its value: remove it"
    if text.startswith(_QUOTES) or text.endswith(_QUOTES):
        return "has a quote around its value: remove it"
    return None


def is_guid(text: str) -> bool:
    """Return whether ``text`` is a GUID in lower case."""
    return _GUID.fullmatch(text) is not None


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL; none of a text that is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
