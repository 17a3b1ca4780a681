"""Teams resources: one spelling of a path, and the name of what it leads to."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.resources import canonical_path, kind_of

CHAT = "19:1273a016_976f4b31@unq.gbl.spaces"
CHANNEL = "19:4a95f7d8db4c4e7fae857bcebe0623e6@thread.tacv2"
TEAM = "fbe2bf47-16c8-47cf-b4a5-4b9b187c508b"

SPELLINGS = {
    f"chats/{CHAT}": [
        f"chats('{CHAT}')",
        f"/chats('{CHAT}')",
        f"/chats/{CHAT}",
        f"Chats/{CHAT}/",
        f"CHATS('{CHAT}')",
        f"chats/{CHAT.replace(':', '%3A').replace('@', '%40')}",
        f"chats('{CHAT.replace(':', '%3a')}')",
        f"https://graph.microsoft.com/v1.0/chats/{CHAT}",
        f"https://graph.microsoft.us/beta/chats('{CHAT}')",
    ],
    f"teams/{TEAM}/channels/{CHANNEL}/messages/1/replies/2": [
        f"teams('{TEAM}')/channels('{CHANNEL}')/messages('1')/replies('2')",
        f"/teams/{TEAM}/channels/{CHANNEL}/messages/1/replies/2",
        f"Teams('{TEAM}')/Channels/{CHANNEL}/Messages('1')/replies/2",
    ],
    f"teams/{TEAM}/channels/{CHANNEL}/allMembers/MCMj=": [
        f"teams('{TEAM}')/channels('{CHANNEL}')/allMembers('MCMj=')",
        f"teams('{TEAM}')/channels('{CHANNEL}')/allmembers('MCMj%3D')",
    ],
    "chats/a/members/MCMj+%2FU=": ["chats('a')/members('MCMj+/U=')", "chats/a/members/MCMj%2B%2FU%3D"],
    "users/u/onlineMeetings/m/transcripts/t": ["Users/u/onlineMeetings('m')/transcripts('t')"],
    "users/u/adhocCalls/c/recordings/r": ["users/u/adhoccalls/c/recordings('r')"],
    "appCatalogs/teamsApps/a/installations/i": ["appCatalogs/teamsApps('a')/installations('i')"],
    "communications/presences/p": ["/communications/presences/p", "communications/presences('p')"],
    "chats/it%27s/messages/1": ["chats('it''s')/messages('1')", "chats/it%27s/messages/1"],
    "chats/getAllMessages": ["/chats/getAllMessages", "chats/getAllMessages/"],
    "": ["/", "//"],
}


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [(spelling, canonical) for canonical, spellings in SPELLINGS.items() for spelling in (canonical, *spellings)],
)
def test_every_published_spelling_has_one_canonical_path(spelling: str, canonical: str) -> None:
    assert canonical_path(spelling) == canonical


def test_ids_that_differ_in_case_stay_different() -> None:
    assert canonical_path("chats('A')") != canonical_path("chats('a')")


def test_an_id_cannot_pass_for_further_segments() -> None:
    hidden = canonical_path("chats('a/messages/b')")
    assert hidden == "chats/a%2Fmessages%2Fb"
    assert canonical_path("chats/a%2Fmessages%2Fb") == hidden


_PIECES = st.sampled_from(
    [*"/'?", "''", "('", "')", "%27", "%2F", "%25", "%6D", "%ff", "chats", "Users", "https://x/v1.0/"]
)


@given(st.lists(_PIECES | st.text(max_size=4), max_size=12).map("".join))
def test_a_canonical_path_is_its_own_canonical_path(resource: str) -> None:
    canonical = canonical_path(resource)
    assert canonical_path(canonical) == canonical
    assert "//" not in canonical
    assert canonical.isascii()


@pytest.mark.parametrize(
    "piece", ["'", "''", "('", "chats('", "a'('", "')", "/", "%", "%2", "https://", "https://a/", "chats('a''", "é"]
)
def test_hostile_paths_of_the_longest_kind_cost_next_to_nothing(piece: str) -> None:
    resource = (piece * 4096)[:4096]
    begin = time.process_time()
    canonical_path(resource)
    # About a millisecond; a pattern that searches would take seconds or years.
    assert time.process_time() - begin < 0.25


@pytest.mark.parametrize(
    ("odata_type", "kind"),
    [
        ("#Microsoft.Graph.chatMessage", "ChatMessage"),
        ("#Microsoft.Graph.ChatMessage", "ChatMessage"),
        ("#microsoft.graph.chat", "Chat"),
        ("#Microsoft.Graph.Team", "Team"),
        ("#Microsoft.Graph.Teams", "Team"),
        ("#Microsoft.Graph.Channel", "Channel"),
        ("#Microsoft.Graph.aadUserConversationMember", "ConversationMember"),
        ("#microsoft.graph.aadUserConversationMember", "ConversationMember"),
        ("#Microsoft.Graph.teamsAppInstallation", "TeamsAppInstallation"),
        ("#Microsoft.Graph.callTranscript", "CallTranscript"),
        ("#microsoft.graph.callevent", "CallEvent"),
        ("#Microsoft.Graph.sharedWithChannelTeamInfo", "SharedWithChannelTeamInfo"),
        ("chat", "Chat"),
    ],
)
def test_the_type_that_graph_states_names_the_resource(odata_type: str, kind: str) -> None:
    assert kind_of("chats/a", {"@odata.type": odata_type}) == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("chats/a", "Chat"),
        ("chats/a/messages/b", "ChatMessage"),
        ("chats/a/members/b", "ConversationMember"),
        ("teams/a", "Team"),
        ("teams/a/channels/b", "Channel"),
        ("teams/a/channels/b/messages/c/replies/d", "ChatMessage"),
        ("teams/a/channels/b/allMembers/c", "ConversationMember"),
        ("appCatalogs/teamsApps/a/installations/b", "TeamsAppInstallation"),
        ("users/a/onlineMeetings/b/transcripts/c", "CallTranscript"),
        ("users/a/adhocCalls/b/recordings/c", "CallRecording"),
        ("communications/presences/a", "Resource"),
        ("", "Resource"),
    ],
)
def test_without_a_type_the_path_names_the_resource(path: str, kind: str) -> None:
    assert kind_of(path, {}) == kind


@pytest.mark.parametrize("odata_type", [None, "", "#", 7, "#Microsoft.Graph.", "a b", "chat\u00e9"])
def test_a_type_that_is_no_name_counts_as_none(odata_type: Any) -> None:
    assert kind_of("chats/a/messages/b", {"@odata.type": odata_type}) == "ChatMessage"
