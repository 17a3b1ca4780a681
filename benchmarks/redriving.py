"""What was parked, published by the timer: bodies a second, over the real clients and Azurite's storage.

Azurite answers within a millisecond or two, and shares the processors; with an account in Azure, waiting is the larger
part of the time, and several bodies at once gain more.
"""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rich.table import Table

from benchmarks.posts import Addressee, post
from benchmarks.tables import Figure, figures_table
from sandbox.azurite import Azurite
from shared.app.clients import Clients
from shared.app.renew_subscriptions import parked_redriver
from shared.receiving.post_store import PARKED, PostStore, StoredPost
from shared.receiving.redrive import Redriver
from shared.settings import Settings
from shared.timing import Deadline
from tests.fakes.graph_sender import graph
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.fakes.settings_environment import LEAST
from tests.sandbox.background import Background
from tests.sender import CLIENT_ID, TENANT, client_state

_BODIES = 1_000
# Of each run of the timer. Source: shared/app/renew_subscriptions.py (_TIME_FOR_PARKED)
_TIME = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How many bodies were published, and in which time."""

    published: int
    duration: timedelta


def measure() -> Report:
    """Return the figures of one run of the timer."""
    azurite, background = Azurite(), Background()
    background.run(azurite.start())
    try:
        redriver = _redriver(Settings.from_environ(LEAST | {"AzureWebJobsStorage": azurite.connection_string}))
        started = time.perf_counter()
        done = redriver.run(datetime.now(UTC) + _TIME)
        return Report(published=done["published"], duration=timedelta(seconds=time.perf_counter() - started))
    finally:
        background.run(azurite.stop())
        background.close()


def table(report: Report) -> Table:
    """Return the figures."""
    rate = report.published / report.duration.total_seconds()
    figures = [
        Figure(name="published", value=f"{report.published:,} of {_BODIES:,}"),
        Figure(name="a second", value=f"{rate:,.0f}"),
        Figure(name="in a run of the timer", value=f"{rate * _TIME.total_seconds():,.0f}"),
    ]
    return figures_table("Parked POSTs of one rich item", figures, caption="Azurite shares the processors.")


def _redriver(settings: Settings) -> Redriver:
    clients = Clients(settings)
    _park(clients.post_store(PARKED))
    receiver = ReceiverFixture(publish_events=clients.publisher().publish).receiver
    return replace(parked_redriver(clients), receiver=receiver)


def _park(parked: PostStore) -> None:
    addressee = Addressee(sender=graph(), client_id=CLIENT_ID, tenant_id=TENANT, client_state=client_state())
    in_time = Deadline.after(timedelta(minutes=5))

    parked.store(
        [
            (
                StoredPost(
                    name=f"{number}.json",
                    reason="unavailable",
                    tenant_id=TENANT,
                    received_at=datetime.now(UTC),
                    fetch=None,
                ),
                post(addressee, first=number, items=1),
            )
            for number in range(_BODIES)
        ],
        in_time,
    )
