"""What Graph drops without a word is measured by the daily audit, and recovered; what it does not drop is not missing.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import batched
from math import sqrt
from pathlib import Path as Folder

import pytest

from sandbox.azurite import Azurite
from sandbox.graph import Pace, Patience, Temper
from sandbox.serving import Fault
from sandbox.teams import Path
from shared.audit.audit import Audit, AuditState
from tests.flows.audit_steps import AuditedApp, channels
from tests.flows.catch_up_steps import all_of, gaps, subscribe
from tests.flows.deployment import LoopbackDeployment, loopback_deployment
from tests.sandbox.graph_world import ROLES

# A group is begun before single tests: the longest of these must not be what all the others have to wait for.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("audit")]

# So many more than are drawn that some of what is dropped is in no list of the sample.
_TEAMS, _SHARE = 560, 0.1
_A_POST, _ATTEMPTS = 20, 20

# By the real clock: a machine that runs two test suites at once answers within it.
_HASTY = timedelta(seconds=3)


@pytest.fixture
def hasty(tmp_path: Folder, azurite: Azurite) -> Iterator[LoopbackDeployment]:
    """Return a deployment whose Graph drops after one answer that took too long."""
    temper = Temper(patience=Patience(first=_HASTY, retry=_HASTY), pace=Pace(least_answers=1))
    with loopback_deployment(tmp_path, azurite, temper=temper) as deployment:
        yield deployment


def _begin(deployment: LoopbackDeployment, resource: str, change_type: str = "created,updated,deleted") -> AuditedApp:
    """Subscribe, and let the first quarter of an hour of the records pass."""
    app = AuditedApp(deployment)
    app.look_at_records()
    subscribe(deployment, all_of(resource, change_type))
    deployment.later(minutes=10)
    return app


def _send(deployment: LoopbackDeployment, numbered: Sequence[tuple[int, Path]]) -> None:
    """Write to each place at once, so that one POST has all of them; return once it was sent."""
    ann, _ = deployment.people[deployment.tenant_id]
    send = deployment.teams.messages.send
    deployment.do(lambda: [send(place, ann, f"{number:03}") for number, place in numbered])
    deployment.settle()


def _figures(audit: Audit) -> tuple[int, int]:
    return audit.checked, audit.missing


def _texts_once(deployment: LoopbackDeployment) -> list[str]:
    """Return the texts of the created messages; each has been published under one id."""
    created = [event for event in deployment.app.published if event.type.endswith("Created")]
    assert max(Counter(event.subject for event in created).values()) == 1
    return sorted(json.loads(event.data)["content"]["body"]["content"] for event in created)


@pytest.mark.timeout(240)
def test_share_that_graph_drops_is_measured_and_recovered(deployment: LoopbackDeployment) -> None:
    places = channels(deployment, _TEAMS)
    app = _begin(deployment, "/teams/getAllMessages", "created")
    deployment.do(lambda: deployment.graph.lose_silently(_SHARE))
    for some in batched(enumerate(places), _A_POST, strict=False):
        _send(deployment, some)
    dropped = len(deployment.graph.lost)
    for _ in range(_ATTEMPTS):
        if len(deployment.app.published) == _TEAMS - dropped:
            break
        # What a busy machine has not taken in time comes again.
        deployment.later(minutes=5)
    assert len(deployment.app.published) == _TEAMS - dropped
    deployment.later(hours=6)
    audit = app.audit()
    assert (audit.read, audit.of, audit.checked) == (500, _TEAMS, 500)
    assert abs(audit.missing / 500 - _SHARE) < 3 * sqrt(_SHARE * (1 - _SHARE) / 500)
    assert 0 < audit.missing < dropped
    assert [event.recovered for event in deployment.app.published].count(True) == audit.missing
    [gap] = gaps(deployment)
    assert gap.cause == "audit"
    app.fill_gaps()
    assert [event.recovered for event in deployment.app.published].count(True) == dropped
    assert _texts_once(deployment) == [f"{number:03}" for number in range(_TEAMS)]


def test_edits_and_deletions_that_arrived_are_not_missing(deployment: LoopbackDeployment) -> None:
    app = _begin(deployment, "/chats/getAllMessages")
    messages = deployment.teams.messages
    edited, deleted = deployment.send("first"), deployment.send("regretted")
    deployment.do(lambda: messages.edit(edited, "second"))
    deployment.later(minutes=1)
    deployment.do(lambda: messages.delete(deleted))
    deployment.settle()
    deployment.later(hours=6)
    assert _figures(app.audit()) == (4, 0)


def test_what_was_parked_for_ten_hours_is_not_missing(deployment: LoopbackDeployment) -> None:
    app = _begin(deployment, "/chats/getAllMessages")
    deployment.app.parks = True
    deployment.app.restart()
    with deployment.fault(deployment.vault_service, Fault(status=503)):
        deployment.send("parked")
    deployment.later(hours=6)
    audit = app.audit()
    assert (audit.state, audit.missing) == (AuditState.NOT_CHECKED, 0)
    assert audit.reason == "something that was received since its window began is still parked"
    deployment.later(hours=4)
    assert deployment.app.redrive()["published"] == 1
    app.request("/chats/getAllMessages", hours=24)
    assert _figures(app.audit()) == (1, 0)


def test_after_the_loss_of_a_table_of_records_nothing_is_checked(deployment: LoopbackDeployment) -> None:
    app = _begin(deployment, "/chats/getAllMessages")
    deployment.send("recorded")
    app.lose_records()
    deployment.send("in a new table")
    deployment.later(hours=6)
    audit = app.audit()
    assert (audit.state, audit.missing) == (AuditState.NOT_CHECKED, 0)
    assert "younger than the messages to check" in (audit.reason or "")


def test_users_that_graph_does_not_list_are_a_reason(deployment: LoopbackDeployment) -> None:
    app = _begin(deployment, "/chats/getAllMessages")
    deployment.send("not read back")
    deployment.grant(*deployment.tenant_ids, roles=ROLES)
    deployment.app.restart()
    deployment.later(hours=6)
    audit = app.audit()
    assert (audit.state, audit.missing) == (AuditState.NOT_CHECKED, 0)
    assert "User.Read.All" in (audit.reason or "")


def test_outage_between_two_runs_is_recovered(deployment: LoopbackDeployment) -> None:
    app = _begin(deployment, "/chats/getAllMessages")
    chat = deployment.new_chat()
    deployment.send("delivered", chat=chat)
    deployment.do(lambda: deployment.graph.lose_silently(1))
    deployment.send("lost for three minutes", chat=chat)
    deployment.do(lambda: deployment.graph.lose_silently(0))
    deployment.send("delivered again", chat=chat)
    deployment.later(hours=6)
    assert _figures(app.audit()) == (3, 1)
    assert _texts_once(deployment) == ["delivered", "delivered again", "lost for three minutes"]


def test_what_the_drop_state_lost_is_recovered(hasty: LoopbackDeployment) -> None:
    app = _begin(hasty, "/chats/getAllMessages")
    chat = hasty.new_chat()
    with hasty.fault(hasty.endpoint_service, Fault(delay=_HASTY.total_seconds() + 1)):
        hasty.send("answered too late", chat=chat)
    hasty.send("lost", chat=chat)
    assert [lost.reason for lost in hasty.graph.lost] == ["drop"]
    hasty.later(minutes=12)
    hasty.send("delivered again", chat=chat)
    hasty.later(hours=6)
    audit = app.audit()
    # A busy machine may have answered once more too late.
    assert audit.checked == 3
    assert 1 <= audit.missing <= len(hasty.graph.lost)
    assert _texts_once(hasty) == ["answered too late", "delivered again", "lost"]
