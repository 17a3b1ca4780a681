"""Commands where events go to an event hub, which shows them to its consumers only."""

import pytest

from tests.cli.operator import Operator
from tests.fakes.settings_environment import EVENT_HUB

pytestmark = pytest.mark.slow


def test_tail_says_who_can_read_a_hub(operator: Operator) -> None:
    operator.world.app.environ |= EVENT_HUB
    ran = operator.run("events", "tail", "--once")
    assert ran.exit_code != 0
    assert "EVENT_SINK is an event hub, which shows its events to consumers only: use one of theirs" in ran.output


def test_doctor_looks_for_no_queue_of_a_hub(operator: Operator) -> None:
    operator.world.app.environ |= EVENT_HUB
    ran = operator.run("doctor", "--only", "queue", "--only", "backlog")
    assert "none: events go to the event hub teams-events" in ran.output
    assert "consumers of an event hub know their own backlog" in ran.output
