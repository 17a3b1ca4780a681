"""An environment in which the app is configured, and the names that its settings ask for."""

from collections.abc import Mapping

from shared.settings import Settings
from tests.sender import CLIENT_ID, STATE_KEY_TEXT, TENANT

CONNECTION = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net"
LEAST = {
    "AzureWebJobsStorage": CONNECTION,
    "TENANT_IDS": TENANT,
    "CLIENT_ID": CLIENT_ID,
    "CLIENT_STATE_KEY": STATE_KEY_TEXT,
    "NOTIFICATION_URL": "https://app.example/api/ReceiveNotification",
}
EVENT_HUB = {
    "EVENT_SINK": "eventhub:teams-events",
    "EventHubConnection__fullyQualifiedNamespace": "contoso.servicebus.windows.net",
}


class Asked(dict[str, str]):
    """An environment that remembers which names it was asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.names: set[str] = set()

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]  # only what Settings uses
        self.names.add(name)
        return super().get(name, default)


def names_asked_for() -> frozenset[str]:
    """Return the names of all settings, those of a queue's deployment and those of an event hub's."""
    queue, hub = Asked(LEAST), Asked(LEAST | EVENT_HUB)
    for asked in (queue, hub):
        Settings.from_environ(asked)
    return frozenset(queue.names | hub.names)
