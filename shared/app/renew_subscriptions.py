"""The function RenewSubscriptions, wired: the steps of a timer run with their clients."""

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from shared.app.answers import dependency_answers
from shared.app.audits import audit_steps
from shared.app.clients import Clients, once
from shared.app.departed_tenants import departed_tenants
from shared.app.deployments import SUBSCRIPTIONS_FILE, asked_once, deployment
from shared.app.endpoint import endpoint, outages
from shared.app.receive_notification import quarantine, receiver
from shared.app.run_figures import run_figures
from shared.app.timer_run import Step, TimerRun
from shared.errors import Misconfigured, Problem
from shared.events.publication import KEPT_LONGER
from shared.gaps.catch_up import CatchUp
from shared.gaps.turns import MAX_READS
from shared.json_file import read_json_file
from shared.receiving.post_store import PARKED, QUARANTINE
from shared.receiving.receive import Receiver
from shared.receiving.redrive import Redriver
from shared.receiving.resource_reader import RateLimitedReader
from shared.subscriptions.delivery import EndpointAnswer
from shared.subscriptions.deployment import DeploymentRun
from shared.subscriptions.desired import DesiredSubscription, desired_from_json
from shared.subscriptions.reconcile import Account, Reconciler

_LOG = logging.getLogger(__name__)

# What a step does in one turn. A whole run takes as many turns as there is work for, within its nine minutes.
_TIME_FOR_PARKED = timedelta(minutes=1)
_TIME_FOR_GAPS = timedelta(minutes=1)
_TIME_FOR_PURGING = timedelta(seconds=10)
_TIME_FOR_ANSWERING = timedelta(seconds=30)


def timer_run(clients: Clients) -> TimerRun:
    """Return a run of the timer, begun; each of its steps builds its clients when it runs.

    What is parked is published by every deployment; all else is done by the one that looks after the subscriptions.
    """
    clients.synchronise_clock()
    run = deployment(clients).begin_run()
    if run.is_owner:
        endpoint(clients).sign_with(run.signing_key)
        endpoint(clients).begin()
    parked = Step(
        name="parked",
        prefix="parked_",
        work=lambda ends: parked_redriver(clients).run(ends),
        slice=_TIME_FOR_PARKED,
    )
    return TimerRun(
        first=Step(name="subscriptions", work=lambda ends: look_after(clients, run, ends)),
        others=(parked, *(_steps_of_owner(clients, run) if run.is_owner else ())),
        clock=clients.clock,
        facts=lambda: {**run.facts(), **(_facts_of_owner(clients, run) if run.is_owner else {})},
    )


def _facts_of_owner(clients: Clients, run: DeploymentRun) -> Mapping[str, str]:
    return {**endpoint(clients).facts(), **run_figures(clients, run.period)}


def _steps_of_owner(clients: Clients, run: DeploymentRun) -> Sequence[Step]:
    departed = departed_tenants(clients, run.departed)
    return (
        Step(name="endpoint", prefix="endpoint_", work=lambda _ends: _record_outages(clients, run.period)),
        Step(name="gaps", prefix="gaps_", work=lambda ends: catch_up(clients).run(ends), slice=_TIME_FOR_GAPS),
        Step(name="departed", prefix="departed_", work=departed.run, slice=_TIME_FOR_PURGING),
        Step(
            name="quarantine",
            prefix="quarantine_",
            work=lambda ends: quarantine(clients).purge(ends),
            slice=_TIME_FOR_PURGING,
        ),
        Step(
            name="published",
            prefix="published_",
            work=lambda ends: _purge(clients, ends),
            slice=_TIME_FOR_PURGING,
        ),
        *audit_steps(clients),
    )


def look_after(clients: Clients, run: DeploymentRun, ends: datetime) -> Mapping[str, int]:
    """Renew the subscriptions as ``run`` may until ``ends``, then record what the systems around them answer."""
    began = clients.clock.now()
    name = clients.settings.encryption_certificate_name
    certificate = asked_once(clients.certificate_versions(name).current) if name else None
    try:
        return renew(run, lambda: replace(reconciler(clients), certificate=certificate), ends - _TIME_FOR_ANSWERING)
    finally:
        if run.is_owner:
            # The endpoint is proven in every run, whatever becomes of the subscriptions.
            endpoint(clients).answer()
        # What people see of it must not cost a run.
        with suppress(Problem):
            asked = endpoint(clients).answer if run.is_owner else None
            answers = dependency_answers(clients, certificate, began, endpoint=asked)
            deployment(clients).change(lambda row: replace(row, answers=answers))


def renew(run: DeploymentRun, reconciler_of_all: Callable[[], Reconciler], ends: datetime) -> Mapping[str, int]:
    """Renew the subscriptions if this deployment looks after them, with the key that signs, until ``ends``."""
    if not run.is_owner:
        return {}
    whole = reconciler_of_all()
    ours = replace(
        whole,
        client_state_key=run.signing_key,
        other_client_state_keys=run.other_keys,
        desired=() if run.wants_none else whole.desired,
    )
    return ours.run(force=run.renews_all, ends=ends)


def _record_outages(clients: Clients, period: timedelta) -> Mapping[str, int]:
    """Record what the newest answer of the endpoint shows, if it is there; return the counts."""
    counts = Counter[str]()

    def record(answer: EndpointAnswer) -> bool:
        counts.update(outages(clients).record(answer, period))
        return not counts.keys() & {"left_to_another_run", "failed"}

    endpoint(clients).record_next(record, period)
    return counts


def _purge(clients: Clients, _ends: datetime) -> Mapping[str, int]:
    kept_for = clients.settings.deduplicate_for + KEPT_LONGER
    return {"deleted": clients.publication_table().purge(before=(clients.clock.now() - kept_for).date())}


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
        endpoint=endpoint(clients).answer,
        other_client_state_keys=settings.client_state_keys[1:],
    )


def _accounts(clients: Clients, tenant_id: str) -> Iterator[Account]:
    yield Account(tenant_id=tenant_id, delegated=False, api=clients.graph_for_tenant(tenant_id))
    # Without a vault there are no logins, and ``desired`` has refused entries that need one.
    if clients.settings.key_vault_url is not None:
        yield Account(tenant_id=tenant_id, delegated=True, api=clients.graph_for_user(tenant_id))


def desired(clients: Clients, subscriptions_file: Path = SUBSCRIPTIONS_FILE) -> tuple[DesiredSubscription, ...]:
    """Return the subscriptions in the file.

    Raises:
        Misconfigured: the file cannot be read, or an entry is wrong or needs a setting that is missing.
    """
    document = read_json_file(subscriptions_file)
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
    reader = RateLimitedReader(partial(clients.read_resource, is_live=False), clients.clock)
    publish = clients.publisher(is_live=False).publish
    return replace(live, publisher=replace(live.publisher, fetch_resources=reader.read, publish_events=publish))


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
        pool=ThreadPoolExecutor(MAX_READS, thread_name_prefix="gaps"),
        # A resumed backfill reads pages again, and without the table it would publish them twice.
        publish=partial(publish_once.publish, require_lookup=True, is_live=False)
        if publish_once
        else clients.sink().publish,
        publish_again=clients.sink().publish,
        is_parked=clients.post_store(PARKED).has_older_than,
        clock=clients.clock,
    )
