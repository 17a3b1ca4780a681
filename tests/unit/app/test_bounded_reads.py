"""What a run reads from Graph beside its renewals is bounded by tenant, and for as long as the app lives."""

from shared.app.clients import Clients
from shared.app.renew_subscriptions import catch_up
from shared.gaps.bounded_lists import BoundedLists
from shared.settings import Settings
from tests.fakes.settings_environment import LEAST
from tests.sender import OTHER_TENANT, TENANT


def test_reads_of_a_tenant_are_bounded_together_in_all_runs() -> None:
    clients = Clients(Settings.from_environ(LEAST))
    lists = [catch_up(clients).graph(tenant_id) for tenant_id in (TENANT, TENANT, OTHER_TENANT)]
    first, again, other = (each.calls for each in lists if isinstance(each, BoundedLists))
    assert first is again
    assert other is not first
