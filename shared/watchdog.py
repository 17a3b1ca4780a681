"""Cuts calls that go on for too long: it shuts the socket of each that is late, so that whatever waits for it fails.

A socket's time-out bounds one operation only, and a service that sends a byte now and then keeps to it for ever.
"""

import math
import socket
import threading
import time

# After the deadline: what answers in time at the very end is read to its end.
_GRACE_SECONDS = 0.5


class Call:
    """One request and its answer, by a deadline."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self.cut_at = self._deadline + _GRACE_SECONDS
        self.is_cut = False
        self._socket: socket.socket | None = None
        self._closed: list[socket.socket] = []

    def seconds_left(self) -> float:
        """Return the seconds until the deadline; raise TimeoutError if it has passed."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def uses(self, connected: socket.socket) -> None:
        """Remember the socket that the call waits for; it stays open for as long as the call runs."""
        self._socket = connected

    def closes(self, connected: socket.socket) -> None:
        """Close a socket at the end of the call: the connection has ended, and its last answer is still being read."""
        self._closed.append(connected)

    def cut(self) -> None:
        """Let whatever waits for the socket fail."""
        self.is_cut = True
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                # The other side was faster.
                return

    def end(self) -> None:
        """Forget the socket."""
        self._socket = None
        for each in self._closed:
            each.close()


class Watchdog:
    """Cuts calls that are late, on a thread that sleeps until the next one may be."""

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wakes_at = math.inf

    def watch(self, call: Call) -> None:
        """Cut ``call`` if it is late."""
        with self._changed:
            self._calls.add(call)
            if call.cut_at < self._wakes_at:
                self._wakes_at = call.cut_at
                self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="storage-watchdog", daemon=True)
                self._thread.start()

    def uses(self, call: Call, connected: socket.socket) -> None:
        """Remember the socket of ``call``, which may be late already."""
        with self._changed:
            call.uses(connected)
            if call.is_cut:
                call.cut()

    def forget(self, call: Call) -> None:
        """End watching ``call``."""
        with self._changed:
            self._calls.discard(call)
            call.end()

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for call in self._calls:
                    if call.cut_at <= now and not call.is_cut:
                        call.cut()
                waiting = (call.cut_at for call in self._calls if not call.is_cut)
                self._wakes_at = min(waiting, default=math.inf)
                self._changed.wait(None if math.isinf(self._wakes_at) else self._wakes_at - now)
