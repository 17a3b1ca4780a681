"""The laws of an audit hold in random plots, and each of its rules that is taken away breaks one of them."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from tests.model.audits.laws import violations
from tests.model.audits.mutants import MUTANTS
from tests.model.audits.play import played
from tests.model.audits.plot import Drop, Plot, plots
from tests.model.audits.process import AuditPorts
from tests.model.audits.story import audit_story
from tests.model.history import HOUR, Act, History, Trouble, What

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("simulation"), pytest.mark.timeout(180)]

# A plot lasts longer than a day: make simulation plays a thousand.
PLOTS = 3


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Let nothing be logged: what is made to fail is logged as errors, thousands of them."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@settings(max_examples=PLOTS, suppress_health_check=list(HealthCheck))
@given(plots())
def test_random_plots_break_no_law_of_the_audit(plot: Plot) -> None:
    play = played(plot)
    broken = violations(play)
    assert not broken, audit_story(play, broken)


_WRITES = History(minutes=120, period=20, entries=(0,), acts=(Act(at=40, verb="write"), Act(at=70, verb="edit")))
_TABLE_DOWN = Trouble(at=60, minutes=20, what=What.RECORDS)
_DAY = Plot(history=_WRITES, ends_at=26 * HOUR)


@pytest.mark.parametrize(
    ("plot", "figures"),
    [
        (_DAY, (2, 0)),
        (replace(_DAY, deaths=(60,)), (2, 1)),
        (replace(_DAY, history=replace(_WRITES, troubles=(_TABLE_DOWN,))), (2, 1)),
        (replace(_DAY, drops=(Drop(at=70, minutes=3, percent=100),)), (2, 1)),
    ],
    ids=["nothing", "killed before it recorded", "table of records down", "dropped between two runs"],
)
def test_only_what_has_no_record_is_missing(plot: Plot, figures: tuple[int, int]) -> None:
    play = played(plot)
    assert violations(play) == []
    last = play.audited.status.ended[-1]
    assert (last.checked, last.missing) == figures
    assert [each.event.recovered for each in play.audited.found] == [True] * last.missing


@pytest.mark.parametrize(("minute", "is_same"), [(30, True), (60, False)], ids=["creation", "edit"])
def test_what_a_killed_process_did_not_record_comes_again(minute: int, *, is_same: bool) -> None:
    play = played(replace(_DAY, deaths=(minute,)))
    [again] = play.audited.found
    first, _ = [each for each in play.world.storage.sunk if each.event.type == again.event.type]
    assert (again.event.id == first.event.id) is is_same


def test_dropped_creation_is_recovered_under_the_id_it_would_have_had() -> None:
    plots = (replace(_DAY, drops=(Drop(at=40, minutes=3, percent=100),)), _DAY)
    lost, delivered = [
        [each.event for each in played(plot).world.storage.sunk if each.event.type.endswith("Created")]
        for plot in plots
    ]
    assert [event.id for event in lost] == [event.id for event in delivered]
    assert ([event.recovered for event in lost], [event.recovered for event in delivered]) == ([True], [False])


def test_story_of_an_audit_names_its_window_and_figures() -> None:
    play = played(replace(_DAY, drops=(Drop(at=70, minutes=3, percent=100),)))
    told = audit_story(play, ["law 7"])
    assert "law 7" in told
    assert "Graph dropped it in silence" in told
    assert "from 15.5 to 1140.5: done, lists=3 of=3 checked=2 missing=1" in told


@pytest.mark.chaos  # ten seconds for all of them
@pytest.mark.parametrize(("take_away", "plot", "law"), MUTANTS.values(), ids=MUTANTS)
def test_rule_of_the_audit_taken_away_breaks_a_law(
    take_away: Callable[[AuditPorts], None], plot: Plot, law: str
) -> None:
    assert violations(played(plot)) == []
    broken = violations(played(plot, take_away))
    assert [each for each in broken if each.startswith(law)]
