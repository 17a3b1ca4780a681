"""Delta queries for messages: everything once, then what has changed, until Graph has forgotten."""

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from sandbox.teams import Path
from tests.sandbox.graph_reader import Reader, address, notified, plain, reader, reader_for
from tests.sandbox.graph_world import POWERLESS_APP, GraphWorld, error

pytestmark = pytest.mark.slow

LAST = "lastModifiedDateTime"
LINK = "@odata.deltaLink"


def _of_ann(tenant: GraphWorld) -> str:
    return f"users/{tenant.ann.id}/chats/getAllMessages/delta"


def _write(tenant: GraphWorld, place: Path, *texts: str) -> list[Path]:
    return tenant.do(lambda: [tenant.teams.messages.send(place, tenant.ann, text) for text in texts])


def _channel(tenant: GraphWorld) -> Path:
    team = tenant.do(lambda: tenant.teams.teams.create(tenant.ann, "Rockets"))
    return tenant.do(lambda: tenant.teams.channels.create(team, "Fuel"))


def _round(app: Reader, link: str, **options: object) -> tuple[list[dict[str, Any]], str]:
    """Return what one round has, and the link to the next one."""
    pages = app.follow(link, **options)
    assert all(LINK not in page for page in pages[:-1])
    return [item for page in pages for item in page["value"]], pages[-1][LINK]


def _ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def test_the_first_round_has_everything_and_the_next_what_has_changed_since(tenant: GraphWorld, app: Reader) -> None:
    chat = tenant.new_chat()
    one, two, three = _write(tenant, chat, "a", "b", "c")
    items, link = _round(app, _of_ann(tenant), top=2)
    assert [plain(item) for item in items] == [notified(tenant, message) for message in (one, two, three)]
    assert _round(app, link)[0] == []
    other = tenant.do(lambda: tenant.teams.chats.create([tenant.bob, tenant.ann]))
    (four,) = _write(tenant, other, "d")
    tenant.do(lambda: tenant.teams.messages.react(two, tenant.bob, "like"))
    tenant.do(lambda: tenant.teams.messages.delete(one))
    items, link = _round(app, link)
    assert _ids(items) == [four[-1], two[-1], one[-1]]
    assert items[-1]["deletedDateTime"] is not None
    assert items[-1]["body"]["content"] == ""
    assert _round(app, link)[0] == []


def test_what_changes_between_two_pages_comes_again_at_the_end(tenant: GraphWorld, app: Reader) -> None:
    one, two, three = _write(tenant, tenant.new_chat(), "a", "b", "c")
    first = app.get(_of_ann(tenant), top=2).json()
    tenant.do(lambda: tenant.teams.messages.edit(one, "a, again"))
    items, _ = _round(app, first["@odata.nextLink"])
    assert _ids(first["value"]) == [one[-1], two[-1]]
    assert _ids(items) == [three[-1], one[-1]]


def test_the_tokens_remember_the_options(tenant: GraphWorld, app: Reader) -> None:
    """ "You only need to specify any query parameters once upfront." """
    chat = tenant.new_chat()
    (old,) = _write(tenant, chat, "old")
    tenant.clock.advance(timedelta(minutes=1))
    since = f"{LAST} gt {notified(tenant, old)[LAST]}"
    sent = [message[-1] for message in _write(tenant, chat, *"abc")]
    pages = app.follow(_of_ann(tenant), top=2, filter=since)
    assert [_ids(page["value"]) for page in pages] == [sent[:2], sent[2:]]
    assert all("filter" not in link for page in pages for name, link in page.items() if name.endswith("Link"))
    items, link = _round(app, _of_ann(tenant), skip=2, filter=since)
    assert _ids(items) == sent[2:]
    late = [message[-1] for message in _write(tenant, chat, "d")]
    assert _ids(_round(app, link)[0]) == late
    assert _ids(_round(app, _of_ann(tenant), skip=9)[0]) == []


def test_a_channels_chain_comes_whole_when_an_answer_to_it_has_changed(tenant: GraphWorld, app: Reader) -> None:
    """The filter "will fetch any reply chain (each channel post message and associated reply messages) …"."""
    channel = _channel(tenant)
    root, other = _write(tenant, channel, "x", "y")
    replies = [tenant.do(lambda: tenant.teams.messages.reply(root, tenant.bob, "z"))[-1] for _ in range(2)]
    listed = address(*channel, "messages/delta")
    items, link = _round(app, listed, expand="replies")
    assert _ids(items) == [other[-1], root[-1]]
    tenant.clock.advance(timedelta(minutes=1))
    newest = tenant.do(lambda: tenant.teams.messages.reply(root, tenant.ann, "late"))
    (chain,) = _round(app, link)[0]
    assert (chain["id"], _ids(chain["replies"])) == (root[-1], [newest[-1], *replies[::-1]])
    since = f"{LAST} gt {notified(tenant, other)[LAST]}"
    (bare,) = _round(app, listed, filter=f"{LAST} gt {tenant.at(seconds=-30)[:19]}Z")[0]
    assert "replies" not in bare
    assert _ids(_round(app, listed, filter=since)[0]) == [root[-1]]


def test_only_the_last_eight_months_are_there(tenant: GraphWorld, app: Reader) -> None:
    chat, channel = tenant.new_chat(), _channel(tenant)
    old, kept = _write(tenant, chat, "old", "kept")
    (root,) = _write(tenant, channel, "old")
    tenant.clock.advance(timedelta(days=250))
    tenant.do(lambda: tenant.teams.messages.edit(kept, "kept, again"))
    app = reader(tenant)
    assert _ids(_round(app, _of_ann(tenant), filter=f"{LAST} gt 2020-01-01T00:00:00Z")[0]) == [kept[-1]]
    assert _round(app, address(*channel, "messages/delta"))[0] == []
    assert set(app.ids(address(*chat, "messages"))) == {old[-1], kept[-1]}
    assert app.ids(address(*channel, "messages")) == [root[-1]]


def test_a_token_that_is_too_old_is_not_found(tenant: GraphWorld, app: Reader) -> None:
    _, link = _round(app, _of_ann(tenant))
    tenant.clock.advance(tenant.graph.paging.delta_lifetime + timedelta(seconds=1))
    status, code, text = error(reader(tenant).get(link))
    assert (status, code) == (400, "syncStateNotFound")
    assert text.startswith("The sync state generation is not found.")


def test_after_a_reset_410_says_where_to_start_anew(tenant: GraphWorld, app: Reader) -> None:
    """410 comes with "a Location header containing a request URL with an empty $deltaToken"."""
    _write(tenant, tenant.new_chat(), *"abc")
    pages = app.follow(_of_ann(tenant), top=2)
    tenant.graph.paging.reset()
    for link in (pages[0]["@odata.nextLink"], pages[-1][LINK]):
        answer = app.get(link)
        assert error(answer)[:2] == (410, "resyncRequired")
        location = answer.headers["Location"]
        assert location.startswith(tenant.graph_service.url)
        assert location.endswith("/chats/getAllMessages/delta?$top=2&$deltatoken=")
        assert [len(page["value"]) for page in app.follow(location)] == [2, 1]


def test_an_empty_page_with_a_link_is_no_end(tenant: GraphWorld, app: Reader) -> None:
    sent = [message[-1] for message in _write(tenant, tenant.new_chat(), *"abc")]
    tenant.graph.paging.hollow = True
    tenant.graph.paging.most = 2
    pages = app.follow(_of_ann(tenant), top=50)
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
def test_a_query_that_the_service_does_not_know_is_refused(tenant: GraphWorld, app: Reader, row: str) -> None:
    status, code, _ = error(app.get(_of_ann(tenant), **REFUSED[row]))
    assert (status, code) == (400, "BadRequest")


def test_there_is_no_way_to_begin_with_what_comes_later(tenant: GraphWorld, app: Reader) -> None:
    text = error(app.get(_of_ann(tenant), deltatoken="latest"))[2]
    assert text == "Parameter 'DeltaToken' not supported for this request."


def test_a_token_is_good_for_its_own_query_only(tenant: GraphWorld, app: Reader) -> None:
    _, link = _round(app, _of_ann(tenant))
    token = unquote(link.partition("$deltatoken=")[2])
    of_bob = f"users/{tenant.bob.id}/chats/getAllMessages/delta"
    assert app.status(_of_ann(tenant), deltatoken=token) == 200
    assert app.status(of_bob, deltatoken=token) == 400
    assert app.status(_of_ann(tenant), skiptoken=token) == 400
    assert app.status(_of_ann(tenant), deltatoken=token, top=2) == 400
    assert app.status(_of_ann(tenant), deltatoken=token, skiptoken="x") == 400


def test_deltas_need_the_permission_of_what_they_read(tenant: GraphWorld, app: Reader) -> None:
    channel = address(*_channel(tenant), "messages/delta")
    powerless = tenant.bearer(POWERLESS_APP)
    for listed in (_of_ann(tenant), channel):
        assert error(tenant.call("GET", f"v1.0/{listed}", headers=powerless))[0] == 403
    assert app.status("users/nobody@contoso.example/chats/getAllMessages/delta") == 404
    for_ann = reader_for(tenant, tenant.ann, "Chat.Read", "ChannelMessage.Read.All")
    assert [for_ann.status(listed) for listed in (_of_ann(tenant), channel)] == [403, 200]
    for_bob = reader_for(tenant, tenant.bob, "Chat.Read", "ChannelMessage.Read.All")
    assert for_bob.status(channel) == 403
