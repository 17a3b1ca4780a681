"""A child process of the sandbox: started with a given environment, read line by line, ended with its children."""

import asyncio
import contextlib
import os
import re
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
_LONGEST_LINE_BYTES = 16 * 1024 * 1024
_LAST_LINES = 20


class ChildFailed(RuntimeError):
    """The child ended, or took too long, before it was ready; the message closes with the last lines it wrote."""


class Child:
    """One process and what it writes, standard output and standard error in one stream.

    Its standard input is a pipe that nothing is written to: it closes when this process ends, even by SIGKILL, and a
    child that watches it ends too. The child leads a process group of its own, so a Ctrl-C at the terminal reaches
    this process alone, which then stops its children in order.
    """

    def __init__(self, name: str, *, on_line: Callable[[str], None] | None = None) -> None:
        self.lines: list[str] = []
        self._name = name
        self._on_line = on_line
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._began = 0

    @property
    def pid(self) -> int | None:
        """The process id while the child runs, else None."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, pass_fds: Sequence[int] = ()
    ) -> None:
        """Start ``command`` in ``folder``; beside PATH, HOME and the locale it sees nothing but ``environment``.

        Raises:
            RuntimeError: the child is running.
            OSError: the program cannot be started.
        """
        if self.pid is not None:
            raise RuntimeError(f"{self._name} is running")
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self._began = len(self.lines)
        self._process = await asyncio.create_subprocess_exec(
            *command,
            env={**inherited, **environment},
            cwd=folder,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
            limit=_LONGEST_LINE_BYTES,
        )
        self._reading = asyncio.create_task(self._read(self._process))

    async def wait_for_line(self, pattern: re.Pattern[str], *, within: timedelta) -> re.Match[str]:
        """Return the first match of ``pattern`` in a line that the child has written since its start.

        Raises:
            ChildFailed: the child ended first, or did not write such a line in time.
        """
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await self._search(pattern)
        except TimeoutError:
            raise self.failure(f"was not ready within {within}") from None

    def failure(self, what: str) -> ChildFailed:
        """Return the error that says ``what`` about the child and quotes its last lines."""
        return ChildFailed("\n".join([f"{self._name} {what}", *self.lines[self._began :][-_LAST_LINES:]]))

    async def stop(self, *, within: timedelta) -> int | None:
        """Ask the child to end and kill it when it has not in time; return its exit status, None if never started."""
        if self._process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), within.total_seconds())
        except TimeoutError:
            return await self.kill()
        return await self._end(self._process)

    async def kill(self) -> int | None:
        """End the child and its own children at once, as a crash would; return its exit status as ``stop`` does."""
        if self._process is None:
            return None
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return await self._end(self._process)

    async def _end(self, process: Process) -> int:
        if process.stdin is not None:
            process.stdin.close()
        status = await process.wait()
        if self._reading is not None:
            await self._reading
        return status

    async def _search(self, pattern: re.Pattern[str]) -> re.Match[str]:
        seen = self._began
        while True:
            self._news.clear()
            ended = self._reading is None or self._reading.done()
            for line in self.lines[seen:]:
                if match := pattern.search(line):
                    return match
            seen = len(self.lines)
            if ended:
                raise self.failure("ended before it was ready")
            await self._news.wait()

    async def _read(self, process: Process) -> None:
        try:
            while process.stdout is not None and (line := await process.stdout.readline()):
                self._add(line.decode(errors="replace").rstrip("\r\n"))
        finally:
            self._news.set()
            await process.wait()
            self._news.set()

    def _add(self, line: str) -> None:
        self.lines.append(line)
        self._news.set()
        if self._on_line is not None:
            self._on_line(line)
