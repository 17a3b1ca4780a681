"""Messages by window, as Graph lists them: of a user, a chat, a team, a channel, and the answers to one."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import unquote

import pytest

from sandbox.graph.paths import odata
from sandbox.teams import Path
from tests.sandbox.graph_reader import Reader, address, another_tenant, notified, plain, reader, reader_for
from tests.sandbox.graph_world import POWERLESS_APP, GraphWorld, error, graph_world

pytestmark = pytest.mark.slow

LAST = "lastModifiedDateTime"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphWorld]:
    with graph_world(tmp_path_factory.mktemp("graph")) as it:
        yield it


@pytest.fixture
def world(services: GraphWorld) -> GraphWorld:
    return another_tenant(services)


@pytest.fixture
def app(world: GraphWorld) -> Reader:
    return reader(world)


def _of_ann(world: GraphWorld) -> str:
    return f"users/{world.ann.id}/chats/getAllMessages"


def _write(world: GraphWorld, place: Path, *texts: str) -> list[Path]:
    """Have Ann write, a minute between any two messages."""
    sent = []
    for text in texts:
        world.clock.advance(timedelta(minutes=1))
        sent.append(world.do(lambda text=text: world.teams.messages.send(place, world.ann, text)))  # type: ignore[misc]  # mypy does not infer lambdas with defaults
    return sent


def _time(world: GraphWorld, message: Path) -> str:
    return str(notified(world, message)[LAST])


def _channel(world: GraphWorld, membership_type: str = "standard") -> Path:
    team = world.do(lambda: world.teams.teams.create(world.ann, "Rockets"))
    return world.do(lambda: world.teams.channels.create(team, "Fuel", membership_type=membership_type))  # type: ignore[arg-type]  # one of the three words


def test_a_message_that_is_listed_equals_the_one_that_was_notified(world: GraphWorld, app: Reader) -> None:
    chat, channel = world.new_chat(), _channel(world)
    in_chat, root = _write(world, chat, "a")[0], _write(world, channel, "b")[0]
    reply = world.do(lambda: world.teams.messages.reply(root, world.bob, "c"))
    world.do(lambda: world.teams.messages.edit(in_chat, "a, again"))
    for listed, message in [
        (_of_ann(world), in_chat),
        (address(*chat, "messages"), in_chat),
        (address(*channel[:2], "channels/getAllMessages"), root),
        (address(*channel, "messages"), root),
        (address(*root, "replies"), reply),
    ]:
        first = app.all(listed)[0]
        assert plain(first) == notified(world, message), listed
        assert first["etag"] == app.get(odata(message)).json()["etag"]


def test_a_window_has_what_changed_inside_both_bounds(world: GraphWorld, app: Reader) -> None:
    """GET /users/{id}/chats/getAllMessages?$top=50&$filter=lastModifiedDateTime gt … and lastModifiedDateTime lt …."""
    chats = [world.new_chat(), world.do(lambda: world.teams.chats.create([world.bob, world.ann]))]
    one, two, three = (_write(world, chats[index % 2], "x")[0] for index in range(3))
    inside = f"{LAST} gt {_time(world, one)} and {LAST} lt {_time(world, three)}"
    assert app.ids(_of_ann(world), filter=inside) == [two[-1]]
    world.do(lambda: world.teams.messages.react(one, world.bob, "like"))
    assert app.ids(_of_ann(world), filter=f"{LAST} gt {_time(world, three)}") == [one[-1]]
    assert app.ids(_of_ann(world)) == [two[-1], three[-1], one[-1]]
    assert app.ids(f"users('{world.ann.email}')/chats/getallMessages", top=1) == [two[-1], three[-1], one[-1]]


def test_a_teams_window_has_the_answers_and_the_private_channels_too(world: GraphWorld, app: Reader) -> None:
    channel = _channel(world, "private")
    (root,) = _write(world, channel, "x")
    reply = world.do(lambda: world.teams.messages.reply(root, world.bob, "y"))
    listed = address(*channel[:2], "channels/getAllMessages")
    assert app.ids(listed) == [root[-1], reply[-1]]
    assert app.ids(listed, filter=f"{LAST} gt {_time(world, root)}") == [reply[-1]]
    assert app.status(f"{listed}?model=A") == 200


def test_a_chats_filter_counts_only_with_the_order_on_the_same_property(world: GraphWorld, app: Reader) -> None:
    """Otherwise, "the $filter query option is ignored"."""
    chat = world.new_chat()
    one, two, three = _write(world, chat, "a", "b", "c")
    world.do(lambda: world.teams.messages.edit(one, "a, again"))
    listed, later = address(*chat, "messages"), f"{LAST} gt {_time(world, two)}"
    assert app.ids(listed) == [one[-1], three[-1], two[-1]]
    assert app.ids(listed, filter=later) == [one[-1], three[-1], two[-1]]
    assert app.ids(listed, filter=later, orderby="createdDateTime desc") == [three[-1], two[-1], one[-1]]
    assert app.ids(listed, filter=later, orderby=f"{LAST} desc") == [one[-1], three[-1]]
    assert app.ids(listed, filter=f"createdDateTime lt {_time(world, two)}", orderby="createdDateTime desc") == [
        one[-1]
    ]


def test_pages_are_linked_and_what_comes_meanwhile_pushes_nothing_out(world: GraphWorld, app: Reader) -> None:
    chat = world.new_chat()
    sent = [message[-1] for message in _write(world, chat, *"abcdefg")]
    first = app.get(_of_ann(world), top=3, filter=f"{LAST} gt 2020-01-01T00:00:00Z").json()
    assert first["@odata.nextLink"].startswith(world.graph_service.url)
    assert first["@odata.count"] == 3
    assert first["@odata.context"] == "https://graph.microsoft.com/v1.0/$metadata#Collection(chatMessage)"
    late = _write(world, chat, "late")[0][-1]
    rest = app.follow(first["@odata.nextLink"])
    ids = [item["id"] for page in (first, *rest) for item in page["value"]]
    assert ids == [*sent, late]
    assert [len(page["value"]) for page in rest] == [3, 2]
    newest_first = app.follow(address(*chat, "messages"), top=5)
    assert [item["id"] for page in newest_first for item in page["value"]] == [late, *reversed(sent)]


def test_an_empty_page_with_a_link_is_no_end(world: GraphWorld, app: Reader) -> None:
    _write(world, world.new_chat(), *"abc")
    whole = app.ids(_of_ann(world))
    world.graph.paging.hollow = True
    world.graph.paging.most = 2
    pages = app.follow(_of_ann(world), top=50)
    assert [len(page["value"]) for page in pages] == [0, 2, 0, 1]
    assert [item["id"] for page in pages for item in page["value"]] == whole


def test_a_deleted_message_is_listed_with_its_time_and_without_its_text(world: GraphWorld, app: Reader) -> None:
    chat = world.new_chat()
    (message,) = _write(world, chat, "secret")
    world.do(lambda: world.teams.messages.delete(message))
    (item,) = app.all(address(*chat, "messages"))
    assert item["deletedDateTime"] is not None
    assert item["body"]["content"] == ""


def test_answers_come_inside_a_channels_messages_only_if_asked_for(world: GraphWorld, app: Reader) -> None:
    channel = _channel(world)
    (root,) = _write(world, channel, "x")
    replies = [world.do(lambda: world.teams.messages.reply(root, world.bob, "y"))[-1] for _ in range(3)]
    listed = address(*channel, "messages")
    assert "replies" not in app.all(listed)[0]
    (expanded,) = app.all(listed, expand="replies")
    assert [reply["id"] for reply in expanded["replies"]] == replies[::-1]
    assert app.ids(address(*root, "replies"), top=2) == replies[::-1]


def test_more_than_a_thousand_answers_go_on_behind_a_link(world: GraphWorld, app: Reader) -> None:
    channel = _channel(world)
    (root,) = _write(world, channel, "x")
    world.do(lambda: [world.teams.messages.reply(root, world.bob, "y") for _ in range(1003)])
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
def test_a_query_that_the_service_does_not_know_is_refused(world: GraphWorld, app: Reader, row: str) -> None:
    options, message = REFUSED[row]
    status, code, text = error(app.get(_of_ann(world), **options))
    assert (status, code) == (400, "BadRequest")
    assert message in text


def test_other_lists_refuse_what_their_pages_do_not_have(world: GraphWorld, app: Reader) -> None:
    chat, channel = world.new_chat(), _channel(world)
    (root,) = _write(world, channel, "x")
    assert app.status(address(*chat, "messages"), orderby=f"{LAST} asc") == 400
    assert app.status(address(*chat, "messages"), orderby=LAST) == 400
    assert app.status(address(*channel, "messages"), filter=f"{LAST} gt 2020-01-01T00:00:00Z") == 400
    assert app.status(address(*channel, "messages"), expand="hostedContents") == 400
    assert app.status(address(*root, "replies"), expand="replies") == 400
    assert app.status(f"{_of_ann(world)}?$top=1&top=2") == 400


def test_a_token_is_good_for_its_own_list_only(world: GraphWorld, app: Reader) -> None:
    chats = [world.new_chat(), world.new_chat()]
    for chat in chats:
        _write(world, chat, "a", "b")
    link = app.get(address(*chats[0], "messages"), top=1).json()["@odata.nextLink"]
    token = unquote(link.partition("$skiptoken=")[2])
    assert app.status(address(*chats[0], "messages"), skiptoken=token) == 200
    assert error(app.get(address(*chats[1], "messages"), skiptoken=token))[0] == 400


def test_every_list_of_messages_needs_its_permission_and_its_place(world: GraphWorld, app: Reader) -> None:
    chat, channel = world.new_chat(), _channel(world)
    (root,) = _write(world, channel, "x")
    stranger = world.do(lambda: world.teams.add_user(world.teams.add_tenant(), "Dee Doe"))
    lists = [
        (_of_ann(world), "Chat.Read.All, Chat.ReadWrite.All"),
        (address(*chat, "messages"), "Chat.Read.All, Chat.ReadWrite.All"),
        (address(*channel[:2], "channels/getAllMessages"), "ChannelMessage.Read.All"),
        (address(*channel, "messages"), "ChannelMessage.Read.All"),
        (address(*root, "replies"), "ChannelMessage.Read.All"),
    ]
    powerless = world.bearer(POWERLESS_APP)
    for listed, names in lists:
        status, code, text = error(world.call("GET", f"v1.0/{listed}", headers=powerless))
        assert (status, code) == (403, "Forbidden")
        assert text.startswith(f"Missing role permissions on the request. API requires one of '{names}'. ")
        assert world.call("GET", f"v1.0/{listed}", headers={"Authorization": ""}).status_code == 401
    assert app.status(f"users/{stranger.id}/chats/getAllMessages") == 404
    world.do(lambda: world.teams.teams.delete(channel[:2]))
    assert [app.status(listed) for listed, _ in lists] == [200, 200, 404, 404, 404]


def test_a_user_reads_where_the_user_is_a_member_and_exports_nothing(world: GraphWorld) -> None:
    chat, channel = world.new_chat(), _channel(world)
    _write(world, chat, "x")
    _write(world, channel, "x")
    eve = world.do(lambda: world.teams.add_user(world.ann.tenant_id, "Eve Eames"))
    for_ann, for_eve = (reader_for(world, user, "Chat.Read", "ChannelMessage.Read.All") for user in (world.ann, eve))
    lists = [address(*chat, "messages"), address(*channel, "messages")]
    assert [for_ann.status(listed) for listed in lists] == [200, 200]
    assert [for_eve.status(listed) for listed in lists] == [403, 403]
    status, _, text = error(for_ann.get(_of_ann(world)))
    assert (status, text) == (403, "Requested API is not supported in delegated context.")
    for_ann = reader_for(world, world.ann, "Chat.ReadBasic")
    assert error(for_ann.get(lists[0]))[2].startswith("Missing scope permissions on the request. API requires one of")


def test_one_chat_or_channel_takes_one_list_a_second_and_exports_take_more(world: GraphWorld, app: Reader) -> None:
    chat, channel = world.new_chat(), _channel(world)
    world.graph.throttle.enabled = True
    for listed in (address(*chat, "messages"), address(*channel, "messages")):
        answers = [app.get(listed) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert answers[1].headers["Retry-After"] == "1"
        world.clock.advance(timedelta(seconds=1))
        assert app.status(listed) == 200
    assert {app.status(_of_ann(world)) for _ in range(10)} == {200}
