"""The snapshot of teams, channels and members, and its diff with a list.

Source: https://learn.microsoft.com/graph/api/team-list-members
"""

from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloud_events import CloudEvent, Provenance
from shared.gaps.recovered_events import Change
from shared.gaps.snapshot import SnapshotEntry, diff, entry_from_event, fingerprint_of
from shared.notifications.decryption import ResourceContent
from shared.resources.paths import canonical_path
from tests.fakes.gap_values import AFTER, BEFORE, DURING, GAP, text
from tests.fakes.subscription_values import NOW
from tests.sender import CLIENT_ID, TENANT

MEMBERS, TEAM_PATH = "teams/t/members", "teams/t"
PATH_PARTS = ("teams", "t", "members")


def _event(subject: str, change: str, resource: dict[str, Any] | None = None) -> CloudEvent:
    return CloudEvent(
        id="1",
        type=f"Microsoft.Graph.Something{change}",
        source=f"/tenants/{TENANT}/applications/{CLIENT_ID}",
        subject=subject,
        time=NOW,
        data=b"{}",
        provenance=Provenance(
            tenant_id=TENANT,
            dedup_key="1",
            change_type=change.lower(),
            content=None if resource is None else ResourceContent(json_bytes=b"{}", resource=resource),
        ),
    )


@pytest.mark.parametrize(
    "subject",
    ["teams/t", "teams/t/channels/19:c@thread.tacv2", "teams/t/channels/c/members/m", "chats/c/members/m", "chats/c"],
)
@pytest.mark.parametrize("change", ["Created", "Updated"])
def test_event_gives_the_entry_of_its_item(subject: str, change: str) -> None:
    known = entry_from_event(_event(subject, change, {"displayName": "Sales"}))
    assert known is not None
    assert (known.tenant_id, known.subject, known.exists) == (TENANT, subject, True)
    assert known.fingerprint == fingerprint_of(known.collection, {"displayName": "Sales"})


def test_event_without_content_has_no_fingerprint() -> None:
    assert entry_from_event(_event(TEAM_PATH, "Updated")) == SnapshotEntry(
        tenant_id=TENANT, subject=TEAM_PATH, fingerprint=None
    )


def test_deletion_gives_a_deleted_entry() -> None:
    known = entry_from_event(_event(f"{MEMBERS}/m", "Deleted", {"roles": []}))
    assert known is not None
    assert not known.exists


@pytest.mark.parametrize(
    "subject", ["chats/c/messages/1", "teams/t/channels/c/messages/1", "subscriptions/s", "teams", "", "x/y"]
)
def test_other_events_give_no_entry(subject: str) -> None:
    assert entry_from_event(_event(subject, "Created", {})) is None


@pytest.mark.parametrize("id_", ["MCMjMiMjZGNk==", "a'b", "a/b", "a%2Fb", "ü"])
def test_an_id_is_as_graph_spells_it(id_: str) -> None:
    subject = canonical_path(f"teams/t/members/{quote(id_, safe='')}")
    assert SnapshotEntry(tenant_id=TENANT, subject=subject).id == id_


@pytest.mark.parametrize(
    ("collection", "one", "other"),
    [
        ("chats", {"topic": "A"}, {"topic": "B"}),
        ("teams", {"displayName": "AB"}, {"displayName": "A", "description": "B"}),
        ("chats", {"lastUpdatedDateTime": text(BEFORE)}, {"lastUpdatedDateTime": text(DURING)}),
        ("chats", {"lastUpdatedDateTime": "yesterday"}, {"lastUpdatedDateTime": "today"}),
        ("teams", {"displayName": "A"}, {"displayName": "B"}),
        ("teams", {"visibility": "public"}, {"visibility": "private"}),
        ("teams/t/channels", {"description": None}, {"description": "B"}),
        ("teams/t/channels", {"displayName": "A", "description": "B"}, {"displayName": "B", "description": "A"}),
        (MEMBERS, {"roles": []}, {"roles": ["owner"]}),
        (MEMBERS, {"roles": ["guest"]}, {"roles": ["owner"]}),
    ],
)
def test_fingerprint_depends_on_what_lists_show(collection: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert fingerprint_of(collection, one) != fingerprint_of(collection, other)


@pytest.mark.parametrize(
    ("collection", "one", "other"),
    [
        (
            "chats",
            {"lastUpdatedDateTime": "2026-11-21T07:30:00.5Z"},
            {"lastUpdatedDateTime": "2026-11-21T13:00:00.500+05:30"},
        ),
        ("teams", {"displayName": "A", "isArchived": None}, {"displayName": "A", "isArchived": False}),
        ("teams", {"description": None}, {}),
        (MEMBERS, {"roles": []}, {"roles": None}),
        (MEMBERS, {"roles": ["owner", "guest"]}, {"roles": ["guest", "owner"]}),
        (MEMBERS, {"roles": [], "displayName": "Ann"}, {"roles": [], "displayName": "Ann Ames"}),
    ],
)
def test_what_lists_do_not_show_does_not(collection: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert fingerprint_of(collection, one) == fingerprint_of(collection, other)


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9)


@pytest.mark.slow
@given(st.sampled_from(["chats", "teams", "teams/t/channels", MEMBERS]), st.dictionaries(st.text(), _JSON), _JSON)
def test_any_item_has_a_fingerprint(collection: str, thing: dict[str, Any], value: Any) -> None:
    looks = fingerprint_of(collection, thing | dict.fromkeys(("displayName", "lastUpdatedDateTime", "roles"), value))
    assert len(looks) == 16


# --- Differences

NAMED = {"id": "m", "roles": ["owner"]}


def _known(**looks: str | None) -> dict[str, SnapshotEntry]:
    return {
        id_: SnapshotEntry(tenant_id=TENANT, subject=f"{MEMBERS}/{id_}", fingerprint=each)
        for id_, each in looks.items()
    }


def _found(
    known: dict[str, SnapshotEntry], *listed: dict[str, Any], is_complete: bool = True
) -> list[tuple[str, str, dict[str, Any] | None]]:
    found = diff(PATH_PARTS, known, {thing["id"]: thing for thing in listed}, GAP, is_complete=is_complete)
    return [(each.change_type, each.path_parts[-1], dict(each.item) if each.item else None) for each in found]


def test_unchanged_list_has_no_diff() -> None:
    assert _found(_known(m=fingerprint_of(MEMBERS, NAMED)), NAMED) == []
    assert _found({}) == []


def test_diff_has_additions_changes_and_deletions() -> None:
    known = _known(m=fingerprint_of(MEMBERS, {"roles": []}), gone=fingerprint_of(MEMBERS, {}))
    new = {"id": "new", "roles": []}
    assert _found(known, NAMED, new) == [("updated", "m", NAMED), ("created", "new", new), ("deleted", "gone", None)]


def test_entry_without_a_fingerprint_is_reported_as_updated() -> None:
    assert _found(_known(m=None), NAMED) == [("updated", "m", NAMED)]


@pytest.mark.parametrize(("created", "is_told"), [(BEFORE, False), (DURING, True), (AFTER, False)])
@pytest.mark.parametrize("is_complete", [True, False])
def test_time_of_creation_decides_what_is_new(
    created: datetime,
    is_told: bool,  # noqa: FBT001  a parameter of the test
    is_complete: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    channel = {"id": "c", "createdDateTime": text(created)}
    assert _found({}, channel, is_complete=is_complete) == ([("created", "c", channel)] if is_told else [])


@pytest.mark.parametrize("created", [None, "yesterday", "2026-11-21T07:30:00", 7])
def test_item_without_a_time_is_new_only_after_a_complete_snapshot(created: Any) -> None:
    thing = NAMED | {"createdDateTime": created}
    assert _found({}, thing) == [("created", "m", thing)]
    assert _found({}, thing, is_complete=False) == []


@pytest.mark.parametrize("is_complete", [True, False])
def test_announced_creation_is_told_by_whatever_gap_comes_next(
    is_complete: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    channel = {"id": "c", "createdDateTime": text(BEFORE)}
    announced = {"c": replace(_known(c=None)["c"], is_announced=True)}
    assert _found(announced, channel, is_complete=is_complete) == [("created", "c", channel)]
    assert _found(announced, is_complete=is_complete) == [("deleted", "c", None)]


def test_what_was_known_is_compared_even_where_not_all_was() -> None:
    known = _known(m=fingerprint_of(MEMBERS, {}), gone=fingerprint_of(MEMBERS, {}))
    assert [each[0] for each in _found(known, NAMED, is_complete=False)] == ["updated", "deleted"]


def test_the_length_of_the_gap_counts_and_nothing_else_of_it() -> None:
    channel = {"id": "c", "createdDateTime": text(AFTER)}
    longer = replace(GAP, until=NOW)
    assert list(diff(PATH_PARTS, {}, {"c": channel}, longer, is_complete=True)) == [
        Change(change_type="created", path_parts=(*PATH_PARTS, "c"), item=channel)
    ]
