"""What waits, what ends and what is silent, at the end of a run: the figures in its line that alerts and tiles read.

No table of Azure Monitor knows them. A figure is left out if the system that has it does not answer.

Source: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule (a rule sees two days)
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from shared.app.clients import Clients
from shared.app.deployments import deployment
from shared.errors import Problem
from shared.events.queue_sink import QueueSink
from shared.gaps.gap import DONE_STATES
from shared.receiving.post_store import PARKED, QUARANTINE
from shared.subscriptions.deployment_status import DeploymentStatus
from shared.subscriptions.heard import expected_percent, with_run
from shared.subscriptions.tracked import TenantState
from shared.timing import Deadline

# A tenant is two requests, and a minute is left before the host ends the run.
_TENANTS_AT_ONCE = 16
# One page of a listing: more than that needs no exact figure.
_MOST_QUARANTINED = 5000
# A renewal takes place long before: two in three would have failed.
_EXPIRING = 1 / 3

# The host ends a run a minute after its last step, and the line has to be there by then.
_TIME_LIMIT = timedelta(seconds=20)

type Figures = Mapping[str, int]


def run_figures(clients: Clients, period: timedelta, *, time_limit: timedelta = _TIME_LIMIT) -> Mapping[str, str]:
    """Return the figures at the end of a run of the deployment that looks after the subscriptions.

    ``period``: the usual time between two runs. What is not there within ``time_limit`` is left out.
    """
    figures: dict[str, int] = {}
    reads: Sequence[Callable[[], Figures]] = (
        lambda: _parked(clients),
        lambda: {"quarantine": sum(1 for _ in islice(clients.post_store(QUARANTINE).list(), _MOST_QUARANTINED))},
        lambda: {"gaps": sum(_per_tenant(clients, lambda tenant_id: _open_gaps(clients, tenant_id)))},
        lambda: _queue(clients),
        lambda: _subscriptions(clients, period),
    )
    pool, deadline = ThreadPoolExecutor(len(reads), thread_name_prefix="figures"), Deadline.after(time_limit)
    for read in [pool.submit(read) for read in reads]:
        # Who does not answer stands in the row of the deployment, and the steps report it.
        with suppress(Problem):
            found: Figures = deadline.result_of(read)
            figures.update(found)
    pool.shutdown(wait=False)
    return {name: str(figure) for name, figure in figures.items()}


def _parked(clients: Clients) -> Figures:
    received = [post.received_at for post in clients.post_store(PARKED).list()]
    return {"parked": len(received), "oldest_parked_s": _age(clients, min(received, default=None))}


def _queue(clients: Clients) -> Figures:
    sink = clients.sink()
    if not isinstance(sink, QueueSink):
        # How far the consumers of an event hub are is known to them alone.
        return {}
    backlog = sink.backlog()
    return {"queue": backlog.messages, "oldest_queue_s": _age(clients, backlog.oldest_at)}


def _open_gaps(clients: Clients, tenant_id: str) -> int:
    gaps = clients.gap_table().load(tenant_id)
    return sum(1 for gap in gaps if gap.state not in DONE_STATES and not (gap.is_baseline or gap.is_recheck))


def _subscriptions(clients: Clients, period: timedelta) -> Figures:
    """Return the figures of the subscriptions, and those of this deployment's row, where the run is counted."""
    states = _per_tenant(clients, clients.subscription_table().load)
    now = clients.clock.now()
    wanted = [row for state in states for row in state.tracked if row.is_wanted]
    left = [row.applied.expiration - now for row in wanted if row.applied]
    least, missing = clients.settings.subscription_lifetime * _EXPIRING, len(wanted) - len(left)
    figures: dict[str, int] = {
        "subscriptions": len(wanted),
        "expiring": missing + sum(1 for time in left if time < least),
    }
    if left:
        figures["expiring_h"] = int(min(left) / timedelta(hours=1))
    heard_at = max(_heard_at(states), default=None)
    if heard_at is not None:
        figures["heard_s"] = _age(clients, heard_at)
    has_heard = heard_at is not None and now - heard_at < period
    return {**figures, **_of_row(_counted(clients, now, has_heard=has_heard), now)}


def _heard_at(states: Sequence[TenantState]) -> Sequence[datetime]:
    heard = [row.activity.notification_at for state in states for row in state.tracked]
    return [at for at in heard if at is not None]


def _counted(clients: Clients, now: datetime, *, has_heard: bool) -> DeploymentStatus | None:
    """Return this deployment's row, in which this run is counted."""
    rows: list[DeploymentStatus] = []

    def count(row: DeploymentStatus) -> DeploymentStatus:
        rows.append(replace(row, heard=with_run(row.heard, now, has_heard=has_heard)))
        return rows[-1]

    deployment(clients).change(count)
    return rows[-1] if rows else None


def _of_row(row: DeploymentStatus | None, now: datetime) -> Figures:
    figures = {}
    if row and row.answers and row.answers.certificate_ends_at:
        figures["certificate_d"] = (row.answers.certificate_ends_at - now).days
    if row and (percent := expected_percent(row.heard, now)) is not None:
        figures["expected_pct"] = percent
    return figures


def _per_tenant[T](clients: Clients, load: Callable[[str], T]) -> Sequence[T]:
    with ThreadPoolExecutor(_TENANTS_AT_ONCE, thread_name_prefix="figures") as pool:
        return list(pool.map(load, clients.settings.tenant_ids))


def _age(clients: Clients, moment: datetime | None) -> int:
    """Return how many seconds ago ``moment`` was; 0 if there is none."""
    return max(0, int((clients.clock.now() - moment).total_seconds())) if moment else 0
