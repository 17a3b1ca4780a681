"""How the app in a sandbox is, in a sentence, and what its next run will do: rules over what was read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.snapshot import Health, Light
from sandbox.graph import Subscription
from sandbox.graph.health import State
from sandbox.page.stored import Stored

# As the sandbox's settings have it.
PERIOD = timedelta(minutes=5)
_RENEW_AFTER = timedelta(minutes=30)
_NOT_FILLED = ("refused", "partial", "unrecoverable")
_RENEW = "Run the timer: the button below, or python -m sandbox renew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything at one moment; ``stored`` is None if the storage account itself does not answer.

    ``repeated``: how many notifications Graph will send again; ``expected``: how many subscriptions there should be;
    ``certificate_id``: the vault's newest.
    """

    now: datetime
    stored: Stored | None
    has_host: bool
    endpoint: State
    repeated: int
    subscriptions: Sequence[Subscription]
    expected: int
    certificate_id: str | None

    def gone(self) -> Sequence[Mapping[str, Any]]:
        """Return the app's rows whose subscriptions Graph does not have."""
        living = {each.id for each in self.subscriptions}
        rows = self.stored.rows if self.stored else ()
        return [row for row in rows if row.get("subscriptionId") not in living and row.get("isWanted", True)]

    @property
    def missing(self) -> int:
        """How many subscriptions are gone; those that the app has no row of, and nobody has asked for more since."""
        return max(len(self.gone()), self.expected - len(self.subscriptions))

    @property
    def gaps_open(self) -> int:
        """How many gaps are being filled."""
        return self.stored.gaps["open"] if self.stored else 0

    @property
    def gaps_lost(self) -> int:
        """How many gaps were not filled."""
        return sum(self.stored.gaps[state] for state in _NOT_FILLED) if self.stored else 0


def health(seen: Seen) -> Health:
    """Return the light, the sentence and the remedy."""
    troubles, remarks = list(_troubles(seen)), list(_remarks(seen))
    said = "; ".join(sentence for sentence, _ in (*troubles, *remarks))
    remedy = next((remedy for _, remedy in (*troubles, *remarks) if remedy), "")
    if not said:
        return Health(light=Light.GREEN, sentence="Graph delivers, the app answers, and nothing waits")
    light = Light.RED if troubles else Light.AMBER
    return Health(light=light, sentence=f"{said[0].upper()}{said[1:]}", remedy=remedy)


def _troubles(seen: Seen) -> Iterator[tuple[str, str]]:
    """Yield what stops changes, each with what helps."""
    if not seen.has_host:
        yield "the app does not run", "Graph repeats its POSTs for four hours: mend the app"
    if seen.stored is None:
        yield "the storage account does not answer", ""
    if seen.endpoint == "drop":
        yield "Graph drops notifications: the app has answered too late, too often", "Graph looks again in ten minutes"
    if seen.missing:
        yield f"{seen.missing} of {seen.missing + len(seen.subscriptions)} subscriptions gone", _RENEW


def _remarks(seen: Seen) -> Iterator[tuple[str, str]]:
    """Yield what delays changes, each with what helps."""
    stored = seen.stored
    if stored is not None and stored.run is not None and stored.run.refusals:
        systems = " and ".join(stored.run.refusals)
        yield f"{systems} refused the app, or did not answer it", "; ".join(stored.run.refusals.values())
    if seen.endpoint == "slow":
        yield "Graph waits before it delivers: the app has answered late, too often", ""
    if seen.repeated:
        yield (
            f"Graph repeats {seen.repeated} {_s('notification', seen.repeated)}",
            "The app did not take them: nothing is lost for four hours",
        )
    if stored is not None and stored.parked:
        yield f"{len(stored.parked)} {_s('POST', len(stored.parked))} parked", _RENEW
    if stored is not None and stored.quarantined:
        yield f"{stored.quarantined} in quarantine", "See: python -m cli quarantine list"
    if seen.gaps_lost:
        yield f"{seen.gaps_lost} {_s('gap', seen.gaps_lost)} not filled", "See: python -m cli gaps list"


def next_run_at(seen: Seen) -> datetime:
    """Return when the timer runs next: on the full five minutes."""
    midnight = seen.now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + ((seen.now - midnight) // PERIOD + 1) * PERIOD


def plan(seen: Seen) -> Iterator[str]:
    """Yield what the next run will do."""
    yield f"Compare {seen.expected} desired {_s('subscription', seen.expected)} with Graph's list"
    if seen.missing:
        gone = f"{seen.missing} {_s('subscription', seen.missing)}"
        yield f"Create {gone} again if Graph has reported the loss, or when the renewal is due"
    rich = [each for each in seen.subscriptions if each.is_rich]
    if old := sum(each.certificate_id != seen.certificate_id for each in rich):
        yield f"Give {old} {_s('subscription', old)} the new certificate"
    due = next_run_at(seen) - _RENEW_AFTER
    if renewed := sum((each.renewed_at or each.created_at or seen.now) <= due for each in seen.subscriptions):
        yield f"Renew {renewed} {_s('subscription', renewed)}"
    if seen.stored is not None and (parked := len(seen.stored.parked)):
        yield f"Publish {parked} parked {_s('POST', parked)}"
    if seen.gaps_open:
        yield f"Read back {seen.gaps_open} {_s('gap', seen.gaps_open)}"


def _s(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
