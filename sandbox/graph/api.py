"""How does Graph answer requests about subscriptions? Create, renew, read, list, delete and reauthorize them.

Source: https://learn.microsoft.com/en-us/graph/api/resources/subscription
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from sandbox.clock import Clock
from sandbox.entra import Entra
from sandbox.graph import rules
from sandbox.graph.callers import AUDIENCE, Caller, caller
from sandbox.graph.denial import Denial
from sandbox.graph.errors import Refused, from_teams, invalid
from sandbox.graph.listing import Listing
from sandbox.graph.matching import named_in
from sandbox.graph.notifier import Notifier
from sandbox.graph.poster import Poster
from sandbox.graph.store import Subscriptions
from sandbox.graph.subscription import Subscription
from sandbox.graph.throttle import Throttle
from sandbox.teams import Teams

_VERSION = r"/{version:v1\.0|beta}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the handlers work with."""

    clock: Clock
    entra: Entra
    teams: Teams
    store: Subscriptions
    throttle: Throttle
    poster: Poster
    notifier: Notifier
    page_size: int
    denial: Denial
    listing: Listing

    def admit(self, request: web.Request, kind: str, resource: str = "") -> Caller:
        """Return who sent a request, and count it.

        Raises:
            Refused: with 401, 403 or 429.
        """
        who = caller(self.entra.access_claims(request.headers.get("Authorization", ""), AUDIENCE))
        self.denial.check(who.tenant_id)
        self.throttle.admit(kind, app_id=who.application_id, tenant_id=who.tenant_id, resource=resource)
        return who


class SubscriptionsApi:
    """The handlers of ``/subscriptions``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[web.RouteDef]:
        """Return what is served under both versions."""
        collection, one = f"{_VERSION}/subscriptions", f"{_VERSION}/subscriptions/{{id}}"
        return [
            web.post(collection, self.create),
            web.get(collection, self.list),
            web.get(one, self.get),
            web.patch(one, self.renew),
            web.delete(one, self.delete),
            web.post(f"{one}/reauthorize", self.reauthorize),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Answer 201 after both endpoints have been validated, one handshake each even if they are the same."""
        who = self._parts.admit(request, "write")
        version, now = request.match_info["version"], self._parts.clock.now()
        wanted = rules.created(await _json(request), who, version=version, now=now)
        self._check_target(wanted)
        self._parts.store.check(wanted)
        await self._validate(wanted)
        self._parts.store.add(wanted)
        self._parts.notifier.watch(wanted)
        return _one(request, wanted, status=201)

    async def renew(self, request: web.Request) -> web.Response:
        """Answer 200 after both endpoints have been validated again.

        Source: https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/2805
        """
        who = self._parts.admit(request, "write")
        current = self._find(request, who)
        wanted = rules.renewed(current, await _json(request), who, now=self._parts.clock.now())
        await self._validate(wanted)
        self._keep(wanted)
        return _one(request, wanted, status=200)

    async def reauthorize(self, request: web.Request) -> web.Response:
        """Answer 204: delivery goes on with the token of this request, until the same expiry as before.

        Both endpoints are validated again.
        """
        who = self._parts.admit(request, "reauthorize")
        current = self._find(request, who)
        rules.authorize(who, current.resource_type)
        await self._validate(current)
        now = self._parts.clock.now()
        self._keep(replace(current, authorized_until=who.token_expires_at, reauthorized_at=now))
        return web.Response(status=204)

    async def get(self, request: web.Request) -> web.Response:
        """Answer one subscription of the app."""
        return _one(request, self._find(request, self._parts.admit(request, "get")), status=200)

    async def list(self, request: web.Request) -> web.Response:
        """Answer the subscriptions that the caller can see in the tenant, page by page."""
        who = self._parts.admit(request, "list")
        start, size = _start(request), self._parts.page_size
        own = self._parts.listing.shown(each for each in self._parts.store.live() if who.sees(each))
        page: dict[str, Any] = {"@odata.context": _context(request)}
        page["value"] = [each.as_json() for each in own[start : start + size]]
        if start + size < len(own):
            page["@odata.nextLink"] = f"{request.url.origin()}{request.path}?$skiptoken={start + size}"
        return web.json_response(page)

    async def delete(self, request: web.Request) -> web.Response:
        """Answer 204."""
        found = self._find(request, self._parts.admit(request, "write"))
        self._parts.store.remove(found.id)
        self._parts.notifier.reminders.forget(found.id)
        return web.Response(status=204)

    def _find(self, request: web.Request, who: Caller) -> Subscription:
        return self._parts.store.get(request.match_info["id"], who)

    async def _validate(self, subscription: Subscription) -> None:
        await self._parts.poster.validate(subscription.notification_url)
        if subscription.lifecycle_notification_url is not None:
            await self._parts.poster.validate(subscription.lifecycle_notification_url)

    def _keep(self, subscription: Subscription) -> None:
        self._parts.store.replace(subscription)
        self._parts.notifier.watch(subscription)

    def _check_target(self, wanted: Subscription) -> None:
        for path in named_in(wanted.resource_type, wanted.key):
            if not self._parts.teams.exists(path, tenant_id=wanted.tenant_id):
                raise from_teams(404, f"There is no {'/'.join(path)}.")
            if wanted.user_id is not None and not self._parts.teams.can_see(path, user_id=wanted.user_id):
                raise from_teams(403, f"The user is no member of {'/'.join(path)}.")


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError as exc:
        raise Refused(400, "BadRequest", "Unable to read JSON request payload.") from exc


def _one(request: web.Request, subscription: Subscription, *, status: int) -> web.Response:
    context = {"@odata.context": f"{_context(request)}/$entity"}
    return web.json_response(context | subscription.as_json(), status=status)


def _context(request: web.Request) -> str:
    return f"https://graph.microsoft.com/{request.match_info['version']}/$metadata#subscriptions"


def _start(request: web.Request) -> int:
    # Query options are not supported; the token comes out of the link to the next page.
    token = request.query.get("$skiptoken", "0")
    if set(request.query) - {"$skiptoken"} or not token.isdecimal():
        raise invalid("Query options are not supported when subscriptions are listed.")
    return int(token)
