"""What does Graph's list of subscriptions show? Normally all of them; a list that has forgotten some is hours old.

Source: https://learn.microsoft.com/en-us/graph/api/subscription-list
"""

from collections.abc import Callable, Iterable, Sequence

from sandbox.graph.subscription import Subscription


class Listing:
    """The list of subscriptions; ``forgets`` chooses those that it does not show, although they live."""

    def __init__(self) -> None:
        self.forgets: Callable[[Subscription], bool] | None = None
        self.forgetful = 0
        """How many lists lacked something."""

    def shown(self, subscriptions: Iterable[Subscription]) -> Sequence[Subscription]:
        """Return what the list shows of the subscriptions that it should show."""
        there = list(subscriptions)
        if self.forgets is None:
            return there
        shown = [each for each in there if not self.forgets(each)]
        self.forgetful += len(shown) < len(there)
        return shown
