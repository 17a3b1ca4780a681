"""The other types of the catalogue: one sample item each, sent like everything else, and what filters let through."""

from urllib.parse import quote

import pytest

from sandbox.graph.errors import Refused
from sandbox.graph.store import Subscriptions
from sandbox.teams.sample_items import NAMES, SAMPLE_ITEMS
from tests.sandbox.graph.reporting import reported, subscription
from tests.sandbox.teams_scene import Scene

APP_ID, CALL = NAMES["app"], NAMES["call"]
INSTALLATIONS = f"appCatalogs/teamsApps/{APP_ID}/installations"
CALL_RECORDS = "communications/callRecords"
INTERACTIONS = "copilot/interactionHistory/getAllEnterpriseInteractions"
TEAMS_COPILOT, WORD_COPILOT = "IPM.SkypeTeams.Message.Copilot.Teams", "IPM.SkypeTeams.Message.Copilot.Word"
ORGANIZERS = "solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['{}'])"
EMERGENCY = f"communications/calls/getEmergencyEventsByPolicy(policyName='{NAMES['policy']}')"
CALL_EVENTS = f"communications/onlineMeetings(joinWebUrl='{quote(NAMES['joinWebUrl'], safe='')}')/meetingCallEvents"


SPELLINGS = {
    "adHocTranscript1": "users/{user}/adhoccalls/{call}/transcripts('{id}')",
    "adHocTranscript2": "users/{user}/adhocCalls/{call}/transcripts/{id}",
    "adHocRecording1": "users/{user}/adhoccalls('{call}')/recordings('{id}')",
    "adHocRecording2": "users/{user}/adhoccalls/adhocCalls/{call}/recordings('{id}')",
    "webinar": "solutions/virtualEvents/events/",
    "callEvent": CALL_EVENTS,
    "emergencyCallEvent": EMERGENCY,
    "presence": "communications/presences/{user}",
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_sample_item_is_spelled_as_published(name: str) -> None:
    scene = Scene()
    change = scene.teams.samples.report(name, scene.ann)
    assert change.resource == SPELLINGS[name].format(user=scene.ann.id, call=CALL, id=change.path[-1])
    assert scene.changes == [change]
    assert scene.teams.get(change.path, tenant_id=scene.tenant) is None


def test_virtual_event_is_named_by_its_own_path() -> None:
    scene = Scene()
    change = scene.teams.samples.report("webinar", scene.ann)
    itself = f"solutions/virtualEvents/webinars/{change.path[-1]}/"
    assert (change.resource_id, change.odata_id) == (itself, itself)


def test_two_items_of_one_moment_have_different_ids() -> None:
    scene = Scene()
    assert len({scene.teams.samples.report("aiInteraction", scene.ann).path for _ in range(3)}) == 3


def test_unknown_sample_item_is_an_error() -> None:
    scene = Scene()
    with pytest.raises(KeyError, match="hologram"):
        scene.teams.samples.report("hologram", scene.ann)


@pytest.mark.parametrize(
    ("resource", "name", "names", "expected"),
    [
        (f"{CALL_RECORDS}?$filter=participants/any(p:p/id eq '{{ann}}')", "callRecord", {}, True),
        (f"{CALL_RECORDS}?$filter=participants/any(p:p/id in ('{{ann}}', '{{bob}}'))", "callRecord", {}, True),
        (f"{CALL_RECORDS}?$filter=participants/any(p:p/id in ('{{bob}}'))", "callRecord", {}, False),
        (f"{INTERACTIONS}?$filter=appClass eq '{TEAMS_COPILOT}'", "aiInteraction", {}, True),
        (f"{INTERACTIONS}?$filter=appClass ne '{TEAMS_COPILOT}'", "aiInteraction", {}, False),
        (f"{INTERACTIONS}?$filter=appClass eq '{TEAMS_COPILOT}'", "aiInteraction", {"appClass": WORD_COPILOT}, False),
        (f"{INTERACTIONS}?$filter=appClass ne '{TEAMS_COPILOT}'", "aiInteraction", {"appClass": WORD_COPILOT}, True),
        (ORGANIZERS.format("{ann}"), "webinar", {}, True),
        (ORGANIZERS.format("{bob}"), "webinar", {}, False),
    ],
)
def test_filter_chooses_among_sample_items(resource: str, name: str, names: dict[str, str], expected: bool) -> None:  # noqa: FBT001  a column of the table
    scene = Scene()
    change = scene.teams.samples.report(name, scene.ann, **names)
    assert reported(scene, resource.format(ann=scene.ann.id, bob=scene.bob.id)) == [change] * expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # Updates in chats never come: a known issue of Graph's.
        ("", ["groupChat created", "groupChat deleted", "team created", "team updated", "team deleted"]),
        ("?$filter=scopeInfo/scope eq 'groupChat'", ["groupChat created", "groupChat deleted"]),
        (
            "?$filter=(scopeInfo/scope eq 'personal' or scopeInfo/scope eq 'team')",
            ["team created", "team updated", "team deleted"],
        ),
        (
            "?useResourceSpecificConsentBasedAuthorization=true",
            ["groupChat created", "team created", "team updated"],
        ),
    ],
)
def test_installations_are_reported_by_scope_and_consent(query: str, expected: list[str]) -> None:
    scene = Scene()
    for scope in ("groupChat", "team"):
        for change_type in SAMPLE_ITEMS["teamsAppInstallation"].change_types:
            scene.teams.samples.report("teamsAppInstallation", scene.ann, change_type, scope=scope)
    changes = reported(scene, f"{INSTALLATIONS}{query}")
    assert [f"{change.context['scope'][0]} {change.change_type}" for change in changes] == expected


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (f"{INTERACTIONS}?$filter=from/user/id eq 'x'", "The filter is not supported"),
        (f"{INSTALLATIONS}?$filter=scopeInfo/scope eq 'everywhere'", "The filter is not supported"),
        (f"{CALL_RECORDS}?$filter=organizer/id eq 'x'", "The filter is not supported"),
        (EMERGENCY, "Subscriptions to emergencyCallEvent only support rich notifications."),
    ],
)
def test_undocumented_filter_or_form_is_refused(resource: str, message: str) -> None:
    with pytest.raises(Refused, match=message) as caught:
        reported(Scene(), resource)
    assert caught.value.status == 400


def test_second_list_of_organizers_is_over_the_quota() -> None:
    scene = Scene()
    store = Subscriptions(scene.clock)
    store.add(subscription(scene, ORGANIZERS.format(scene.ann.id)))
    with pytest.raises(Refused) as caught:
        store.add(subscription(scene, ORGANIZERS.format(scene.bob.id)))
    assert caught.value.status in {403, 409}
