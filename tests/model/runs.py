"""What may befall the calls of a timer's run: a service that is down, a lost answer, a kill, another run in between."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.errors import Unavailable
from tests.fakes.calls import Killed
from tests.model.history import Blow, What


@dataclass(eq=False, kw_only=True)
class Run:
    """One run; ``blow`` comes in the call with number ``at``."""

    blow: Blow | None = None
    at: int = 0
    calls: int = 0
    is_killed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_hit(self) -> bool:
        """Count a call, and return whether it is the one."""
        with self.lock:
            self.calls += 1
            return self.blow is not None and self.calls == self.at


@dataclass(kw_only=True)
class Interception:
    """All calls of the app go through it. ``is_wrong``: whether a service is down; ``overlap``: plays another run."""

    is_wrong: Callable[[What], bool]
    overlap: Callable[[], None]
    run: Run | None = None

    def check(self, what: What) -> None:
        """Raise what a call raises if it is not carried out; for a call whose answer matters to nobody."""
        self.call(what, lambda: None)

    def call[T](self, what: What, call: Callable[[], T]) -> T:
        """Return what a call returns.

        Raises:
            Unavailable: the service is down, or its answer is lost.
            Killed: the process has ended.
        """
        run = self.run
        if run is not None and run.is_killed:
            raise Killed
        if self.is_wrong(what):
            raise Unavailable(f"no answer: {what}")
        if run is None or not run.is_hit():
            return call()
        if run.blow is Blow.TWO_RUNS:
            self.overlap()
            return call()
        call()
        if run.blow is Blow.KILLED_RUNNING:
            run.is_killed = True
            raise Killed
        raise Unavailable("the answer is lost")
