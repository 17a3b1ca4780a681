"""The timer: every few minutes, subscriptions become what they should be, and what was parked is published.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

import logging

import azure.functions as func

_LOG = logging.getLogger(__name__)


def main(timer: func.TimerRequest) -> None:
    """Run once. A run with a step that fails as a whole raises, so that the host counts and retries it."""
    # These imports are kept off the cold start of the other function.
    from ReceiveNotification.process import clients  # noqa: PLC0415
    from shared.app.renew_subscriptions import run_steps  # noqa: PLC0415

    if timer.past_due:
        _LOG.warning("the timer is late: the app was down or busy")
    run_steps(clients())
