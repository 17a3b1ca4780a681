"""Runs commands of the real az, each in a fork of a process that has loaded it: to load it takes seconds.

The Python of the Azure CLI's own virtual environment runs this, with the path of a socket. A request is a line of JSON,
``{"arguments": [...], "environment": {...}, "folder": "..."}``; its answer ``{"status": 0, "out": "", "err": ""}``.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import select
import socket
import sys
import tempfile
from typing import Any

# One command of each module that the hooks and the docs use, so that it is loaded once.
_MODULES = ("account show", "ad app show", "functionapp show", "keyvault secret show", "rest")


def main(path: str) -> None:
    """Serve until standard input ends, as it does with whoever started this; ``path`` exists once it can be asked."""
    # Its modules keep the standard output that is there when they are loaded.
    _cli()
    for module in _MODULES:
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
            _cli().invoke([*module.split(), "--help"])
    # Else each fork would copy what is loaded as soon as it looks for garbage there.
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        while server in select.select([server, sys.stdin], [], [])[0]:
            connection, _ = server.accept()
            with connection, connection.makefile("rw", encoding="utf-8") as stream:
                stream.write(json.dumps(_answer(json.loads(stream.readline()))) + "\n")


def _cli() -> Any:
    # The other environment has it, and neither this one nor the linters.
    return importlib.import_module("azure.cli.core").get_default_cli()


def _answer(request: Any) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(_run(request))
        _, status = os.waitpid(child, 0)
        texts = {name: _text(file) for name, file in (("out", out), ("err", err))}
    return {"status": os.waitstatus_to_exitcode(status), **texts}


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode())


def _run(request: Any) -> int:
    """Do what ``python -m azure.cli`` does, without a report of it to Microsoft."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    try:
        return int(_cli().invoke(request["arguments"]))
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    main(sys.argv[1])
