"""The notification URL: Graph's handshake, and its POSTs as calls of ``shared`` with a status in return.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from shared.receiving.receive import Receipt

_LOG = logging.getLogger(__name__)

# Graph waits 3 seconds; half a second is for the network.
_BUDGET = timedelta(seconds=2.5)

# Graph's tokens are about 100 characters of plain text, but anyone can send others.
_MAX_VALIDATION_TOKEN = 2048


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer Graph with a status and never a reason."""
    received_at = datetime.now(UTC)
    validation_token = req.params.get("validationToken")
    if validation_token is not None:
        return _handshake(validation_token)
    return func.HttpResponse(status_code=_receive(req.get_body(), req.params.get("fetch"), received_at))


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

    # In a cold worker, the other imports take part of this time.
    deadline = Deadline.after(_BUDGET)

    from ReceiveNotification.process import clients  # noqa: PLC0415
    from shared.app.receive_notification import receiver  # noqa: PLC0415
    from shared.errors import Malformed, Misconfigured, Problem, TooLarge  # noqa: PLC0415

    try:
        receipt = receiver(clients()).receive(body, received_at=received_at, deadline=deadline, fetch=fetch)
    except TooLarge:
        return 413
    except Malformed:
        return 400
    except Misconfigured as problem:
        _LOG.error("refused until this is fixed: %s", problem)
        return 503
    except Problem as problem:
        _LOG.warning("refused for now, Graph will send it again: %s", problem)
        return 503
    if isinstance(receipt.parked_because, Misconfigured):
        _LOG.error("parked until this is fixed: %s", receipt.parked_because)
    elif receipt.parked_because is not None:
        _LOG.warning("parked until it can be published: %s", receipt.parked_because)
    _log(receipt, datetime.now(UTC) - received_at)
    return 202


def _log(receipt: "Receipt", took: timedelta) -> None:
    """Log the line of this POST. A blank follows each ``key=value``, so that a query finds its end."""
    rejected = ",".join(f"{reason}:{count}" for reason, count in receipt.rejected.items())
    _LOG.log(
        logging.WARNING if receipt.rejected or receipt.parked else logging.INFO,
        "post received=%d published=%d parked=%d quarantined=%d dropped=%d ms=%d %s",
        receipt.received,
        receipt.published,
        receipt.parked,
        receipt.quarantined,
        receipt.dropped,
        took / timedelta(milliseconds=1),
        f"rejected={rejected} " if rejected else "",
    )
