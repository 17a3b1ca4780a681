"""Subscriptions that ask for a fetch, created at Graph as the timer would, and the events that come of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import requests

from sandbox.teams import Path
from shared.notifications.client_state import sign_client_state
from tests.end_to_end.deployed import Deployed
from tests.schemas import problems
from tests.sender import NONCE, STATE_KEY, TENANT

type Event = Mapping[str, Any]

# The kinds of the articles, each in the widest subscription there is.
RESOURCES = {
    "/chats": "created,updated",
    "/chats/getAllMessages": "created,updated,deleted",
    "/chats/getAllMembers": "created,deleted",
    "/teams": "created,updated,deleted",
    "/teams/getAllChannels": "created,updated,deleted",
    "/teams/getAllMessages": "created,updated,deleted",
}


class Tenant:
    """People of a tenant, whose changes Graph delivers one at a time."""

    def __init__(self, app: Deployed) -> None:
        self._app = app
        self.teams = app.world.teams
        names = ("Adele Vance", "Alex Wilber", "Megan Bowen")
        self.people = [self.do(self.teams.add_user, TENANT, name) for name in names]

    def do[T, **P](self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of ``operation``, once Graph has delivered its notifications."""

        async def changed() -> T:
            result = operation(*args, **kwargs)
            await self._app.world.graph.idle()
            return result

        return self._app.background.run(changed())


def post(app: Deployed, notification: bytes, query: str = "?fetch=v1.0") -> requests.Response:
    return app.session.post(f"{app.url}{query}", data=notification, timeout=20)


def subscribe(app: Deployed, resource: str, change_type: str) -> None:
    """Subscribe at Graph itself, as the timer does for an entry that is to be fetched."""
    registration = app.world.registration
    form = {
        "grant_type": "client_credentials",
        "client_id": registration.client_id,
        "client_secret": registration.client_secret,
        "scope": "https://graph.microsoft.com/.default",
    }
    token = app.session.post(f"{app.world.login.url}/{TENANT}/oauth2/v2.0/token", data=form, timeout=5).json()
    properties = {
        "resource": resource,
        "changeType": change_type,
        "notificationUrl": f"{app.url}?fetch=v1.0",
        "lifecycleNotificationUrl": app.url,
        "expirationDateTime": (app.world.clock.now() + timedelta(days=2)).isoformat(),
        "clientState": sign_client_state(STATE_KEY, nonce=NONCE, tenant_id=TENANT),
    }
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    url = f"{app.world.graph_service.url}/v1.0/subscriptions"
    answer = app.session.post(url, json=properties, headers=headers, timeout=20)
    assert answer.status_code == 201, answer.text


def subscribe_to_all(app: Deployed) -> None:
    for resource, change_type in RESOURCES.items():
        subscribe(app, resource, change_type)


def take_events(app: Deployed) -> Sequence[Event]:
    """Take the events out of the queue."""
    events = app.live_events()
    app.queue.clear_messages()
    return events


def take_content(app: Deployed, path: Path, kind_of_change: str, *, gone: bool = False) -> Mapping[str, Any]:
    """Take the one event of ``path`` and return its content, which is empty if the resource is ``gone``."""
    if app.stored("parked"):
        # On a busy machine a fetch may take longer than its second.
        assert app.run_timer()
    (event,) = [each for each in take_events(app) if each["subject"] == "/".join(path)]
    assert problems(event) == []
    assert event["type"] == f"Microsoft.Graph.{kind_of_change}"
    assert event["data"].get("gone", False) is gone
    content: Mapping[str, Any] = event["data"].get("content", {})
    assert content.get("id") == (None if gone else path[-1])
    return content
