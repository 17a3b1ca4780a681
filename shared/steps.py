"""The composition root of the timer: the steps of a run, and the flows behind them with their clients."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path

from shared.app import published, receiver, resource_at, sink
from shared.catch_up import CatchUp, catch_up
from shared.clients import (
    certificates_called,
    gaps,
    graph_as,
    graph_of,
    inventory,
    kept_bodies,
    markers,
    settings,
    tracking,
    user_credential,
)
from shared.desired import Desired, desired_from_json
from shared.errors import Misconfigured
from shared.keeping import PARKED, QUARANTINE
from shared.reader import PatientReader
from shared.reconcile import Account, Reconciler
from shared.redrive import Redriver, always, redrive, while_it_may_appear
from shared.timer import Step
from shared.timing import SystemClock

# The subscriptions take four minutes at most, and the host gives a run ten (functionTimeout in host.json).
_FOR_PARKED = timedelta(minutes=2)
_FOR_GAPS = timedelta(minutes=2)
_FOR_QUARANTINE = timedelta(seconds=30)
_FOR_PURGING = timedelta(seconds=20)

SUBSCRIPTIONS_FILE = Path(__file__).parent.parent / "subscriptions.json"


def timer_steps() -> Mapping[str, Step]:
    """Return what a run of the timer does, in this order; each step makes its clients when its turn has come."""
    clock = SystemClock()

    def redriven(container: int, time: timedelta) -> Mapping[str, int]:
        return redrive(redrivers()[container], ends=clock.now() + time)

    def purged() -> Mapping[str, int]:
        now = clock.now()
        ends, before = now + _FOR_PURGING, now - settings().deduplicate_for
        return {"deleted": markers().purge(now=now, before=before, is_over=lambda: clock.now() > ends)}

    return {
        "subscriptions": lambda: reconciler().run(),
        "parked": lambda: redriven(0, _FOR_PARKED),
        "gaps": lambda: catch_up(catching_up(), ends=clock.now() + _FOR_GAPS),
        "quarantine": lambda: redriven(1, _FOR_QUARANTINE),
        "markers of published events": purged,
    }


@cache
def reconciler() -> Reconciler:
    """Return what brings the subscriptions to what is desired.

    Raises:
        Misconfigured: a setting is missing or wrong, or ``subscriptions.json`` is.
    """
    config = settings()
    certificates = certificates_called(config.encryption_certificate_name)
    return Reconciler(
        desired=desired(),
        accounts=[account for tenant_id in config.tenant_ids for account in _accounts(tenant_id)],
        tracking=tracking(),
        client_state_key=config.client_state_keys[0],
        notification_url=config.notification_url,
        lifetime=config.subscription_lifetime,
        renew_after=config.renew_after,
        certificate=certificates.current if certificates else None,
        nonce=lambda: secrets.token_bytes(16),
        clock=SystemClock(),
    )


@cache
def redrivers() -> tuple[Redriver, Redriver]:
    """Return what redriving parked bodies needs, and what is in quarantine.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    clock = SystemClock()
    # All the time that Graph's pace of GETs takes.
    patient = replace(receiver(), park=None, fetch=PatientReader(resource_at, clock).read)
    return (
        Redriver(bodies=kept_bodies(PARKED), receiver=patient, may_open=always, now=clock.now),
        Redriver(
            bodies=kept_bodies(QUARANTINE),
            receiver=replace(patient, quarantine=None),
            may_open=while_it_may_appear,
            now=clock.now,
        ),
    )


@cache
def catching_up() -> CatchUp:
    """Return what closing gaps needs.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    config, once = settings(), published()
    return CatchUp(
        tenant_ids=config.tenant_ids,
        client_id=config.client_id,
        tracking=tracking(),
        gaps=gaps(),
        inventory=inventory(),
        graph=graph_of,
        # What is read anew whenever a run was cut short would come twice while the table is down.
        publish=partial(once.publish, sure=True) if once else sink().publish,
        is_parked=kept_bodies(PARKED).has_any,
        clock=SystemClock(),
    )


def _accounts(tenant_id: str) -> Iterator[Account]:
    yield Account(tenant_id=tenant_id, delegated=False, api=graph_of(tenant_id))
    # Without a vault there is nobody's login, and an entry that needs one has been refused.
    if settings().key_vault_url is not None:
        yield Account(tenant_id=tenant_id, delegated=True, api=graph_as(user_credential(tenant_id)))


def desired(file: Path = SUBSCRIPTIONS_FILE) -> tuple[Desired, ...]:
    """Return what ``file`` asks for.

    Raises:
        Misconfigured: the file cannot be read, or an entry is wrong; or a setting is.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise Misconfigured(f"{file.name} cannot be read: {exc}") from exc
    wanted = tuple(desired_from_json(document, tenant_ids=settings().tenant_ids))
    if settings().key_vault_url is None and any(item.delegated for item in wanted):
        raise Misconfigured('"delegated" needs KEY_VAULT_URL: the vault keeps the login of the user')
    return wanted
