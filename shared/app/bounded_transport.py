"""A transport of Azure's client libraries whose calls end, however slowly an answer trickles."""

from datetime import timedelta
from functools import partial
from typing import Any, override

from azure.core.pipeline.transport import RequestsTransport

from shared.azure_calls import FAIL_FAST
from shared.bounded_calls import BoundedCalls

# The largest answer is a page of a list, which takes a second or two; a socket may be silent for ten.
_TIMEOUT = timedelta(seconds=15)


class BoundedTransport(RequestsTransport):  # type: ignore[misc]  # azure.core finds it when it is asked for
    """Sends the requests to one system, and waits for each whole answer up to ``timeout``; then raises Unavailable.

    Two kinds are left out: calls with ``FAIL_FAST``, which the receiving path waits for by deadlines of its own, and of
    a download what follows its headers.
    """

    def __init__(self, system: str, *, timeout: timedelta = _TIMEOUT, **options: Any) -> None:
        super().__init__(**options)
        self._calls = BoundedCalls(system, timeout=timeout)

    @override
    def send(self, request: Any, **options: Any) -> Any:
        """Return the answer; raises as ``BoundedCalls.call`` does."""
        send = partial(super().send, request, **options)
        if options.get("read_timeout") == FAIL_FAST["read_timeout"]:
            return send()
        return self._calls.call(send)
