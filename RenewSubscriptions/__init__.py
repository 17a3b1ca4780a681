"""The timer: every few minutes it renews subscriptions, publishes parked POSTs and closes gaps.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

import logging

import azure.functions as func

_LOG = logging.getLogger(__name__)


def main(timer: func.TimerRequest) -> None:
    """Run all steps once. If a step fails as a whole, this raises, so that the host counts the run as failed."""
    # Imported here, because they would delay the cold start of the other function.
    from ReceiveNotification.process import clients  # noqa: PLC0415
    from shared.app.renew_subscriptions import timer_run  # noqa: PLC0415

    if timer.past_due:
        _LOG.warning("the timer is late: the app was down or busy")
    timer_run(clients()).run()
