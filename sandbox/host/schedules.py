"""NCRONTAB: five or six fields, seconds first, and the moments that they stand for.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
"""

import re
from datetime import datetime
from typing import cast

from croniter import croniter

from sandbox.host.settings import BadSettings

# Words such as @daily and a seventh field are croniter's own; NCRONTAB has neither.
_FIELDS = re.compile(r"[\w*,/-]+(?: +[\w*,/-]+){4,5}", re.ASCII)


def check_schedule(schedule: str) -> None:
    """Return nothing when ``schedule`` is an NCRONTAB expression.

    Raises:
        BadSettings: it is something else, a time span included: those need an App Service plan.
    """
    if not _FIELDS.fullmatch(schedule.strip()) or not croniter.is_valid(schedule, second_at_beginning=True):
        raise BadSettings(
            f"The schedule expression '{schedule}' was not recognized as a valid cron expression or timespan string."
        )


def next_occurrence(schedule: str, after: datetime) -> datetime:
    """Return the first moment of a checked ``schedule`` that follows ``after``, in the time zone of ``after``."""
    # NCRONTAB wants the day of the month and the day of the week; cron's own rule is either.
    moments = croniter(schedule, after, second_at_beginning=True, day_or=False)
    return cast("datetime", moments.get_next(datetime))
