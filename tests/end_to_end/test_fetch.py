"""Subscriptions whose notification URL asks for a fetch: Graph sends ids, and the app reads the resources."""

import json
from collections.abc import Iterator, Mapping

import pytest

from sandbox.serving import Fault
from tests.end_to_end.deployed import Deployed
from tests.end_to_end.fetching import Tenant, post, subscribe, subscribe_to_all, take_content, take_events
from tests.eventually import eventually
from tests.fakes.identity_services import fault, hanging
from tests.fakes.time_limits import PATIENCE_SECONDS
from tests.sender import MESSAGE, basic_item, body

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]


@pytest.fixture(autouse=True)
def _warm(app: Deployed) -> Iterator[None]:
    app.background.run(app.forget_subscriptions())
    # The first fetch of a process waits for Entra ID too, which on a busy machine may take the second.
    assert eventually(lambda: _is_fetched(app))
    app.reset()
    app.deliveries.clear()
    app.world.graph_service.requests.clear()
    yield
    app.background.run(app.forget_subscriptions())


def _is_fetched(app: Deployed) -> bool:
    app.reset()
    # Graph does not have it. If it were new, that would be asked again later.
    return post(app, body(basic_item(changeType="updated"))).status_code == 202 and app.count() == 1


@pytest.fixture
def tenant(app: Deployed) -> Tenant:
    return Tenant(app)


def test_messages_are_fetched_after_each_change_and_their_deletion(app: Deployed, tenant: Tenant) -> None:
    """Messages are deleted softly: their time of deletion can be read."""
    adele, alex, _ = tenant.people
    messages, teams = tenant.teams.messages, tenant.teams.teams
    chat = tenant.do(tenant.teams.chats.create, [adele, alex], topic="Stand-up")
    team = tenant.do(teams.create, adele, "Marketing")
    channel = tenant.do(tenant.teams.channels.create, team, "Launch")
    subscribe_to_all(app)
    for conversation in (chat, channel):
        message = tenant.do(messages.send, conversation, adele, "Grüße 👋")
        assert take_content(app, message, "ChatMessageCreated")["body"]["content"] == "Grüße 👋"
        tenant.do(messages.edit, message, "Good morning")
        assert take_content(app, message, "ChatMessageUpdated")["body"]["content"] == "Good morning"
        tenant.do(messages.delete, message)
        assert take_content(app, message, "ChatMessageDeleted")["deletedDateTime"]
    root = tenant.do(messages.send, channel, adele, "Who comes?")
    take_content(app, root, "ChatMessageCreated")
    take_content(app, tenant.do(messages.reply, root, alex, "I do."), "ChatMessageCreated")


def test_chat_and_its_members_are_fetched(app: Deployed, tenant: Tenant) -> None:
    adele, alex, megan = tenant.people
    chats = tenant.teams.chats
    subscribe_to_all(app)
    chat = tenant.do(chats.create, [adele, alex], topic="Stand-up")
    take_content(app, chat, "ChatCreated")
    tenant.do(chats.rename, chat, "Stand-up, 9:15")
    assert take_content(app, chat, "ChatUpdated")["topic"] == "Stand-up, 9:15"
    member = tenant.do(chats.add_member, chat, megan)
    assert take_content(app, member, "ConversationMemberCreated")["displayName"] == "Megan Bowen"
    tenant.do(chats.remove_member, member)
    take_content(app, member, "ConversationMemberDeleted", gone=True)


def test_team_its_channels_and_the_members_of_both_are_fetched(app: Deployed, tenant: Tenant) -> None:
    adele, alex, _ = tenant.people
    teams, channels = tenant.teams.teams, tenant.teams.channels
    subscribe_to_all(app)
    team = tenant.do(teams.create, adele, "Marketing")
    take_content(app, team, "TeamCreated")
    tenant.do(teams.rename, team, "Marketing & Sales")
    assert take_content(app, team, "TeamUpdated")["displayName"] == "Marketing & Sales"
    channel = tenant.do(channels.create, team, "Launch", membership_type="private")
    take_content(app, channel, "ChannelCreated")
    tenant.do(channels.rename, channel, "Launch 2027")
    assert take_content(app, channel, "ChannelUpdated")["displayName"] == "Launch 2027"
    subscribe(app, f"/teams/{team[1]}/members", "created,updated,deleted")
    subscribe(app, f"/teams/{team[1]}/channels/getAllMembers", "created,updated,deleted")
    for of, where in ((teams, team), (channels, channel)):
        member = tenant.do(of.add_member, where, alex)
        take_content(app, member, "ConversationMemberCreated")
        tenant.do(of.set_roles, member, ["owner"])
        assert take_content(app, member, "ConversationMemberUpdated")["roles"] == ["owner"]
        tenant.do(of.remove_member, member)
        take_content(app, member, "ConversationMemberDeleted", gone=True)
    tenant.do(channels.delete, channel)
    take_content(app, channel, "ChannelDeleted", gone=True)
    tenant.do(teams.delete, team)
    take_content(app, team, "TeamDeleted", gone=True)


TROUBLES: Mapping[str, Fault] = {
    "429": Fault(path="/messages/", status=429, headers={"Retry-After": "1"}),
    "503": Fault(path="/messages/", status=503),
    "hanging": hanging("/messages/"),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_post_whose_fetch_fails_is_parked_in_time_and_redriven(app: Deployed, tenant: Tenant, trouble: Fault) -> None:
    adele, alex, _ = tenant.people
    chat = tenant.do(tenant.teams.chats.create, [adele, alex])
    subscribe_to_all(app)
    with fault(app.world.graph_service, trouble):
        message = tenant.do(tenant.teams.messages.send, chat, adele, "hello")
    (answer,) = [delivery.answer for delivery in app.deliveries if delivery.items]
    # To Graph, an answer that comes too late has no status.
    assert (answer.status, answer.took.total_seconds() < PATIENCE_SECONDS) == (202, True)
    assert (app.count(), len(app.stored("parked"))) == (0, 1)
    assert app.run_timer()
    assert app.stored("parked") == []
    take_content(app, message, "ChatMessageCreated")
    assert [delivery.attempt for delivery in app.deliveries if delivery.items] == [1]


def test_missing_permission_parks_the_post_and_is_logged(app: Deployed) -> None:
    since, item = len(app.host.lines), basic_item(changeType="updated")
    refusal = Fault(path="/messages/", status=403, body=b'{"error": {"code": "Forbidden", "message": "Missing role"}}')
    with fault(app.world.graph_service, refusal):
        assert post(app, body(item)).status_code == 202
    logged = app.logged(since)
    assert any("parked until this is fixed: Graph answered 403" in line and "Missing role" in line for line in logged)
    (parked,) = app.stored("parked")
    assert (app.count(), json.loads(parked)["value"]) == (0, [item])
    assert app.run_timer()
    assert (len(app.live_events()), app.stored("parked")) == (1, [])


def test_unauthentic_items_cause_no_request(app: Deployed) -> None:
    forged = body(*(basic_item(clientState=state) for state in ("x", None)), basic_item(tenantId="none"))
    assert post(app, forged).status_code == 202
    assert (app.world.graph_service.requests, app.count()) == ([], 0)


@pytest.mark.parametrize("query", ["", "?fetch=", "?fetch=true", "?fetch=V1.0", "?fetch=v1.0%2F..%2Fbeta"])
def test_without_a_version_in_the_url_nothing_is_fetched(app: Deployed, query: str) -> None:
    answer = post(app, body(basic_item()), query)
    assert (answer.status_code, app.world.graph_service.requests) == (202, [])
    (event,) = take_events(app)
    assert event["data"]["resource"] == MESSAGE
    assert not {"content", "gone"} & event["data"].keys()


def test_version_in_the_url_is_requested(app: Deployed) -> None:
    answer = post(app, body(basic_item()), "?fetch=beta")
    (request,) = app.world.graph_service.requests
    assert (answer.status_code, request.path_qs[:12]) == (202, "/beta/chats/")
