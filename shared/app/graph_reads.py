"""What the steps beside the renewals read from Graph, within bounds: a tenant that trickles holds up no run."""

from datetime import timedelta

from shared.app.clients import Clients, once
from shared.bounded_calls import BoundedCalls
from shared.gaps.bounded_lists import BoundedLists
from shared.graph.location import ResourceLocation
from shared.notifications.decryption import ResourceContent

_TIME_FOR_READING = timedelta(seconds=30)


@once
def _graph_calls(clients: Clients, tenant_id: str) -> BoundedCalls:
    del clients
    return BoundedCalls(f"Graph in tenant {tenant_id}", timeout=_TIME_FOR_READING)


def read_resource(clients: Clients, location: ResourceLocation) -> ResourceContent:
    """Return the current state of a resource; raises as ``Graph`` does."""
    return _graph_calls(clients, location.tenant_id).call(clients.read_resource, location)


@once
def graph_lists(clients: Clients, tenant_id: str) -> BoundedLists:
    """Return the lists of a tenant."""
    return BoundedLists(lists=clients.graph_for_tenant(tenant_id), calls=_graph_calls(clients, tenant_id))
