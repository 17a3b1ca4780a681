"""An executor that runs each call at once, in the thread that submits it: the order of calls is that of the code."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import override


class InlineExecutor(Executor):
    @override
    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future = Future[T]()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as exc:  # noqa: BLE001  as an executor does: the exception is the result
            future.set_exception(exc)
        return future
