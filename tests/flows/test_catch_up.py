"""Messages that were missed while a subscription was lost are read from Graph, with the ids of the live events.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from sandbox.serving import Fault
from sandbox.teams import Path
from shared.gaps.gap import GapState
from shared.timing import Deadline
from tests.eventually import eventually
from tests.flows.catch_up_steps import (
    CHANGES,
    all_of,
    change_messages,
    gaps,
    lose_subscriptions,
    publish_once,
    recovered_changes,
    recreate_subscriptions,
    run_catch_up,
    subscribe,
)
from tests.flows.deployment import LoopbackDeployment
from tests.sandbox.graph_world import ROLES

pytestmark = pytest.mark.slow

type Watched = tuple[str, Path]
"""A resource, and a chat or a channel whose messages it covers."""


def _chat(deployment: LoopbackDeployment) -> Watched:
    chat = deployment.new_chat()
    return f"/chats/{chat[1]}/messages", chat


def _user(deployment: LoopbackDeployment) -> Watched:
    ann, _ = deployment.people[deployment.tenant_id]
    return f"/users/{ann.id}/chats/getAllMessages", deployment.new_chat()


def _all_chats(deployment: LoopbackDeployment) -> Watched:
    return "/chats/getAllMessages", deployment.new_chat()


def _new_channel(deployment: LoopbackDeployment) -> Path:
    ann, _ = deployment.people[deployment.tenant_id]
    team = deployment.do(lambda: deployment.teams.teams.create(ann, "Sales"))
    return deployment.do(lambda: deployment.teams.channels.create(team, "Deals"))


def _channel(deployment: LoopbackDeployment) -> Watched:
    channel = _new_channel(deployment)
    return f"/{'/'.join(channel)}/messages", channel


def _all_teams(deployment: LoopbackDeployment) -> Watched:
    return "/teams/getAllMessages", _new_channel(deployment)


PLACES = [
    pytest.param(_chat, id="a chat"),
    pytest.param(_user, id="a user"),
    pytest.param(_all_chats, id="all chats"),
    pytest.param(_channel, id="a channel"),
    pytest.param(_all_teams, id="all teams"),
]


def _leave_gap(deployment: LoopbackDeployment, watched: Watched, *, rich: bool = True) -> None:
    resource, place = watched
    old = deployment.send("old", chat=place)
    subscribe(deployment, all_of(resource, rich=rich))
    lose_subscriptions(deployment)
    change_messages(deployment, place, old=old)
    recreate_subscriptions(deployment)
    assert deployment.texts() == []


def _change_while_subscribed(deployment: LoopbackDeployment, watched: Watched) -> None:
    """Change messages under a subscription that then reports missed notifications, and leaves a gap of four hours."""
    resource, place = watched
    old = deployment.send("old", chat=place)
    deployment.later(hours=5)
    subscribe(deployment, all_of(resource))
    [subscription] = deployment.subscriptions()
    change_messages(deployment, place, old=old)
    deployment.do(lambda: deployment.graph.announce_missed(subscription.id))
    deployment.settle()
    deployment.run()


@pytest.mark.parametrize("rich", [pytest.param(True, id="rich"), pytest.param(False, id="basic")])
@pytest.mark.parametrize("make", PLACES)
def test_changes_while_a_subscription_was_lost_are_recovered(
    deployment: LoopbackDeployment,
    make: Callable[[LoopbackDeployment], Watched],
    rich: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    _leave_gap(deployment, make(deployment), rich=rich)
    assert run_catch_up(deployment) == {"recorded": 1, "recovered": 1, "events": len(CHANGES)}
    assert recovered_changes(deployment) == CHANGES
    assert [(gap.state, gap.recovered) for gap in gaps(deployment)] == [(GapState.RECOVERED, len(CHANGES))]
    assert [row.missed_interval for row in deployment.rows()] == [None]
    requests = len(deployment.graph_service.requests)
    assert run_catch_up(deployment) == {}
    assert len(deployment.graph_service.requests) == requests
    assert len({event.id for event in deployment.app.published}) == len(deployment.app.published)


@pytest.mark.parametrize("make", PLACES)
def test_recovered_event_equals_the_live_event(
    deployment: LoopbackDeployment, make: Callable[[LoopbackDeployment], Watched]
) -> None:
    _change_while_subscribed(deployment, make(deployment))
    live = {event.provenance.dedup_key: event for event in deployment.app.published}
    deployment.app.published.clear()
    assert run_catch_up(deployment)["recovered"] == 1
    found = {event.provenance.dedup_key: event for event in deployment.app.published if event.recovered}
    assert found.keys() <= live.keys()
    assert len(found) == len(CHANGES)
    for key, event in found.items():
        first = live[key]
        assert (event.type, event.source, event.subject) == (first.type, first.source, first.subject)
        # The id of an update that was notified depends on its content, which a GET never returns to the byte.
        assert (event.id == first.id) is event.type.endswith("Created")
        data, first_data = json.loads(event.data), json.loads(first.data)
        assert data["resource"] == first_data["resource"]
        assert data["resourceData"] == first_data["resourceData"]
        assert data["content"]["id"] == first_data["content"]["id"]
        assert json.loads(event.to_json())["recovered"] is True


def test_published_changes_are_not_published_again_when_recovered(deployment: LoopbackDeployment) -> None:
    _change_while_subscribed(deployment, _all_chats(deployment))
    published = publish_once(deployment)
    published.publish(list(deployment.app.published), Deadline.after(timedelta(seconds=20)))
    assert eventually(published.is_idle)
    deployment.app.published.clear()
    done = run_catch_up(deployment, publish=published.publish)
    assert done == {"recorded": 1, "recovered": 1, "events": len(CHANGES)}
    assert deployment.app.published == []


def test_changes_while_the_app_was_down_are_recovered(deployment: LoopbackDeployment) -> None:
    """Graph retries for four hours."""
    resource, chat = _all_chats(deployment)
    old = deployment.send("old", chat=chat)
    subscribe(deployment, all_of(resource))
    with deployment.fault(deployment.endpoint_service, Fault(status=503)):
        change_messages(deployment, chat, old=old)
        deployment.later(hours=5)
        assert deployment.graph.lost != ()
    deployment.run()
    deployment.later(minutes=20)
    assert run_catch_up(deployment)["recovered"] == 1
    assert recovered_changes(deployment) == CHANGES


def test_reply_to_a_message_from_before_the_gap_is_recovered(deployment: LoopbackDeployment) -> None:
    resource, channel = _channel(deployment)
    ann, _ = deployment.people[deployment.tenant_id]
    root = deployment.send("old", chat=channel)
    subscribe(deployment, all_of(resource))
    lose_subscriptions(deployment)
    deployment.later(minutes=10)
    reply = deployment.do(lambda: deployment.teams.messages.reply(root, ann, "late"))
    recreate_subscriptions(deployment)
    run_catch_up(deployment)
    assert recovered_changes(deployment) == [("Created", "late")]
    assert [event.subject for event in deployment.app.published if event.recovered] == ["/".join(reply)]


def test_channel_without_delta_query_is_read_from_its_list(deployment: LoopbackDeployment) -> None:
    _leave_gap(deployment, _channel(deployment))
    with deployment.fault(deployment.graph_service, Fault(path="/messages/delta$", status=404)):
        assert run_catch_up(deployment)["recovered"] == 1
    assert recovered_changes(deployment) == CHANGES


def test_small_and_empty_pages_are_all_read(deployment: LoopbackDeployment) -> None:
    deployment.graph.paging.hollow, deployment.graph.paging.most = True, 1
    _leave_gap(deployment, _all_chats(deployment))
    assert run_catch_up(deployment)["recovered"] == 1
    assert recovered_changes(deployment) == CHANGES


@pytest.mark.parametrize("expired", [False, True], ids=["live link", "expired link"])
@pytest.mark.parametrize("make", [_chat, _channel], ids=["a chat", "a channel"])
def test_run_out_of_time_is_continued_at_its_page_or_from_the_start(
    deployment: LoopbackDeployment,
    make: Callable[[LoopbackDeployment], Watched],
    expired: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    deployment.graph.paging.most = 2
    _leave_gap(deployment, make(deployment))
    done = run_catch_up(deployment, time=timedelta(seconds=0.9))
    assert done["to be continued"] == 1
    assert 0 < done["events"] < len(CHANGES)
    if expired:
        deployment.do(deployment.graph.paging.reset)
    first = len(deployment.graph_service.requests)
    assert run_catch_up(deployment)["recovered"] == 1
    assert "token=" in deployment.graph_service.requests[first].path_qs
    assert recovered_changes(deployment) == CHANGES


def test_missing_permission_is_reported_once_and_catch_up_retried(deployment: LoopbackDeployment) -> None:
    _leave_gap(deployment, _all_chats(deployment))
    deployment.grant(*deployment.tenant_ids)
    deployment.app.restart()
    assert run_catch_up(deployment) == {"recorded": 1, "refused": 1}
    deployment.later(minutes=6)
    assert run_catch_up(deployment) == {"refused": 1}
    [report] = [event for event in deployment.app.published if event.type == "Microsoft.Graph.SubscriptionGap"]
    assert "User.Read.All" in json.loads(report.data)["reason"]
    [gap] = gaps(deployment)
    assert gap.state == GapState.REFUSED
    assert "User.Read.All" in (gap.reason or "")
    deployment.grant(*deployment.tenant_ids, roles=(*ROLES, "User.Read.All"))
    deployment.app.restart()
    deployment.later(hours=1)
    assert run_catch_up(deployment)["recovered"] == 1
    assert recovered_changes(deployment) == CHANGES
