"""Graph's side: subscriptions that live as long as Graph lets them, and the lists that a backfill reads.

Source: https://learn.microsoft.com/graph/api/resources/subscription and the pages of the lists
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from shared.errors import Misconfigured, NotFound
from shared.graph.client import Page
from shared.graph.location import ResourceLocation
from shared.graph.subscription import GraphSubscription
from shared.notifications.decryption import ResourceContent
from shared.resources.paths import canonical_path
from tests.fakes.calls import Calls
from tests.fakes.clocks import SettableClock
from tests.fakes.graph_account import FakeGraphAccount
from tests.model.teams import Change, Json, Teams

_REFUSED = "Graph answered 400: ValidationError: Subscription validation request failed"


@dataclass(slots=True, kw_only=True)
class Life:
    """A subscription at Graph: when it was created, until when its token is good, and when it ended, if it did."""

    properties: Mapping[str, Any]
    created_at: datetime
    token_until: datetime
    ended_at: datetime | None = None

    def reports(self, change: Change) -> bool:
        """Return whether a change is of its resource and types."""
        path = canonical_path(self.properties["resource"])
        of_all = f"chats/getAll{'Messages' if change.is_message else 'Members'}"
        paths = {of_all, change.subject.rpartition("/")[0]}
        return path in paths and change.kind in self.properties["changeType"].split(",")


@dataclass(kw_only=True)
class Subscriptions:
    """Graph's subscriptions; ``handshake`` and ``check`` are asked first, and raise what Graph answers.

    ``token_life``: how long a token lasts that the app's cache gives it. ``validates``: a PATCH needs a handshake, too.
    """

    clock: SettableClock
    token_life: timedelta
    validates: bool
    is_up: Callable[[], bool]
    check: Callable[[], None]
    is_list_empty: Callable[[], bool]
    lives: dict[str, Life] = field(default_factory=dict)
    account: FakeGraphAccount = field(init=False)

    def __post_init__(self) -> None:
        self.account = FakeGraphAccount(self.clock, Calls())

    def living(self, id_: str) -> Life | None:
        """Return a subscription if it lives at this moment."""
        life = self.lives[id_]
        stored = self.account.stored.get(id_)
        is_over = stored is None or datetime.fromisoformat(stored["expirationDateTime"]) <= self.clock.now()
        return None if is_over else life

    def living_ids(self) -> list[str]:
        """Return the ids of what lives, by resource: several are created at once, in any order."""
        living = [id_ for id_ in self.lives if self.living(id_)]
        return sorted(living, key=lambda id_: [self.lives[id_].properties[name] for name in ("resource", "changeType")])

    def remove(self, id_: str) -> None:
        """Let a subscription vanish."""
        if self.account.stored.pop(id_, None) is not None:
            self.lives[id_].ended_at = self.clock.now()

    # --- The port of the app

    def token_expires_at(self) -> datetime:
        return self.clock.now() + self.token_life

    def list_subscriptions(self) -> Iterable[GraphSubscription]:
        self.check()
        return () if self.is_list_empty() else self.account.list_subscriptions()

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> GraphSubscription:
        self._shake_hands(needed=True)
        created = self.account.create_subscription(properties, beta=beta)
        now = self.clock.now()
        self.lives[created.subscription_id] = Life(
            properties=dict(properties), created_at=now, token_until=now + self.token_life
        )
        return created

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool
    ) -> GraphSubscription:
        self._shake_hands(needed=self.validates)
        updated = self.account.update_subscription(subscription_id, properties, beta=beta)
        self.lives[subscription_id].token_until = self.clock.now() + self.token_life
        return updated

    def get_subscription(self, subscription_id: str, *, beta: bool) -> GraphSubscription:
        self.check()
        return self.account.get_subscription(subscription_id, beta=beta)

    def delete_subscription(self, subscription_id: str) -> None:
        self.check()
        self.account.delete_subscription(subscription_id)
        self.lives[subscription_id].ended_at = self.clock.now()

    def _shake_hands(self, *, needed: bool) -> None:
        self.check()
        if needed and not self.is_up():
            raise Misconfigured(_REFUSED)


@dataclass(frozen=True, kw_only=True)
class Lists:
    """Graph's lists and items in the tenant, in short pages; ``check`` raises what Graph answers."""

    teams: Teams
    check: Callable[[], None]
    page: int = 3

    def get_page(self, path: str) -> Page:
        self.check()
        parts = urlsplit(path)
        options = {name: values[0] for name, values in parse_qs(parts.query).items()}
        start = int(options.get("$skiptoken", "0"))
        items = [item for item in self._list(unquote(parts.path)) if _is_after(item, options.get("$filter", ""))]
        following = path.partition("&$skiptoken=")[0] + f"&$skiptoken={start + self.page}"
        more = start + self.page < len(items)
        if "?" not in following:
            following = following.replace("&", "?", 1)
        return Page(items=tuple(items[start : start + self.page]), next_path=following if more else None)

    def get_item(self, path: str) -> Mapping[str, Any]:
        self.check()
        subject = unquote(path).removeprefix("/v1.0/")
        if subject not in self.teams.messages:
            raise NotFound(f"Graph answered 404 to GET {path}")
        return self.teams.messages[subject]

    def read(self, location: ResourceLocation) -> ResourceContent:
        """Return a resource, as the app fetches it."""
        self.check()
        subject = unquote(location.path).removeprefix("/v1.0/")
        item = self._resource(subject)
        if item is None:
            raise NotFound(f"Graph answered 404 to GET {location.path}")
        return ResourceContent.from_json(json.dumps(item).encode())

    def _resource(self, subject: str) -> Json | None:
        _, chat, kind, id_ = subject.split("/")
        return self.teams.messages.get(subject) if kind == "messages" else self.teams.members[chat].get(id_)

    def _list(self, path: str) -> list[Mapping[str, Any]]:
        match path.removeprefix("/v1.0/").split("/"):
            case ["users"]:
                return [{"id": person} for person in self.teams.people]
            case ["users", person, "chats", "getAllMessages"]:
                return [item for chat in self.teams.chats_of(person) for item in self.teams.messages_in(chat)]
            case ["users", person, "chats"]:
                return [self.teams.chat_with_members(chat) for chat in self.teams.chats_of(person)]
            case ["chats", chat, "messages"]:
                return list(self.teams.messages_in(chat))
            case ["chats", chat, "members"]:
                return list(self.teams.members[chat].values())
            case _:
                raise NotFound(f"Graph answered 404 to GET {path}")


def _is_after(item: Mapping[str, Any], condition: str) -> bool:
    _, is_there, moment = condition.partition("lastModifiedDateTime gt ")
    modified = item.get("lastModifiedDateTime")
    return not is_there or datetime.fromisoformat(str(modified)) > datetime.fromisoformat(moment)
