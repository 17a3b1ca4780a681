"""The calls that the code under test makes, in their order; a test can end the process in one of them."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Killed(BaseException):
    """The process has ended: nothing that it would do next happens."""


@dataclass(eq=False, kw_only=True)
class Calls:
    """The calls to the outside, in their order; ``before`` and ``after`` each may raise what they like."""

    made: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _call: None
    after: Callable[[str], None] = lambda _call: None

    def of[T](self, name: str, call: Callable[[], T]) -> T:
        self.made.append(name)
        self.before(name)
        result = call()
        self.after(name)
        return result


def when(name: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Return what acts before, or after, each call of one name."""

    def hook(call: str) -> None:
        if call == name:
            act()

    return hook


def raising(problem: BaseException, *, times: int | None = None) -> Callable[..., Any]:
    """Return a port that raises a problem whatever it is called with: always, or so many times."""
    left = itertools.repeat(problem) if times is None else itertools.repeat(problem, times)

    def fail(*_arguments: object) -> Any:
        for each in left:
            raise each

    return fail
