"""Questions to whoever runs a command, each of which an option answers as well.

Source: https://click.palletsprojects.com/en/stable/prompts/
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import typer

from cli.first_files import MENU, USUAL, names_of_ids
from cli.output import console, print_line, print_rows
from shared.setting_reader import is_guid, split_url

type Check = Callable[[str], str]
"""Returns an answer in its usual form, or raises typer.BadParameter, which has it asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question: what is typed after ``text``, once a line says ``why`` it is asked. ``option`` answers it as well."""

    option: str
    text: str
    why: str
    check: Check
    default: str | None = None

    def answer(self, given: str | None) -> str:
        """Return what the option says, or else what somebody answers.

        Raises:
            typer.BadParameter: the option is wrong, or missing where nobody answers.
        """
        if given is not None:
            try:
                return self.check(given)
            except typer.BadParameter as problem:
                raise typer.BadParameter(problem.message, param_hint=self.option) from problem
        print_line(console(), self.why, "dim")
        try:
            return str(typer.prompt(self.text, default=self.default, value_proc=self.check))
        except typer.Abort:
            if sys.stdin.isatty():
                raise
            text = "nobody answers the question: give the option"
            raise typer.BadParameter(text, param_hint=self.option) from None


def guid(text: str) -> str:
    """Check the id of a tenant or an application."""
    if not is_guid(text.strip().lower()):
        raise typer.BadParameter(f"{text!r} is no id such as 8e460676-ae3f-4b1e-8790-ee0fb5d6148f")
    return text.strip().lower()


def https_url(text: str) -> str:
    """Check an address."""
    parts = split_url(text.strip())
    if parts.scheme != "https" or not parts.netloc:
        raise typer.BadParameter(f"{text!r} is no https URL")
    return text.strip()


def anything(text: str) -> str:
    """Take any text."""
    return text.strip()


def chosen_paths() -> Sequence[str]:
    """Ask what to watch, from the menu of the overview's paths; ask for the ids in a path that is chosen."""
    out = console()
    rows = [(str(number), each.path, each.permissions.application[0]) for number, each in enumerate(MENU, start=1)]
    print_rows(out, ("", "path", "permission"), rows)
    usual = ",".join(str(number) for number, each in enumerate(MENU, start=1) if each.path in USUAL)
    why = "What shall be watched? Whole tenants need one subscription each; single teams and chats one for every one."
    question = Question(option="--watch", text="Numbers, separated by commas", why=why, check=_numbers, default=usual)
    return [_filled(MENU[int(number) - 1].path) for number in question.answer(None).split(",")]


def _numbers(text: str) -> str:
    numbers = [part.strip() for part in text.split(",") if part.strip()]
    if not numbers or any(not part.isdecimal() or not 1 <= int(part) <= len(MENU) for part in numbers):
        raise typer.BadParameter(f"{text!r} has something else than numbers from 1 to {len(MENU)}")
    return ",".join(dict.fromkeys(numbers))


def _filled(path: str) -> str:
    for name in names_of_ids(path):
        question = Question(option="--watch", text=name, why=f"Which one, in {path}?", check=anything)
        path = path.replace(f"{{{name}}}", question.answer(None))
    return path
