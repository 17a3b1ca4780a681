"""Event Hubs as a sender sees it, over AMQP 1.0; it needs python-qpid-proton (dependency group ``eventhubs``).

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from sandbox.eventhubs.batch import HubEvent
from sandbox.eventhubs.fault import Condition, Fault
from sandbox.eventhubs.service import EventHubs

__all__ = ["Condition", "EventHubs", "Fault", "HubEvent"]
