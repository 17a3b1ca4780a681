"""Bodies that are made to cost a lot, each of one length: as dense as a body may be, and denser."""

import json
from collections.abc import Callable, Mapping
from itertools import count

from tests.sender import basic_item, body

SIZE = 4 * 1024 * 1024


def of_one_string(size: int = SIZE) -> bytes:
    """Return a body that is one JSON string, which is the cheapest to parse."""
    return _filled(b'{"value":[],"x":"', b"a", b'"}', size)


def _filled(start: bytes, unit: bytes, end: bytes, size: int = SIZE) -> bytes:
    """Return ``unit`` repeated between ``start`` and ``end``, in ``size`` bytes with the blanks behind them."""
    return (start + unit * ((size - len(start) - len(end)) // len(unit)) + end).ljust(size)


def _list(unit: bytes) -> bytes:
    return _filled(b'{"value":[],"x":[', unit + b",", b"0]}")


def _spaced(unit: bytes, bytes_per_value: int) -> bytes:
    return _list(unit.ljust(bytes_per_value - 1))


def _names(bytes_per_member: int) -> bytes:
    """Return members whose names all differ, so that the parser keeps each of them."""
    members, size = [], 0
    for number in count():
        name = f'"{number:x}":"'
        members.append(name.ljust(bytes_per_member - 2, "x") + '",')
        size += len(members[-1])
        if size > SIZE - 100:
            return ("{" + "".join(members[:-1]) + '"value":[]}').encode().ljust(SIZE)
    raise AssertionError


def _items(item: Mapping[str, object]) -> bytes:
    """Return as many items as a body may have, or as its size allows."""
    text = json.dumps(item).encode()
    number = min(9_999, (SIZE - 40) // (len(text) + 1) - 1)
    return (b'{"value":[' + (text + b",") * number + text + b"]}").ljust(SIZE)


def _named_items() -> bytes:
    """Return items whose names all differ."""
    items = ({f"{number * 12 + at:x}".ljust(26, "x"): "" for at in range(12)} for number in range(9_999))
    return body(*items).replace(b": ", b":").ljust(SIZE)


EXPENSIVE: Mapping[str, Callable[[], bytes]] = {
    "nothing but blanks": lambda: b" " * SIZE,
    "floats": lambda: _list(b"0.0"),
    "floats with exponents": lambda: _list(b"1e9"),
    "digits": lambda: _list(b"9"),
    "floats of 17 digits, as dense as allowed": lambda: _spaced(b"0.12345678901234567", 32),
    "integers of 30 digits, as dense as allowed": lambda: _spaced(b"9" * 30, 32),
    "integers of 100 digits": lambda: _list(b"9" * 100),
    "integers of 4,300 digits": lambda: _list(b"9" * 4300),
    "floats of 4,000 digits": lambda: _list(b"0." + b"1" * 4000),
    "one float of 4 MB": lambda: _filled(b'{"value":[],"x":0.', b"1", b"}"),
    "empty lists": lambda: _list(b"[]"),
    "lists, as dense as allowed": lambda: _spaced(b"[" + b" " * 60 + b"]", 64),
    "empty objects": lambda: _list(b"{}"),
    "objects, as dense as allowed": lambda: _spaced(b"{" + b" " * 60 + b"}", 64),
    "objects of one member": lambda: _list(b'{"":0}'),
    "short texts": lambda: _list(b'"ab"'),
    "texts, as dense as allowed": lambda: _spaced(b'"ab"', 32),
    "escapes": lambda: _filled(b'{"value":[],"x":"', b"\\u00e9", b'"}'),
    "escapes, as dense as allowed": lambda: _filled(b'{"value":[],"x":"', b"\\u00e9".ljust(32, b"a"), b'"}'),
    "different names": lambda: _names(16),
    "different names, as dense as allowed": lambda: _names(32),
    "tokens, as dense as allowed": lambda: _filled(b'{"value":[],"validationTokens":[', b'"ab",'.ljust(32), b"0]}"),
    "9,999 tokens": lambda: (b'{"value":[],"validationTokens":[' + b'"ab",' * 9_999 + b"0]}").ljust(SIZE),
    "positions of 4,300 digits": lambda: _filled(b'{"value":[],"positions":[', b"9" * 4300 + b",", b"0]}"),
    "a lone surrogate behind objects, as dense as allowed": lambda: _filled(
        b'{"value":[],"x":[', b"{".ljust(62) + b"},", b'"\\\\\\ud800"]}'
    ),
    "surrogates, as dense as allowed": lambda: _filled(b'{"value":[],"x":"', b"\\ud83d\\\\".ljust(1024, b"a"), b'"}'),
    "900 deep": lambda: _list(b"[" * 900 + b"]" * 900),
    "items of one member": lambda: _items({"a": 0}),
    "items without a signature": lambda: _items({"tenantId": "x", "padding": "x" * 380}),
    "items with a signature of another app's": lambda: _items(basic_item(clientState="v1.01234567.x.y")),
    "items of different names": _named_items,
    "items that are texts": lambda: body(*["x" * 400] * 9_999).ljust(SIZE),
    "items with a wrong signature": lambda: _items(basic_item(clientState="x")),
    "text of two bytes a character": lambda: _filled(b'{"value":[],"x":"', "é".encode(), b'"}'),
}
