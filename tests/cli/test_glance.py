"""A deployment at a glance: the light, the sentence, and the lines below it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cli.commands.status import look
from cli.glance import Glance, document, light, lines, sentence
from shared.errors import Unavailable
from shared.gaps.gap import GapState
from shared.receiving.post_store import StoredPost
from shared.subscriptions.deployment_status import Answers
from shared.subscriptions.tracked import Activity
from tests.cli.subscription_rows import row
from tests.fakes.deployments import status
from tests.fakes.gap_values import GAP
from tests.fakes.subscription_values import NOW
from tests.sender import TENANT

pytestmark = pytest.mark.slow

MINUTE = timedelta(minutes=1)
OWNER = status(at=NOW - 2 * MINUTE)
ANSWERED = Answers(at=NOW, by_system={"tables": "ok", "Key Vault": "ok"})
WELL = Glance(
    now=NOW,
    overdue_after=60 * MINUTE,
    owner=replace(OWNER, answers=ANSWERED),
    rows=[row(activity=Activity(notification_at=NOW - timedelta(seconds=4)))],
    gaps=[GAP],
    parked=[],
    quarantined=0,
    queued=0,
    oldest_event=None,
)


def parked(minutes: float) -> StoredPost:
    received_at = NOW - minutes * MINUTE
    return StoredPost(name="p", reason="unavailable", tenant_id=TENANT, received_at=received_at, fetch=None)


def test_deployment_that_is_well_is_green_and_says_what_came_last() -> None:
    assert (light(WELL), sentence(WELL)) == ("green", "Graph delivers; last change 4 s ago; nothing waits")
    shown = dict(lines(WELL))
    assert shown["run"] == "2 min ago, every 5 min, version 1.0.0"
    assert shown["subscriptions"].startswith("1 active, the first ends in ")
    assert (shown["queue"], shown["gaps"]) == ("empty", "1 open, 0 not filled")


@pytest.mark.parametrize(
    ("changes", "colour", "words"),
    [
        ({"owner": None}, "red", "the timer has not run yet"),
        ({"owner": status(at=NOW - 16 * MINUTE)}, "red", "the timer has been silent for 16 min"),
        (
            {"owner": replace(OWNER, answers=replace(ANSWERED, by_system={"tables": "ok", "Key Vault": "no"}))},
            "red",
            "Key Vault refused the app or did not answer it",
        ),
        (
            {"owner": replace(OWNER, answers=replace(ANSWERED, by_system={"NOTIFICATION_URL": "cannot tell: no"}))},
            "green",
            "Graph delivers",
        ),
        ({"rows": [row(activity=Activity(removed_at=NOW))]}, "red", "1 removed of the subscriptions"),
        ({"rows": []}, "amber", "nothing is watched"),
        ({"parked": [parked(16)]}, "amber", "1 parked, the oldest for 16 min"),
        ({"parked": [parked(14)]}, "green", "1 on their way"),
        ({"quarantined": 2}, "amber", "2 in quarantine"),
        ({"queued": 3, "oldest_event": NOW - 20 * MINUTE}, "amber", "the consumer is 20 min behind"),
        ({"queued": 3, "oldest_event": NOW}, "green", "3 on their way"),
        ({"queued": None}, "green", "nothing waits"),
        ({"gaps": [replace(GAP, state=GapState.PARTIAL)]}, "amber", "1 gaps not filled"),
        ({"rows": [row()]}, "green", "no change yet"),
    ],
)
def test_what_is_wrong_colours_the_light_and_is_in_the_sentence(
    changes: dict[str, Any], colour: str, words: str
) -> None:
    glance = replace(WELL, **changes)
    assert (light(glance), words in sentence(glance)) == (colour, True), sentence(glance)
    assert ("python -m cli doctor" in sentence(glance)) == (colour != "green")


def test_document_has_the_counts() -> None:
    shown = document(replace(WELL, queued=7, quarantined=1))
    assert (shown["light"], shown["queued"], shown["quarantined"]) == ("amber", 7, 1)
    assert shown["subscriptions"] == {"active": 1}
    assert shown["notificationDateTime"] == "2026-11-21T09:29:56Z"


def test_event_hub_has_no_line_of_a_queue() -> None:
    assert "queue" in dict(lines(WELL))
    assert "queue" not in dict(lines(replace(WELL, queued=None)))


def test_outage_of_storage_is_shown_and_ends_no_watch() -> None:
    found: list[Glance | Unavailable] = [WELL, Unavailable("the table status does not answer"), WELL]
    shown: list[object] = []

    def read() -> Glance:
        if isinstance(found[0], Unavailable):
            raise found[0]
        return found[0]

    def pause(_seconds: float) -> None:
        found.pop(0)
        if not found:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look(read, shown.append, pause=pause)
    assert [type(each) for each in shown] == [Glance, Unavailable, Glance]
