"""Help fills its paragraphs at any width, whatever the line breaks of the docstrings are."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.__main__ import app as operators_commands
from sandbox.__main__ import app as sandbox_commands

APPS = {"cli": operators_commands, "sandbox": sandbox_commands}


@pytest.mark.slow
@pytest.mark.parametrize("width", [50, 100, 180])
@pytest.mark.parametrize("name", APPS)
def test_help_fills_its_paragraphs(name: str, width: int) -> None:
    paths = list(_paths(typer.main.get_command(APPS[name])))
    assert len(paths) > 10
    for path in paths:
        shown = CliRunner().invoke(APPS[name], [*path, "--help"], env={"COLUMNS": str(width)}).stdout
        prose = [line.strip() for line in shown.partition("╭")[0].splitlines()][3:]
        ragged = [
            line
            for line, following in pairwise(prose)
            # A space at each end, one between the words, and one that Rich leaves.
            if line and following and len(f" {line} {following.split()[0]}  ") <= width
        ]
        assert not ragged, path


def _paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of a command and of all below it."""
    yield path
    for name, each in getattr(command, "commands", {}).items():
        yield from _paths(each, (*path, name))
