"""The bridge to ``azure-functions-runtime-v1``, which loads, checks and calls the functions as in the cloud.

The calls and their order are those of the cloud's worker; its protobuf messages are plain objects here, which the
runtime's protobuf-free entry point was made for. No other module of the host imports the runtime.

Source: https://github.com/Azure/azure-functions-python-worker/tree/dev/runtimes/v1
"""

import json
import logging
import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from azure_functions_runtime_v1 import (
    function_environment_reload_request,
    function_load_request,
    invocation_id_cv,
    start_threadpool_executor,
    worker_init_request,
)
from azure_functions_runtime_v1.bindings.datumdef import Datum
from azure_functions_runtime_v1.native_invocation import invocation_request_native

from sandbox.host.functions import Function

INVOCATION_ID: ContextVar[str | None] = invocation_id_cv
"""The invocation that the running code belongs to: in its coroutine, or in its thread of the pool."""


class LoadFailed(Exception):
    """A function's module or its signature does not fit; the message holds the runtime's reason and the trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """A request as a function sees it: names of headers in lower case, one value a name."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerCall:
    """A run of a timer as its function sees it; ``past_due``: the host did not run when it was due."""

    past_due: bool = False

    @property
    def as_json(self) -> str:
        """All that the real host passes of it, but for the schedule's status."""
        return json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": self.past_due})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What a function answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an invocation ended: no ``error`` means success, no ``answer`` that the function returned none."""

    error: str | None
    answer: HttpAnswer | None = None


class _StatusResult(SimpleNamespace):
    """The runtime reads the two codes from the class and makes instances of it."""

    Success = "success"
    Failure = "failure"


_PROTOS = SimpleNamespace(
    # Upper and lower case are the runtime's.
    BindingInfo=SimpleNamespace(inout="inout", out="out", undefined="undefined"),
    StatusResult=_StatusResult,
    RpcException=SimpleNamespace,
    WorkerMetadata=SimpleNamespace,
    WorkerInitResponse=SimpleNamespace,
    FunctionLoadResponse=SimpleNamespace,
    FunctionEnvironmentReloadResponse=SimpleNamespace,
)


async def start() -> None:
    """Start the thread pool of the synchronous functions, sized by the settings, and the runtime."""
    # Its one record is the traceback of a failed function, without the invocation; the host logs that itself.
    logging.getLogger("azure.functions").addFilter(lambda record: record.msg != "Native invocation failed")
    start_threadpool_executor()
    init = SimpleNamespace(worker_init_request=SimpleNamespace(capabilities={}))
    await worker_init_request(SimpleNamespace(request=init, properties={"protos": _PROTOS, "host": "127.0.0.1"}))


async def start_from_placeholder(app_root: Path) -> None:
    """Start as a worker that waits for an app, and then gets it, with its settings: its threads were counted before.

    Source: https://github.com/Azure/azure-functions-python-worker (FunctionEnvironmentReloadRequest)
    """
    settings = dict(os.environ)
    os.environ.clear()
    await start()
    reload = SimpleNamespace(function_app_directory=str(app_root), environment_variables=settings)
    request = SimpleNamespace(function_environment_reload_request=reload)
    answer = await function_environment_reload_request(SimpleNamespace(request=request, properties={"protos": _PROTOS}))
    if answer.result.status != _StatusResult.Success:
        raise RuntimeError(f"the worker did not take the app's settings: {answer.result.exception.message}")


async def load(function: Function) -> None:
    """Import ``function`` as ``__app__.<Folder>`` and hold its signature against its bindings.

    Raises:
        LoadFailed: either went wrong; every invocation of the function will fail, as in the cloud.
    """
    metadata = SimpleNamespace(
        name=function.name,
        directory=str(function.script_file.parent),
        script_file=str(function.script_file),
        entry_point="main",
        bindings={
            binding.name: SimpleNamespace(type=binding.type, direction=binding.direction, data_type="undefined")
            for binding in function.bindings
        },
    )
    request = SimpleNamespace(function_load_request=SimpleNamespace(function_id=function.name, metadata=metadata))
    result = (await function_load_request(SimpleNamespace(request=request))).result
    if result.status != _StatusResult.Success:
        raise LoadFailed(f"{result.exception.message}\n{result.exception.stack_trace}".rstrip())


async def invoke(function: Function, call: HttpCall | TimerCall, *, invocation_id: str, attempt: int) -> Outcome:
    """Call the function, in the pool when it is synchronous, and return how that ended."""
    datum = Datum(call.as_json, "json") if isinstance(call, TimerCall) else _request_datum(call)
    ok, returned, _, error, trace = await invocation_request_native(
        invocation_id,
        function.name,
        [(function.trigger.name, datum)],
        {},
        retry_count=attempt,
        max_retry_count=function.retry.max_count if function.retry else 0,
    )
    if not ok:
        return Outcome(error=f"Exception: {error}\nStack: {trace}")
    return Outcome(error=None, answer=_answer(returned))


def _request_datum(call: HttpCall) -> Any:
    value = {
        "method": _text(call.method),
        "url": _text(call.url),
        "headers": {name: _text(value) for name, value in call.headers.items()},
        "query": {name: _text(value) for name, value in call.query.items()},
        "params": {},
        "body": Datum(call.body, "bytes"),
    }
    return Datum(value, "http")


def _text(value: str) -> Any:
    return Datum(value, "string")


def _answer(datum: Any) -> HttpAnswer | None:
    if datum is None or datum.value is None:
        return None
    return HttpAnswer(
        status=int(datum.value["status_code"].value),
        headers={name: header.value for name, header in datum.value["headers"].items()},
        body=datum.value["body"].value,
    )
