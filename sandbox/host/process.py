"""The Functions host as a child process of the sandbox."""

import re
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from sandbox.child import Child
from sandbox.host.server import DRAIN_TIME
from sandbox.tls import Tls

_REPOSITORY = Path(__file__).parents[2]
_READY = re.compile(r"\bhost: Listening on \S+$")
_PATIENCE = timedelta(seconds=60)


class FunctionsHost:
    """``python -m sandbox.host`` for one app: ``url`` is known, and its port taken, before the start.

    ``environment`` is what the app's settings are in Azure; beside PATH, HOME and the locale it sees nothing else.
    ``arguments`` are further options of the command line, such as ``--function-key``. Stopped or killed, it can be
    started again, at the same address, and runs the timers that were due meanwhile. POSIX only: the child inherits its
    socket.
    """

    def __init__(
        self,
        app_root: Path,
        environment: Mapping[str, str],
        tls: Tls | None,
        *,
        arguments: Sequence[str] = (),
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self._app_root = app_root
        self.environment = dict(environment)
        """What the next start gives to the app; ``url`` may be part of it."""
        self._tls = tls
        self.arguments = list(arguments)
        """Further options of the next start."""
        self._child = Child("The Functions host", on_line=on_line)
        self._port = Port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._port.number}"
        """Such as ``https://127.0.0.1:7071``, without a closing slash."""
        self.lines = self._child.lines
        """What the host has written, over all its starts."""

    @property
    def pid(self) -> int | None:
        """The process id while the host runs, else None."""
        return self._child.pid

    async def start(self) -> None:
        """Return once the host listens.

        Raises:
            PortInUse: another program has taken the port while the host did not run.
            ChildFailed: it ended instead; its last lines are in the message.
        """
        with self._port.taken() as taken:
            command = [sys.executable, "-m", "sandbox.host", *self._options(taken)]
            await self._child.start(
                command, environment=self.environment, folder=_REPOSITORY, pass_fds=[taken.fileno()]
            )
        try:
            await self._child.wait_for_line(_READY, within=_PATIENCE)
        except BaseException:
            await self._child.kill()
            raise

    async def stop(self) -> int | None:
        """Let the invocations in flight end, then the host; return its exit status, None if it was never started."""
        self._port.release()
        return await self._child.stop(within=DRAIN_TIME + timedelta(seconds=5))

    async def kill(self) -> None:
        """End the host at once, as a crash would."""
        await self._child.kill()

    def _options(self, taken: socket.socket) -> list[str]:
        options = ["--app-root", str(self._app_root), "--socket", str(taken.fileno()), "--until-stdin-closes"]
        options += ["--timer-status", f"{self._app_root}.timers.json"]
        if self._tls is not None:
            options += ["--certificate", str(self._tls.certificate_file), "--key", str(self._tls.key_file)]
        return [*options, *self.arguments]


class PortInUse(RuntimeError):
    """Another program listens where one of ours should; the message says where."""


class Port:
    """A free port of 127.0.0.1, taken at once, so that its number is known before a server listens."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = _bound(0)
        self.number: int = self._socket.getsockname()[1]

    def taken(self) -> socket.socket:
        """Return the port's socket, bound and not listening; the caller closes it. After that, take it again.

        Raises:
            PortInUse: another program has taken it meanwhile.
        """
        taken, self._socket = self._socket, None
        try:
            return taken or _bound(self.number)
        except OSError as exc:
            raise PortInUse(f"Port {self.number} is in use by another program: end that, and try again.") from exc

    def release(self) -> None:
        """Release a port that was not taken."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    # A server that has just ended leaves connections behind that would keep the port for a minute.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound
