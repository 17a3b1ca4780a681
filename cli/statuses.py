"""What the commands' exit statuses mean, and the one place where problems become sentences and statuses."""

from enum import IntEnum
from typing import Any, override

import typer
from typer.core import TyperGroup

from shared.errors import Conflict, Problem, Unavailable


class Status(IntEnum):
    """The exit status of every command."""

    DONE = 0
    FOUND = 1
    """Done, and something is wrong with the subscriptions; or it could not be done for all of them."""
    USAGE = 2
    """The command line makes no sense; Typer says why."""
    MISCONFIGURED = 3
    """A setting, a permission or a login is wrong, or nothing has the given name; the sentence says what to change."""
    TRY_AGAIN = 4
    """Something outside does not answer, or a run of the timer was faster; the same command may succeed later."""


class CommandGroup(TyperGroup):
    """The commands, none of which ends in a traceback for what can be expected to go wrong."""

    @override
    def invoke(self, ctx: Any) -> Any:
        """Run a command; a problem is one sentence on stderr, and a status."""
        try:
            return super().invoke(ctx)
        except Problem as problem:
            typer.echo(f"{problem}: run the command again" if isinstance(problem, Conflict) else str(problem), err=True)
            status = Status.TRY_AGAIN if isinstance(problem, Unavailable | Conflict) else Status.MISCONFIGURED
            raise typer.Exit(status) from problem
