"""``python -m sandbox.host``: one function app, served on loopback until SIGTERM."""

import argparse
import asyncio
import contextlib
import logging
import os
import socket
import ssl
import sys
import time
from pathlib import Path

from sandbox.host.runtime import INVOCATION_ID
from sandbox.host.server import Options, serve
from sandbox.host.settings import BadSettings
from sandbox.host.web import Keys

_LOG = logging.getLogger("host")
_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s%(invocation)s: %(message)s"


def main() -> int:
    """Run the host; return 0 after an end in order, 1 when invocations had to be cut off, 2 for a bad app."""
    _configure_log()
    arguments = _parser().parse_args()
    app_root = arguments.app_root.resolve()
    keys = Keys(function_key=arguments.function_key, master_key=arguments.master_key)
    options = Options(
        keys=keys,
        until_stdin_closes=arguments.until_stdin_closes,
        from_placeholder=arguments.from_placeholder,
        timer_status=arguments.timer_status,
    )
    _forget_the_current_folder()
    try:
        served = serve(app_root, _bound(arguments), _tls(arguments), options)
        return 0 if asyncio.run(served) else 1
    except BadSettings as exc:
        _LOG.error("%s", exc)
        return 2


def _configure_log() -> None:
    """Send the records of all loggers, the functions' own among them, from INFO upwards to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_invocation)
    formatter = logging.Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _add_invocation(record: logging.LogRecord) -> bool:
    invocation_id = INVOCATION_ID.get()
    record.invocation = f" [{invocation_id}]" if invocation_id else ""
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.host", description="Serve a function app on 127.0.0.1.")
    parser.add_argument("--app-root", type=Path, default=Path(), help="the folder of host.json (default: here)")
    parser.add_argument("--port", type=int, default=7071, help="0 takes a free one (default: 7071)")
    parser.add_argument("--certificate", type=Path, help="PEM file; makes it https")
    parser.add_argument("--key", type=Path, help="PEM file of the certificate's private key")
    parser.add_argument("--function-key", help="opens level function")
    parser.add_argument("--master-key", help="opens every level, and /admin")
    parser.add_argument("--socket", type=int, metavar="FD", help="answer at this inherited socket, not at a port")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input does")
    parser.add_argument("--from-placeholder", action="store_true", help="give the worker its settings after its start")
    parser.add_argument("--timer-status", type=Path, help="file with the timers' next times: what passed is past due")
    return parser


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    if not arguments.certificate:
        return None
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(arguments.certificate, arguments.key)
    return tls


def _bound(arguments: argparse.Namespace) -> socket.socket:
    if arguments.socket is not None:
        return socket.socket(fileno=arguments.socket)
    return socket.create_server(("127.0.0.1", arguments.port))


def _forget_the_current_folder() -> None:
    """Take back what ``python -m`` put first on sys.path: the cloud has the app's folder last, and only there."""
    with contextlib.suppress(ValueError):
        sys.path.remove(str(Path.cwd()))


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    # A thread that outlived its function's timeout must not hold up the end, as it does not in the cloud.
    os._exit(status)
