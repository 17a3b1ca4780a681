"""What is around Teams: how Graph spells its notifications, and what filters and options let through."""

from collections.abc import Iterator, Mapping
from pathlib import Path as Folder
from typing import Any

import pytest

from sandbox.entra import Application
from sandbox.graph.matching import CATALOGUE
from sandbox.teams import Path
from tests.sandbox.graph_keys import rich
from tests.sandbox.graph_world import APP, SECRET, GraphWorld, error, graph_world

pytestmark = pytest.mark.slow

TEAMS_APP = "95eae4f6-3fcc-429b-9a30-daf93f8f0bb4"
CALL = "1c9ddbc9-82be-46b6-8edd-bf833fe33a03"
URL = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_x%40thread.v2/0"
ENCODED_URL = "https%3A%2F%2Fteams.microsoft.com%2Fl%2Fmeetup-join%2F19%253ameeting_x%2540thread.v2%2F0"
INSTALLATIONS = f"appCatalogs/teamsApps/{TEAMS_APP}/installations"
INTERACTIONS = "copilot/interactionHistory/getAllEnterpriseInteractions"
NAMES = {"call": CALL, "meeting": "MSo1", "policy": "Police", "joinWebUrl": URL, "eventType": "callStarted"}
TEAMS_COPILOT, WORD_COPILOT = "IPM.SkypeTeams.Message.Copilot.Teams", "IPM.SkypeTeams.Message.Copilot.Word"


@pytest.fixture
def world(tmp_path: Folder) -> Iterator[GraphWorld]:
    with graph_world(tmp_path) as it:
        everything = tuple({permission for row in CATALOGUE for permission in row.permissions})
        it.entra.register(Application(client_id=APP, tenant_ids=(it.ann.tenant_id,), secret=SECRET, roles=everything))
        yield it


def watch(world: GraphWorld, resource: str, change_type: str = "created", **changes: Any) -> None:
    soon = world.at(hours=5)
    world.subscribe(version="beta", resource=resource, changeType=change_type, expirationDateTime=soon, **changes)


def make(world: GraphWorld, kind: str, *, context: Mapping[str, tuple[str, ...]] | None = None, **names: str) -> Path:
    known = {**NAMES, "user": world.ann.id, "organizer": world.ann.id, "appClass": TEAMS_COPILOT, **names}
    return world.do(lambda: world.teams.others.create(kind, world.ann.tenant_id, known, context=context or {}))


def told(world: GraphWorld) -> list[dict[str, Any]]:
    world.settle()
    return world.receiver.items


def test_transcripts_and_recordings_of_ad_hoc_calls_are_spelled_in_all_four_published_ways(world: GraphWorld) -> None:
    for each in ("Transcripts", "Recordings"):
        watch(world, f"communications/adhocCalls/getAll{each}")
    paths = [make(world, kind) for kind in ("adHocTranscript", "adHocRecording") for _ in range(2)]
    user, ids = world.ann.id, [path[-1] for path in paths]
    assert sorted(item["resource"] for item in told(world)) == sorted(
        [
            f"users/{user}/adhoccalls/{CALL}/transcripts('{ids[0]}')",
            f"users/{user}/adhocCalls/{CALL}/transcripts/{ids[1]}",
            f"users/{user}/adhoccalls('{CALL}')/recordings('{ids[2]}')",
            f"users/{user}/adhoccalls/adhocCalls/{CALL}/recordings('{ids[3]}')",
        ]
    )


def test_a_meetings_call_events_name_the_organization_and_have_ids_of_their_own(world: GraphWorld) -> None:
    resource = f"communications/onlineMeetings(joinWebUrl='{ENCODED_URL}')/meetingCallEvents"
    watch(world, resource, "updated")
    names = {**NAMES, "joinWebUrl": URL}
    for _ in range(2):
        world.do(lambda: world.teams.others.occur("callEvent", world.ann.tenant_id, names))
    world.do(
        lambda: world.teams.others.occur("callEvent", world.ann.tenant_id, {**names, "joinWebUrl": "https://other"})
    )
    first, second = told(world)
    assert first["organizationId"] == world.ann.tenant_id
    assert first["resource"] == first["resourceData"]["@odata.id"] == second["resource"] == resource
    assert first["resourceData"]["@odata.type"] == "#microsoft.graph.callevent"
    assert first["resourceData"]["id"] != second["resourceData"]["id"]


def test_a_virtual_event_is_created_in_the_collection_and_named_beside_it(world: GraphWorld) -> None:
    watch(world, "solutions/virtualEvents/events")
    webinar = make(world, "webinar")
    (item,) = told(world)
    itself = f"solutions/virtualEvents/webinars/{webinar[-1]}/"
    assert item["resource"] == "solutions/virtualEvents/events/"
    assert (item["resourceData"]["id"], item["resourceData"]["@odata.id"]) == (itself, itself)


def test_a_list_of_organizers_chooses_among_the_events(world: GraphWorld) -> None:
    watch(world, f"solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['{world.ann.id}'])")
    make(world, "webinar", context={"organizer": (world.bob.id,)})
    both = make(world, "webinar", context={"organizer": (world.bob.id, world.ann.id)})
    assert [item["resourceData"]["id"].split("/")[-2] for item in told(world)] == [both[-1]]


def test_a_second_list_of_organizers_is_over_the_quota(world: GraphWorld) -> None:
    path = "solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['{}'])"
    watch(world, path.format(world.ann.id))
    body = world.body(resource=path.format(world.bob.id), changeType="created", expirationDateTime=world.at(hours=5))
    assert error(world.call("POST", "beta/subscriptions", body))[0] in {403, 409}


@pytest.mark.parametrize(
    ("comparison", "calls"),
    [
        ("eq '{ann}'", 1),
        ("in ('{ann}', '{bob}')", 2),
        ("in ('{bob}')", 1),
        ("eq '00000000-0000-0000-0000-000000000000'", 0),
    ],
)
def test_call_records_are_filtered_by_who_took_part(world: GraphWorld, comparison: str, calls: int) -> None:
    who = comparison.format(ann=world.ann.id, bob=world.bob.id)
    watch(world, f"/communications/callRecords?$filter=participants/any(p:p/id {who})")
    for user in (world.ann, world.bob):
        make(world, "callRecord", context={"user": (user.id,)})
    assert len(told(world)) == calls


@pytest.mark.parametrize(
    ("comparison", "classes"),
    [(f"eq '{TEAMS_COPILOT}'", [TEAMS_COPILOT]), (f"ne '{TEAMS_COPILOT}'", [WORD_COPILOT])],
)
def test_interactions_are_filtered_by_their_own_properties(
    world: GraphWorld, comparison: str, classes: list[str]
) -> None:
    watch(world, f"{INTERACTIONS}?$filter=appClass {comparison}")
    made = {make(world, "aiInteraction", appClass=name)[-1]: name for name in (TEAMS_COPILOT, WORD_COPILOT)}
    assert [made[item["resourceData"]["id"]] for item in told(world)] == classes


@pytest.mark.parametrize(
    "resource",
    [
        f"{INTERACTIONS}?$filter=from/user/id eq 'x'",
        f"{INSTALLATIONS}?$filter=scopeInfo/scope eq 'everywhere'",
        "communications/callRecords?$filter=organizer/id eq 'x'",
    ],
)
def test_a_filter_that_no_article_knows_is_refused(world: GraphWorld, resource: str) -> None:
    body = world.body(resource=resource, changeType="created")
    status, _, message = error(world.call("POST", "v1.0/subscriptions", body))
    assert (status, message.partition(" for")[0]) == (400, "The filter is not supported")


def test_emergency_calls_are_told_with_the_resource_only(world: GraphWorld) -> None:
    resource = "communications/calls/getEmergencyEventsByPolicy(policyName='Police')"
    body = world.body(resource=resource, changeType="updated", expirationDateTime=world.at(hours=5))
    status, _, message = error(world.call("POST", "v1.0/subscriptions", body))
    assert (status, message) == (400, "Subscriptions to emergencyCallEvent only support rich notifications.")
    watch(world, resource, "updated", **rich())
    world.do(lambda: world.teams.others.occur("emergencyCallEvent", world.ann.tenant_id, {**NAMES, "user": "Ann"}))
    (item,) = told(world)
    assert (item["resource"], item["organizationId"]) == (resource, world.ann.tenant_id)


def _installations(world: GraphWorld) -> None:
    """Install an app everywhere, have it changed, and take it away again."""
    others = world.teams.others
    places = [world.teams.chats.create([world.ann, world.bob]), world.teams.teams.create(world.ann, "Rockets")]
    for place in (*places, ("users", world.ann.id)):
        installation = others.install(TEAMS_APP, world.ann.tenant_id, place)
        others.update(installation)
        others.uninstall(installation)


@pytest.mark.parametrize(
    ("query", "changes"),
    [
        # Updates in chats never come: a known issue of Graph's.
        ("", ["created", "deleted", *["created", "updated", "deleted"] * 2]),
        ("?$filter=scopeInfo/scope eq 'groupChat'", ["created", "deleted"]),
        (
            "?$filter=(scopeInfo/scope eq 'personal' or scopeInfo/scope eq 'team')",
            ["created", "updated", "deleted"] * 2,
        ),
        ("?useResourceSpecificConsentBasedAuthorization=true", ["created", *["created", "updated"] * 2]),
    ],
)
def test_installations_are_told_by_scope_and_consent(world: GraphWorld, query: str, changes: list[str]) -> None:
    watch(world, f"{INSTALLATIONS}{query}", "created,updated,deleted")
    world.do(lambda: _installations(world))
    assert [item["changeType"] for item in told(world)] == changes


def test_an_app_hears_of_the_chats_that_it_is_installed_in(world: GraphWorld) -> None:
    watch(world, f"appCatalogs/teamsApps/{TEAMS_APP}/installedToChats/getAllMessages")
    chat = world.new_chat()
    world.send("before", chat=chat)
    installation = world.do(lambda: world.teams.others.install(TEAMS_APP, world.ann.tenant_id, chat))
    during = world.send("during", chat=chat)
    world.do(lambda: world.teams.others.uninstall(installation))
    world.send("after", chat=chat)
    assert [item["resourceData"]["id"] for item in told(world)] == [during[0][-1]]


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
def test_indirect_members_of_a_shared_channel_are_told_if_asked_for(
    world: GraphWorld, query: str, changes: list[str]
) -> None:
    teams, channels = world.teams.teams, world.teams.channels
    host = world.do(lambda: teams.create(world.ann, "Host"))
    guest = world.do(lambda: teams.create(world.ann, "Guest"))
    channel = world.do(lambda: channels.create(host, "Suppliers", membership_type="shared"))
    watch(world, f"/teams/{host[1]}/channels/getAllMembers{query}", "created,updated,deleted")
    watch(world, "/teams/getAllChannels/getAllMembers", "created,updated,deleted")

    def live() -> None:
        channels.add_member(channel, world.bob)
        share = channels.sharing.share(channel, guest)
        member = teams.add_member(guest, world.bob)
        teams.set_roles(member, ("owner",))
        teams.remove_member(member)
        channels.sharing.unshare(share)

    world.do(live)
    # The tenant-wide path reports private channels only, and so adds nothing.
    assert [item["changeType"] for item in told(world)] == changes
    indirect = [item for item in told(world) if "/allMembers('" in item["resource"]]
    assert len(indirect) == len(changes) - 1


def test_without_a_role_assignment_there_are_no_validation_tokens(world: GraphWorld) -> None:
    world.subscribe(**rich())
    world.graph.role_assignment_required.add(APP)
    world.send("nobody vouches for this")
    world.graph.role_assignment_required.clear()
    world.send("mended")
    (_, without), (_, mended) = world.receiver.posts
    assert without["validationTokens"] is None
    assert "encryptedContent" in without["value"][0]
    assert len(mended["validationTokens"]) == 1
