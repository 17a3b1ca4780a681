"""JSON text as values: strict for all of it, and cheap for what anyone can post.

A decoder with a type skips what the type does not name without building it, and keeps a ``Raw`` value as text.

Source: https://www.rfc-editor.org/rfc/rfc8259 and https://jcristharif.com/msgspec/
"""

import re
import sys
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from shared.errors import Malformed

# A genuine body has a comma, bracket or backslash for each 39 bytes or more. Denser bodies cost far more to skip.
_BYTES_PER_TOKEN = 32
_FREE_TOKENS = 256
_TOKENS = b",[{\\"

# A surrogate, which is half of a character, or both halves of one.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?")
_HIGH = b"89abAB"
_BACKSLASH = ord("\\")
_REPLACEMENT = rb"\ufffd"
_BYTES_PER_SURROGATE = 1024

_ANYTHING = Decoder(Any)
_ANY_NUMBER = sys.maxsize - 1


def parse_json(data: bytes | Raw) -> Any:
    """Return the JSON value in UTF-8 ``data``; a lone surrogate is read as U+FFFD.

    Unlike ``json.loads``, it accepts neither UTF-16 nor NaN and infinite numbers, which JSON does not have.

    Raises:
        Malformed: ``data`` is not JSON in UTF-8, or too deeply nested, or has a number beyond a double's range.
    """
    try:
        return decode(_ANYTHING, data)
    except Malformed:
        return decode(_ANYTHING, _with_whole_characters(bytes(data), most=_ANY_NUMBER))


def decode[T](decoder: Decoder[T], data: bytes | Raw) -> T:
    """Return what ``decoder`` makes of ``data``; what it skips may be any JSON, with bytes that are not UTF-8.

    Raises:
        Malformed: ``data`` is not JSON of the decoder's type, or too deeply nested.
    """
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError) as exc:
        is_json = isinstance(exc, msgspec.ValidationError)
        raise Malformed("JSON of another type than Graph's" if is_json else "not JSON in UTF-8") from exc


def cheap_text(data: bytes) -> bytes:
    """Return ``data``, which anyone can post, as UTF-8 that any decoder skips at about the cost of one JSON string.

    A lone surrogate in it becomes U+FFFD.

    Raises:
        Malformed: ``data`` is denser than any body of Graph's, or not UTF-8.
    """
    _check_density(data)
    try:
        data.decode("utf-8")
    except ValueError as exc:
        raise Malformed("not UTF-8") from exc
    return _with_whole_characters(data, most=_FREE_TOKENS + len(data) // _BYTES_PER_SURROGATE)


def _check_density(data: bytes) -> None:
    # One pass over the bytes; counting each token by itself takes three times as long.
    if len(data) - len(data.translate(None, _TOKENS)) > _FREE_TOKENS + len(data) // _BYTES_PER_TOKEN:
        raise Malformed("denser than any body of Graph's")


def _with_whole_characters(data: bytes, *, most: int) -> bytes:
    """Return JSON text in which U+FFFD takes the place of each lone surrogate; the decoder refuses those.

    A program writes one that has cut a text within a character. In a foreign app's item it must not cost a POST its
    other items. Source: https://www.unicode.org/faq/utf_bom
    """
    # Most have no backslash at all, and a single byte is found fastest.
    if b"\\" not in data:
        return data
    text, found = _SURROGATE.subn(_whole, data, count=most + 1)
    if found > most:
        raise Malformed("denser in surrogates than any body of Graph's")
    return text


def _whole(match: re.Match[bytes]) -> bytes:
    begin = end = match.start()
    while begin and match.string[begin - 1] == _BACKSLASH:
        begin -= 1
    # Behind an odd number of others, the backslash is itself escaped, and what follows is plain text.
    is_escape = (end - begin) % 2 == 0
    first, second = match[0][:6], match[1] or b""
    if is_escape and second and first[3] in _HIGH:
        return match[0]
    return (_REPLACEMENT if is_escape else first) + (_REPLACEMENT if second else b"")


def dump_json(value: object, *, sort_keys: bool = False) -> bytes:
    """Return ``value`` as JSON in UTF-8, with each ``Raw`` in it as it is.

    Raises:
        Malformed: nested too deeply, or with a lone surrogate.
    """
    try:
        return msgspec.json.encode(value, order="sorted" if sort_keys else None)
    except (ValueError, RecursionError) as exc:
        raise Malformed("a value that cannot be written as JSON") from exc
