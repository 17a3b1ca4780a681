"""Progress of long operations on standard error, if that is a terminal."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show a spinner while the block runs."""
    err = Console(stderr=True)
    if not err.is_terminal:
        yield
        return
    with err.status(what):
        yield


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar; the callable adds to the number done and to the total."""
    err = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as shown:
        task, lock, to_do = shown.add_task(what, total=None), threading.Lock(), 0

        def progress(done: int, more: int) -> None:
            nonlocal to_do
            with lock:
                to_do += more
                shown.update(task, advance=done, total=to_do)

        yield progress
