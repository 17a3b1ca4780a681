"""A Microsoft Graph on loopback, as strict as the real one: subscriptions, change notifications, and some GETs.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-overview
"""

from sandbox.graph.dispatcher import Pace
from sandbox.graph.encryption import encrypt
from sandbox.graph.items import Answer, Delivery, Item, LifecycleEvent, Lost
from sandbox.graph.poster import Patience
from sandbox.graph.service import Graph, Temper
from sandbox.graph.subscription import Subscription

__all__ = [
    "Answer",
    "Delivery",
    "Graph",
    "Item",
    "LifecycleEvent",
    "Lost",
    "Pace",
    "Patience",
    "Subscription",
    "Temper",
    "encrypt",
]
