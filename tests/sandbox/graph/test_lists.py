"""Who and what there is, as Graph lists it: teams, channels, chats, members and users."""

from datetime import timedelta

import pytest

from sandbox.graph.paths import odata
from sandbox.graph.throttle import LIMITS, Limit
from sandbox.serving import Fault
from sandbox.teams import Path, User
from tests.sandbox.graph_reader import Reader, address, another_tenant, plain, reader, reader_for
from tests.sandbox.graph_world import POWERLESS_APP, GraphWorld, error

pytestmark = pytest.mark.slow


def _team(tenant: GraphWorld, name: str = "Rockets") -> Path:
    return tenant.do(lambda: tenant.teams.teams.create(tenant.ann, name))


def _user(tenant: GraphWorld, name: str) -> User:
    return tenant.do(lambda: tenant.teams.add_user(tenant.ann.tenant_id, name))


def test_teams_are_listed_with_four_properties_and_the_others_null(tenant: GraphWorld, app: Reader) -> None:
    """ "… only populates the id, displayName, description, and visibility properties." """
    team = _team(tenant)
    (listed,) = app.all("teams")
    whole = app.get(odata(team)).json()
    assert {name for name, value in listed.items() if value is not None} == {
        "id", "displayName", "description", "visibility"
    }  # fmt: skip
    assert listed.keys() == whole.keys() - {"@odata.context"}
    assert listed["id"] == whole["id"]


def test_teams_can_be_chosen_counted_and_paged(tenant: GraphWorld, app: Reader) -> None:
    teams = [_team(tenant, name)[1] for name in ("Alpha", "Aft", "Beta's")]
    assert sorted(app.ids("teams", top=1)) == sorted(teams)
    assert sorted(app.ids("teams", filter="startswith(displayName, 'a')", top=2)) == sorted(teams[:2])
    assert app.ids("teams", filter="displayName eq 'Beta''s'") == [teams[2]]
    assert app.ids("teams", filter="displayName eq 'x or y'") == []
    assert app.all("teams", filter="displayName eq 'Alpha'", select="displayName") == [{"displayName": "Alpha"}]
    counted = app.get("teams", count="true", top=1).json()
    assert (counted["@odata.count"], len(counted["value"])) == (3, 1)
    tenant.do(lambda: tenant.teams.teams.delete(("teams", teams[0])))
    assert sorted(app.ids("teams")) == sorted(teams[1:])


def test_channels_of_a_team_and_those_that_others_share_with_it(tenant: GraphWorld, app: Reader) -> None:
    team, other = _team(tenant), _team(tenant, "Guests")
    channel = tenant.do(lambda: tenant.teams.channels.create(team, "Fuel", membership_type="shared"))
    tenant.do(lambda: tenant.teams.channels.sharing.share(channel, other))
    own = app.all(address(*team, "channels"))
    assert {item["displayName"] for item in own} == {"General", "Fuel"}
    assert channel[-1] in {item["id"] for item in own}
    assert app.ids(address(*team, "channels"), filter="membershipType eq 'shared'") == [channel[-1]]
    assert channel[-1] not in app.ids(address(*other, "channels"))
    incoming = [item for item in app.all(address(*other, "allChannels")) if item["id"] == channel[-1]]
    assert plain(incoming[0]) == plain(app.get(odata(channel)).json())
    assert incoming[0]["@odata.id"].split("/")[4:8] == ["tenants", tenant.ann.tenant_id, "teams", team[1]]
    tenant.do(lambda: tenant.teams.channels.delete(channel))
    assert channel[-1] not in app.ids(address(*other, "allChannels"))


def test_members_are_listed_as_they_are_notified(tenant: GraphWorld, app: Reader) -> None:
    chat, team = tenant.new_chat(), _team(tenant)
    member = tenant.do(lambda: tenant.teams.teams.add_member(team, tenant.bob))
    listed = app.all(address(*team, "members"))
    assert {item["userId"] for item in listed} == {tenant.ann.id, tenant.bob.id}
    (found,) = app.all(address(*team, "members"), filter=f"(microsoft.graph.aadUserConversationMember/userId eq '{tenant.bob.id}')")  # fmt: skip  # noqa: E501  as the page has it
    assert plain(found) == tenant.teams.get(member, tenant_id=tenant.ann.tenant_id)
    assert found["@odata.type"] == "#microsoft.graph.aadUserConversationMember"
    entity = tenant.teams.get(chat, tenant_id=tenant.ann.tenant_id)
    assert entity is not None
    by_id = sorted(entity["members"], key=lambda each: each["id"])
    assert [plain(item) for item in app.all(address(*chat, "members"))] == by_id
    tenant.do(lambda: tenant.teams.teams.remove_member(member))
    assert [item["userId"] for item in app.all(address(*team, "members"))] == [tenant.ann.id]


def test_members_of_a_channel_are_the_teams_its_own_or_those_that_share_it(tenant: GraphWorld, app: Reader) -> None:
    team, other = _team(tenant), tenant.do(lambda: tenant.teams.teams.create(tenant.bob, "Guests"))
    general = ("teams", team[1], "channels", app.ids(address(*team, "channels"))[0])
    assert app.ids(address(*general, "members")) == app.ids(address(*team, "members"))
    channel = tenant.do(lambda: tenant.teams.channels.create(team, "Fuel", membership_type="shared"))
    direct = tenant.do(lambda: tenant.teams.channels.add_member(channel, tenant.ann))
    tenant.do(lambda: tenant.teams.channels.sharing.share(channel, other))
    assert app.ids(address(*channel, "members")) == [direct[-1]]
    everybody = app.all(address(*channel, "allMembers"))
    assert {item["userId"] for item in everybody} == {tenant.ann.id, tenant.bob.id}
    indirect = [item for item in everybody if "@microsoft.graph.originalSourceMembershipUrl" in item]
    assert [item["userId"] for item in indirect] == [tenant.bob.id]


def test_users_are_listed_with_the_properties_of_a_list(tenant: GraphWorld, app: Reader) -> None:
    people = [tenant.ann, tenant.bob, _user(tenant, "Cem Cey")]
    listed = app.all("users", top=2)
    assert {item["id"] for item in listed} == {user.id for user in people}
    assert {item["userPrincipalName"] for item in listed} == {user.email for user in people}
    assert listed[0].keys() == {
        "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
        "preferredLanguage", "surname", "userPrincipalName",
    }  # fmt: skip
    assert app.all("users", filter="displayName eq 'Cem Cey'", select="id") == [{"id": people[2].id}]


def test_an_app_lists_the_chats_of_anybody_and_a_user_ones_own(tenant: GraphWorld, app: Reader) -> None:
    """Application permissions work with ``GET /users/{id}/chats`` only, says the page of List chats."""
    chat = tenant.new_chat()
    pair = tenant.do(lambda: tenant.teams.chats.create([tenant.bob, _user_in(tenant)]))
    of_ann, of_bob = (f"users/{user.id}/chats" for user in (tenant.ann, tenant.bob))
    assert app.ids(of_ann) == [chat[1]]
    assert sorted(app.ids(of_bob, top=1)) == sorted([chat[1], pair[1]])
    assert app.ids(of_bob, filter="chatType eq 'oneOnOne'") == [pair[1]]
    assert "members" not in app.all(of_ann)[0]
    assert len(app.all(of_ann, expand="members")[0]["members"]) == 2
    assert app.status("chats") == 400
    for_ann = reader_for(tenant, tenant.ann, "Chat.ReadBasic")
    assert [for_ann.status(listed) for listed in (of_ann, of_bob)] == [200, 403]


def _user_in(tenant: GraphWorld) -> User:
    return tenant.teams.add_user(tenant.ann.tenant_id, "Cem Cey")


def test_a_user_sees_the_teams_and_channels_of_which_one_is_a_member(tenant: GraphWorld) -> None:
    """ "Teams members can't see private or shared channels that they aren't members of …" """
    team = _team(tenant)
    secret = tenant.do(lambda: tenant.teams.channels.create(team, "Secret", membership_type="private"))
    tenant.do(lambda: tenant.teams.teams.add_member(team, tenant.bob))
    scopes = ("Channel.ReadBasic.All", "TeamMember.Read.All", "ChannelMember.Read.All")
    for_bob = reader_for(tenant, tenant.bob, *scopes)
    assert secret[-1] not in for_bob.ids(address(*team, "channels"))
    assert secret[-1] not in for_bob.ids(address(*team, "allChannels"))
    assert for_bob.status(address(*secret, "members")) == 403
    tenant.do(lambda: tenant.teams.channels.add_member(secret, tenant.bob))
    assert secret[-1] in for_bob.ids(address(*team, "channels"))
    assert for_bob.status(address(*secret, "members")) == 200
    for_eve = reader_for(tenant, _user(tenant, "Eve Eames"), *scopes)
    assert for_eve.status(address(*team, "members")) == 403


def test_every_list_needs_its_permission(tenant: GraphWorld) -> None:
    chat, team = tenant.new_chat(), _team(tenant)
    channel = tenant.do(lambda: tenant.teams.channels.create(team, "Fuel"))
    lists = {
        "teams": "Team.ReadBasic.All",
        address(*team, "channels"): "Channel.ReadBasic.All",
        address(*team, "allChannels"): "Channel.ReadBasic.All",
        address(*team, "members"): "TeamMember.Read.All",
        address(*channel, "members"): "ChannelMember.Read.All",
        address(*channel, "allMembers"): "ChannelMember.Read.All",
        address(*chat, "members"): "ChatMember.Read.All",
        f"users/{tenant.ann.id}/chats": "Chat.ReadBasic.All",
        "users": "User.Read.All",
    }
    headers = tenant.bearer(POWERLESS_APP)
    for listed, permission in lists.items():
        status, _, text = error(tenant.call("GET", f"v1.0/{listed}", headers=headers))
        assert status == 403
        assert text.startswith(f"Missing role permissions on the request. API requires one of '{permission}, ")
        assert text.endswith("Roles on the request 'Mail.Read'.")


def test_each_list_takes_its_own_options(tenant: GraphWorld, app: Reader) -> None:
    chat, team = tenant.new_chat(), _team(tenant)
    refused: list[tuple[str, dict[str, object]]] = [
        ("teams", {"top": 1000}),
        ("teams", {"orderby": "displayName"}),
        ("teams", {"filter": "visibility eq 'private'"}),
        ("teams", {"select": "nonsense"}),
        (address(*team, "channels"), {"top": 5}),
        (address(*team, "channels"), {"expand": "members"}),
        (address(*team, "allChannels"), {"filter": "membershipType ne 'shared'"}),
        (address(*team, "members"), {"top": 1000}),
        (address(*chat, "members"), {"top": 5}),
        (address(*chat, "members"), {"select": "id"}),
        (f"users/{tenant.ann.id}/chats", {"top": 51}),
        (f"users/{tenant.ann.id}/chats", {"expand": "messages"}),
        ("users", {"top": 1000}),
        ("users", {"search": "x"}),
    ]
    for listed, options in refused:
        assert error(app.get(listed, **options))[:2] == (400, "BadRequest"), (listed, options)


def test_what_is_not_there_or_another_tenants_is_404(tenant: GraphWorld, app: Reader) -> None:
    team, elsewhere = _team(tenant), another_tenant(tenant)
    chat, channel = elsewhere.new_chat(), ("teams", team[1], "channels", "19:0123456789abcdef@thread.tacv2")
    for listed in [
        address(*chat, "members"),
        address(*_team(elsewhere), "channels"),
        address(*channel, "members"),
        address(*channel, "messages", "1", "replies"),
        f"users/{elsewhere.ann.id}/chats",
    ]:
        assert app.status(listed) == 404, listed
    assert app.ids("teams") == [team[1]]
    tenant.do(lambda: tenant.teams.teams.delete(team))
    assert [app.status(address(*team, name)) for name in ("channels", "allChannels", "members")] == [404] * 3


def test_a_link_leads_on_in_its_own_tenant_only(tenant: GraphWorld, app: Reader) -> None:
    link = app.get("users", top=1).json()["@odata.nextLink"]
    stranger = reader(another_tenant(tenant))
    assert app.status(link) == 200
    assert error(stranger.get(link))[:2] == (400, "BadRequest")


def test_lists_are_throttled_by_team_channel_and_user(tenant: GraphWorld, app: Reader) -> None:
    team, channel = _team(tenant), ("teams", _team(tenant)[1])
    general = (*channel, "channels", app.ids(address(*channel, "channels"))[0])
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


@pytest.mark.parametrize(
    ("kind", "app", "app_and_tenant", "resource"),
    [
        ("listOfTeams", 1500, 30, None),
        ("listOfChannels", 1200, 60, 4),
        ("members", 1200, 60, 4),
        ("listOfChannelMembers", 1200, 60, 1),
        ("listOfChats", 200, 20, 1),
        ("messages", 200, 20, 1),
        ("listOfChannelMessages", 200, 20, 1),
        ("getAllMessages", 1000, 200, None),
        ("anyOther", 1500, 30, 1),
    ],
)
def test_the_limits_of_a_second_are_the_published_ones(
    kind: str, app: int, app_and_tenant: int, resource: int | None
) -> None:
    """Source: https://learn.microsoft.com/en-us/graph/throttling-limits (Microsoft Teams)."""
    window = timedelta(seconds=1)
    assert LIMITS[kind] == Limit(window=window, app=app, app_and_tenant=app_and_tenant, resource=resource)


def test_faults_meet_lists_as_they_meet_everything(tenant: GraphWorld, app: Reader) -> None:
    tenant.graph_service.faults.add(Fault(path="/teams$", status=503, headers={"Retry-After": "3"}, times=1))
    assert [app.status("teams") for _ in range(2)] == [503, 200]
