"""Which subscription reports what: one scene is played, and each resource has its own list of changes."""

import pytest

from sandbox.teams import Path
from tests.sandbox.graph.reporting import reported
from tests.sandbox.graph_world import GUID
from tests.sandbox.teams_scene import Scene


@pytest.fixture(scope="module")
def played() -> tuple[Scene, dict[str, str]]:
    """Return a scene that was played, and the ids of what there was before."""
    scene = Scene()
    team = scene.teams.teams.create(scene.ann, "Rockets")
    chat = scene.teams.chats.create([scene.ann, scene.bob], topic="Lunch")
    channel = scene.teams.channels.create(team, "Secret", membership_type="private")
    scene.changes.clear()
    play_chats(scene, chat)
    play_channels(scene, team, channel)
    stranger = scene.teams.add_user(scene.teams.add_tenant(), "Dee Doe")
    scene.teams.messages.send(scene.teams.chats.create([stranger, stranger], topic="x"), stranger, "elsewhere")
    ids = {"chat": chat[1], "team": team[1], "channel": channel[3], "ann": scene.ann.id, "cem": scene.cem.id}
    return scene, ids


def play_chats(scene: Scene, chat: Path) -> None:
    chats, messages = scene.teams.chats, scene.teams.messages
    chats.rename(chat, "Dinner")
    message = messages.send(chat, scene.bob, "Hungry?", mentions=[scene.ann])
    messages.edit(message, "Thirsty?")
    messages.delete(message)
    chats.remove_member(chats.add_member(chat, scene.cem))
    other = chats.create([scene.bob, scene.cem])
    messages.send(other, scene.cem, "Between us: PIZZA")


def play_channels(scene: Scene, team: Path, channel: Path) -> None:
    teams, channels, messages = scene.teams.teams, scene.teams.channels, scene.teams.messages
    teams.rename(team, "Rovers")
    root = messages.send(channel, scene.ann, "Ready?")
    messages.react(messages.reply(root, scene.bob, "Pizza first."), scene.ann, "like")
    member = channels.add_member(channel, scene.bob)
    channels.set_roles(member, ("owner",))
    channels.remove_member(member)
    member = teams.add_member(team, scene.cem)
    teams.set_roles(member, ("owner",))
    teams.remove_member(member)
    channels.rename(channel, "Open")
    channels.delete(channel)
    teams.delete(teams.create(scene.bob, "Second"))


ROOT, REPLY = "teams/channels/messages", "teams/channels/messages/replies"
MEMBERS_OF_CHANNELS = ["created", "updated", "deleted"]
ROWS: dict[str, list[str]] = {
    "/chats": ["updated chats", "updated chats", "updated chats", "created chats"],
    "/chats/{chat}": ["updated chats"] * 3,
    # Ann is in the first chat only; adding Cem and removing him updates it.
    "/users/{ann}/chats": ["updated chats"] * 3,
    "/chats/getAllMessages": [f"{each} chats/messages" for each in ("created", "updated", "deleted", "created")],
    "/chats/{chat}/messages": [f"{each} chats/messages" for each in ("created", "updated", "deleted")],
    "/chats/{chat}/messages?$search=thirsty": ["updated chats/messages"],
    "/chats/{chat}/messages?$filter=mentions/any(u: u/mentioned/user/id eq '{ann}')": [
        "created chats/messages",
        "updated chats/messages",
    ],
    "/chats/{chat}/messages?$filter=mentions/any(u: u/mentioned/user/id eq '{cem}')": [],
    "/users/{cem}/chats/getAllMessages": ["created chats/messages"],
    "/users/{cem}/chats/getAllMessages?$search=pizza": ["created chats/messages"],
    "/chats/getAllMembers": [f"{each} chats/members" for each in ("created", "deleted", "created", "created")],
    "/chats/{chat}/members": ["created chats/members", "deleted chats/members"],
    "/teams/getAllMessages": [f"created {ROOT}", f"created {REPLY}", f"updated {REPLY}"],
    "/teams/{team}/channels/{channel}/messages": [f"created {ROOT}", f"created {REPLY}", f"updated {REPLY}"],
    "/teams/{team}/channels/{channel}/messages?$search=pizza": [f"created {REPLY}", f"updated {REPLY}"],
    "/teams": ["updated teams", "created teams", "deleted teams"],
    "/teams/{team}": ["updated teams"],
    "/teams/getAllChannels": [f"{each} teams/channels" for each in ("updated", "deleted", "created")],
    "/teams/{team}/channels": [f"{each} teams/channels" for each in ("updated", "deleted")],
    "/teams/{team}/members": [f"{each} teams/members" for each in ("created", "updated", "deleted")],
    "/teams/getAllMembers": [f"{each} teams/members" for each in ("created", "updated", "deleted", "created")],
    "/teams/{team}/channels/getAllMembers": [f"{each} teams/channels/members" for each in MEMBERS_OF_CHANNELS],
    "teams/getAllChannels/getAllMembers": [f"{each} teams/channels/members" for each in MEMBERS_OF_CHANNELS],
}


@pytest.mark.parametrize("resource", ROWS)
def test_subscription_reports_its_own_changes_in_order(played: tuple[Scene, dict[str, str]], resource: str) -> None:
    scene, ids = played
    changes = reported(scene, resource.format(**ids))
    assert [f"{change.change_type} {'/'.join(change.path[::2])}" for change in changes] == ROWS[resource]


def test_subscription_reports_only_its_change_types(played: tuple[Scene, dict[str, str]]) -> None:
    changes = reported(played[0], "/chats/getAllMessages", "deleted")
    assert [change.change_type for change in changes] == ["deleted"]


def test_app_is_notified_of_the_chats_that_it_is_installed_in() -> None:
    scene = Scene()
    people = [scene.ann, scene.bob]
    with_app, without = (scene.teams.chats.create(people, topic="x", app_ids=app_ids) for app_ids in ([GUID], []))
    message = scene.teams.messages.send(with_app, scene.ann, "x")
    scene.teams.messages.send(without, scene.ann, "x")
    changes = reported(scene, f"appCatalogs/teamsApps/{GUID}/installedToChats/getAllMessages")
    assert [change.path for change in changes] == [message]


_INDIRECT, _SUPPRESSED = "notifyOnIndirectMembershipUpdate", "suppressNotificationWhenSharedUnsharedWithTeam"


@pytest.mark.parametrize(
    ("query", "changes"),
    [
        ("", ["created"]),
        (f"?{_INDIRECT}=false", ["created"]),
        # Direct; the guest team as it is shared; Bob joins it, is made an owner, leaves; it is unshared.
        (f"?{_INDIRECT}=true", ["created", "created", "created", "updated", "deleted", "deleted"]),
        (f"?{_INDIRECT}=true&{_SUPPRESSED}=true", ["created", "created", "updated", "deleted"]),
    ],
)
def test_indirect_members_are_reported_only_if_asked_for(query: str, changes: list[str]) -> None:
    scene = Scene()
    teams, channels = scene.teams.teams, scene.teams.channels
    host, guest = (teams.create(scene.ann, name) for name in ("Host", "Guest"))
    channel = channels.create(host, "Suppliers", membership_type="shared")
    scene.changes.clear()
    channels.add_member(channel, scene.bob)
    share = channels.sharing.share(channel, guest)
    member = teams.add_member(guest, scene.bob)
    teams.set_roles(member, ("owner",))
    teams.remove_member(member)
    channels.sharing.unshare(share)
    found = reported(scene, f"/teams/{host[1]}/channels/getAllMembers{query}")
    assert [change.change_type for change in found] == changes
    assert [change.path[-2] for change in found] == ["members", *["allMembers"] * (len(changes) - 1)]
    # The tenant-wide path reports private channels only.
    assert reported(scene, "/teams/getAllChannels/getAllMembers") == []
