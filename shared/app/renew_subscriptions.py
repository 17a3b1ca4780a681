"""The function RenewSubscriptions, wired: the steps of a timer run with their clients."""

import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from shared.app.clients import Clients, once
from shared.app.receive_notification import quarantine, receiver
from shared.errors import Misconfigured, Problem
from shared.gaps.catch_up import CatchUp
from shared.receiving.post_store import PARKED, QUARANTINE
from shared.receiving.receive import Receiver
from shared.receiving.redrive import Redriver
from shared.receiving.resource_reader import RateLimitedReader
from shared.subscriptions.desired import DesiredSubscription, desired_from_json
from shared.subscriptions.reconcile import Account, Reconciler

_LOG = logging.getLogger(__name__)

# The subscriptions take at most four minutes; a whole run may take ten (functionTimeout in host.json).
_TIME_FOR_PARKED = timedelta(minutes=2)
_TIME_FOR_GAPS = timedelta(minutes=2)
_TIME_FOR_PURGING = timedelta(seconds=20)

SUBSCRIPTIONS_FILE = Path(__file__).parents[2] / "subscriptions.json"

_SUBSCRIPTIONS = "subscriptions"

type Step = Callable[[], Mapping[str, int]]


def run_steps(clients: Clients) -> None:
    """Run all steps of the timer once; raises as ``run`` does."""
    run(steps(clients))


def run(steps: Mapping[str, Step]) -> None:
    """Run all steps in order, and log one line with their counts.

    The line is ``run ms=812 failed_steps=0 renewed=3 parked_published=2 ``. A blank follows each value, so that a query
    finds its end. Counts have the name of their step as a prefix, except those of subscriptions.

    Raises:
        Problem: the first failure of a step, after all steps have run.
    """
    began, problems, counts = time.monotonic(), list[Problem](), dict[str, int]()
    for name, step in steps.items():
        try:
            done = step()
        except Problem as problem:
            _LOG.error("step %s of this run failed: %s", name, problem)
            problems.append(problem)
            continue
        counts |= {_key(name, what): count for what, count in done.items()}
    facts = "".join(f"{key}={count} " for key, count in counts.items())
    _LOG.info("run ms=%d failed_steps=%d %s", (time.monotonic() - began) * 1000, len(problems), facts)
    if problems:
        raise problems[0]


def _key(step: str, what: str) -> str:
    return (what if step == _SUBSCRIPTIONS else f"{step}_{what}").replace(" ", "_")


def steps(clients: Clients) -> Mapping[str, Step]:
    """Return the steps of a run by name, in order; each builds its clients when it runs."""
    now = clients.clock.now
    return {
        _SUBSCRIPTIONS: lambda: reconciler(clients).run(),
        "parked": lambda: parked_redriver(clients).run(now() + _TIME_FOR_PARKED),
        "gaps": lambda: catch_up(clients).run(now() + _TIME_FOR_GAPS),
        "quarantine": lambda: quarantine(clients).purge(now() + _TIME_FOR_PURGING),
        "published": lambda: _purge(clients),
    }


def _purge(clients: Clients) -> Mapping[str, int]:
    now = clients.clock.now()
    ends, before = now + _TIME_FOR_PURGING, now - clients.settings.deduplicate_for
    table = clients.publication_table()
    return {"deleted": table.purge(now=now, before=before, is_time_up=lambda: clients.clock.now() > ends)}


@once
def reconciler(clients: Clients, subscriptions_file: Path = SUBSCRIPTIONS_FILE) -> Reconciler:
    """Return the flow that renews subscriptions; raises as ``desired`` does."""
    settings = clients.settings
    certificate_name = settings.encryption_certificate_name
    return Reconciler(
        desired=desired(clients, subscriptions_file),
        accounts=[account for tenant_id in settings.tenant_ids for account in _accounts(clients, tenant_id)],
        subscription_table=clients.subscription_table(),
        client_state_key=settings.client_state_keys[0],
        notification_url=settings.notification_url,
        lifetime=settings.subscription_lifetime,
        renew_after=settings.renew_after,
        certificate=clients.certificate_versions(certificate_name).current if certificate_name else None,
        nonce=lambda: secrets.token_bytes(16),
        clock=clients.clock,
    )


def _accounts(clients: Clients, tenant_id: str) -> Iterator[Account]:
    yield Account(tenant_id=tenant_id, delegated=False, api=clients.graph_for_tenant(tenant_id))
    # Without a vault there are no logins, and ``desired`` has refused entries that need one.
    if clients.settings.key_vault_url is not None:
        graph = clients.graph_with_credential(clients.user_credential(tenant_id))
        yield Account(tenant_id=tenant_id, delegated=True, api=graph)


def desired(clients: Clients, subscriptions_file: Path = SUBSCRIPTIONS_FILE) -> tuple[DesiredSubscription, ...]:
    """Return the subscriptions in the file.

    Raises:
        Misconfigured: the file cannot be read, or an entry is wrong or needs a setting that is missing.
    """
    try:
        document = json.loads(subscriptions_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise Misconfigured(f"{subscriptions_file.name} cannot be read: {exc}") from exc
    wanted = tuple(desired_from_json(document, tenant_ids=clients.settings.tenant_ids))
    if clients.settings.key_vault_url is None and any(item.delegated for item in wanted):
        raise Misconfigured(
            'KEY_VAULT_URL is not set: entries with "delegated" need the vault, where the login is stored'
        )
    return wanted


@once
def parked_redriver(clients: Clients) -> Redriver:
    """Return the flow that redrives parked POSTs."""
    return Redriver(
        store=clients.post_store(PARKED),
        is_quarantine=False,
        receiver=_patient_receiver(clients),
        now=clients.clock.now,
    )


@once
def quarantine_redriver(clients: Clients) -> Redriver:
    """Return the flow that an operator can start for POSTs in quarantine."""
    return Redriver(
        store=clients.post_store(QUARANTINE),
        is_quarantine=True,
        receiver=_patient_receiver(clients),
        now=clients.clock.now,
    )


def _patient_receiver(clients: Clients) -> Receiver:
    """Return a receiver that waits between its requests for as long as Graph asks."""
    live = receiver(clients)
    reader = RateLimitedReader(clients.read_resource, clients.clock)
    return replace(live, publisher=replace(live.publisher, fetch_resources=reader.read))


@once
def catch_up(clients: Clients) -> CatchUp:
    """Return the flow that closes gaps."""
    settings, publish_once = clients.settings, clients.publish_once()
    return CatchUp(
        tenant_ids=settings.tenant_ids,
        client_id=settings.client_id,
        subscription_table=clients.subscription_table(),
        gap_table=clients.gap_table(),
        snapshot_table=clients.snapshot_table(),
        graph=clients.graph_for_tenant,
        # A resumed backfill reads pages again, and without the table it would publish them twice.
        publish=partial(publish_once.publish, require_lookup=True) if publish_once else clients.sink().publish,
        is_parked=clients.post_store(PARKED).has_older_than,
        clock=clients.clock,
    )
