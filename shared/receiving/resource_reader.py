"""Reads the resources that notifications arrive without: in parallel for live POSTs, one by one for stored ones.

Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
"""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from shared.errors import NotFound
from shared.graph.location import ResourceLocation
from shared.limits import wait_out_retry_after
from shared.notifications.decryption import ResourceContent
from shared.timing import Clock, Deadline

# For all reads of a POST; Graph's 3 seconds also have to cover keys, the sink and the network.
_BUDGET = timedelta(seconds=1)

_PARALLEL_READS = 16


type Get = Callable[[ResourceLocation], ResourceContent]
"""One GET with the credential of the location's tenant."""

type Resources = Mapping[ResourceLocation, ResourceContent | NotFound]


class ResourceReader:
    """Reads resources in parallel, on a thread pool of its own."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self._pool = ThreadPoolExecutor(max_workers=_PARALLEL_READS, thread_name_prefix="resource-reader")

    def read(self, locations: Collection[ResourceLocation], deadline: Deadline) -> Resources:
        """Return every resource as it is at this moment, or NotFound.

        Raises:
            Unavailable: Graph did not answer every read in time.
            Misconfigured: Graph refused a read.
        """
        reads = {location: self._pool.submit(_found, self._get, location) for location in locations}
        read_deadline = deadline.within(_BUDGET)
        try:
            return {location: read_deadline.result_of(read) for location, read in reads.items()}
        finally:
            for read in reads.values():
                read.cancel()


class RateLimitedReader:
    """Reads one resource after the other, and waits as long as Graph asks for."""

    def __init__(self, get: Get, clock: Clock) -> None:
        self._get = get
        self._clock = clock

    def read(self, locations: Collection[ResourceLocation], deadline: Deadline) -> Resources:
        """Return what ``ResourceReader.read`` does, and raise the errors that it does."""

        def get(location: ResourceLocation) -> ResourceContent:
            deadline.raise_if_passed()
            return self._get(location)

        def patient_get(location: ResourceLocation) -> ResourceContent:
            return wait_out_retry_after(lambda: get(location), self._clock)

        return {location: _found(patient_get, location) for location in locations}


def _found(get: Get, location: ResourceLocation) -> ResourceContent | NotFound:
    try:
        return get(location)
    except NotFound as problem:
        return problem
