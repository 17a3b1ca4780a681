"""The commands in README and docs: in blocks that are marked as runnable (console), and inside sentences."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

REPOSITORY = Path(__file__).parents[1]
PAGES = (REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md")))
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(?:\.venv/bin/)?python -m cli ([^`]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One command of a runnable block, without its prompt and the remark behind it."""

    page: str
    command: str

    def __str__(self) -> str:
        """Return what a failing test is named by."""
        return f"{self.page}: {self.command}"


def runnable_lines() -> Iterator[Line]:
    """Yield the commands of all runnable blocks; in one with prompts, other lines are output."""
    for page in PAGES:
        for block in runnable_blocks(page):
            lines = block.splitlines()
            typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")] or lines
            yield from (Line(page=page.name, command=re.sub(r"\s+# .*$", "", line)) for line in typed if line.strip())


def runnable_blocks(page: Path) -> Sequence[str]:
    """Return the blocks of a page that are marked as runnable."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def inline_commands() -> Iterator[Line]:
    """Yield the commands of ``python -m cli`` inside sentences and tables."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        yield from (Line(page=page.name, command=" ".join(words.split())) for words in _INLINE.findall(text))


def dry_run(*words: str) -> subprocess.CompletedProcess[str]:
    """Have make show what it would do, also below a make that runs the tests."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = [shutil.which("make") or "make", "--dry-run", *words]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, env=outside)  # noqa: S603


def parse(root: Any, words: Sequence[str]) -> None:
    """Take a command line apart as it would be before it runs.

    Raises:
        Exception: a usage error of the library that Typer brings along, if it would not run.
    """
    context, command = root.make_context("command", list(words)), root
    while isinstance(command, TyperGroup):
        words = [*context._protected_args, *context.args]
        if not words and command.invoke_without_command:
            return
        _, command, rest = command.resolve_command(context, words)
        assert command is not None
        context = command.make_context(command.name, rest, parent=context)
