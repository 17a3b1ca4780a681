"""The calls that the code under test makes, in their order; a test can end the process in one of them."""

from collections.abc import Callable
from dataclasses import dataclass, field


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
