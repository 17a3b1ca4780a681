"""Reads lists of arguments with the parser of the real az, and says what it does not understand; carries out nothing.

The Python of the Azure CLI's own virtual environment runs this: JSON in and out, of ``[["account", "show"]]`` ``[""]``.
"""

import contextlib
import importlib
import io
import json
import sys
from typing import Any

# Source: https://github.com/microsoft/knack/blob/dev/knack/events.py (EVENT_INVOKER_POST_PARSE_ARGS)
_PARSED = "CommandInvoker.OnPostParseArgs"


class Understood(BaseException):
    """Every word of the command is one that az knows, and none is missing."""


def _stop(*_: Any, **__: Any) -> None:
    raise Understood


def _cli() -> Any:
    # The other environment has it, and neither this one nor the linters.
    return importlib.import_module("azure.cli.core").get_default_cli()


def said(arguments: list[str]) -> str:
    """Return what the parser says; nothing if it understands."""
    cli, text = _cli(), io.StringIO()
    cli.register_event(_PARSED, _stop)
    with contextlib.redirect_stderr(text), contextlib.redirect_stdout(io.StringIO()):
        try:
            status = cli.invoke(arguments)
        except Understood:
            return ""
        except SystemExit as ended:
            status = ended.code
    # Its help is all that it carries out.
    return "" if status == 0 and "--help" in arguments else f"ends with {status}: {text.getvalue()}"


if __name__ == "__main__":
    json.dump([said(arguments) for arguments in json.load(sys.stdin)], sys.stdout)
