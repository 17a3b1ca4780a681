"""Each class of problem ends a command with one sentence and the exit status that docs/cli.md documents."""

import pytest
import typer
from typer.testing import CliRunner

from cli.exit_codes import CommandGroup
from shared.errors import Conflict, Malformed, Misconfigured, NotFound, NotSignedIn, Problem, Unavailable


@pytest.mark.parametrize(
    ("problem", "status", "sentence"),
    [
        (Misconfigured("CLIENT_ID is not set"), 3, "CLIENT_ID is not set\n"),
        (NotFound("no stored POST is named x"), 1, "no stored POST is named x\n"),
        (Malformed("not JSON in UTF-8"), 3, "not JSON in UTF-8\n"),
        (Unavailable("no answer"), 4, "no answer\n"),
        (NotSignedIn("no token: run az login"), 3, "no token: run az login\n"),
        (Conflict("the row has changed"), 4, "the row has changed: run the command again\n"),
    ],
)
def test_problem_ends_a_command_with_its_exit_status(problem: Problem, status: int, sentence: str) -> None:
    app = typer.Typer(cls=CommandGroup)

    @app.command()
    def fails() -> None:
        raise problem

    @app.command()
    def other() -> None:
        """Make ``app`` a group of commands."""

    ran = CliRunner().invoke(app, ["fails"])
    assert (ran.exit_code, ran.stderr, ran.stdout) == (status, sentence, "")
