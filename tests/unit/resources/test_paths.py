"""Teams resources: one spelling of a path, and the name of what it leads to."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.notifications.properties import MAX_TEXT
from shared.resources.paths import canonical_path, is_created_once, subject_of, type_name_of

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
    "users/u/adhocCalls/c/recordings/r": [
        "users/u/adhoccalls/c/recordings('r')",
        "users/u/adhoccalls('c')/recordings('r')",
        "users/u/adhoccalls/adhocCalls/c/recordings('r')",
    ],
    "users/u/adhocCalls/c/transcripts/t": [
        "users/u/adhocCalls/c/transcripts/t",
        "users/u/adhoccalls('c')/transcripts/t",
    ],
    "communications/callRecords/c": ["communications/callRecords/c", "communications/callrecords('c')"],
    "communications/onlineMeetings(joinWebUrl='https:%2F%2Ft%2F19%253am')/meetingCallEvents": [
        "communications/onlineMeetings(joinWebUrl='https%3A%2F%2Ft%2F19%253am')/meetingCallEvents",
        "/communications/onlineMeetings(joinWebUrl='https%3a%2f%2ft%2f19%253am')/meetingcallevents",
    ],
    "solutions/virtualEvents/webinars/w/sessions/s": ["solutions/virtualevents/webinars('w')/sessions('s')/"],
    "copilot/interactionHistory/interactions/1": ["copilot/interactionHistory/interactions('1')"],
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


def test_an_id_may_be_said_twice_and_a_name_may_not() -> None:
    assert canonical_path("users/u/u/chats/chats/c") == "users/u/u/chats/c"


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


_PLAIN_ID = st.text("aA0_.-:@=+!$&(),;*~ ", min_size=1, max_size=6)
_NAME = st.sampled_from(["chats", "Messages", "adhoccalls", "users", "x"])


@given(st.lists(st.tuples(_NAME, _PLAIN_ID), min_size=1, max_size=4))
def test_path_without_escapes_is_read_as_its_url_is(parts: list[tuple[str, str]]) -> None:
    path = "/".join(f"{name}('{id_}')" for name, id_ in parts)
    assert canonical_path(path) == canonical_path(f"https://graph.microsoft.com/v1.0/{path}")


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
        ("#microsoft.graph.conversationMember", "ConversationMember"),
        *[
            (f"#microsoft.graph.{derived}ConversationMember", "ConversationMember")
            for derived in (
                "anonymousGuest",
                "azureCommunicationServicesUser",
                "microsoftAccountUser",
                "phoneUser",
                "skypeForBusinessUser",
                "skypeUser",
                "teamworkUser",
            )
        ],
        ("#Microsoft.Graph.teamsAppInstallation", "TeamsAppInstallation"),
        ("#Microsoft.Graph.callTranscript", "CallTranscript"),
        ("#microsoft.graph.callevent", "CallEvent"),
        ("#Microsoft.Graph.callrecord", "CallRecord"),
        ("#microsoft.graph.callRecords.callRecord", "CallRecord"),
        ("#microsoft.graph.emergencyCallEvent", "EmergencyCallEvent"),
        ("#microsoft.graph.virtualEventRegistration", "VirtualEventRegistration"),
        ("#Microsoft.Graph.aiInteraction", "AiInteraction"),
        ("#microsoft.graph.presence", "Presence"),
        ("#Microsoft.Graph.sharedWithChannelTeamInfo", "SharedWithChannelTeamInfo"),
        ("chat", "Chat"),
    ],
)
def test_the_type_that_graph_states_names_the_resource(odata_type: str, kind: str) -> None:
    assert type_name_of("chats/a", {"@odata.type": odata_type}) == kind


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
        ("communications/callRecords/a", "CallRecord"),
        ("solutions/approval/approvalItems/a", "ApprovalItem"),
        ("solutions/virtualEvents/webinars/a", "VirtualEvent"),
        ("solutions/virtualEvents/townhalls/a/sessions/b", "VirtualEventSession"),
        ("copilot/interactionHistory/interactions/a", "AiInteraction"),
        ("communications/presences/a", "Resource"),
        ("", "Resource"),
    ],
)
def test_without_a_type_the_path_names_the_resource(path: str, kind: str) -> None:
    assert type_name_of(path, {}) == kind


@pytest.mark.parametrize("odata_type", [None, "", "#", 7, "#Microsoft.Graph.", "a b", "chat\u00e9"])
def test_a_type_that_is_no_name_counts_as_none(odata_type: Any) -> None:
    assert type_name_of("chats/a/messages/b", {"@odata.type": odata_type}) == "ChatMessage"


WEBINAR = {"@odata.id": "solutions/virtualEvents/webinars/w/"}


@pytest.mark.parametrize(
    ("resource", "resource_data", "subject"),
    [
        ("solutions/virtualEvents/events/", WEBINAR, "solutions/virtualEvents/webinars/w"),
        ("solutions/virtualEvents/webinars/w/", WEBINAR, "solutions/virtualEvents/webinars/w"),
        ("solutions/virtualEvents/events/", {}, "solutions/virtualEvents/events"),
        ("solutions/virtualEvents/events/", {"@odata.id": 7}, "solutions/virtualEvents/events"),
        ("solutions/virtualEvents/events/", {"@odata.id": "//"}, "solutions/virtualEvents/events"),
        ("solutions/virtualEvents/events/", {"@odata.id": "a" * MAX_TEXT}, "a" * MAX_TEXT),
        # A longer one could outgrow a queue message.
        ("solutions/virtualEvents/events/", {"@odata.id": "a" * (MAX_TEXT + 1)}, "solutions/virtualEvents/events"),
        # Elsewhere the two agree, or the resource is the one to be fetched.
        ("communications/presences/u", {"@odata.id": "users/u/presence"}, "communications/presences/u"),
        ("chats('a')", {"@odata.id": "chats('b')"}, "chats/a"),
    ],
)
def test_the_subject_is_the_resource_but_for_virtual_events(
    resource: str, resource_data: dict[str, Any], subject: str
) -> None:
    """Their ``resource`` is the collection.  Source:
    https://learn.microsoft.com/graph/changenotifications-for-virtualevent.
    """
    assert subject_of(resource, resource_data) == subject


@pytest.mark.parametrize(
    ("kind", "once"),
    [
        ("ChatMessage", True),
        ("CallRecord", True),
        ("VirtualEvent", True),
        # A member can leave and come back under the same id.
        ("ConversationMember", False),
        ("TeamsAppInstallation", False),
        ("SharedWithChannelTeamInfo", False),
        ("Resource", False),
        ("SomethingNew", False),
    ],
)
def test_a_creation_is_known_by_its_path_only_where_there_is_one_in_a_life(kind: str, once: bool) -> None:  # noqa: FBT001  a row
    assert is_created_once(kind) is once
