"""Waiting for what nothing announces."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], *, seconds: float = 10) -> bool:
    """Say whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
