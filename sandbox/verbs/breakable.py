"""One thing that can be broken: how, how it is mended, and what either means to the app."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

COLD = "What it has in memory it goes on with: `break app` and `mend app` start it without."

type Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakable:
    """A pair of steps, each with a sentence for the person who takes it."""

    break_it: Step
    mend_it: Step
    effect: str
    mended: str = (
        "The next attempts succeed: of Graph, and of the timer (`renew`); both wait longer after each failure."
    )
