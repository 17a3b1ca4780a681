"""Small function apps written to a folder, and a host that serves them while a test runs."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from sandbox.host.core_tools import CoreTools
from sandbox.host.process import FunctionsHost
from tests.sandbox.background import Background, running

NEVER = "0 0 0 1 1 *"
_IMPORTS = "import azure.functions as func\n"
_OUT = {"type": "http", "direction": "out", "name": "$return"}


def write_host_json(app: Path, **more: Any) -> Path:
    app.mkdir(exist_ok=True)
    (app / "host.json").write_text(json.dumps({"version": "2.0", **more}))
    return app


def write_http_function(app: Path, name: str, source: str, **more: Any) -> None:
    trigger = {"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "anonymous", **more}
    write_function(app, name, trigger, _OUT, source=source)


def write_timer_function(app: Path, name: str, source: str, *, schedule: str = NEVER, **more: Any) -> None:
    trigger = {"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": schedule}
    write_function(app, name, trigger, source=source, **more)


def write_function(app: Path, name: str, *bindings: Mapping[str, Any], source: str, **more: Any) -> None:
    folder = app / name
    folder.mkdir()
    (folder / "function.json").write_text(json.dumps({"scriptFile": "__init__.py", "bindings": bindings, **more}))
    (folder / "__init__.py").write_text(_IMPORTS + dedent(source))


@contextmanager
def hosting(host: FunctionsHost | CoreTools) -> Iterator[Background]:
    with running() as loop:
        loop.run(host.start())
        try:
            yield loop
        finally:
            loop.run(host.kill())
