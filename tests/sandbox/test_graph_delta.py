"""Delta queries for messages: everything once, then what has changed, until Graph has forgotten."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from sandbox.teams import Path
from tests.sandbox.graph_reader import Reader, address, another_tenant, notified, plain, reader, reader_for
from tests.sandbox.graph_world import POWERLESS_APP, GraphWorld, error, graph_world

pytestmark = pytest.mark.slow

LAST = "lastModifiedDateTime"
LINK = "@odata.deltaLink"


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
    return f"users/{world.ann.id}/chats/getAllMessages/delta"


def _write(world: GraphWorld, place: Path, *texts: str) -> list[Path]:
    return world.do(lambda: [world.teams.messages.send(place, world.ann, text) for text in texts])


def _channel(world: GraphWorld) -> Path:
    team = world.do(lambda: world.teams.teams.create(world.ann, "Rockets"))
    return world.do(lambda: world.teams.channels.create(team, "Fuel"))


def _round(app: Reader, link: str, **options: object) -> tuple[list[dict[str, Any]], str]:
    """Return what one round has, and the link to the next one."""
    pages = app.follow(link, **options)
    assert all(LINK not in page for page in pages[:-1])
    return [item for page in pages for item in page["value"]], pages[-1][LINK]


def _ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def test_the_first_round_has_everything_and_the_next_what_has_changed_since(world: GraphWorld, app: Reader) -> None:
    chat = world.new_chat()
    one, two, three = _write(world, chat, "a", "b", "c")
    items, link = _round(app, _of_ann(world), top=2)
    assert [plain(item) for item in items] == [notified(world, message) for message in (one, two, three)]
    assert _round(app, link)[0] == []
    other = world.do(lambda: world.teams.chats.create([world.bob, world.ann]))
    (four,) = _write(world, other, "d")
    world.do(lambda: world.teams.messages.react(two, world.bob, "like"))
    world.do(lambda: world.teams.messages.delete(one))
    items, link = _round(app, link)
    assert _ids(items) == [four[-1], two[-1], one[-1]]
    assert items[-1]["deletedDateTime"] is not None
    assert items[-1]["body"]["content"] == ""
    assert _round(app, link)[0] == []


def test_what_changes_between_two_pages_comes_again_at_the_end(world: GraphWorld, app: Reader) -> None:
    one, two, three = _write(world, world.new_chat(), "a", "b", "c")
    first = app.get(_of_ann(world), top=2).json()
    world.do(lambda: world.teams.messages.edit(one, "a, again"))
    items, _ = _round(app, first["@odata.nextLink"])
    assert _ids(first["value"]) == [one[-1], two[-1]]
    assert _ids(items) == [three[-1], one[-1]]


def test_the_tokens_remember_the_options(world: GraphWorld, app: Reader) -> None:
    """ "You only need to specify any query parameters once upfront." """
    chat = world.new_chat()
    (old,) = _write(world, chat, "old")
    world.clock.advance(timedelta(minutes=1))
    since = f"{LAST} gt {notified(world, old)[LAST]}"
    sent = [message[-1] for message in _write(world, chat, *"abc")]
    pages = app.follow(_of_ann(world), top=2, filter=since)
    assert [_ids(page["value"]) for page in pages] == [sent[:2], sent[2:]]
    assert all("filter" not in link for page in pages for name, link in page.items() if name.endswith("Link"))
    items, link = _round(app, _of_ann(world), skip=2, filter=since)
    assert _ids(items) == sent[2:]
    late = [message[-1] for message in _write(world, chat, "d")]
    assert _ids(_round(app, link)[0]) == late
    assert _ids(_round(app, _of_ann(world), skip=9)[0]) == []


def test_a_channels_chain_comes_whole_when_an_answer_to_it_has_changed(world: GraphWorld, app: Reader) -> None:
    """The filter "will fetch any reply chain (each channel post message and associated reply messages) …"."""
    channel = _channel(world)
    root, other = _write(world, channel, "x", "y")
    replies = [world.do(lambda: world.teams.messages.reply(root, world.bob, "z"))[-1] for _ in range(2)]
    listed = address(*channel, "messages/delta")
    items, link = _round(app, listed, expand="replies")
    assert _ids(items) == [other[-1], root[-1]]
    world.clock.advance(timedelta(minutes=1))
    newest = world.do(lambda: world.teams.messages.reply(root, world.ann, "late"))
    (chain,) = _round(app, link)[0]
    assert (chain["id"], _ids(chain["replies"])) == (root[-1], [newest[-1], *replies[::-1]])
    since = f"{LAST} gt {notified(world, other)[LAST]}"
    (bare,) = _round(app, listed, filter=f"{LAST} gt {world.at(seconds=-30)[:19]}Z")[0]
    assert "replies" not in bare
    assert _ids(_round(app, listed, filter=since)[0]) == [root[-1]]


def test_only_the_last_eight_months_are_there(world: GraphWorld, app: Reader) -> None:
    chat, channel = world.new_chat(), _channel(world)
    old, kept = _write(world, chat, "old", "kept")
    (root,) = _write(world, channel, "old")
    world.clock.advance(timedelta(days=250))
    world.do(lambda: world.teams.messages.edit(kept, "kept, again"))
    app = reader(world)
    assert _ids(_round(app, _of_ann(world), filter=f"{LAST} gt 2020-01-01T00:00:00Z")[0]) == [kept[-1]]
    assert _round(app, address(*channel, "messages/delta"))[0] == []
    assert set(app.ids(address(*chat, "messages"))) == {old[-1], kept[-1]}
    assert app.ids(address(*channel, "messages")) == [root[-1]]


def test_a_token_that_is_too_old_is_not_found(world: GraphWorld, app: Reader) -> None:
    _, link = _round(app, _of_ann(world))
    world.clock.advance(world.graph.paging.delta_lifetime + timedelta(seconds=1))
    status, code, text = error(reader(world).get(link))
    assert (status, code) == (400, "syncStateNotFound")
    assert text.startswith("The sync state generation is not found.")


def test_after_a_reset_410_says_where_to_start_anew(world: GraphWorld, app: Reader) -> None:
    """410 comes with "a Location header containing a request URL with an empty $deltaToken"."""
    _write(world, world.new_chat(), *"abc")
    pages = app.follow(_of_ann(world), top=2)
    world.graph.paging.reset()
    for link in (pages[0]["@odata.nextLink"], pages[-1][LINK]):
        answer = app.get(link)
        assert error(answer)[:2] == (410, "resyncRequired")
        location = answer.headers["Location"]
        assert location.startswith(world.graph_service.url)
        assert location.endswith("/chats/getAllMessages/delta?$top=2&$deltatoken=")
        assert [len(page["value"]) for page in app.follow(location)] == [2, 1]


def test_an_empty_page_with_a_link_is_no_end(world: GraphWorld, app: Reader) -> None:
    sent = [message[-1] for message in _write(world, world.new_chat(), *"abc")]
    world.graph.paging.hollow = True
    world.graph.paging.most = 2
    pages = app.follow(_of_ann(world), top=50)
    assert [_ids(page["value"]) for page in pages] == [[], sent[:2], [], sent[2:]]
    assert [_ids(page["value"]) for page in app.follow(pages[-1][LINK])] == [[], []]


REFUSED: dict[str, dict[str, object]] = {
    "too many": {"top": 51},
    "lt": {"filter": f"{LAST} lt 2020-01-01T00:00:00Z"},
    "expand": {"expand": "replies"},
    "orderby": {"orderby": f"{LAST} desc"},
    "skip": {"skip": -1},
    "latest": {"deltatoken": "latest"},
    "forged": {"deltatoken": "gAAAAAB"},
    "empty": {"skiptoken": ""},
    "two tokens": {"deltatoken": "", "skiptoken": "x"},
}


@pytest.mark.parametrize("row", REFUSED)
def test_a_query_that_the_service_does_not_know_is_refused(world: GraphWorld, app: Reader, row: str) -> None:
    status, code, _ = error(app.get(_of_ann(world), **REFUSED[row]))
    assert (status, code) == (400, "BadRequest")


def test_there_is_no_way_to_begin_with_what_comes_later(world: GraphWorld, app: Reader) -> None:
    text = error(app.get(_of_ann(world), deltatoken="latest"))[2]
    assert text == "Parameter 'DeltaToken' not supported for this request."


def test_a_token_is_good_for_its_own_query_only(world: GraphWorld, app: Reader) -> None:
    _, link = _round(app, _of_ann(world))
    token = unquote(link.partition("$deltatoken=")[2])
    of_bob = f"users/{world.bob.id}/chats/getAllMessages/delta"
    assert app.status(_of_ann(world), deltatoken=token) == 200
    assert app.status(of_bob, deltatoken=token) == 400
    assert app.status(_of_ann(world), skiptoken=token) == 400
    assert app.status(_of_ann(world), deltatoken=token, top=2) == 400
    assert app.status(_of_ann(world), deltatoken=token, skiptoken="x") == 400


def test_deltas_need_the_permission_of_what_they_read(world: GraphWorld, app: Reader) -> None:
    channel = address(*_channel(world), "messages/delta")
    powerless = world.bearer(POWERLESS_APP)
    for listed in (_of_ann(world), channel):
        assert error(world.call("GET", f"v1.0/{listed}", headers=powerless))[0] == 403
    assert app.status("users/nobody@contoso.example/chats/getAllMessages/delta") == 404
    for_ann = reader_for(world, world.ann, "Chat.Read", "ChannelMessage.Read.All")
    assert [for_ann.status(listed) for listed in (_of_ann(world), channel)] == [403, 200]
    for_bob = reader_for(world, world.bob, "Chat.Read", "ChannelMessage.Read.All")
    assert for_bob.status(channel) == 403
