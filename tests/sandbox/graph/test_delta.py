"""Delta queries for the messages of a channel: everything once, then what has changed, until Graph has forgotten."""

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from sandbox.teams import Path
from tests.sandbox.graph_reader import Reader, address, new_channel, notified, plain, reader, write
from tests.sandbox.graph_world import POWERLESS_APP, GraphWorld, error

pytestmark = pytest.mark.slow

LAST = "lastModifiedDateTime"
LINK = "@odata.deltaLink"


@pytest.fixture
def channel(tenant: GraphWorld) -> Path:
    return new_channel(tenant)


@pytest.fixture
def listed(channel: Path) -> str:
    return address(*channel, "messages/delta")


def _round(app: Reader, link: str, **options: object) -> tuple[list[dict[str, Any]], str]:
    """Return what one round has, and the link to the next one."""
    pages = app.follow(link, **options)
    assert all(LINK not in page for page in pages[:-1])
    return [item for page in pages for item in page["value"]], pages[-1][LINK]


def _ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def test_first_round_has_everything_and_the_next_the_changes(
    tenant: GraphWorld, app: Reader, channel: Path, listed: str
) -> None:
    one, two, three = write(tenant, channel, "a", "b", "c")
    items, link = _round(app, listed, top=2)
    assert [plain(item) for item in items] == [notified(tenant, message) for message in (one, two, three)]
    assert _round(app, link)[0] == []
    (four,) = write(tenant, channel, "d")
    tenant.do(lambda: tenant.teams.messages.react(two, tenant.bob, "like"))
    tenant.do(lambda: tenant.teams.messages.delete(one))
    items, link = _round(app, link)
    assert _ids(items) == [four[-1], two[-1], one[-1]]
    assert items[-1]["deletedDateTime"] is not None
    assert items[-1]["body"]["content"] == ""
    assert _round(app, link)[0] == []


def test_message_changed_between_two_pages_comes_again_at_the_end(
    tenant: GraphWorld, app: Reader, channel: Path, listed: str
) -> None:
    one, two, three = write(tenant, channel, "a", "b", "c")
    first = app.get(listed, top=2).json()
    tenant.do(lambda: tenant.teams.messages.edit(one, "a, again"))
    items, _ = _round(app, first["@odata.nextLink"])
    assert _ids(first["value"]) == [one[-1], two[-1]]
    assert _ids(items) == [three[-1], one[-1]]


def test_tokens_carry_the_options(tenant: GraphWorld, app: Reader, channel: Path, listed: str) -> None:
    """ "You only need to specify any query parameters once upfront." """
    (old,) = write(tenant, channel, "old")
    since = f"{LAST} gt {notified(tenant, old)[LAST]}"
    sent = [message[-1] for message in write(tenant, channel, *"abc")]
    pages = app.follow(listed, top=2, filter=since)
    assert [_ids(page["value"]) for page in pages] == [sent[:2], sent[2:]]
    assert all("filter" not in link for page in pages for name, link in page.items() if name.endswith("Link"))
    late = [message[-1] for message in write(tenant, channel, "d")]
    assert _ids(_round(app, pages[-1][LINK])[0]) == late


def test_chain_comes_whole_when_a_reply_to_it_has_changed(
    tenant: GraphWorld, app: Reader, channel: Path, listed: str
) -> None:
    """The filter "will fetch any reply chain (each channel post message and associated reply messages) …"."""
    root, other = write(tenant, channel, "x", "y")
    replies = [tenant.do(lambda: tenant.teams.messages.reply(root, tenant.bob, "z"))[-1] for _ in range(2)]
    items, link = _round(app, listed, expand="replies")
    assert _ids(items) == [other[-1], root[-1]]
    tenant.clock.advance(timedelta(minutes=1))
    newest = tenant.do(lambda: tenant.teams.messages.reply(root, tenant.ann, "late"))
    (chain,) = _round(app, link)[0]
    assert (chain["id"], _ids(chain["replies"])) == (root[-1], [newest[-1], *replies[::-1]])
    (bare,) = _round(app, listed, filter=f"{LAST} gt {tenant.at(seconds=-30)[:19]}Z")[0]
    assert (bare["id"], "replies" in bare) == (root[-1], False)


def test_only_the_last_eight_months_are_there(tenant: GraphWorld, app: Reader, channel: Path, listed: str) -> None:
    old, edited = write(tenant, channel, "old", "edited")
    tenant.clock.advance(timedelta(days=250))
    tenant.do(lambda: tenant.teams.messages.edit(edited, "edited, again"))
    app = reader(tenant)
    assert _ids(_round(app, listed, filter=f"{LAST} gt 2020-01-01T00:00:00Z")[0]) == [edited[-1]]
    assert set(app.ids(address(*channel, "messages"))) == {old[-1], edited[-1]}


def test_token_that_is_too_old_is_not_found(tenant: GraphWorld, app: Reader, listed: str) -> None:
    _, link = _round(app, listed)
    tenant.clock.advance(tenant.graph.paging.delta_lifetime + timedelta(seconds=1))
    status, code, text = error(reader(tenant).get(link))
    assert (status, code) == (400, "syncStateNotFound")
    assert text.startswith("The sync state generation is not found.")


def test_after_a_reset_410_says_where_to_start_again(
    tenant: GraphWorld, app: Reader, channel: Path, listed: str
) -> None:
    """410 comes with "a Location header containing a request URL with an empty $deltaToken"."""
    write(tenant, channel, *"abc")
    pages = app.follow(listed, top=2)
    tenant.graph.paging.reset()
    for link in (pages[0]["@odata.nextLink"], pages[-1][LINK]):
        answer = app.get(link)
        assert error(answer)[:2] == (410, "resyncRequired")
        location = answer.headers["Location"]
        assert location.startswith(tenant.graph_service.url)
        assert location.endswith("/messages/delta?$top=2&$deltatoken=")
        assert [len(page["value"]) for page in app.follow(location)] == [2, 1]


def test_empty_page_with_a_link_is_not_the_end(tenant: GraphWorld, app: Reader, channel: Path, listed: str) -> None:
    sent = [message[-1] for message in write(tenant, channel, *"abc")]
    tenant.graph.paging.hollow = True
    tenant.graph.paging.most = 2
    pages = app.follow(listed, top=50)
    assert [_ids(page["value"]) for page in pages] == [[], sent[:2], [], sent[2:]]
    assert [_ids(page["value"]) for page in app.follow(pages[-1][LINK])] == [[], []]


REFUSED: dict[str, dict[str, object]] = {
    "too many": {"top": 51},
    "lt": {"filter": f"{LAST} lt 2020-01-01T00:00:00Z"},
    "expand": {"expand": "hostedContents"},
    "orderby": {"orderby": f"{LAST} desc"},
    "skip": {"skip": 1},
    "forged": {"deltatoken": "gAAAAAB"},
    "empty": {"skiptoken": ""},
    "two tokens": {"deltatoken": "", "skiptoken": "x"},
}


@pytest.mark.parametrize("row", REFUSED)
def test_query_that_the_service_does_not_know_is_refused(app: Reader, listed: str, row: str) -> None:
    assert error(app.get(listed, **REFUSED[row]))[:2] == (400, "BadRequest")


def test_token_is_good_for_its_own_query_only(tenant: GraphWorld, app: Reader, listed: str) -> None:
    _, link = _round(app, listed)
    token = unquote(link.partition("$deltatoken=")[2])
    assert app.status(listed, deltatoken=token) == 200
    assert app.status(address(*new_channel(tenant), "messages/delta"), deltatoken=token) == 400
    assert app.status(listed, skiptoken=token) == 400
    assert app.status(listed, deltatoken=token, top=2) == 400
    assert app.status(listed, deltatoken=token, skiptoken="x") == 400


def test_delta_needs_the_permission_of_what_it_reads(tenant: GraphWorld, listed: str) -> None:
    assert error(tenant.call("GET", f"v1.0/{listed}", headers=tenant.bearer(POWERLESS_APP)))[0] == 403
