"""The simulated Teams beyond chats, teams and channels: shared channels, and what the catalogue's rest is about."""

import base64

import pytest

from sandbox.teams.channels import MembershipType
from tests.sandbox.teams_scene import Scene

APP = "95eae4f6-3fcc-429b-9a30-daf93f8f0bb4"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_shared_channel_is_told_with_the_team_and_its_members(scene: Scene) -> None:
    host, guest = (scene.teams.teams.create(scene.ann, name) for name in ("Host", "Guest"))
    channel = scene.teams.channels.create(host, "Suppliers", membership_type="shared")
    scene.told()
    scene.teams.channels.sharing.share(channel, guest)
    share, member = scene.changes
    assert (share.path[-2:], share.entity["displayName"]) == (("sharedWithTeams", guest[1]), "Guest")
    assert member.path[:-1] == (*channel, "allMembers")
    assert base64.b64decode(member.path[-1]).decode() == (
        f"0##4##{scene.tenant}##{guest[1]}_{channel[-1]}##{scene.ann.id}"
    )
    origin = member.entity["@microsoft.graph.originalSourceMembershipUrl"]
    assert origin.startswith(f"tenants/('{scene.tenant}')teams('{guest[1]}')/members/('")


def test_a_channel_that_is_deleted_has_no_indirect_members_any_more(scene: Scene) -> None:
    host, guest = (scene.teams.teams.create(scene.ann, name) for name in ("Host", "Guest"))
    channel = scene.teams.channels.create(host, "Suppliers", membership_type="shared")
    scene.teams.channels.sharing.share(channel, guest)
    scene.teams.channels.delete(channel)
    scene.told()
    scene.teams.teams.add_member(guest, scene.bob)
    assert scene.told() == [("created", "members")]


@pytest.mark.parametrize("membership_type", ["standard", "private"])
def test_only_shared_channels_can_be_shared(scene: Scene, membership_type: MembershipType) -> None:
    team = scene.teams.teams.create(scene.ann, "Host")
    channel = scene.teams.channels.create(team, "Ours", membership_type=membership_type)
    with pytest.raises(ValueError, match="only shared channels"):
        scene.teams.channels.sharing.share(channel, team)


def test_members_of_private_and_shared_channels_have_their_own_form_of_id(scene: Scene) -> None:
    team = scene.teams.teams.create(scene.ann, "Host")
    kinds: dict[MembershipType, str] = {"private": "2", "shared": "3"}
    for membership_type, kind in kinds.items():
        channel = scene.teams.channels.create(team, "Ours", membership_type=membership_type)
        member = scene.teams.channels.add_member(channel, scene.bob)
        assert base64.b64decode(member[-1]).decode().startswith(f"0##{kind}##")


def test_roles_in_a_chat_update_the_chat_too(scene: Scene) -> None:
    chat = scene.teams.chats.create([scene.ann, scene.bob], topic="Lunch")
    member = scene.teams.chats.add_member(chat, scene.cem)
    scene.told()
    scene.teams.chats.set_roles(member, ("owner",))
    assert scene.told() == [("updated", "members"), ("updated", "chats")]
    assert scene.get(chat)["members"][-1]["roles"] == ["owner"]


def test_other_things_come_change_and_go_like_everything_else(scene: Scene) -> None:
    names = {"user": scene.ann.id}
    record = scene.teams.others.create("callRecord", scene.tenant, names)
    scene.teams.others.update(record, type="peerToPeer")
    entity = scene.get(record)
    assert (entity["version"], entity["type"], entity["organizer"]["user"]["id"]) == (2, "peerToPeer", scene.ann.id)
    assert scene.teams.get(record, tenant_id=scene.teams.add_tenant()) is None
    scene.teams.others.delete(record)
    assert scene.teams.get(record, tenant_id=scene.tenant) is None
    assert scene.told() == [(each, "callRecords") for each in ("created", "updated", "deleted")]
    with pytest.raises(LookupError):
        scene.teams.others.update(record)


def test_what_occurs_leaves_nothing_behind(scene: Scene) -> None:
    scene.teams.others.occur("emergencyCallEvent", scene.tenant, {"policy": "Police", "user": scene.ann.id})
    (change,) = scene.changes
    assert change.entity["emergencyCallEvent"]["policyName"] == "Police"
    assert scene.teams.get(change.path, tenant_id=scene.tenant) is None


def test_a_kind_that_nobody_knows_and_a_name_that_is_missing_are_told(scene: Scene) -> None:
    with pytest.raises(KeyError, match="hologram"):
        scene.teams.others.create("hologram", scene.tenant, {})
    with pytest.raises(KeyError, match="meeting"):
        scene.teams.others.create("callTranscript", scene.tenant, {"user": scene.ann.id})
    with pytest.raises(KeyError, match="channels"):
        scene.teams.others.install(APP, scene.tenant, ("channels", "x"))


def test_ids_made_of_the_moment_differ_within_a_moment(scene: Scene) -> None:
    names = {"appClass": "x"}
    assert len({scene.teams.others.create("aiInteraction", scene.tenant, names) for _ in range(3)}) == 3
