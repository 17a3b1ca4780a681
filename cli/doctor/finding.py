"""What a check finds, and what a check is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from cli.doctor.case import Case
from shared.errors import NotSignedIn, Problem, Unavailable


class Level(IntEnum):
    """How bad a finding is; the worst one decides the exit status."""

    OK = 0
    SKIPPED = 1
    """Not looked at: what it needs has failed, or it concerns nothing here."""
    WATCH = 2
    MEND = 3
    """A setting, permission or role is wrong: the remedy says what to change."""
    DOWN = 4
    """A service does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report, and under it what to do: commands to paste, or a sentence."""

    level: Level = Level.OK
    text: str
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """``needs``: the names of the checks without which this one could only repeat what they say."""

    name: str
    group: str
    examine: Callable[[Case], Finding]
    needs: tuple[str, ...] = ()


def ok(text: str) -> Finding:
    """Return that all is well."""
    return Finding(text=text)


def watch(text: str, *remedies: str) -> Finding:
    """Return what works, but not well or not for long."""
    return Finding(level=Level.WATCH, text=text, remedies=remedies)


def mend(text: str, *remedies: str) -> Finding:
    """Return what an operator has to change."""
    return Finding(level=Level.MEND, text=text, remedies=remedies)


def down(text: str, *remedies: str) -> Finding:
    """Return what does not answer."""
    return Finding(level=Level.DOWN, text=text, remedies=remedies)


def of_problem(problem: Problem, *remedies: str) -> Finding:
    """Return the finding for a problem, of which only one that a later try may solve is a service's."""
    is_down = isinstance(problem, Unavailable) and not isinstance(problem, NotSignedIn)
    level = Level.DOWN if is_down else Level.MEND
    return Finding(level=level, text=str(problem), remedies=remedies)


def worst(findings: list[Finding], fine: str) -> Finding:
    """Return one finding for several; ``fine`` is the text if all are well."""
    bad = [each for each in findings if each.level > Level.SKIPPED]
    if not bad:
        return ok(fine)
    remedies = tuple(dict.fromkeys(remedy for each in bad for remedy in each.remedies))
    return Finding(level=max(each.level for each in bad), text="; ".join(each.text for each in bad), remedies=remedies)
