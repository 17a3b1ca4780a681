"""A plot as a story: that of its history, with what audits had to meet, and what they said."""

from collections.abc import Iterator, Sequence

from tests.fakes.subscription_values import MINUTE, NOW
from tests.model.audits.play import AuditedPlay
from tests.model.story import story


def audit_story(play: AuditedPlay, violations: Sequence[str]) -> str:
    """Return what happened, minute by minute, and which laws it breaks."""
    return "\n".join([story(play, violations), *_plot(play), *_audits(play)])


def _plot(play: AuditedPlay) -> Iterator[str]:
    plot = play.plot
    yield f"a crowd of {plot.crowd}, seed {plot.seed}; Graph refuses {sorted(plot.refused) or 'nothing'}"
    yield from map(str, (*plot.drops, *plot.losses, *plot.requests))
    yield from (f"{minute:7.1f}  the layout of the records changes" for minute in plot.upgrades)
    yield from (f"{minute:7.1f}  the next process that publishes is killed after its answer" for minute in plot.deaths)


def _audits(play: AuditedPlay) -> Iterator[str]:
    for audit in play.audited.status.ended:
        begun, since, until = ((moment - NOW) / MINUTE for moment in (audit.begun_at, audit.since, audit.until))
        window = f"the audit of {audit.path} from {since:.1f} to {until:.1f}"
        yield f"{begun:7.1f}  {window}: {audit.state}, {audit.figures()} {audit.reason or ''}"
