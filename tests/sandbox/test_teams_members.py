"""The members of the simulated chats and channels: their ids, and who is in a shared channel through a team."""

import base64

import pytest

from sandbox.teams.channels import MembershipType
from tests.sandbox.teams_scene import Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_shared_channel_is_reported_with_the_team_and_its_members(scene: Scene) -> None:
    host, guest = (scene.teams.teams.create(scene.ann, name) for name in ("Host", "Guest"))
    channel = scene.teams.channels.create(host, "Suppliers", membership_type="shared")
    scene.recent()
    scene.teams.channels.sharing.share(channel, guest)
    share, member = scene.changes
    assert (share.path[-2:], share.entity["displayName"]) == (("sharedWithTeams", guest[1]), "Guest")
    assert member.path[:-1] == (*channel, "allMembers")
    assert base64.b64decode(member.path[-1]).decode() == (
        f"0##4##{scene.tenant}##{guest[1]}_{channel[-1]}##{scene.ann.id}"
    )
    origin = member.entity["@microsoft.graph.originalSourceMembershipUrl"]
    assert origin.startswith(f"tenants/('{scene.tenant}')teams('{guest[1]}')/members/('")


def test_deleted_channel_has_no_indirect_members(scene: Scene) -> None:
    host, guest = (scene.teams.teams.create(scene.ann, name) for name in ("Host", "Guest"))
    channel = scene.teams.channels.create(host, "Suppliers", membership_type="shared")
    scene.teams.channels.sharing.share(channel, guest)
    scene.teams.channels.delete(channel)
    scene.recent()
    scene.teams.teams.add_member(guest, scene.bob)
    assert scene.recent() == [("created", "members")]


@pytest.mark.parametrize("membership_type", ["standard", "private"])
def test_only_shared_channels_can_be_shared(scene: Scene, membership_type: MembershipType) -> None:
    team = scene.teams.teams.create(scene.ann, "Host")
    channel = scene.teams.channels.create(team, "Ours", membership_type=membership_type)
    with pytest.raises(ValueError, match="only shared channels"):
        scene.teams.channels.sharing.share(channel, team)


def test_members_of_private_and_shared_channels_have_other_ids(scene: Scene) -> None:
    team = scene.teams.teams.create(scene.ann, "Host")
    kinds: dict[MembershipType, str] = {"private": "2", "shared": "3"}
    for membership_type, kind in kinds.items():
        channel = scene.teams.channels.create(team, "Ours", membership_type=membership_type)
        member = scene.teams.channels.add_member(channel, scene.bob)
        assert base64.b64decode(member[-1]).decode().startswith(f"0##{kind}##")


def test_roles_in_a_chat_update_the_chat_too(scene: Scene) -> None:
    chat = scene.teams.chats.create([scene.ann, scene.bob], topic="Lunch")
    member = scene.teams.chats.add_member(chat, scene.cem)
    scene.recent()
    scene.teams.chats.set_roles(member, ("owner",))
    assert scene.recent() == [("updated", "members"), ("updated", "chats")]
    assert scene.get(chat)["members"][-1]["roles"] == ["owner"]
