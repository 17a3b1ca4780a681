"""A tenant whose subscriptions ask for a fetch, made at Graph as the timer would, and what the app makes of it."""

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
WATCHED = {
    "/chats": "created,updated",
    "/chats/getAllMessages": "created,updated,deleted",
    "/chats/getAllMembers": "created,deleted",
    "/teams": "created,updated,deleted",
    "/teams/getAllChannels": "created,updated,deleted",
    "/teams/getAllMessages": "created,updated,deleted",
}


class Tenant:
    """People of a tenant, and what they do there: one change at a time, each told by Graph before the next."""

    def __init__(self, app: Deployed) -> None:
        self._app = app
        self.teams = app.world.teams
        names = ("Adele Vance", "Alex Wilber", "Megan Bowen")
        self.people = [self.do(self.teams.add_user, TENANT, name) for name in names]

    def do[T, **P](self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of ``operation``, once Graph has its answer to what it tells of it."""

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
    wanted = {
        "resource": resource,
        "changeType": change_type,
        "notificationUrl": f"{app.url}?fetch=v1.0",
        "lifecycleNotificationUrl": app.url,
        "expirationDateTime": (app.world.clock.now() + timedelta(days=2)).isoformat(),
        "clientState": sign_client_state(STATE_KEY, nonce=NONCE, tenant_id=TENANT),
    }
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    url = f"{app.world.graph_service.url}/v1.0/subscriptions"
    answer = app.session.post(url, json=wanted, headers=headers, timeout=20)
    assert answer.status_code == 201, answer.text


def watch(app: Deployed) -> None:
    for resource, change_type in WATCHED.items():
        subscribe(app, resource, change_type)


def take_events(app: Deployed) -> Sequence[Event]:
    """Return what stands in the queue, and take it out."""
    events = app.told()
    app.queue.clear_messages()
    return events


def told(app: Deployed, path: Path, *, gone: bool = False) -> Event:
    """Return the one event of ``path``, which has the resource itself unless it is gone."""
    if app.kept("parked"):
        # On a busy machine a fetch may take longer than its second.
        assert app.run_timer()
    (event,) = [each for each in take_events(app) if each["subject"] == "/".join(path)]
    assert problems(event) == []
    assert event["data"].get("gone", False) is gone
    assert event["data"].get("content", {}).get("id") == (None if gone else path[-1])
    return event


def kind_of_change(event: Event) -> str:
    return str(event["type"]).removeprefix("Microsoft.Graph.")
