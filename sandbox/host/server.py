"""The host put together: settings, functions, HTTP and timers, from start to the last invocation."""

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from sandbox.host import runtime
from sandbox.host.functions import Function, read_functions
from sandbox.host.invocations import Invoker
from sandbox.host.settings import HostJson, add_local_settings
from sandbox.host.timers import ScheduleStatus, Timers
from sandbox.host.web import Keys, Web

_LOG = logging.getLogger("host")

# How long the real host waits for invocations in flight when it is told to end; what runs on is cut off.
# Source: https://github.com/Azure/azure-functions-host (FunctionInvocationDispatcherShutdownManager)
DRAIN_TIME = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to serve: the access keys, how long, from what, and where the timers' next times are kept.

    ``from_placeholder``: the worker starts before it knows the app and its settings, as every instance does in Flex
    Consumption.
    """

    keys: Keys
    until_stdin_closes: bool
    from_placeholder: bool
    timer_status: Path | None


async def serve(app_root: Path, bound: socket.socket, tls: ssl.SSLContext | None, options: Options) -> bool:
    """Run the app at a bound socket until SIGTERM or SIGINT; return whether all invocations had ended by then.

    Raises:
        BadSettings: host.json or local.settings.json cannot be used.
    """
    ending = _ending(until_stdin_closes=options.until_stdin_closes)
    host_json = HostJson.read(app_root)
    add_local_settings(app_root, os.environ)
    functions, errors = read_functions(app_root, os.environ)
    for name, reason in errors.items():
        _LOG.error("The '%s' function is in error: %s", name, reason)
    await _load(app_root, functions, from_placeholder=options.from_placeholder)
    invoker = Invoker(host_json.function_timeout)
    timers = Timers(functions, invoker, ScheduleStatus(options.timer_status))
    served = Web(functions, timers, invoker, route_prefix=host_json.route_prefix, keys=options.keys)
    runner = await _listen(served.application(), bound, tls)
    timers.start()
    await ending.wait()
    _LOG.info("Shutting down.")
    await timers.stop()
    _, drained = await asyncio.gather(runner.cleanup(), invoker.drain(DRAIN_TIME))
    return drained


def _ending(*, until_stdin_closes: bool) -> asyncio.Event:
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    if until_stdin_closes:
        threading.Thread(target=_end_with_parent, args=(loop, ending), daemon=True).start()
    return ending


def _end_with_parent(loop: asyncio.AbstractEventLoop, ending: asyncio.Event) -> None:
    """Wait for the process that started this one to be gone, then end in order or, failing that, anyhow."""
    # Not sys.stdin: its lock, held by a daemon thread, would abort the interpreter's own end.
    while os.read(0, 1):
        pass
    loop.call_soon_threadsafe(ending.set)
    time.sleep(DRAIN_TIME.total_seconds())
    os._exit(1)


async def _load(app_root: Path, functions: list[Function], *, from_placeholder: bool) -> None:
    # As in the cloud: relative paths are the app's, and its modules come last, behind every installed package.
    if from_placeholder:
        await runtime.start_from_placeholder(app_root)
    else:
        os.chdir(app_root)
        sys.path.append(str(app_root))
        await runtime.start()
    for function in functions:
        try:
            await runtime.load(function)
        except runtime.LoadFailed as exc:
            _LOG.error("The '%s' function failed to load: %s", function.name, exc)


async def _listen(app: web.Application, bound: socket.socket, tls: ssl.SSLContext | None) -> web.AppRunner:
    # A body that is encoded reaches the function as it came.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=DRAIN_TIME.total_seconds(), auto_decompress=False)
    await runner.setup()
    await web.SockSite(runner, bound, ssl_context=tls).start()
    address, port = bound.getsockname()
    _LOG.info("Listening on %s://%s:%s", "https" if tls else "http", address, port)
    return runner
