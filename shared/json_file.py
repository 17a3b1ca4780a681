"""A JSON file that people edit, read as Azure Functions Core Tools read theirs: with comments and trailing commas.

Whatever an editor or PowerShell puts at the start of the file says how it is encoded, as in .NET.

Sources: https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file,
https://www.newtonsoft.com/json/help/html/T_Newtonsoft_Json_JsonTextReader.htm (the parser of Core Tools)
"""

import codecs
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.errors import Misconfigured

# The four bytes of UTF-32 begin with the two of UTF-16.
_ENCODINGS: Mapping[bytes, str] = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

# A string is matched first, so that what stands in it is neither a comment nor a comma.
_STRING = r'"(?:[^"\\]|\\.)*+"'
_COMMENT = re.compile(rf"{_STRING}|//[^\r\n]*+|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"{_STRING}|,(?=\s*+[\]}}])", re.DOTALL)
_NOT_A_LINE_BREAK = re.compile(r"[^\r\n]")


def read_json_file(file: Path) -> Any:
    """Return the JSON value in ``file``, with a Decimal for each number that is not an integer.

    Raises:
        Misconfigured: there is no such file, or it holds something else; the text has line and column.
    """
    try:
        data = file.read_bytes()
        encoding = next((name for mark, name in _ENCODINGS.items() if data.startswith(mark)), "utf-8-sig")
        text = _COMMENT.sub(_blank, data.decode(encoding))
        return json.loads(_TRAILING_COMMA.sub(_blank, text), parse_float=Decimal)
    except (OSError, ValueError, RecursionError) as exc:
        raise Misconfigured(f"{file.name} cannot be read: {exc}") from exc


def _blank(match: re.Match[str]) -> str:
    """Return blanks for a comment or comma, so that lines and columns stay the same; a string stays as it is."""
    found = match[0]
    return found if found.startswith('"') else _NOT_A_LINE_BREAK.sub(" ", found)
