"""JSON files as .NET's Newtonsoft reads them, with which Core Tools and the host read theirs.

Source: https://www.newtonsoft.com/json/help/html/T_Newtonsoft_Json_JsonTextReader.htm
"""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

# Strings are matched as well, so that nothing in them is taken for a comment or a comma.
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*+")|//[^\n]*+|/\*.*?\*/', re.DOTALL)
_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+")|,(?=\s*+[\]}])', re.DOTALL)


def read(file: Path) -> Any:
    """Return the JSON in ``file``; comments, trailing commas and a byte order mark do no harm.

    Raises:
        OSError, ValueError: there is no such file, or it holds something else.
    """
    data = file.read_bytes()
    text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    without_comments = _TOKEN.sub(r"\1 ", text)
    return json.loads(_LAST_COMMA.sub(r"\1", without_comments), parse_float=Decimal)


def as_text(value: object) -> str | None:
    """Return what becomes of a value where .NET expects text; None for an object, a list or null."""
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
