"""Every event type of the catalogue can be had on demand."""

import pytest

from sandbox.verbs.sample_events import SAMPLE_EVENTS
from tests.sandbox.verbs.running_sandbox import REPOSITORY, RunningSandbox, ask

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("triggering"), pytest.mark.timeout(300)]

IN_TEAMS = sorted(file.stem for file in (REPOSITORY / "docs" / "samples").glob("*.json") if "-" not in file.stem)
# Of a user who signs in.
DELEGATED = "PresenceUpdated"


@pytest.mark.parametrize("event_type", [each for each in IN_TEAMS if each != "SubscriptionGap"])
def test_documented_type_comes_when_triggered(sandbox: RunningSandbox, event_type: str) -> None:
    sandbox.settle()
    sandbox.say("trigger", f"Microsoft.Graph.{event_type}")
    sandbox.published(event_type)


@pytest.mark.parametrize("event_type", ["ShiftCreated", "CallEventUpdated", "VirtualEventCreated", "SubscriptionGap"])
def test_app_subscribes_to_what_is_triggered(sandbox: RunningSandbox, event_type: str) -> None:
    sandbox.settle()
    sandbox.say("trigger", event_type)
    sandbox.published(event_type)


def test_types_are_those_of_the_samples_and_of_the_rest(sandbox: RunningSandbox) -> None:
    assert sandbox.say("types") == sorted({*IN_TEAMS, *SAMPLE_EVENTS})


@pytest.mark.parametrize(("event_type", "sentence"), [(DELEGATED, "signed-in user"), ("Nonsense", "name one of Ai")])
def test_type_that_cannot_come_is_refused(sandbox: RunningSandbox, event_type: str, sentence: str) -> None:
    ran = ask(sandbox.state, "trigger", event_type)
    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert sentence in ran.stderr


def test_count_and_rate_are_kept(sandbox: RunningSandbox) -> None:
    sandbox.settle()
    done = ask(sandbox.state, "trigger", "ChatCreated", "--count", "3", "--rate", "50")
    assert done.stdout.count("ChatCreated is on its way") == 3, done.stderr
    subjects = {sandbox.published("ChatCreated")["subject"] for _ in range(3)}
    assert len(subjects) == 3
