"""Plays a plot: its history, and a day of runs in which audits look back at it."""

from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import cast, override

from shared.gaps.gap import DONE_STATES
from tests.fakes.subscription_values import MINUTE, NOW
from tests.model.audits.plot import Plot
from tests.model.audits.world import Alteration, AuditedWorld, all_ended, unaltered
from tests.model.delivery import Notification
from tests.model.history import HOUR
from tests.model.play import Play
from tests.model.teams import Change

SILENT = "Graph dropped it in silence"
# A gap of a subscription begins an hour after the one before.
_LONGEST_END = 6 * HOUR


@dataclass(kw_only=True)
class AuditedPlay(Play):
    """One plot, played to its end. ``dropped``: what Graph dropped in silence."""

    plot: Plot
    alteration: Alteration = unaltered
    dropped: list[Notification] = field(default_factory=list)

    @override
    def __post_init__(self) -> None:
        self._dice = Random(self.plot.seed)  # noqa: S311  chance that can be repeated, no secret
        super().__post_init__()

    @property
    def audited(self) -> AuditedWorld:
        """Return the world, with its audits."""
        return cast("AuditedWorld", self.world)

    @override
    def _new_world(self) -> AuditedWorld:
        return AuditedWorld(history=self.history, plot=self.plot, alteration=self.alteration)

    @override
    def play(self) -> None:
        for loss in self.plot.losses:
            self._at(loss.at, partial(self.audited.lose, loss))
        for minute in self.plot.upgrades:
            self._at(minute, self.audited.upgrade)
        for minute in self.plot.deaths:
            self._at(minute, self.audited.kill_after_next)
        for request in self.plot.requests:
            self._at(request.at, partial(self.audited.ask, request))
        super().play()

    @override
    def _end(self) -> None:
        """Run until the audits have ended, and what they opened is filled."""
        while self.world.minute < self.plot.ends_at:
            self._run_times(1)
        until = self.world.minute + _LONGEST_END
        while self.world.minute < until and not self._is_settled():
            self._run_times(1)

    def _is_settled(self) -> bool:
        world = self.audited
        gaps = world.storage.gaps.rows.values()
        is_filled = all(gap.state in DONE_STATES or gap.is_recheck for gap in gaps)
        return is_filled and all_ended(world.audits.rows.values())

    @override
    def _deliver(self, notification: Notification) -> None:
        is_first = not (notification.tries or notification.received or notification.refused)
        if is_first and notification.change.is_message and self._is_dropped(notification.change):
            notification.fate = SILENT
            self.dropped.append(notification)
        else:
            super()._deliver(notification)

    def _is_dropped(self, change: Change) -> bool:
        chat = int(change.chat.partition("@")[0].removeprefix("19:chat"))
        minute = (change.at - NOW) / MINUTE
        return self._dice.randrange(100) < self.plot.may_drop(minute, chat)


def played(plot: Plot, alteration: Alteration = unaltered) -> AuditedPlay:
    """Return a plot that has been played."""
    play = AuditedPlay(history=plot.history, plot=plot, alteration=alteration)
    play.play()
    return play
