"""A history as a story: one line for each thing that happens, in the order of time, with what became of it."""

from collections.abc import Iterator, Sequence
from itertools import chain

from tests.fakes.subscription_values import MINUTE, NOW
from tests.model.history import Act, History
from tests.model.play import Play
from tests.model.world import ENTRIES

type Line = tuple[float, str]


def story(play: Play, violations: Sequence[str]) -> str:
    """Return what happened, minute by minute, and which laws it breaks."""
    lines = sorted(chain(_plot(play.history), _changes(play), _gaps(play), _events(play)))
    told = [f"{minute:7.1f}  {line}" for minute, line in lines]
    return "\n".join(["", *violations, _setting(play.history), *told, f"{play.settled_at:7.1f}  all is well"])


def _setting(history: History) -> str:
    wanted = "; ".join(f"{ENTRIES[number]['resource']} {ENTRIES[number]['changeType']}" for number in history.entries)
    return f"{history.processes} processes, a run every {history.period} minutes, tokens of {history.life}; {wanted}"


def _plot(history: History) -> Iterator[Line]:
    for trouble in history.troubles:
        yield trouble.at, f"{trouble.what}, until {trouble.at + trouble.minutes}"
    for stroke in history.strokes:
        yield stroke.at, f"{stroke.blow} ({stroke.number})"
    for skew in history.skews:
        yield skew.at, f"the clock of process {skew.process} is wrong by {skew.by}, until {skew.at + skew.minutes}"
    yield from ((act.at, _manner(act)) for act in history.acts if _manner(act))


def _manner(act: Act) -> str:
    manner = [f"{act.late} late"] * bool(act.late)
    manner += [f"again {act.again} later"] * (act.again is not None)
    manner += ["to two processes at once"] * act.at_once + ["in two states"] * act.twofold
    return f"{act.verb} is sent {', '.join(manner)}" if manner else ""


def _changes(play: Play) -> Iterator[Line]:
    for change in play.world.teams.changes:
        sent = [each for each in play.notifications if each.change is change]
        fates = [each.fate or ("taken" if each.received else "not taken") for each in sent] or ["reported to nobody"]
        yield (change.at - NOW) / MINUTE, f"{change}: {', '.join(fates)}"


def _gaps(play: Play) -> Iterator[Line]:
    for gap in play.world.storage.gaps.rows.values():
        since, until = ((moment - NOW) / MINUTE for moment in (gap.since, gap.until))
        yield since, f"gap {gap.cause} of {gap.resource}, until {until:.1f}: {gap.state}, {gap.recovered} recovered"


def _events(play: Play) -> Iterator[Line]:
    for sent in play.world.storage.sunk:
        recovered = "recovered " if sent.event.recovered else ""
        kind = sent.event.type.rpartition(".")[2]
        yield (sent.at - NOW) / MINUTE, f"process {sent.process} sends {recovered}{kind} of {sent.event.subject}"
