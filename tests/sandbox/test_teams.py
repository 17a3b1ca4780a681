"""The simulated Teams: ids, entities and changes have the form that Microsoft's samples show."""

import base64
import re
from datetime import timedelta

import pytest

from tests.sandbox.teams_scene import Scene

GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_two_people_have_a_one_on_one_chat_with_an_id_made_of_theirs(scene: Scene) -> None:
    chat = scene.teams.chats.create([scene.ann, scene.bob])
    assert re.fullmatch(rf"19:{GUID}_{GUID}@unq\.gbl\.spaces", chat[1])
    assert scene.get(chat)["chatType"] == "oneOnOne"


def test_three_people_or_a_topic_make_a_group_chat(scene: Scene) -> None:
    for members, topic in (([scene.ann, scene.bob, scene.cem], None), ([scene.ann, scene.bob], "Lunch")):
        chat = scene.teams.chats.create(members, topic=topic)
        assert re.fullmatch(r"19:[0-9a-f]{32}@thread\.v2", chat[1])
        assert scene.get(chat)["chatType"] == "group"


def test_membership_id_is_base64_of_what_it_joins(scene: Scene) -> None:
    chat = scene.teams.chats.create([scene.ann, scene.bob])
    member = scene.get(chat)["members"][1]
    assert base64.b64decode(member["id"]).decode() == f"0##{scene.tenant}##{chat[1]}##{scene.bob.id}"


def test_message_ids_are_epoch_milliseconds_unique_in_their_chat_only(scene: Scene) -> None:
    chats = [scene.teams.chats.create([scene.ann, scene.bob], topic=topic) for topic in ("a", "b")]
    ids = [scene.teams.messages.send(chats[0], scene.ann, "x")[-1] for _ in range(50)]
    assert len(set(ids)) == 50
    assert abs(int(ids[0]) / 1000 - scene.clock.now().timestamp()) < 5
    scene.teams.messages.send(chats[1], scene.ann, "x")


def test_reply_names_its_root_and_its_channel(scene: Scene) -> None:
    team = scene.teams.teams.create(scene.ann, "Rockets")
    channel = scene.teams.channels.create(team, "Talk")
    root = scene.teams.messages.send(channel, scene.ann, "Ready?")
    reply = scene.teams.messages.reply(root, scene.bob, "Ready.")
    assert reply == (*root, "replies", reply[-1])
    entity = scene.get(reply)
    assert entity["replyToId"] == root[-1]
    assert entity["channelIdentity"] == {"teamId": team[1], "channelId": channel[-1]}
    assert entity["chatId"] is None


def test_every_change_of_a_message_gives_it_a_later_etag(scene: Scene) -> None:
    message = scene.teams.messages.send(scene.teams.chats.create([scene.ann, scene.bob]), scene.ann, "x")
    scene.teams.messages.edit(message, "y")
    scene.teams.messages.react(message, scene.bob, "heart")
    etags = [int(change.entity["etag"]) for change in scene.changes if change.path == message]
    assert etags == sorted(set(etags))
    assert len(etags) == 3


def test_mention_is_in_the_body_and_in_the_mentions(scene: Scene) -> None:
    chat = scene.teams.chats.create([scene.ann, scene.bob])
    entity = scene.get(scene.teams.messages.send(chat, scene.ann, "look & see", mentions=[scene.bob]))
    assert entity["body"] == {"contentType": "html", "content": '<p><at id="0">Bob Burns</at> look &amp; see</p>'}
    assert entity["mentions"][0]["mentioned"]["user"]["id"] == scene.bob.id


def test_same_seed_gives_the_same_ids() -> None:
    def ids(scene: Scene) -> list[str]:
        return [scene.tenant, scene.ann.id, scene.teams.chats.create([scene.ann, scene.bob], topic="x")[1]]

    assert ids(Scene(seed=3)) == ids(Scene(seed=3)) != ids(Scene(seed=4))


def test_times_come_from_the_clock(scene: Scene) -> None:
    scene.clock.advance(timedelta(days=400))
    chat = scene.teams.chats.create([scene.ann, scene.bob])
    assert scene.get(chat)["createdDateTime"].startswith(f"{scene.clock.now():%Y-%m-%d}")


def test_returned_entity_is_a_copy(scene: Scene) -> None:
    chat = scene.teams.chats.create([scene.ann, scene.bob])
    scene.get(chat)["members"].clear()
    assert len(scene.get(chat)["members"]) == 2


def test_impossible_operation_is_an_error(scene: Scene) -> None:
    chats, channels, messages = scene.teams.chats, scene.teams.channels, scene.teams.messages
    team, chat = scene.teams.teams.create(scene.ann, "Rockets"), chats.create([scene.ann, scene.bob])
    standard = channels.create(team, "Talk")
    private = channels.create(team, "Secret", membership_type="private")
    message = messages.send(chat, scene.ann, "x")
    with pytest.raises(ValueError, match="two"):
        chats.create([scene.ann])
    with pytest.raises(ValueError, match="only messages of channels"):
        messages.reply(message, scene.bob, "y")
    with pytest.raises(ValueError, match="joining its team"):
        channels.add_member(standard, scene.bob)
    for channel in (standard, private):
        with pytest.raises(ValueError, match="only shared channels"):
            channels.sharing.share(channel, team)
    with pytest.raises(LookupError):
        messages.send(("chats", "19:0@thread.v2"), scene.ann, "x")


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


def test_members_of_private_and_shared_channels_have_other_ids(scene: Scene) -> None:
    team = scene.teams.teams.create(scene.ann, "Host")
    private = scene.teams.channels.create(team, "Ours", membership_type="private")
    shared = scene.teams.channels.create(team, "Ours", membership_type="shared")
    for channel, prefix in ((private, "0##2##"), (shared, "0##3##")):
        member = scene.teams.channels.add_member(channel, scene.bob)
        assert base64.b64decode(member[-1]).decode().startswith(prefix)


def test_roles_in_a_chat_update_the_chat_too(scene: Scene) -> None:
    chat = scene.teams.chats.create([scene.ann, scene.bob], topic="Lunch")
    member = scene.teams.chats.add_member(chat, scene.cem)
    scene.recent()
    scene.teams.chats.set_roles(member, ("owner",))
    assert scene.recent() == [("updated", "members"), ("updated", "chats")]
    assert scene.get(chat)["members"][-1]["roles"] == ["owner"]


# The properties of the "Decrypted ..." samples of Microsoft's articles of 2021 and 2022.
CHAT = (
    "id topic createdDateTime lastUpdatedDateTime chatType members messages installedApps tabs permissionGrants "
    "operations"
)
MEMBER = "userId email tenantId id roles displayName visibleHistoryStartDateTime user"
MESSAGE = (
    "id replyToId etag messageType createdDateTime lastModifiedDateTime lastEditedDateTime deletedDateTime subject "
    "summary chatId importance locale webUrl from body channelIdentity attachments mentions policyViolation reactions "
    "replies hostedContents"
)


@pytest.mark.parametrize(("collection", "names"), [("chats", CHAT), ("members", MEMBER), ("messages", MESSAGE)])
def test_entities_have_the_properties_of_the_published_samples(scene: Scene, collection: str, names: str) -> None:
    scene.teams.messages.send(scene.teams.chats.create([scene.ann, scene.bob]), scene.ann, "test")
    entity = next(change.entity for change in scene.changes if change.path[-2] == collection)
    assert set(names.split()) <= entity.keys()
