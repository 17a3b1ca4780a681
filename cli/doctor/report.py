"""The report of a visit: one line a check, under it what to do, and at the end the sum and the exit status."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.doctor.checks import number
from cli.doctor.finding import Level
from cli.doctor.visit import Result
from cli.exit_codes import Status
from cli.json_documents import DoctorDocument, FindingDocument
from cli.output import print_line, printable

_MARKS = {Level.OK: "ok", Level.SKIPPED: "--", Level.WATCH: "!!", Level.MEND: "XX", Level.DOWN: "XX"}
_STYLES = {Level.OK: "green", Level.SKIPPED: "dim", Level.WATCH: "yellow", Level.MEND: "bold red"}
_STATUS = {
    Level.OK: Status.DONE,
    Level.SKIPPED: Status.DONE,
    Level.WATCH: Status.FOUND,
    Level.MEND: Status.MISCONFIGURED,
    Level.DOWN: Status.TRY_AGAIN,
}
_WORDS = {
    Level.DOWN: "down",
    Level.MEND: "to mend",
    Level.WATCH: "to watch",
    Level.SKIPPED: "skipped",
    Level.OK: "good",
}
_NAME_WIDTH = 14


def print_result(out: Console, result: Result) -> None:
    """Print a line, with the time at its right end on a terminal, and the remedies below it."""
    finding, style = result.finding, _STYLES.get(result.finding.level, "bold red")
    line = Table.grid(padding=(0, 2, 0, 0), expand=out.is_terminal)
    line.add_column(width=_NAME_WIDTH)
    line.add_column(width=2)
    line.add_column(ratio=1 if out.is_terminal else None)
    line.add_column(justify="right", no_wrap=True)
    mark = Text(_MARKS[finding.level], style=style)
    text = Text(printable(finding.text), style="dim" if finding.level is Level.SKIPPED else "")
    line.add_row(Text(result.check.name), mark, text, Text(f"{result.seconds:.1f} s", style="dim"))
    out.print(line)
    for remedy in finding.remedies:
        # A command that the terminal wraps can be pasted; one that is broken into lines cannot.
        out.print(Text(f"{'':{_NAME_WIDTH + 2}}-> {printable(remedy)}"), soft_wrap=True)


def print_sum(out: Console, results: Sequence[Result]) -> None:
    """Print how many checks found what, and how long all of them took."""
    counts = Counter(result.finding.level for result in results)
    shown = [f"{counts[level]} {word}" for level, word in _WORDS.items() if counts[level]]
    print_line(out, f"{', '.join(shown)}  {sum(result.seconds for result in results):.1f} s", "bold")


def exit_status(results: Sequence[Result]) -> Status:
    """Return the status for the worst finding."""
    return _STATUS[max((result.finding.level for result in results), default=Level.OK)]


def document(results: Sequence[Result]) -> DoctorDocument:
    """Return what `doctor --json` prints."""
    return {"exitStatus": int(exit_status(results)), "checks": [_finding_document(result) for result in results]}


def _finding_document(result: Result) -> FindingDocument:
    return {
        "number": number(result.check),
        "name": result.check.name,
        "group": result.check.group,
        "level": result.finding.level.name.lower(),
        "text": result.finding.text,
        "remedies": list(result.finding.remedies),
        "seconds": round(result.seconds, 3),
    }
