"""Every command in README and docs is one that there is; those of runnable blocks are run, here or as said below."""

import re
import shlex
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

from cli.__main__ import app as cli
from sandbox.__main__ import app as sandbox
from tests.documented import PAGES, Line, dry_run, inline_commands, parse, runnable_lines

# What BadParameter is a case of.
USAGE = typer.BadParameter.__mro__[1]
LINES = list(runnable_lines())
PYTHON = r"(?:PYTHONPATH=\. )?(?:\.venv/bin/)?python"
# What runs the lines of each kind, beside this file.
KINDS = {
    rf"{PYTHON} -m cli ": "tests/cli/test_docs_commands_run.py",
    rf"{PYTHON} -m sandbox ": "tests/end_to_end/test_make_run.py",
    r"make ": "here, without doing it; .ci/run does",
    r"az ": "tests/infra/test_documented_commands.py",
    rf"{PYTHON} -m pytest ": "here, without running what it collects",
    # What a newcomer reads the first event with.
    rf"export EVENTS_STORAGE=|{PYTHON} (?:examples/|-c )": "tests/end_to_end/test_make_run.py",
}


def _of(kind: str) -> list[Line]:
    return [line for line in LINES if re.match(kind, line.command)]


def _words(line: Line, kind: str) -> list[str]:
    """Return the words after the program's name; in brackets stands what may be left out."""
    rest = re.sub(kind, "", line.command, count=1)
    return shlex.split(re.sub(r"\[[^\]]*\]", "", rest))


def test_every_runnable_line_is_of_a_kind_that_a_test_runs() -> None:
    assert len(LINES) > 30
    assert not [str(line) for line in LINES if not any(re.match(kind, line.command) for kind in KINDS)]


@pytest.mark.parametrize("line", _of(r"make "), ids=str)
def test_documented_target_is_one_of_the_makefile(line: Line) -> None:
    done = dry_run(*_words(line, "make "))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("line", _of(rf"{PYTHON} -m sandbox "), ids=str)
def test_documented_verb_is_one_of_the_sandbox(line: Line) -> None:
    parse(get_command(sandbox), _words(line, rf"{PYTHON} -m sandbox "))


@pytest.mark.parametrize("line", [*_of(rf"{PYTHON} -m cli "), *inline_commands()], ids=str)
def test_documented_command_is_one_of_the_cli(line: Line) -> None:
    words = _words(line, rf"{PYTHON} -m cli ")
    # The option prints the version while it is parsed.
    with suppress(typer.Exit):
        parse(get_command(cli), words)


def test_command_that_there_is_not_would_be_noticed() -> None:
    for words in (["certificate", "rotat"], ["doctor", "--onl", "x"], ["gaps", "add", "/teams"]):
        with pytest.raises(USAGE):
            parse(get_command(cli), words)


@pytest.mark.slow
@pytest.mark.parametrize("line", _of(rf"{PYTHON} -m pytest "), ids=str)
def test_documented_tests_are_collected(line: Line) -> None:
    options = ["--collect-only", "-q", "-p", "no:cacheprovider"]
    words = [sys.executable, "-m", "pytest", *_words(line, rf"{PYTHON} -m pytest "), *options]
    done = subprocess.run(words, cwd=PAGES[0].parent, capture_output=True, text=True, check=False)  # noqa: S603  collects only
    assert done.returncode == pytest.ExitCode.OK, done.stdout


def _leaves(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(command, TyperGroup):
        return [path]
    return [leaf for name, each in command.commands.items() for leaf in _leaves(each, (*path, name))]


def test_every_command_has_a_row_in_its_page() -> None:
    page = next(page for page in PAGES if page.name == "cli.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    leaves = _leaves(get_command(cli))
    assert len(leaves) > 25
    groups = {(" ".join(group), name) for *group, name in leaves}
    missing = [pair for pair in groups if not any(re.search(rf"`{pair[0]} ?.*\b{pair[1]}\b", row) for row in rows)]
    assert missing == []
