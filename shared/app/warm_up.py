"""What the first POST of a process would wait for, done before it comes: clients, keys, tokens and connections.

A ``warmup`` function would not do: the host calls it when it scales out, and not after a restart.
Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-warmup
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from shared.app.clients import Clients
from shared.app.receive_notification import receiver, signing_keys
from shared.errors import Problem
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

_LOOK_UP = timedelta(seconds=2)

type _Call = Callable[[], object]


def warm_up(clients: Callable[[], Clients]) -> None:
    """Have everything ready; what is not is one line of the log, and the first POST's to wait for."""
    try:
        problems = _problems(clients())
    except Problem as problem:
        problems = [problem]
    if problems:
        causes = "; ".join(map(str, problems))
        _LOG.info("the first POST has to wait for what could not be fetched before it came: %s", causes)


def _problems(clients: Clients) -> Sequence[Problem]:
    """Make all calls side by side and return why some failed."""
    receiver(clients)
    calls = list(_calls(clients))
    with ThreadPoolExecutor(len(calls), thread_name_prefix="warm-up") as pool:
        return [problem for problem in pool.map(_problem_of, calls) if problem is not None]


def _calls(clients: Clients) -> Iterator[_Call]:
    yield clients.sink().open
    yield signing_keys(clients).fetch
    if name := clients.settings.encryption_certificate_name:
        yield clients.certificate_versions(name).current
    if clients.settings.deduplicate_for:
        yield lambda: _look_up(clients)


def _look_up(clients: Clients) -> None:
    """Look for a record that nobody writes, as for an event that may be a repetition."""
    now = clients.clock.now()
    deadline = Deadline.after(_LOOK_UP)
    clients.publication_table().read("0", [now.date()], since=now, is_enough=lambda _: True, deadline=deadline)


def _problem_of(call: _Call) -> Problem | None:
    try:
        call()
    except Problem as problem:
        return problem
    return None
