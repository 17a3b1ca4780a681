"""Small function apps written to a folder, and a host that serves them while a test runs."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from sandbox.host.core_tools import CoreTools
from sandbox.host.process import FunctionsHost

IMPORTS = "import azure.functions as func\n"
OUT: dict[str, Any] = {"type": "http", "direction": "out", "name": "$return"}


def http_trigger(**more: Any) -> dict[str, Any]:
    return {"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "anonymous", **more}


def timer_trigger(schedule: str, **more: Any) -> dict[str, Any]:
    return {"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": schedule, **more}


def write_host_json(app: Path, **more: Any) -> Path:
    app.mkdir(exist_ok=True)
    (app / "host.json").write_text(json.dumps({"version": "2.0", **more}))
    return app


def write_function(app: Path, name: str, *bindings: Mapping[str, Any], source: str, **more: Any) -> None:
    folder = app / name
    folder.mkdir()
    (folder / "function.json").write_text(json.dumps({"scriptFile": "__init__.py", "bindings": bindings, **more}))
    (folder / "__init__.py").write_text(IMPORTS + dedent(source))


class Loop:
    """An event loop in a thread, so that a host's output is read while a test does something else."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def begin[T](self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return self.begin(work).result(timeout=50)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def looping() -> Iterator[Loop]:
    loop = Loop()
    try:
        yield loop
    finally:
        loop.close()


@contextmanager
def hosting(host: FunctionsHost | CoreTools) -> Iterator[Loop]:
    with looping() as loop:
        loop.run(host.start())
        try:
            yield loop
        finally:
            loop.run(host.kill())


def eventually(condition: Callable[[], bool], *, seconds: float = 10) -> bool:
    """Say whether the condition comes true in time; for effects that nothing announces."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
