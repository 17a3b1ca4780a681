"""The notification URL: Graph's handshake and its POSTs, translated to ``shared`` and back to a status.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from shared.receiving.receive import Receipt

_LOG = logging.getLogger(__name__)

# Graph counts an answer after 3 seconds as none; half a second is for the way there and back.
_BUDGET = timedelta(seconds=2.5)

# Graph's tokens are about 100 characters of plain text; anybody may send another.
_MAX_VALIDATION_TOKEN = 2048


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer Graph, with a status and never a reason."""
    received_at = datetime.now(UTC)
    validation_token = req.params.get("validationToken")
    if validation_token is not None:
        return _handshake(validation_token)
    return func.HttpResponse(status_code=_receive(req.get_body(), req.params.get("fetch"), received_at))


def _handshake(token: str) -> func.HttpResponse:
    """Return the token as it is. Nothing is imported or called for it: a cold worker has 10 seconds in all."""
    if len(token) > _MAX_VALIDATION_TOKEN or not token.isprintable() or "<" in token:
        return func.HttpResponse(status_code=400)
    return func.HttpResponse(token, mimetype="text/plain", headers={"X-Content-Type-Options": "nosniff"})


def _receive(body: bytes, fetch: str | None, received_at: datetime) -> int:
    """Return the status for ``body``. The imports wait until here, so that the handshake need not.

    ``fetch`` comes from the URL that the app subscribed with, and grants nothing: the client state authenticates.
    """
    from shared.timing import Deadline  # noqa: PLC0415

    # The time that the other imports take in a cold worker counts too.
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
        _LOG.error("refused until this is mended: %s", problem)
        return 503
    except Problem as problem:
        _LOG.warning("refused for now, Graph will send it again: %s", problem)
        return 503
    if isinstance(receipt.parked_because, Misconfigured):
        _LOG.error("parked until this is mended: %s", receipt.parked_because)
    elif receipt.parked_because is not None:
        _LOG.warning("parked until it can be published: %s", receipt.parked_because)
    _log(receipt, datetime.now(UTC) - received_at)
    return 202


def _log(receipt: "Receipt", took: timedelta) -> None:
    """Write the line of this POST: each ``key=value`` is followed by a blank, for queries to find its end."""
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
