"""The laws of delivery hold in random histories, and each rule of the app that is taken away breaks one of them."""

import logging
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.model.history import Act, History, Trouble, What, histories
from tests.model.laws import violations
from tests.model.mutants import MUTANTS
from tests.model.play import played
from tests.model.process import Ports
from tests.model.story import story

pytestmark = pytest.mark.slow
# Those that are no campaign's: they share what they import.
together = pytest.mark.xdist_group("model")

# Longer histories take longer: make simulation plays those, too.
HISTORIES = 100
MOST_HISTORIES = 200


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Let nothing be logged: what is made to fail is logged as errors, thousands of them."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@together
@pytest.mark.timeout(180)
@settings(max_examples=HISTORIES, suppress_health_check=list(HealthCheck))
@given(histories(hours=(2, 2, 2, 3, 3)))
def test_random_histories_break_no_law(history: History) -> None:
    play = played(history)
    broken = violations(play)
    assert not broken, story(play, broken)


@pytest.mark.chaos  # minutes for all of them
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("take_away", "law"), MUTANTS.values(), ids=MUTANTS)
def test_rule_taken_away_breaks_a_law(take_away: Callable[[Ports], None], law: str) -> None:
    broken: list[str] = []

    @settings(
        max_examples=MOST_HISTORIES,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories())
    def play_until_it_is_broken(history: History) -> None:
        if not broken:
            broken.extend(each for each in violations(played(history, take_away)) if each.startswith(law))

    play_until_it_is_broken()
    assert broken


@together
def test_story_of_an_outage_names_the_trouble_and_the_loss() -> None:
    outage = Trouble(at=20, minutes=60, what=What.DOWN)
    history = History(minutes=120, entries=(0,), acts=(Act(at=40, verb="write"),), troubles=(outage,))
    play = played(history, MUTANTS["outages are not recorded"][0])
    told = story(play, violations(play))
    assert "law 1: change 0" in told
    assert "the endpoint cannot be reached, until 80" in told
    assert "Graph dropped it" in told


@together
def test_history_of_an_outage_ends_with_the_message_recovered() -> None:
    outage = Trouble(at=20, minutes=60, what=What.DOWN)
    history = History(minutes=120, entries=(0,), acts=(Act(at=40, verb="write"),), troubles=(outage,))
    play = played(history)
    assert violations(play) == []
    assert [sent.event.recovered for sent in play.world.storage.sunk] == [True]
