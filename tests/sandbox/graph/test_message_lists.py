"""Lists of messages: those of a user, a chat, a team and a channel, and the replies to one."""

from datetime import timedelta
from urllib.parse import unquote

import pytest

from sandbox.graph.paths import odata
from sandbox.teams import Path
from tests.sandbox.graph_reader import Reader, address, another_tenant, new_channel, notified, plain, reader, write
from tests.sandbox.graph_world import GraphWorld, error

pytestmark = pytest.mark.slow

LAST = "lastModifiedDateTime"


@pytest.fixture
def of_ann(tenant: GraphWorld) -> str:
    return f"users/{tenant.ann.id}/chats/getAllMessages"


def _after(tenant: GraphWorld, message: Path) -> str:
    return f"{LAST} gt {notified(tenant, message)[LAST]}"


def test_listed_message_equals_the_notified_one(tenant: GraphWorld, app: Reader, of_ann: str) -> None:
    chat, channel = tenant.new_chat(), new_channel(tenant)
    in_chat, root = write(tenant, chat, "a")[0], write(tenant, channel, "b")[0]
    reply = tenant.do(lambda: tenant.teams.messages.reply(root, tenant.bob, "c"))
    tenant.do(lambda: tenant.teams.messages.edit(in_chat, "a, again"))
    for listed, message in [
        (of_ann, in_chat),
        (address(*chat, "messages"), in_chat),
        (address(*channel[:2], "channels/getAllMessages"), root),
        (address(*channel, "messages"), root),
        (address(*root, "replies"), reply),
    ]:
        first = app.all(listed)[0]
        assert plain(first) == notified(tenant, message), listed
        assert first["etag"] == app.get(odata(message)).json()["etag"]


def test_list_of_a_user_has_what_changed_after_the_bound(tenant: GraphWorld, app: Reader, of_ann: str) -> None:
    """GET /users/{id}/chats/getAllMessages?$top=50&$filter=lastModifiedDateTime gt …."""
    chats = [tenant.new_chat(), tenant.do(lambda: tenant.teams.chats.create([tenant.bob, tenant.ann]))]
    one, two, three = (write(tenant, chats[index % 2], "x")[0] for index in range(3))
    assert app.ids(of_ann, filter=_after(tenant, one)) == [two[-1], three[-1]]
    tenant.do(lambda: tenant.teams.messages.react(one, tenant.bob, "like"))
    assert app.ids(of_ann, filter=_after(tenant, three)) == [one[-1]]
    assert app.ids(f"users('{tenant.ann.id}')/chats/getallMessages", top=1) == [two[-1], three[-1], one[-1]]


def test_list_of_a_team_has_replies_and_private_channels(tenant: GraphWorld, app: Reader) -> None:
    channel = new_channel(tenant, "private")
    (root,) = write(tenant, channel, "x")
    reply = tenant.do(lambda: tenant.teams.messages.reply(root, tenant.bob, "y"))
    listed = address(*channel[:2], "channels/getAllMessages")
    assert app.ids(listed) == [root[-1], reply[-1]]
    assert app.ids(listed, filter=_after(tenant, root)) == [reply[-1]]


def test_filter_of_a_chat_counts_only_with_the_order(tenant: GraphWorld, app: Reader) -> None:
    """Otherwise, "the $filter query option is ignored"."""
    chat = tenant.new_chat()
    one, two, three = write(tenant, chat, "a", "b", "c")
    tenant.do(lambda: tenant.teams.messages.edit(one, "a, again"))
    listed, later = address(*chat, "messages"), _after(tenant, two)
    assert app.ids(listed) == [one[-1], three[-1], two[-1]]
    assert app.ids(listed, filter=later) == [one[-1], three[-1], two[-1]]
    assert app.ids(listed, filter=later, orderby=f"{LAST} desc") == [one[-1], three[-1]]


def test_pages_are_linked_and_new_messages_displace_none(tenant: GraphWorld, app: Reader, of_ann: str) -> None:
    chat = tenant.new_chat()
    sent = [message[-1] for message in write(tenant, chat, *"abcdefg")]
    first = app.get(of_ann, top=3, filter=f"{LAST} gt 2020-01-01T00:00:00Z").json()
    assert first["@odata.nextLink"].startswith(tenant.graph_service.url)
    assert first["@odata.context"] == "https://graph.microsoft.com/v1.0/$metadata#Collection(chatMessage)"
    late = write(tenant, chat, "late")[0][-1]
    rest = app.follow(first["@odata.nextLink"])
    assert [item["id"] for page in (first, *rest) for item in page["value"]] == [*sent, late]
    assert [len(page["value"]) for page in rest] == [3, 2]
    newest_first = app.follow(address(*chat, "messages"), top=5)
    assert [item["id"] for page in newest_first for item in page["value"]] == [late, *reversed(sent)]


def test_empty_page_with_a_link_is_not_the_end(tenant: GraphWorld, app: Reader, of_ann: str) -> None:
    write(tenant, tenant.new_chat(), *"abc")
    whole = app.ids(of_ann)
    tenant.graph.paging.hollow = True
    tenant.graph.paging.most = 2
    pages = app.follow(of_ann, top=50)
    assert [len(page["value"]) for page in pages] == [0, 2, 0, 1]
    assert [item["id"] for page in pages for item in page["value"]] == whole


def test_replies_are_inside_messages_only_if_asked_for(tenant: GraphWorld, app: Reader) -> None:
    channel = new_channel(tenant)
    (root,) = write(tenant, channel, "x")
    replies = [tenant.do(lambda: tenant.teams.messages.reply(root, tenant.bob, "y"))[-1] for _ in range(3)]
    listed = address(*channel, "messages")
    assert "replies" not in app.all(listed)[0]
    (expanded,) = app.all(listed, expand="replies")
    assert [reply["id"] for reply in expanded["replies"]] == replies[::-1]
    assert app.ids(address(*root, "replies"), top=2) == replies[::-1]


def test_more_than_a_thousand_replies_are_linked(tenant: GraphWorld, app: Reader) -> None:
    channel = new_channel(tenant)
    (root,) = write(tenant, channel, "x")
    tenant.do(lambda: [tenant.teams.messages.reply(root, tenant.bob, "y") for _ in range(1003)])
    (expanded,) = app.all(address(*channel, "messages"), expand="replies")
    rest = app.ids(expanded["replies@odata.nextLink"])
    assert (len(expanded["replies"]), len(rest)) == (1000, 3)
    assert not {reply["id"] for reply in expanded["replies"]} & set(rest)


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "too many": ({"top": 51}, "The limit of '50' for Top query has been exceeded."),
    "none": ({"top": 0}, "requires a positive integer"),
    "no number": ({"top": "ten"}, "requires a non-negative integer"),
    "another alphabet": ({"top": "٣"}, "requires a non-negative integer"),
    "huge": ({"top": "9" * 5000}, "requires a non-negative integer"),
    "select": ({"select": "id"}, "Query option 'select' is not allowed."),
    "twice": ({"TOP": 1, "top": 2}, "must be specified at most once"),
    "unknown": ({"whatever": "x"}, "Query option 'whatever' is not allowed."),
    "token of changes": ({"deltatoken": "x"}, "Query option 'deltatoken' is not allowed."),
    "ge": ({"filter": f"{LAST} ge 2020-01-01T00:00:00Z"}, "is not supported here"),
    "or": ({"filter": f"{LAST} gt 2020-01-01T00:00:00Z or {LAST} gt 2019-01-01T00:00:00Z"}, "is not supported here"),
    "another property": ({"filter": "etag gt 2020-01-01T00:00:00Z"}, "is not supported here"),
    "without a zone": ({"filter": f"{LAST} gt 2020-01-01T00:00:00"}, "is not supported here"),
    "no date": ({"filter": f"{LAST} gt 2020-02-31T00:00:00Z"}, "is not supported here"),
    "empty": ({"filter": ""}, "is not supported here"),
    "foreign token": ({"skiptoken": "abc"}, "state token"),
    "no text": ({"skiptoken": "\u00e9"}, "state token"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_query_that_the_service_does_not_know_is_refused(app: Reader, of_ann: str, row: str) -> None:
    options, message = REFUSED[row]
    status, code, text = error(app.get(of_ann, **options))
    assert (status, code) == (400, "BadRequest")
    assert message in text


def test_token_is_good_for_its_own_list_and_tenant_only(tenant: GraphWorld, app: Reader) -> None:
    chat = tenant.new_chat()
    link = app.get("users", top=1).json()["@odata.nextLink"]
    token = unquote(link.partition("$skiptoken=")[2])
    assert app.status(link) == 200
    assert error(app.get(address(*chat, "messages"), skiptoken=token))[:2] == (400, "BadRequest")
    assert error(reader(another_tenant(tenant)).get(link))[:2] == (400, "BadRequest")


def test_chat_and_channel_allow_one_list_a_second(tenant: GraphWorld, app: Reader, of_ann: str) -> None:
    chat, channel = tenant.new_chat(), new_channel(tenant)
    tenant.graph.throttle.enabled = True
    for listed in (address(*chat, "messages"), address(*channel, "messages")):
        answers = [app.get(listed) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert answers[1].headers["Retry-After"] == "1"
        tenant.clock.advance(timedelta(seconds=1))
        assert app.status(listed) == 200
    assert {app.status(of_ann) for _ in range(10)} == {200}
