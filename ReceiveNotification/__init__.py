"""The notification URL: Graph's handshake, and its POSTs as calls of ``shared`` with a status in return.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import azure.functions as func

_LOG = logging.getLogger(__name__)

# Graph waits 3 seconds. The answer is given in time even if a call does not return: it may end in the background, and
# what it publishes then comes again and is recognised.
_ANSWER_SECONDS = 2.8
_BUDGET = timedelta(seconds=2.5)

# The worker's own pool has one thread on Flex Consumption, whatever PYTHON_THREADPOOL_THREAD_COUNT says. While storage
# hangs, each POST takes all of its budget: this is enough for 12 POSTs a second, and the rest get a 503 in time.
_POSTS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="posts")

# A handshake that made the host start this process is answered first: imports would take the interpreter from it.
_WARM_UP_AFTER_SECONDS = 0.1

# Graph's tokens are about 100 characters of plain text, but anyone can send others.
_MAX_VALIDATION_TOKEN = 2048


async def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer Graph with a status and never a reason."""
    received_at = datetime.now(UTC)
    validation_token = req.params.get("validationToken")
    if validation_token is not None:
        return _handshake(validation_token)
    loop = asyncio.get_running_loop()
    post = loop.run_in_executor(_POSTS, _receive, req.get_body(), req.params.get("fetch"), received_at)
    try:
        status = await asyncio.wait_for(post, _ANSWER_SECONDS)
    except TimeoutError:
        _LOG.warning("refused for now, Graph will send it again: the POST was not processed in time")
        status = 503
    return func.HttpResponse(status_code=status)


def _handshake(token: str) -> func.HttpResponse:
    """Echo the token. This imports and calls nothing, because a cold worker has 10 seconds in all."""
    if len(token) > _MAX_VALIDATION_TOKEN or not token.isprintable() or "<" in token:
        return func.HttpResponse(status_code=400)
    return func.HttpResponse(token, mimetype="text/plain", headers={"X-Content-Type-Options": "nosniff"})


def _receive(body: bytes, fetch: str | None, received_at: datetime) -> int:
    """Return the status for ``body``. The imports are in here because they would delay the handshake.

    ``fetch`` is part of the URL and grants nothing: the client state authenticates.
    """
    from shared.timing import Deadline  # noqa: PLC0415

    # In a cold worker, the other imports take part of this time; so does waiting for a thread.
    deadline = Deadline.after(_BUDGET - (datetime.now(UTC) - received_at))

    from ReceiveNotification.process import clients  # noqa: PLC0415
    from shared.app.receive_notification import post_log, receive  # noqa: PLC0415
    from shared.errors import Malformed, Misconfigured, Problem, TooLarge  # noqa: PLC0415

    try:
        receipt = receive(clients(), body, received_at=received_at, deadline=deadline, fetch=fetch)
    except Malformed as problem:
        post_log(clients()).refused(problem, size=len(body))
        return 413 if isinstance(problem, TooLarge) else 400
    except Misconfigured as problem:
        _LOG.error("refused until this is fixed: %s", problem)
        return 503
    except Problem as problem:
        _LOG.warning("refused for now, Graph will send it again: %s", problem)
        return 503
    post_log(clients()).received(receipt, size=len(body), took=datetime.now(UTC) - received_at)
    return 202


def _warm_up() -> None:
    time.sleep(_WARM_UP_AFTER_SECONDS)

    from ReceiveNotification.process import clients  # noqa: PLC0415  as in _receive, and first as there
    from shared.app.warm_up import warm_up  # noqa: PLC0415

    warm_up(clients)


# The host loads a function before it is given a request, and under a longer name. Whoever imports it by its own name
# (the other function does, for ``process``) has no POST to wait for.
if __name__ != "ReceiveNotification":
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
