"""The timer: every few minutes, the subscriptions at Graph become what they should be.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

import logging
from datetime import UTC, datetime

import azure.functions as func

_LOG = logging.getLogger(__name__)


def main(timer: func.TimerRequest) -> None:
    """Run once. A run that fails as a whole raises, so that the host counts and retries it."""
    from shared.app import reconciler  # noqa: PLC0415  kept off the cold start of the other function's worker
    from shared.reconcile import reconcile  # noqa: PLC0415  the same

    if timer.past_due:
        _LOG.warning("the timer is late: the app was down or busy")
    done = reconcile(reconciler(), now=datetime.now(UTC))
    _LOG.info("subscriptions: created %(created)d, renewed %(renewed)d, failed %(failed)d", done)
