"""Every published change is recorded in the snapshot, or the POST fails."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import Unavailable
from shared.events.cloud_events import CloudEvent, Provenance
from shared.gaps.snapshot import SnapshotEntry
from shared.gaps.snapshot_recorder import SnapshotRecorder
from shared.timing import Deadline
from tests.fakes.subscription_values import NOW
from tests.sender import CLIENT_ID, OTHER_TENANT, TENANT

LONG = timedelta(seconds=20)


def _event(subject: str, change: str = "Created") -> CloudEvent:
    return CloudEvent(
        id=subject,
        type=f"Microsoft.Graph.ConversationMember{change}",
        source=f"/tenants/{TENANT}/applications/{CLIENT_ID}",
        subject=subject,
        time=NOW,
        data=b"{}",
        provenance=Provenance(tenant_id=TENANT, dedup_key=subject, change_type=change.lower()),
    )


MESSAGE, MEMBER = _event("chats/c/messages/1"), _event("chats/c/members/m")


class Table:
    def __init__(self) -> None:
        self.recorded: list[SnapshotEntry] = []
        self.problem: Exception | None = None
        self.let_go = threading.Event()
        self.let_go.set()

    def note(self, known: SnapshotEntry) -> None:
        self.let_go.wait()
        if self.problem is not None:
            raise self.problem
        self.recorded.append(known)


def _noting(published: list[CloudEvent], table: Table) -> SnapshotRecorder:
    def publish(events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        published.extend(events)

    return SnapshotRecorder(publish, table.note)


def _publish(recorder: SnapshotRecorder, *events: CloudEvent, within: timedelta = LONG) -> None:
    recorder.publish(events, Deadline.after(within))


def test_published_event_is_recorded() -> None:
    published, table = list[CloudEvent](), Table()
    members = [_event(f"chats/c/members/{number}") for number in range(50)]
    _publish(_noting(published, table), MESSAGE, *members)
    assert published == [MESSAGE, *members]
    assert {known.subject for known in table.recorded} == {event.subject for event in members}


def test_last_of_several_changes_is_recorded() -> None:
    table = Table()
    goes, comes = _event(MEMBER.subject, "Deleted"), MEMBER
    _publish(_noting([], table), comes, goes, comes)
    _publish(_noting([], table), comes, goes)
    assert [known.exists for known in table.recorded] == [True, False]


def test_older_event_does_not_overwrite_a_newer_entry() -> None:
    table = Table()
    came, back = _event(MEMBER.subject, "Deleted"), MEMBER
    before = replace(came, time=NOW - timedelta(minutes=1))
    _publish(SnapshotRecorder(lambda _events, _deadline: [back, before], table.note), back, came)
    assert [(known.exists, known.recorded_at) for known in table.recorded] == [(True, NOW)]
    _publish(SnapshotRecorder(lambda _events, _deadline: [before], table.note), came)
    assert [(known.exists, known.recorded_at) for known in table.recorded[1:]] == [(False, before.time)]


def test_things_of_two_tenants_are_two() -> None:
    table = Table()
    there = replace(MEMBER, provenance=replace(MEMBER.provenance, tenant_id=OTHER_TENANT))
    _publish(_noting([], table), MEMBER, there)
    assert {known.tenant_id for known in table.recorded} == {TENANT, OTHER_TENANT}


def test_unpublished_event_is_not_recorded() -> None:
    table = Table()

    def publish(_events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        raise Unavailable("the queue does not answer")

    with pytest.raises(Unavailable):
        _publish(SnapshotRecorder(publish, table.note), MEMBER)
    assert table.recorded == []


@pytest.mark.parametrize("subject", ["chats/c/members/m", "teams/t", "teams/t/channels/c", "teams/t/members/m"])
def test_unrecorded_event_fails_the_post(subject: str) -> None:
    published, table = list[CloudEvent](), Table()
    table.problem = Unavailable("the table known does not answer")
    with pytest.raises(Unavailable):
        _publish(_noting(published, table), _event(subject))
    assert len(published) == 1


@pytest.mark.parametrize("subject", ["chats/c", "chats/c/messages/1"])
def test_chats_and_messages_do_without(subject: str, caplog: pytest.LogCaptureFixture) -> None:
    published, table = list[CloudEvent](), Table()
    table.problem = Unavailable("the table known does not answer")
    with caplog.at_level("INFO"):
        _publish(_noting(published, table), _event(subject))
    assert len(published) == 1
    assert ("may be published again after the next gap" in caplog.text) == (subject == "chats/c")


def test_a_table_that_is_slow_is_given_up_in_time() -> None:
    table = Table()
    table.let_go.clear()
    try:
        with pytest.raises(Unavailable):
            _publish(_noting([], table), MEMBER, within=timedelta(milliseconds=50))
    finally:
        table.let_go.set()
