"""Who and what there is, as Graph lists it: teams, channels, chats, members and users."""

import pytest

from sandbox.entra import Application
from sandbox.graph.paths import odata
from sandbox.teams import Path
from tests.sandbox.graph_reader import Reader, address, another_tenant, bearer_of, new_channel, plain
from tests.sandbox.graph_world import APP, POWERLESS_APP, GraphWorld, error

pytestmark = pytest.mark.slow


@pytest.fixture
def team(tenant: GraphWorld) -> Path:
    return tenant.do(lambda: tenant.teams.teams.create(tenant.ann, "Rockets"))


def test_teams_are_listed_with_four_properties(tenant: GraphWorld, app: Reader, team: Path) -> None:
    """ "… only populates the id, displayName, description, and visibility properties." """
    (listed,) = app.all("teams")
    whole = app.get(odata(team)).json()
    assert {name for name, value in listed.items() if value is not None} == {
        "id", "displayName", "description", "visibility"
    }  # fmt: skip
    assert listed.keys() == whole.keys() - {"@odata.context"}
    assert listed["id"] == whole["id"]
    others = [tenant.do(lambda: tenant.teams.teams.create(tenant.bob, "Rovers"))[1] for _ in range(2)]
    assert sorted(app.ids("teams", top=1, select="id")) == sorted([team[1], *others])
    tenant.do(lambda: tenant.teams.teams.delete(team))
    assert sorted(app.ids("teams")) == sorted(others)


def test_channels_of_a_team_are_listed(tenant: GraphWorld, app: Reader, team: Path) -> None:
    channel = tenant.do(lambda: tenant.teams.channels.create(team, "Fuel", membership_type="shared"))
    listed = {item["displayName"]: item for item in app.all(address(*team, "channels"))}
    assert set(listed) == {"General", "Fuel"}
    assert plain(listed["Fuel"]) == plain(app.get(odata(channel)).json())


def test_members_are_listed_as_they_are_notified(tenant: GraphWorld, app: Reader, team: Path) -> None:
    chat = tenant.new_chat()
    member = tenant.do(lambda: tenant.teams.teams.add_member(team, tenant.bob))
    listed = {item["userId"]: item for item in app.all(address(*team, "members"))}
    assert set(listed) == {tenant.ann.id, tenant.bob.id}
    assert plain(listed[tenant.bob.id]) == tenant.teams.get(member, tenant_id=tenant.ann.tenant_id)
    assert listed[tenant.bob.id]["@odata.type"] == "#microsoft.graph.aadUserConversationMember"
    entity = tenant.teams.get(chat, tenant_id=tenant.ann.tenant_id)
    assert entity is not None
    by_id = sorted(entity["members"], key=lambda each: each["id"])
    assert [plain(item) for item in app.all(address(*chat, "members"))] == by_id
    tenant.do(lambda: tenant.teams.teams.remove_member(member))
    assert [item["userId"] for item in app.all(address(*team, "members"))] == [tenant.ann.id]


def test_standard_channel_has_the_members_of_its_team(tenant: GraphWorld, app: Reader, team: Path) -> None:
    general = ("teams", team[1], "channels", app.ids(address(*team, "channels"))[0])
    assert app.ids(address(*general, "members")) == app.ids(address(*team, "members"))
    channel = tenant.do(lambda: tenant.teams.channels.create(team, "Fuel", membership_type="shared"))
    direct = tenant.do(lambda: tenant.teams.channels.add_member(channel, tenant.bob))
    assert app.ids(address(*channel, "members")) == [direct[-1]]


def test_users_are_listed(tenant: GraphWorld, app: Reader) -> None:
    cem = tenant.do(lambda: tenant.teams.add_user(tenant.ann.tenant_id, "Cem Cey"))
    people = [tenant.ann, tenant.bob, cem]
    assert {item["userPrincipalName"] for item in app.all("users", top=2)} == {user.email for user in people}
    listed = app.all("users", select="id")
    assert sorted(item["id"] for item in listed) == sorted(user.id for user in people)
    assert all(item.keys() == {"id"} for item in listed)


def test_chats_of_a_user_are_listed(tenant: GraphWorld, app: Reader) -> None:
    """Application permissions work with ``GET /users/{id}/chats`` only, says the page of List chats."""
    chat = tenant.new_chat()
    cem = tenant.do(lambda: tenant.teams.add_user(tenant.ann.tenant_id, "Cem Cey"))
    pair = tenant.do(lambda: tenant.teams.chats.create([tenant.bob, cem]))
    of_ann, of_bob = (f"users/{user.id}/chats" for user in (tenant.ann, tenant.bob))
    assert app.ids(of_ann) == [chat[1]]
    assert sorted(app.ids(of_bob, top=1)) == sorted([chat[1], pair[1]])
    assert "members" not in app.all(of_ann)[0]
    assert len(app.all(of_ann, expand="members")[0]["members"]) == 2
    assert app.status("chats") == 400


def _lists(tenant: GraphWorld) -> dict[str, str]:
    """Return every list, and the least permission that it needs."""
    chat, channel = tenant.new_chat(), new_channel(tenant)
    team = channel[:2]
    message = tenant.do(lambda: tenant.teams.messages.send(channel, tenant.ann, "x"))
    return {
        "teams": "Team.ReadBasic.All",
        "users": "User.Read.All",
        address(*team, "channels"): "Channel.ReadBasic.All",
        address(*team, "members"): "TeamMember.Read.All",
        address(*team, "channels/getAllMessages"): "ChannelMessage.Read.All",
        address(*channel, "members"): "ChannelMember.Read.All",
        address(*channel, "messages"): "ChannelMessage.Read.All",
        address(*message, "replies"): "ChannelMessage.Read.All",
        address(*chat, "members"): "ChatMember.Read.All",
        address(*chat, "messages"): "Chat.Read.All",
        f"users/{tenant.ann.id}/chats": "Chat.ReadBasic.All",
        f"users/{tenant.ann.id}/chats/getAllMessages": "Chat.Read.All",
    }


def test_every_list_needs_its_permission(tenant: GraphWorld) -> None:
    headers = tenant.bearer(POWERLESS_APP)
    for listed, permission in _lists(tenant).items():
        status, _, text = error(tenant.call("GET", f"v1.0/{listed}", headers=headers))
        assert status == 403
        assert text.startswith(f"Missing role permissions on the request. API requires one of '{permission}")
        assert text.endswith("Roles on the request 'Mail.Read'.")


def test_lists_are_for_applications_only(tenant: GraphWorld) -> None:
    tenant_ids, scopes = (tenant.ann.tenant_id,), ("Chat.Read", "ChannelMessage.Read.All")
    tenant.entra.register(Application(client_id=APP, tenant_ids=tenant_ids, scopes=scopes, public_client=True))
    headers = bearer_of(tenant, tenant.ann)
    for listed in _lists(tenant):
        status, _, text = error(tenant.call("GET", f"v1.0/{listed}", headers=headers))
        assert (status, text) == (403, "Requested API is not supported in delegated context.")


NOT_ALLOWED: list[tuple[str, dict[str, object]]] = [
    ("teams", {"top": 1000}),
    ("teams", {"filter": "visibility eq 'private'"}),
    ("teams", {"select": "nonsense"}),
    ("users", {"top": 1000}),
    ("users", {"search": "x"}),
    ("channels", {"top": 5}),
    ("channels", {"expand": "members"}),
    ("members", {"top": 5}),
    ("members", {"select": "id"}),
    ("chats", {"top": 51}),
    ("chats", {"expand": "messages"}),
    ("chats/messages", {"orderby": "lastModifiedDateTime asc"}),
    ("chats/messages", {"orderby": "lastModifiedDateTime"}),
    ("teams/messages", {"filter": "lastModifiedDateTime gt 2020-01-01T00:00:00Z"}),
    ("teams/messages", {"expand": "hostedContents"}),
    ("replies", {"expand": "replies"}),
]


def test_each_list_takes_its_own_options(tenant: GraphWorld, app: Reader) -> None:
    lists = list(_lists(tenant))
    for name, options in NOT_ALLOWED:
        collection, within = name.rpartition("/")[2], name.rpartition("/")[0]
        asked = [each for each in lists if each.endswith(collection) and each.startswith(within)]
        assert asked
        for listed in asked:
            assert error(app.get(listed, **options))[:2] == (400, "BadRequest"), (listed, options)


def test_list_in_what_the_tenant_does_not_have_is_404(tenant: GraphWorld, app: Reader, team: Path) -> None:
    elsewhere = another_tenant(tenant)
    chat, channel = elsewhere.new_chat(), ("teams", team[1], "channels", "19:0123456789abcdef@thread.tacv2")
    for listed in [
        address(*chat, "members"),
        address(*new_channel(elsewhere)[:2], "channels"),
        address(*channel, "members"),
        address(*channel, "messages", "1", "replies"),
        f"users/{elsewhere.ann.id}/chats",
    ]:
        assert app.status(listed) == 404, listed
    assert app.ids("teams") == [team[1]]
    tenant.do(lambda: tenant.teams.teams.delete(team))
    assert [app.status(address(*team, name)) for name in ("channels", "members")] == [404] * 2


def test_lists_are_throttled_by_team_channel_and_user(tenant: GraphWorld, app: Reader, team: Path) -> None:
    general = (*team, "channels", app.ids(address(*team, "channels"))[0])
    tenant.graph.throttle.enabled = True
    for listed, allowed in [
        (address(*team, "channels"), 4),
        (address(*team, "members"), 4),
        (address(*general, "members"), 1),
        (f"users/{tenant.ann.id}/chats", 1),
    ]:
        tenant.later(seconds=11)
        statuses = [app.status(listed) for _ in range(allowed + 1)]
        assert statuses == [200] * allowed + [429], listed
