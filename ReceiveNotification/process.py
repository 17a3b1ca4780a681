"""The one ``Clients`` of a worker process: its connections, limits and caches last as long as the process.

Both functions use it: the timer gives way to POSTs, and neither publishes again what the other has published. The host
loads a function's own module under another name (``__app__``), so what both share needs a module that both import.
"""

import os
from functools import cache
from threading import Lock

from shared.app.clients import Clients

_LOCK = Lock()


def clients() -> Clients:
    """Return the clients of this process.

    Raises:
        Misconfigured: names every fault in the settings; the next call reads them again.
    """
    # Two threads that come first together would build two of everything.
    with _LOCK:
        return _clients()


@cache
def _clients() -> Clients:
    return Clients.from_environ(os.environ)
