"""What can go wrong for a sender, and in which words Event Hubs says so.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Condition(StrEnum):
    """Names of errors, in AMQP's own terms or in Event Hubs'."""

    UNAUTHORIZED = "amqp:unauthorized-access"
    NOT_FOUND = "amqp:not-found"
    TOO_LARGE = "amqp:link:message-size-exceeded"
    OVER_CREDIT = "amqp:link:transfer-limit-exceeded"
    DETACHED = "amqp:link:detach-forced"
    CLOSED = "amqp:connection:forced"
    BUSY = "com.microsoft:server-busy"
    QUOTA = "amqp:resource-limit-exceeded"
    INTERNAL = "amqp:internal-error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What becomes of the next ``times`` messages to the hub instead of being taken.

    Each is rejected with ``condition``, or its link is detached or its connection closed for that reason; without one,
    it is never answered. A message that is ``taken`` all the same has only its answer lost.
    """

    condition: Condition | None
    times: int = 1
    taken: bool = False

    @property
    def description(self) -> str:
        """What Event Hubs says beside the condition."""
        if self.condition is Condition.BUSY:
            return (
                "The request was terminated because the entity is being throttled. Error code : 50002. "
                "Please wait 4 seconds and try again."
            )
        return f"The service answers {self.condition}."

    def once_less(self) -> Self:
        """Return the fault for the messages after the next one."""
        return replace(self, times=self.times - 1)
