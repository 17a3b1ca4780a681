"""The resources of a POST's basic notifications, read at Graph side by side: locations in, contents out.

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

# For all reads of a POST together; what is left of Graph's 3 seconds is for keys, the sink and the way.
_BUDGET = timedelta(seconds=1)

_PARALLEL_READS = 16


class ResourceReader:
    """Reads on a pool of its own; ``get`` is one GET with the credential of the location's tenant."""

    def __init__(self, get: Callable[[ResourceLocation], ResourceContent]) -> None:
        self._get = get
        self._pool = ThreadPoolExecutor(max_workers=_PARALLEL_READS, thread_name_prefix="resource-reader")

    def read(
        self, locations: Collection[ResourceLocation], deadline: Deadline
    ) -> Mapping[ResourceLocation, ResourceContent | NotFound]:
        """Return every resource as it is at this moment, or the answer that it is not there.

        Raises:
            Unavailable: Graph did not answer all of them in time, or not as it should.
            Misconfigured: Graph refuses one.
        """
        reads = {location: self._pool.submit(self._read, location) for location in locations}
        read_deadline = deadline.within(_BUDGET)
        try:
            return {location: read_deadline.result_of(read) for location, read in reads.items()}
        finally:
            for read in reads.values():
                read.cancel()

    def _read(self, location: ResourceLocation) -> ResourceContent | NotFound:
        try:
            return self._get(location)
        except NotFound as problem:
            return problem


class RateLimitedReader:
    """Reads one resource after the other, at the pace that Graph asks for."""

    def __init__(self, get: Callable[[ResourceLocation], ResourceContent], clock: Clock) -> None:
        self._get = get
        self._clock = clock

    def read(
        self, locations: Collection[ResourceLocation], deadline: Deadline
    ) -> Mapping[ResourceLocation, ResourceContent | NotFound]:
        """Return every resource as it is at this moment, or the answer that it is not there.

        Raises:
            Unavailable, Misconfigured: as ``ResourceReader.read``.
        """
        return {location: self._read(location, deadline) for location in locations}

    def _read(self, location: ResourceLocation, deadline: Deadline) -> ResourceContent | NotFound:
        def request() -> ResourceContent:
            deadline.raise_if_passed()
            return self._get(location)

        try:
            return wait_out_retry_after(request, self._clock)
        except NotFound as problem:
            return problem
