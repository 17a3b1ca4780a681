"""The laws of an audit hold in random plots, and each of its rules that is taken away breaks one of them."""

import logging
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.model.audits.laws import violations
from tests.model.audits.mutants import MUTANTS
from tests.model.audits.play import played
from tests.model.audits.plot import Plot, plots
from tests.model.audits.process import AuditPorts
from tests.model.audits.story import audit_story

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("simulation")]

# A plot lasts longer than a day: make simulation plays a thousand.
PLOTS = 8
MOST_PLOTS = 250


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Let nothing be logged: what is made to fail is logged as errors, thousands of them."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.timeout(180)
@settings(max_examples=PLOTS, suppress_health_check=list(HealthCheck))
@given(plots())
def test_random_plots_break_no_law_of_the_audit(plot: Plot) -> None:
    play = played(plot)
    broken = violations(play)
    assert not broken, audit_story(play, broken)


@pytest.mark.chaos  # minutes for all of them
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("take_away", "law"), MUTANTS.values(), ids=MUTANTS)
def test_rule_of_the_audit_taken_away_breaks_a_law(take_away: Callable[[AuditPorts], None], law: str) -> None:
    broken: list[str] = []

    @settings(
        max_examples=MOST_PLOTS,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(plots())
    def play_until_it_is_broken(plot: Plot) -> None:
        if not broken:
            broken.extend(each for each in violations(played(plot, take_away)) if each.startswith(law))

    play_until_it_is_broken()
    assert broken
