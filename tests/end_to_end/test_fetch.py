"""Subscriptions whose notification URL asks for a fetch: Graph tells ids, and the app GETs what they stand for."""

from collections.abc import Iterator, Mapping

import pytest

from sandbox.serving import Fault
from tests.end_to_end.deployed import Deployed
from tests.end_to_end.fetching import Tenant, kind_of_change, post, subscribe, take_events, told, watch
from tests.eventually import eventually
from tests.fakes.identity_services import fault, hanging
from tests.fakes.time_limits import PATIENCE_SECONDS
from tests.sender import MESSAGE, basic_item, body

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _warm(app: Deployed) -> Iterator[None]:
    app.background.run(app.forget_subscriptions())
    # The first fetch of a process waits for Entra ID too, which on a busy machine may take the second.
    assert eventually(lambda: _is_fetched(app))
    app.as_it_was()
    app.deliveries.clear()
    app.world.graph_service.requests.clear()
    yield
    app.background.run(app.forget_subscriptions())


def _is_fetched(app: Deployed) -> bool:
    app.as_it_was()
    return post(app, body(basic_item())).status_code == 202 and app.count() == 1


@pytest.fixture
def tenant(app: Deployed) -> Tenant:
    return Tenant(app)


def test_a_message_is_fetched_whatever_becomes_of_it(app: Deployed, tenant: Tenant) -> None:
    """Messages are deleted softly: their time of deletion can be read."""
    adele, alex, _ = tenant.people
    messages, teams = tenant.teams.messages, tenant.teams.teams
    chat = tenant.do(tenant.teams.chats.create, [adele, alex], topic="Stand-up")
    team = tenant.do(teams.create, adele, "Marketing")
    channel = tenant.do(tenant.teams.channels.create, team, "Launch")
    watch(app)
    for conversation in (chat, channel):
        message = tenant.do(messages.send, conversation, adele, "Grüße 👋")
        sent = told(app, message)
        assert (kind_of_change(sent), sent["data"]["content"]["body"]["content"]) == ("ChatMessageCreated", "Grüße 👋")
        tenant.do(messages.edit, message, "Good morning")
        edited = told(app, message)
        assert (kind_of_change(edited), edited["data"]["content"]["body"]["content"]) == (
            "ChatMessageUpdated",
            "Good morning",
        )
        tenant.do(messages.delete, message)
        deleted = told(app, message)
        assert kind_of_change(deleted) == "ChatMessageDeleted"
        assert deleted["data"]["content"]["deletedDateTime"]
        reply = tenant.do(messages.reply, message, alex, "Why?") if conversation == channel else None
        assert reply is None or kind_of_change(told(app, reply)) == "ChatMessageCreated"


def test_a_chat_and_its_members_are_fetched(app: Deployed, tenant: Tenant) -> None:
    adele, alex, megan = tenant.people
    chats = tenant.teams.chats
    watch(app)
    chat = tenant.do(chats.create, [adele, alex], topic="Stand-up")
    assert kind_of_change(told(app, chat)) == "ChatCreated"
    tenant.do(chats.rename, chat, "Stand-up, 9:15")
    renamed = told(app, chat)
    assert (kind_of_change(renamed), renamed["data"]["content"]["topic"]) == ("ChatUpdated", "Stand-up, 9:15")
    member = tenant.do(chats.add_member, chat, megan)
    joined = told(app, member)
    assert (kind_of_change(joined), joined["data"]["content"]["displayName"]) == (
        "ConversationMemberCreated",
        "Megan Bowen",
    )
    tenant.do(chats.remove_member, member)
    assert kind_of_change(told(app, member, gone=True)) == "ConversationMemberDeleted"


def test_a_team_its_channels_and_the_members_of_both_are_fetched(app: Deployed, tenant: Tenant) -> None:
    adele, alex, _ = tenant.people
    teams, channels = tenant.teams.teams, tenant.teams.channels
    watch(app)
    team = tenant.do(teams.create, adele, "Marketing")
    assert kind_of_change(told(app, team)) == "TeamCreated"
    tenant.do(teams.rename, team, "Marketing & Sales")
    assert told(app, team)["data"]["content"]["displayName"] == "Marketing & Sales"
    channel = tenant.do(channels.create, team, "Launch", membership_type="private")
    assert kind_of_change(told(app, channel)) == "ChannelCreated"
    tenant.do(channels.rename, channel, "Launch 2027")
    assert told(app, channel)["data"]["content"]["displayName"] == "Launch 2027"
    subscribe(app, f"/teams/{team[1]}/members", "created,updated,deleted")
    subscribe(app, f"/teams/{team[1]}/channels/getAllMembers", "created,updated,deleted")
    for of, where in ((teams, team), (channels, channel)):
        member = tenant.do(of.add_member, where, alex)
        assert kind_of_change(told(app, member)) == "ConversationMemberCreated"
        tenant.do(of.set_roles, member, ["owner"])
        assert told(app, member)["data"]["content"]["roles"] == ["owner"]
        tenant.do(of.remove_member, member)
        assert kind_of_change(told(app, member, gone=True)) == "ConversationMemberDeleted"
    tenant.do(channels.delete, channel)
    assert kind_of_change(told(app, channel, gone=True)) == "ChannelDeleted"
    tenant.do(teams.delete, team)
    assert kind_of_change(told(app, team, gone=True)) == "TeamDeleted"


TROUBLES: Mapping[str, Fault] = {
    "too many requests": Fault(path="/messages/", status=429, headers={"Retry-After": "1"}),
    "away": Fault(path="/messages/", status=503),
    "hanging": hanging("/messages/"),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_a_post_whose_fetch_fails_is_parked_in_time_and_published_by_the_timer(
    app: Deployed, tenant: Tenant, trouble: Fault
) -> None:
    adele, alex, _ = tenant.people
    chat = tenant.do(tenant.teams.chats.create, [adele, alex])
    watch(app)
    with fault(app.world.graph_service, trouble):
        message = tenant.do(tenant.teams.messages.send, chat, adele, "hello")
    (taken,) = [delivery.answer for delivery in app.deliveries if delivery.items]
    # To Graph, an answer that comes too late has no status.
    assert (taken.status, taken.took.total_seconds() < PATIENCE_SECONDS) == (202, True)
    assert (app.count(), len(app.kept("parked"))) == (0, 1)
    assert app.run_timer()
    assert app.kept("parked") == []
    assert kind_of_change(told(app, message)) == "ChatMessageCreated"
    assert [delivery.attempt for delivery in app.deliveries if delivery.items] == [1]


def test_without_a_permission_posts_are_parked_and_the_log_tells_which(app: Deployed) -> None:
    since = len(app.host.lines)
    refusal = Fault(path="/messages/", status=403, body=b'{"error": {"code": "Forbidden", "message": "Missing role"}}')
    with fault(app.world.graph_service, refusal):
        assert post(app, body(basic_item())).status_code == 202
    said = app.said(since)
    assert any("parked until this is fixed: Graph answered 403" in line and "Missing role" in line for line in said)
    assert (app.count(), app.kept("parked")) == (0, [body(basic_item())])
    assert app.run_timer()
    assert (len(app.told()), app.kept("parked")) == (1, [])


def test_nothing_that_is_not_authentic_makes_the_app_call_anybody(app: Deployed) -> None:
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


def test_the_version_in_the_url_is_the_one_that_is_asked(app: Deployed) -> None:
    answer = post(app, body(basic_item()), "?fetch=beta")
    (request,) = app.world.graph_service.requests
    assert (answer.status_code, request.path_qs[:12]) == (202, "/beta/chats/")
