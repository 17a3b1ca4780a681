"""Reads the resources that notifications arrive without: in parallel for live POSTs, one by one for stored ones.

Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
"""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

from shared.errors import NotFound, Pending, Rejected, Unavailable
from shared.graph.location import ResourceLocation
from shared.limits import wait_out_retry_after
from shared.notifications.decryption import ResourceContent
from shared.receiving.item_publisher import Fetched, ItemProblem
from shared.timing import Clock, Deadline

# For all reads of a POST; Graph's 3 seconds also have to cover keys, the sink and the network.
_BUDGET = timedelta(seconds=1)

_PARALLEL_READS = 16


type Get = Callable[[ResourceLocation], ResourceContent]
"""One GET with the credential of the location's tenant."""


class ResourceReader:
    """Reads resources in parallel, on a thread pool of its own."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self._pool = ThreadPoolExecutor(max_workers=_PARALLEL_READS, thread_name_prefix="resource-reader")

    def read(self, locations: Collection[ResourceLocation], deadline: Deadline) -> Fetched:
        """Return every resource as it is at this moment, or why it cannot be read."""
        reads = {location: self._pool.submit(_found, self._get, location) for location in locations}
        read_deadline = deadline.within(_BUDGET)

        def result_of(
            read: Future[ResourceContent | NotFound | ItemProblem],
        ) -> ResourceContent | NotFound | ItemProblem:
            try:
                return read_deadline.result_of(read)
            except Unavailable as problem:
                return problem

        try:
            return {location: result_of(read) for location, read in reads.items()}
        finally:
            for read in reads.values():
                read.cancel()


class RateLimitedReader:
    """Reads one resource after the other, and waits as long as Graph asks for."""

    def __init__(self, get: Get, clock: Clock) -> None:
        self._get = get
        self._clock = clock

    def read(self, locations: Collection[ResourceLocation], deadline: Deadline) -> Fetched:
        """Return what ``ResourceReader.read`` does."""

        def get(location: ResourceLocation) -> ResourceContent:
            deadline.raise_if_passed()
            return self._get(location)

        def patient_get(location: ResourceLocation) -> ResourceContent:
            return wait_out_retry_after(lambda: get(location), self._clock)

        return {location: _found(patient_get, location) for location in locations}


def _found(get: Get, location: ResourceLocation) -> ResourceContent | NotFound | ItemProblem:
    try:
        return get(location)
    except (NotFound, Pending, Rejected) as problem:
        return problem
