"""Tables on wide terminals, narrow ones, and in pipes; times and texts as they are printed."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from cli.output import ago, console, iso, iso_or_none, print_json, print_line, print_rows, printable, span

COLUMNS = ("resource", "state", "gap", "renewed")
ROWS = [("/teams", "active", "", "3 min ago"), ("/chats/getAllMessages", "failing", "", "2 h ago")]
MOMENT = datetime(2026, 11, 21, 12, 0, 1, 999_999, tzinfo=UTC)


def _printed(width: int, *, rows: Sequence[tuple[str, ...]] = ROWS, terminal: bool = False) -> list[str]:
    out = Console(file=io.StringIO(), width=width, force_terminal=terminal, highlight=False)
    print_rows(out, COLUMNS, rows)
    assert isinstance(out.file, io.StringIO)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 41])
def test_table_aligns_columns_and_omits_empty_ones(width: int) -> None:
    assert _printed(width) == [
        "resource               state    renewed",
        "/teams                 active   3 min ago",
        "/chats/getAllMessages  failing  2 h ago",
    ]


def test_table_wider_than_the_terminal_becomes_records() -> None:
    assert _printed(40) == [
        "/teams",
        "  state active, renewed 3 min ago",
        "/chats/getAllMessages",
        "  state failing, renewed 2 h ago",
    ]


def test_wide_characters_take_two_columns() -> None:
    lines = _printed(80, rows=[("/部門", "active", "", "x"), ("/teams1", "active", "", "x")])
    assert lines[1:] == ["/部門     active  x", "/teams1   active  x"]


@pytest.mark.parametrize("width", [80, 40])
def test_state_is_coloured_on_a_terminal(width: int) -> None:
    assert "\x1b[1;31mfailing" in "\n".join(_printed(width, terminal=True))


@pytest.mark.parametrize("width", [80, 29])
def test_cell_cannot_control_the_terminal(width: int) -> None:
    output = "".join(_printed(width, rows=[("/teams\x1b[2J", "[red]x[/]", "", "y")]))
    assert "\x1b" not in output
    assert "[red]x[/]" in output


def test_line_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(console(), "[red]a\x1b[2J")
    assert capsys.readouterr().out == "[red]a\N{REPLACEMENT CHARACTER}[2J\n"


def test_piped_line_is_never_cut_or_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(console(), "word " * 200)
    print_rows(console(), COLUMNS, [("/teams/" + "x" * 500, "active", "", "")])
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_json_document_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"topic": "Grüße \x1b"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out) == {"topic": "Grüße \x1b"}


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=0.9), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=119), "1 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(minutes=60), "1 h"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(hours=24), "1 d"),
        (timedelta(hours=71, minutes=59), "2 d 23 h"),
    ],
)
def test_span_has_the_one_or_two_largest_units(time: timedelta, text: str) -> None:
    assert span(time) == text


def test_time_is_an_age_for_people_and_utc_for_scripts() -> None:
    assert ago(MOMENT - timedelta(minutes=3), MOMENT) == "3 min ago"
    assert iso_or_none(MOMENT) == iso(MOMENT) == "2026-11-21T12:00:01Z"


def test_missing_time_is_never_for_people_and_null_for_scripts() -> None:
    assert ago(None, MOMENT) == "never"
    assert iso_or_none(None) is None


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\r", "\n", "\x07", "\x9b", "\u202e", "\ud800"])
def test_printable_replaces_control_characters(hostile: str) -> None:
    text = printable(f"a{hostile}b")
    assert text.isprintable()
    assert text[0] + text[-1] == "ab"
