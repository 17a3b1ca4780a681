"""Tables on wide terminals, narrow ones, and in pipes."""

import io
import json
from collections.abc import Sequence

import pytest
from rich.console import Console

from cli.terminal import console, print_json, print_line, print_rows

COLUMNS = ("resource", "state", "gap", "renewed")
ROWS = [("/teams", "active", "", "3 min ago"), ("/chats/getAllMessages", "failing", "", "2 h ago")]


def _printed(width: int, *, rows: Sequence[tuple[str, ...]] = ROWS, terminal: bool = False) -> str:
    out = Console(file=io.StringIO(), width=width, force_terminal=terminal, highlight=False)
    print_rows(out, COLUMNS, rows)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_columns_stand_below_each_other_and_empty_ones_are_left_out() -> None:
    assert _printed(80).splitlines() == [
        "resource               state    renewed",
        "/teams                 active   3 min ago",
        "/chats/getAllMessages  failing  2 h ago",
    ]


@pytest.mark.parametrize(("width", "lines"), [(41, 3), (40, 4)])
def test_a_table_that_does_not_fit_gives_way_to_lines(width: int, lines: int) -> None:
    assert len(_printed(width).splitlines()) == lines


def test_the_lines_name_what_the_columns_did() -> None:
    told = [line.rstrip() for line in _printed(40).splitlines()]
    assert told == [
        "/teams",
        "  state active, renewed 3 min ago",
        "/chats/getAllMessages",
        "  state failing, renewed 2 h ago",
    ]


def test_wide_characters_take_their_two_columns() -> None:
    told = _printed(80, rows=[("/部門", "active", "", "x"), ("/teams1", "active", "", "x")])
    assert told.splitlines()[1:] == ["/部門     active  x", "/teams1   active  x"]


def test_a_state_has_its_colour_on_a_terminal() -> None:
    assert "\x1b[1;31mfailing" in _printed(80, terminal=True)


def test_no_cell_commands_the_terminal() -> None:
    assert "\x1b" not in _printed(80, rows=[("/teams\x1b[2J", "[red]x[/]", "", "y")])
    assert "[red]x[/]" in _printed(80, rows=[("/teams", "[red]x[/]", "", "y")])


def test_no_line_commands_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(console(), "[red]a\x1b[2J")
    assert capsys.readouterr().out == "[red]a\N{REPLACEMENT CHARACTER}[2J\n"


def test_in_a_pipe_a_line_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(console(), "word " * 200)
    print_rows(console(), COLUMNS, [("/teams/" + "x" * 500, "active", "", "")])
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_scripts_get_one_document_in_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"topic": "Grüße \x1b"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out) == {"topic": "Grüße \x1b"}
