"""The exit statuses of the commands, and the one place that turns problems into sentences and statuses."""

from enum import IntEnum
from inspect import cleandoc
from typing import Any, override

import typer
from typer.core import TyperGroup

from shared.errors import Conflict, NotFound, NotSignedIn, Problem, Unavailable


class Status(IntEnum):
    """The exit status of every command."""

    DONE = 0
    FOUND = 1
    """Something is wrong with the subscriptions, the command failed for some of them, or nothing has the name."""
    USAGE = 2
    """The command line is wrong; Typer says why."""
    MISCONFIGURED = 3
    """A setting, permission or login is wrong; the sentence says what to change."""
    TRY_AGAIN = 4
    """A service does not answer, or another run changed the data first; the command may succeed later."""


class CommandGroup(TyperGroup):
    """A group of commands that report expected problems without a traceback."""

    def __init__(self, **attributes: Any) -> None:
        """Let the help of every command fill its paragraphs: Typer would keep the line breaks of the docstrings."""
        super().__init__(**attributes)
        _fill_paragraphs(self)

    @override
    def invoke(self, ctx: Any) -> Any:
        """Run a command; print a problem as one sentence on stderr, and exit with its status."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            typer.echo(f"{problem}: run the command again" if isinstance(problem, Conflict) else str(problem), err=True)
            raise typer.Exit(_status(problem)) from problem


def _status(problem: Problem) -> Status:
    if isinstance(problem, NotFound):
        return Status.FOUND
    # On a laptop, no token means that nobody is signed in: to try again does not help.
    is_temporary = isinstance(problem, Unavailable | Conflict) and not isinstance(problem, NotSignedIn)
    return Status.TRY_AGAIN if is_temporary else Status.MISCONFIGURED


def _fill_paragraphs(command: Any) -> None:
    if command.help:
        command.help = "\n\n".join(" ".join(each.split()) for each in cleandoc(command.help).split("\n\n"))
    for each in getattr(command, "commands", {}).values():
        _fill_paragraphs(each)
