"""The endpoint's verdict in a run of the timer: asked for at its start, and again while the run lasts.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from shared.app.clients import Clients, once
from shared.errors import Problem
from shared.gaps.gap_recorder import MissedChangesRecorder
from shared.graph.endpoint_probe import EndpointProbe, ProbeResult
from shared.notifications.client_state import sign_client_state
from shared.notifications.probe import Verdict
from shared.receiving.post_store import PARKED
from shared.settings import ClientStateKey
from shared.subscriptions.delivery import EndpointAnswer
from shared.subscriptions.outages import Outages
from shared.timing import Clock

_LOG = logging.getLogger(__name__)

# Each may outlive its deadline.
_CALLS_AT_ONCE = 4

_MESSAGES = {
    Verdict.YES: "NOTIFICATION_URL answers the app again%s",
    Verdict.CANNOT_TELL: "nobody can tell whether Graph reaches NOTIFICATION_URL, so outages show late: %s",
    Verdict.NO: "NOTIFICATION_URL does not take POSTs, so no subscription is replaced: %s",
}
_LEVELS = {Verdict.YES: logging.INFO, Verdict.CANNOT_TELL: logging.WARNING, Verdict.NO: logging.ERROR}


@dataclass(slots=True, kw_only=True)
class EndpointWatch:
    """The endpoint, asked by one thread at a time; ``has_said_yes``: whether its URL answered in an earlier run.

    ``has_said_yes`` raises Unavailable or Misconfigured if the table does not tell.
    """

    probe: EndpointProbe
    has_said_yes: Callable[[], bool]
    clock: Clock
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="endpoint"), init=False
    )
    _newest: Future[EndpointAnswer] | None = field(default=None, init=False)
    _recorded: Future[EndpointAnswer] | None = field(default=None, init=False)
    _reported: Verdict = field(default=Verdict.YES, init=False)

    def sign_with(self, key: ClientStateKey) -> None:
        """Sign what is asked from now on with ``key``, which every instance knows."""
        self.probe = replace(self.probe, sign=partial(_client_state, key, self.probe.tenant_id))

    def begin(self) -> Future[EndpointAnswer]:
        """Ask, and return at once."""
        self._newest = self._pool.submit(self._ask)
        return self._newest

    def answer(self) -> EndpointAnswer:
        """Return the newest answer of this run, once it is there."""
        newest = self._newest or self.begin()
        return newest.result()

    def record_next(self, record: Callable[[EndpointAnswer], bool], period: timedelta) -> None:
        """Have the newest answer recorded if it is there and is not yet; ask again once it is ``period`` old.

        ``record`` returns whether all of it was recorded; if not, the next call tries it again.
        """
        newest = self._newest
        if newest is None or not newest.done():
            return
        answer = newest.result()
        if newest is not self._recorded and record(answer):
            self._recorded = newest
        if self.clock.now() - answer.asked_at >= period:
            self.begin()

    def facts(self) -> Mapping[str, str]:
        """Return what the line of the run says: ``endpoint=`` yes, no or unknown."""
        verdict = self.answer().verdict
        return {"endpoint": "unknown" if verdict is Verdict.CANNOT_TELL else verdict.value}

    def _ask(self) -> EndpointAnswer:
        asked_at = self.clock.now()
        result = self.probe.ask(has_said_yes=self._knows_yes())
        self._report(result)
        return EndpointAnswer(url=self.probe.url, verdict=result.verdict, asked_at=asked_at, reason=result.reason)

    def _knows_yes(self) -> bool:
        try:
            return self.has_said_yes()
        except Problem:
            # Then a refusal or silence says nothing. The steps that need the table report it.
            return False

    def _report(self, result: ProbeResult) -> None:
        """Log a verdict when it changes, not in every run."""
        if result.verdict is not self._reported:
            _LOG.log(_LEVELS[result.verdict], _MESSAGES[result.verdict], result.reason)
            self._reported = result.verdict


@once
def endpoint(clients: Clients) -> EndpointWatch:
    """Return the app's own calls of its public URL."""
    settings = clients.settings
    key, tenant_id = settings.client_state_keys[0], settings.tenant_ids[0]
    probe = EndpointProbe(
        url=settings.notification_url,
        tenant_id=tenant_id,
        sign=partial(_client_state, key, tenant_id),
        last_parked=clients.post_store(PARKED).last_probe,
        pool=ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix="probe"),
        clock=clients.clock,
    )

    def has_said_yes() -> bool:
        account = clients.subscription_table().load_account(tenant_id, delegated=False)
        return account.proven_url == settings.notification_url

    return EndpointWatch(probe=probe, has_said_yes=has_said_yes, clock=clients.clock)


@once
def outages(clients: Clients) -> Outages:
    """Return the flow that records outages."""
    return Outages(
        tenant_ids=clients.settings.tenant_ids,
        subscription_table=clients.subscription_table(),
        gap_recorder=MissedChangesRecorder(gap_table=clients.gap_table()),
    )


def _client_state(key: ClientStateKey, tenant_id: str) -> str:
    return sign_client_state(key, nonce=secrets.token_bytes(16), tenant_id=tenant_id)
