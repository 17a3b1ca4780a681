"""The host's log: lines on standard error, each with time, level, logger and, inside of one, its invocation."""

import logging
import sys
import time

from sandbox.host.runtime import INVOCATION_ID

_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s%(invocation)s: %(message)s"

_functions: dict[str, str] = {}


def configure() -> None:
    """Send the records of all loggers, the functions' own among them, from INFO upwards to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_invocation)
    formatter = logging.Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def begin(invocation_id: str, function_name: str) -> None:
    """Let the running task's records, and those of the thread that it calls, name this invocation."""
    _functions[invocation_id] = function_name
    INVOCATION_ID.set(invocation_id)


def end(invocation_id: str) -> None:
    """Forget the invocation's name; a thread that outlives its invocation logs the id alone."""
    _functions.pop(invocation_id, None)


def _add_invocation(record: logging.LogRecord) -> bool:
    invocation_id = INVOCATION_ID.get()
    function = _functions.get(invocation_id, "?") if invocation_id else None
    record.invocation = f" [{function} {invocation_id}]" if invocation_id else ""
    return True
