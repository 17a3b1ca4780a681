"""JSON text as values: strict for all of it, and cheap for what anyone can post.

Source: https://www.rfc-editor.org/rfc/rfc8259
"""

import json
import math
from typing import Any

from shared.errors import Malformed

# A genuine body has a comma, bracket or backslash for each 39 bytes or more. Denser bodies cost far more to parse.
_BYTES_PER_TOKEN = 32
_FREE_TOKENS = 256
_TOKENS = (b",", b"[", b"{", b"\\")

# The cost of an integer grows with the square of its length.
_MAX_DIGITS = 100


def parse_json(data: bytes) -> Any:
    """Return the JSON value in UTF-8 ``data``.

    Unlike ``json.loads``, it accepts neither UTF-16 nor NaN and infinite numbers, which JSON does not have.

    Raises:
        Malformed: ``data`` is not JSON in UTF-8, or too deeply nested.
    """
    return _decoded(_DECODER, data)


def parse_untrusted_json(data: bytes) -> Any:
    """Return the JSON value in ``data``, at about the cost of one JSON string of the same length.

    It is at most 4 times that, or 10 times for different names and long numbers as dense as Graph's own. A number
    beyond a double's range becomes infinity, which this app never writes.

    Raises:
        Malformed: as ``parse_json``, or ``data`` is denser than any body of Graph's.
    """
    if sum(map(data.count, _TOKENS)) > _FREE_TOKENS + len(data) // _BYTES_PER_TOKEN:
        raise Malformed("denser than any body of Graph's")
    return _decoded(_FAST_DECODER, data)


def _decoded(decoder: json.JSONDecoder, data: bytes) -> Any:
    try:
        return decoder.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise Malformed("not JSON in UTF-8") from exc


def _reject_constant(constant: str) -> float:
    raise ValueError(constant)


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number beyond a double's range")
    return number


def _short_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("an integer of too many digits")
    return int(text)


_DECODER = json.JSONDecoder(parse_constant=_reject_constant, parse_float=_finite_float)
_FAST_DECODER = json.JSONDecoder(parse_constant=_reject_constant, parse_int=_short_int)
