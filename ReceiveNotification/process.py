"""The one ``Clients`` of a worker process, with its connections, limits and caches.

Both functions share it, so the timer gives way to POSTs and neither repeats an event of the other. It needs a module
that both import, because the host loads a function's own module under another name (``__app__``).
"""

import os
from functools import cache
from threading import Lock

from shared.app.clients import Clients

_LOCK = Lock()


def clients() -> Clients:
    """Return the clients of this process.

    Raises:
        Misconfigured: the text names every error in the settings; the next call reads them again.
    """
    # Two first calls at one time would otherwise build two of everything.
    with _LOCK:
        return _clients()


@cache
def _clients() -> Clients:
    return Clients.from_environ(os.environ)
