"""``Receiver.receive`` without a sink against its floor: the one RSA operation that every rich item needs.

All kinds of work take turns in short rounds, so that a change of the machine's speed meets all of them; what is
compared comes from the same round.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from rich.table import Table

from benchmarks.posts import Addressee, post
from benchmarks.tables import Figure, Target, figures_table
from benchmarks.timing import Rate, Work, rate
from shared.limits import ConcurrencyLimiter
from shared.timing import Deadline
from tests.fakes.graph_sender import graph, key_pair
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.sender import CLIENT_ID, TENANT, client_state

_THREADS = 2
_WINDOW = timedelta(milliseconds=250)
_SCALING_TARGETS = {"POST of 1 item": 1.75, "POST of 20 items": 1.8}
# Where RSA alone gains less from a second thread, other processes have the second processor, and nothing can be told.
_QUIET_SCALING = 1.9

type Round = Mapping[tuple[str, int], Rate]
"""The rates of one round, by kind of work and number of threads."""

_FLOOR, _LONG_KEY = "RSA alone", "RSA alone, 4,096 bits"
_ONE, _TWENTY = "POST of 1 item", "POST of 20 items"
_SHARE_TARGETS = {_ONE: 0.7, _TWENTY: 0.76}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Medians over the rounds for one kind of work; the rates are in items a second."""

    one_thread: float
    two_threads: float
    scaling: float
    share: float
    cost: timedelta
    """What an item costs in all, in a processor's time."""
    beyond: timedelta
    """What an item costs beyond RSA, in a processor's time."""


def measure(*, rounds: int) -> Mapping[str, Summary]:
    """Return what the rounds come to, by kind of work."""
    works = {_FLOOR: _decryption(2_048), _LONG_KEY: _decryption(4_096), _ONE: _receiving(1), _TWENTY: _receiving(20)}
    for work in works.values():
        work()  # the token is verified and cached here
    taken = [_round(works) for _ in range(rounds)]
    return {name: _summary(name, taken) for name in works}


def table(summaries: Mapping[str, Summary]) -> Table:
    """Return the figures with their targets."""
    caption = "Medians of all rounds. Shares and costs are in processor time, rates and gains in time passed."
    is_quiet = summaries[_FLOOR].scaling >= _QUIET_SCALING
    if not is_quiet:
        caption += "\nThis machine was busy: RSA alone gained too little from a second thread to judge the rest."
    return figures_table(
        "receive() without a sink, tokens and keys cached",
        [figure for name, summary in summaries.items() for figure in _figures(name, summary, is_quiet=is_quiet)],
        caption=caption,
    )


def costs(summaries: Mapping[str, Summary]) -> Mapping[str, str]:
    """Return what RSA costs by the size of the key, with units."""
    names = {"RSA, key of 2,048 bits": _FLOOR, "RSA, key of 4,096 bits": _LONG_KEY}
    return {name: f"{summaries[work].cost / timedelta(microseconds=1):,.0f} µs" for name, work in names.items()}


def _decryption(bits: int) -> Work:
    oaep = OAEP(mgf=MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303  Graph's choice
    private_key = key_pair(bits)[0]
    sealed = private_key.public_key().encrypt(bytes(32), oaep)

    def work() -> int:
        private_key.decrypt(sealed, oaep)
        return 1

    return work


def _receiving(items: int) -> Work:
    addressee = Addressee(sender=graph(), client_id=CLIENT_ID, tenant_id=TENANT, client_state=client_state())
    body = post(addressee, first=0, items=items)
    private_key = key_pair()[0]
    # The fixture's own ports remember each item for ever, which costs more with each round.
    receiver = ReceiverFixture(
        record_activity=lambda _items, _moment, _deadline: None,
        private_key=lambda _certificate_id, _deadline: private_key,
        publish_events=lambda _events, _deadline: None,
        limiter=ConcurrencyLimiter(2 * _THREADS),
    ).receiver
    budget = timedelta(minutes=1)

    def work() -> int:
        receipt = receiver.receive(body, received_at=datetime.now(UTC), deadline=Deadline.after(budget))
        if receipt.published != items:
            raise RuntimeError(f"published {receipt.published} of {items}, not {receipt.problems}")
        return items

    return work


def _round(works: Mapping[str, Work]) -> Round:
    return {
        (name, threads): rate(work, threads=threads, window=_WINDOW)
        for threads in (1, _THREADS)
        for name, work in works.items()
    }


def _summary(name: str, rounds: Sequence[Round]) -> Summary:
    def middle(figure: Callable[[Round], float]) -> float:
        return median(figure(each) for each in rounds)

    def cost(kind: str, each: Round) -> float:
        return 1 / each[kind, 1].per_processor_second

    return Summary(
        one_thread=middle(lambda each: each[name, 1].per_second),
        two_threads=middle(lambda each: each[name, 2].per_second),
        scaling=middle(lambda each: each[name, 2].per_second / each[name, 1].per_second),
        share=middle(lambda each: cost(_FLOOR, each) / cost(name, each)),
        cost=timedelta(seconds=middle(lambda each: cost(name, each))),
        beyond=timedelta(seconds=middle(lambda each: cost(name, each) - cost(_FLOOR, each))),
    )


def _figures(name: str, summary: Summary, *, is_quiet: bool) -> Sequence[Figure]:
    is_floor = name in {_FLOOR, _LONG_KEY}
    least_gain = _SCALING_TARGETS.get(name, 0)
    gain = Target(text=f"≥ {least_gain} times", met=summary.scaling >= least_gain if is_quiet else None)
    figures = [
        Figure(name=f"{name}: one thread", value=f"{summary.one_thread:,.0f} items/s"),
        Figure(name=f"{name}: two threads", value=f"{summary.two_threads:,.0f} items/s"),
        Figure(name=f"{name}: gain", value=f"{summary.scaling:.2f} times", target=None if is_floor else gain),
    ]
    if not is_floor:
        least = _SHARE_TARGETS[name]
        share = Target(text=f"≥ {least:.0%}", met=summary.share >= least)
        beyond = summary.beyond / timedelta(microseconds=1)
        figures.append(Figure(name=f"{name}: share of the floor", value=f"{summary.share:.1%}", target=share))
        figures.append(Figure(name=f"{name}: cost beyond RSA", value=f"{beyond:,.0f} µs/item"))
    return figures
