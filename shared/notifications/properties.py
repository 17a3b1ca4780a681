"""The properties of a JSON object, each as text until somebody needs it: what nobody needs is skipped, never built.

Source: https://learn.microsoft.com/graph/api/resources/changenotification
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

from msgspec import Raw
from msgspec.json import Decoder

from shared.errors import Malformed
from shared.notifications.json_text import decode

# Three times the longest documented path. An event's type and subject come from these strings. Each character may need
# twelve bytes in JSON, and both must fit into a queue message.
MAX_TEXT = 1536

type Fields = Mapping[str, Raw]
"""Properties by Graph's name, as text."""

_LIST = Decoder(list[Raw])
_TEXT = Decoder(str)
_BASE64 = Decoder(bytes)
_QUOTE, _BRACE, _BRACKET = b'"{['
_NULL = Raw(b"null")


class ObjectReader:
    """Reads some properties of JSON objects, in Graph's spelling, Pascal case, lower or upper case.

    Published samples have both ``encryptedContent`` and ``EncryptedContent``.
    """

    def __init__(self, *names: str) -> None:
        self._names = frozenset(names)
        self._graph_spelling = {spelling: name for name in names for spelling in _spellings(name)}
        spellings = dict.fromkeys(self._graph_spelling, Raw)
        properties = TypedDict("Properties", spellings, total=False)  # type: ignore[misc]  # the names are no literals
        self._decoder = cast("Decoder[Fields]", Decoder(properties))

    def read(self, data: bytes | Raw) -> Fields:
        """Return the properties; the last one counts if a property occurs twice. Raise Malformed if it is no object."""
        return self._respelt(decode(self._decoder, data))

    def read_or_none(self, data: Raw) -> Fields | None:
        """Return the properties of a part of a body, or None if it is no object, which costs less than an error."""
        if memoryview(data)[0] != _BRACE:
            return None
        # Every object can be read: the decoder of the body has checked its syntax.
        return self._respelt(self._decoder.decode(data))

    def _respelt(self, fields: Fields) -> Fields:
        if fields.keys() <= self._names:
            return fields
        return {self._graph_spelling[name]: value for name, value in fields.items()}


def _spellings(name: str) -> Sequence[str]:
    return name, name[:1].upper() + name[1:], name.lower(), name.upper()


def text_or_none(value: Raw | None) -> str | None:
    """Return a text, or None for any other value."""
    return _TEXT.decode(value) if value is not None and memoryview(value)[0] == _QUOTE else None


def is_loggable(text: str) -> bool:
    """Return whether ``text`` is short and printable."""
    return len(text) <= MAX_TEXT and text.isprintable()


def present(fields: Fields, name: str) -> Raw | None:
    """Return a property, or None if it is missing or null."""
    value = fields.get(name)
    return None if value == _NULL else value


def optional_text(fields: Fields, name: str) -> str | None:
    """Return a property that may be absent, null or empty; raise Malformed unless it can be logged."""
    value = present(fields, name)
    if value is None:
        return None
    text = text_or_none(value)
    if text is None or not is_loggable(text):
        raise Malformed(f"{name} is not a short printable string")
    return text or None


def required_text(fields: Fields, name: str) -> str:
    """Return a property; raise Malformed if it is missing or empty, or cannot be logged."""
    value = optional_text(fields, name)
    if value is None:
        raise Malformed(f"{name} is missing")
    return value


def base64_or_empty(value: Raw | None) -> bytes:
    """Return what a text in strict Base64 stands for; b"" for any other value."""
    if value is None:
        return b""
    try:
        return decode(_BASE64, value)
    except Malformed:
        return b""


def is_list(value: Raw) -> bool:
    """Return whether it is a list."""
    return memoryview(value)[0] == _BRACKET


def list_of(value: Raw) -> Sequence[Raw]:
    """Return the elements of a list; raise Malformed if it is none."""
    return decode(_LIST, value)
