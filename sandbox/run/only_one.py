"""One sandbox at a time in a clone: the second one says where the first one runs.

Source: https://man7.org/linux/man-pages/man2/flock.2.html
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path


class AlreadyRuns(RuntimeError):
    """Another sandbox runs; the message says where."""


@contextmanager
def only_one(state_file: Path) -> Iterator[None]:
    """Hold the lock beside a state file, which the system releases however the process ends.

    Raises:
        AlreadyRuns: another process holds it.
    """
    file = state_file.with_suffix(".lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            lock.seek(0)
            raise AlreadyRuns(
                f"A sandbox runs in this clone already: {lock.read()}. "
                "Use that one (python -m sandbox look), or end it with Ctrl-C in its terminal."
            ) from exc
        lock.truncate(0)
        lock.write(_here())
        lock.flush()
        yield


def _here() -> str:
    terminal = ""
    with suppress(OSError):
        terminal = f" on {os.ttyname(0)}"
    return f"process {os.getpid()}{terminal} in {Path.cwd()}, since {datetime.now().astimezone():%H:%M:%S}"
