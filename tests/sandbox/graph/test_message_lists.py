"""Messages by window, as Graph lists them: of a user, a chat, a team, a channel, and the answers to one."""

from datetime import timedelta
from urllib.parse import unquote

import pytest

from sandbox.graph.paths import odata
from sandbox.teams import Path
from tests.sandbox.graph_reader import Reader, address, notified, plain, reader_for
from tests.sandbox.graph_world import POWERLESS_APP, GraphWorld, error

pytestmark = pytest.mark.slow

LAST = "lastModifiedDateTime"


def _of_ann(tenant: GraphWorld) -> str:
    return f"users/{tenant.ann.id}/chats/getAllMessages"


def _write(tenant: GraphWorld, place: Path, *texts: str) -> list[Path]:
    """Have Ann write, a minute between any two messages."""
    sent = []
    for text in texts:
        tenant.clock.advance(timedelta(minutes=1))
        sent.append(tenant.do(lambda text=text: tenant.teams.messages.send(place, tenant.ann, text)))  # type: ignore[misc]  # mypy does not infer lambdas with defaults
    return sent


def _time(tenant: GraphWorld, message: Path) -> str:
    return str(notified(tenant, message)[LAST])


def _channel(tenant: GraphWorld, membership_type: str = "standard") -> Path:
    team = tenant.do(lambda: tenant.teams.teams.create(tenant.ann, "Rockets"))
    return tenant.do(lambda: tenant.teams.channels.create(team, "Fuel", membership_type=membership_type))  # type: ignore[arg-type]  # one of the three words


def test_a_message_that_is_listed_equals_the_one_that_was_notified(tenant: GraphWorld, app: Reader) -> None:
    chat, channel = tenant.new_chat(), _channel(tenant)
    in_chat, root = _write(tenant, chat, "a")[0], _write(tenant, channel, "b")[0]
    reply = tenant.do(lambda: tenant.teams.messages.reply(root, tenant.bob, "c"))
    tenant.do(lambda: tenant.teams.messages.edit(in_chat, "a, again"))
    for listed, message in [
        (_of_ann(tenant), in_chat),
        (address(*chat, "messages"), in_chat),
        (address(*channel[:2], "channels/getAllMessages"), root),
        (address(*channel, "messages"), root),
        (address(*root, "replies"), reply),
    ]:
        first = app.all(listed)[0]
        assert plain(first) == notified(tenant, message), listed
        assert first["etag"] == app.get(odata(message)).json()["etag"]


def test_a_window_has_what_changed_inside_both_bounds(tenant: GraphWorld, app: Reader) -> None:
    """GET /users/{id}/chats/getAllMessages?$top=50&$filter=lastModifiedDateTime gt … and lastModifiedDateTime lt …."""
    chats = [tenant.new_chat(), tenant.do(lambda: tenant.teams.chats.create([tenant.bob, tenant.ann]))]
    one, two, three = (_write(tenant, chats[index % 2], "x")[0] for index in range(3))
    inside = f"{LAST} gt {_time(tenant, one)} and {LAST} lt {_time(tenant, three)}"
    assert app.ids(_of_ann(tenant), filter=inside) == [two[-1]]
    tenant.do(lambda: tenant.teams.messages.react(one, tenant.bob, "like"))
    assert app.ids(_of_ann(tenant), filter=f"{LAST} gt {_time(tenant, three)}") == [one[-1]]
    assert app.ids(_of_ann(tenant)) == [two[-1], three[-1], one[-1]]
    assert app.ids(f"users('{tenant.ann.email}')/chats/getallMessages", top=1) == [two[-1], three[-1], one[-1]]


def test_a_teams_window_has_the_answers_and_the_private_channels_too(tenant: GraphWorld, app: Reader) -> None:
    channel = _channel(tenant, "private")
    (root,) = _write(tenant, channel, "x")
    reply = tenant.do(lambda: tenant.teams.messages.reply(root, tenant.bob, "y"))
    listed = address(*channel[:2], "channels/getAllMessages")
    assert app.ids(listed) == [root[-1], reply[-1]]
    assert app.ids(listed, filter=f"{LAST} gt {_time(tenant, root)}") == [reply[-1]]
    assert app.status(f"{listed}?model=A") == 200


def test_a_chats_filter_counts_only_with_the_order_on_the_same_property(tenant: GraphWorld, app: Reader) -> None:
    """Otherwise, "the $filter query option is ignored"."""
    chat = tenant.new_chat()
    one, two, three = _write(tenant, chat, "a", "b", "c")
    tenant.do(lambda: tenant.teams.messages.edit(one, "a, again"))
    listed, later = address(*chat, "messages"), f"{LAST} gt {_time(tenant, two)}"
    assert app.ids(listed) == [one[-1], three[-1], two[-1]]
    assert app.ids(listed, filter=later) == [one[-1], three[-1], two[-1]]
    assert app.ids(listed, filter=later, orderby="createdDateTime desc") == [three[-1], two[-1], one[-1]]
    assert app.ids(listed, filter=later, orderby=f"{LAST} desc") == [one[-1], three[-1]]
    assert app.ids(listed, filter=f"createdDateTime lt {_time(tenant, two)}", orderby="createdDateTime desc") == [
        one[-1]
    ]


def test_pages_are_linked_and_what_comes_meanwhile_pushes_nothing_out(tenant: GraphWorld, app: Reader) -> None:
    chat = tenant.new_chat()
    sent = [message[-1] for message in _write(tenant, chat, *"abcdefg")]
    first = app.get(_of_ann(tenant), top=3, filter=f"{LAST} gt 2020-01-01T00:00:00Z").json()
    assert first["@odata.nextLink"].startswith(tenant.graph_service.url)
    assert first["@odata.count"] == 3
    assert first["@odata.context"] == "https://graph.microsoft.com/v1.0/$metadata#Collection(chatMessage)"
    late = _write(tenant, chat, "late")[0][-1]
    rest = app.follow(first["@odata.nextLink"])
    ids = [item["id"] for page in (first, *rest) for item in page["value"]]
    assert ids == [*sent, late]
    assert [len(page["value"]) for page in rest] == [3, 2]
    newest_first = app.follow(address(*chat, "messages"), top=5)
    assert [item["id"] for page in newest_first for item in page["value"]] == [late, *reversed(sent)]


def test_an_empty_page_with_a_link_is_no_end(tenant: GraphWorld, app: Reader) -> None:
    _write(tenant, tenant.new_chat(), *"abc")
    whole = app.ids(_of_ann(tenant))
    tenant.graph.paging.hollow = True
    tenant.graph.paging.most = 2
    pages = app.follow(_of_ann(tenant), top=50)
    assert [len(page["value"]) for page in pages] == [0, 2, 0, 1]
    assert [item["id"] for page in pages for item in page["value"]] == whole


def test_a_deleted_message_is_listed_with_its_time_and_without_its_text(tenant: GraphWorld, app: Reader) -> None:
    chat = tenant.new_chat()
    (message,) = _write(tenant, chat, "secret")
    tenant.do(lambda: tenant.teams.messages.delete(message))
    (item,) = app.all(address(*chat, "messages"))
    assert item["deletedDateTime"] is not None
    assert item["body"]["content"] == ""


def test_answers_come_inside_a_channels_messages_only_if_asked_for(tenant: GraphWorld, app: Reader) -> None:
    channel = _channel(tenant)
    (root,) = _write(tenant, channel, "x")
    replies = [tenant.do(lambda: tenant.teams.messages.reply(root, tenant.bob, "y"))[-1] for _ in range(3)]
    listed = address(*channel, "messages")
    assert "replies" not in app.all(listed)[0]
    (expanded,) = app.all(listed, expand="replies")
    assert [reply["id"] for reply in expanded["replies"]] == replies[::-1]
    assert app.ids(address(*root, "replies"), top=2) == replies[::-1]


def test_more_than_a_thousand_answers_go_on_behind_a_link(tenant: GraphWorld, app: Reader) -> None:
    channel = _channel(tenant)
    (root,) = _write(tenant, channel, "x")
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
    "search": ({"search": "x"}, "Query option 'search' is not allowed."),
    "unknown": ({"whatever": "x"}, "Query option 'whatever' is not allowed."),
    "ge": ({"filter": f"{LAST} ge 2020-01-01T00:00:00Z"}, "is not supported here"),
    "or": ({"filter": f"{LAST} gt 2020-01-01T00:00:00Z or {LAST} lt 2019-01-01T00:00:00Z"}, "is not supported here"),
    "another property": ({"filter": "etag gt 2020-01-01T00:00:00Z"}, "is not supported here"),
    "without a zone": ({"filter": f"{LAST} gt 2020-01-01T00:00:00"}, "is not supported here"),
    "no date": ({"filter": f"{LAST} gt 2020-02-31T00:00:00Z"}, "is not supported here"),
    "empty": ({"filter": ""}, "is not supported here"),
    "foreign token": ({"skiptoken": "abc"}, "state token"),
    "no text": ({"skiptoken": "\u00e9"}, "state token"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_a_query_that_the_service_does_not_know_is_refused(tenant: GraphWorld, app: Reader, row: str) -> None:
    options, message = REFUSED[row]
    status, code, text = error(app.get(_of_ann(tenant), **options))
    assert (status, code) == (400, "BadRequest")
    assert message in text


def test_other_lists_refuse_what_their_pages_do_not_have(tenant: GraphWorld, app: Reader) -> None:
    chat, channel = tenant.new_chat(), _channel(tenant)
    (root,) = _write(tenant, channel, "x")
    assert app.status(address(*chat, "messages"), orderby=f"{LAST} asc") == 400
    assert app.status(address(*chat, "messages"), orderby=LAST) == 400
    assert app.status(address(*channel, "messages"), filter=f"{LAST} gt 2020-01-01T00:00:00Z") == 400
    assert app.status(address(*channel, "messages"), expand="hostedContents") == 400
    assert app.status(address(*root, "replies"), expand="replies") == 400
    assert app.status(f"{_of_ann(tenant)}?$top=1&top=2") == 400


def test_a_token_is_good_for_its_own_list_only(tenant: GraphWorld, app: Reader) -> None:
    chats = [tenant.new_chat(), tenant.new_chat()]
    for chat in chats:
        _write(tenant, chat, "a", "b")
    link = app.get(address(*chats[0], "messages"), top=1).json()["@odata.nextLink"]
    token = unquote(link.partition("$skiptoken=")[2])
    assert app.status(address(*chats[0], "messages"), skiptoken=token) == 200
    assert error(app.get(address(*chats[1], "messages"), skiptoken=token))[0] == 400


def test_every_list_of_messages_needs_its_permission_and_its_place(tenant: GraphWorld, app: Reader) -> None:
    chat, channel = tenant.new_chat(), _channel(tenant)
    (root,) = _write(tenant, channel, "x")
    stranger = tenant.do(lambda: tenant.teams.add_user(tenant.teams.add_tenant(), "Dee Doe"))
    lists = [
        (_of_ann(tenant), "Chat.Read.All, Chat.ReadWrite.All"),
        (address(*chat, "messages"), "Chat.Read.All, Chat.ReadWrite.All"),
        (address(*channel[:2], "channels/getAllMessages"), "ChannelMessage.Read.All"),
        (address(*channel, "messages"), "ChannelMessage.Read.All"),
        (address(*root, "replies"), "ChannelMessage.Read.All"),
    ]
    powerless = tenant.bearer(POWERLESS_APP)
    for listed, names in lists:
        status, code, text = error(tenant.call("GET", f"v1.0/{listed}", headers=powerless))
        assert (status, code) == (403, "Forbidden")
        assert text.startswith(f"Missing role permissions on the request. API requires one of '{names}'. ")
        assert tenant.call("GET", f"v1.0/{listed}", headers={"Authorization": ""}).status_code == 401
    assert app.status(f"users/{stranger.id}/chats/getAllMessages") == 404
    tenant.do(lambda: tenant.teams.teams.delete(channel[:2]))
    assert [app.status(listed) for listed, _ in lists] == [200, 200, 404, 404, 404]


def test_a_user_reads_where_the_user_is_a_member_and_exports_nothing(tenant: GraphWorld) -> None:
    chat, channel = tenant.new_chat(), _channel(tenant)
    _write(tenant, chat, "x")
    _write(tenant, channel, "x")
    eve = tenant.do(lambda: tenant.teams.add_user(tenant.ann.tenant_id, "Eve Eames"))
    for_ann, for_eve = (reader_for(tenant, user, "Chat.Read", "ChannelMessage.Read.All") for user in (tenant.ann, eve))
    lists = [address(*chat, "messages"), address(*channel, "messages")]
    assert [for_ann.status(listed) for listed in lists] == [200, 200]
    assert [for_eve.status(listed) for listed in lists] == [403, 403]
    status, _, text = error(for_ann.get(_of_ann(tenant)))
    assert (status, text) == (403, "Requested API is not supported in delegated context.")
    for_ann = reader_for(tenant, tenant.ann, "Chat.ReadBasic")
    assert error(for_ann.get(lists[0]))[2].startswith("Missing scope permissions on the request. API requires one of")


def test_one_chat_or_channel_takes_one_list_a_second_and_exports_take_more(tenant: GraphWorld, app: Reader) -> None:
    chat, channel = tenant.new_chat(), _channel(tenant)
    tenant.graph.throttle.enabled = True
    for listed in (address(*chat, "messages"), address(*channel, "messages")):
        answers = [app.get(listed) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert answers[1].headers["Retry-After"] == "1"
        tenant.clock.advance(timedelta(seconds=1))
        assert app.status(listed) == 200
    assert {app.status(_of_ann(tenant)) for _ in range(10)} == {200}
