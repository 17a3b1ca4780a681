"""The second comparison of a list, once Graph no longer retries notifications from before the first."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Misconfigured, Unavailable
from shared.gaps.gap import GapState
from tests.fakes.catch_up_fixture import SECOND, CatchUpFixture
from tests.fakes.gap_values import BEFORE, GAP
from tests.sender import TENANT
from tests.unit.gaps.snapshots import (
    ALL_CHANNELS,
    IN_TEAM,
    MEMBERS,
    OF_TEAM,
    OTHER,
    OWNER,
    RECHECK_AFTER,
    TEAM,
    channels,
    entry,
    page,
    published,
    record,
    world_of,
    world_of_members,
)


def _compared(*, known: Mapping[str, dict[str, Any]], listed: Mapping[str, dict[str, Any]]) -> CatchUpFixture:
    """Return a world in which a gap was compared, and late notifications arrived afterwards."""
    world = world_of_members(page(**listed))
    assert world.run()["recovered"] == 1
    world.published.clear()
    for id_ in listed.keys() - known.keys():
        world.known.note(entry(id_, exists=False))
    record(world, MEMBERS, **known)
    return world


def test_late_addition_of_a_deleted_member_is_corrected() -> None:
    world = _compared(known={"came": {}}, listed={})
    world.clock.pass_by(RECHECK_AFTER - SECOND)
    assert world.run() == {}
    world.clock.pass_by(SECOND)
    assert world.run() == {"compared again": 1, "events": 1}
    assert published(world) == [f"ConversationMemberDeleted {MEMBERS}/came"]
    assert not [gap for gap in world.gaps.rows.values() if gap.is_recheck]
    assert world.run() == {}


def test_late_deletion_of_a_present_member_is_corrected() -> None:
    world = _compared(known={}, listed={"back": OWNER})
    world.clock.pass_by(RECHECK_AFTER)
    assert world.run() == {"compared again": 1, "events": 1}
    assert published(world) == [f"ConversationMemberCreated {MEMBERS}/back"]


def test_second_deletion_has_another_event_id() -> None:
    """The second look at one gap may come before the first look at the next."""
    world = world_of_members([], comes_and_goes=OWNER)
    for gone in (1, 2):
        world.run()
        assert len({event.id for event in world.published}) == gone
        world.known.note(entry("comes_and_goes", recorded_at=world.clock.now()))
        world.clock.pass_by(RECHECK_AFTER)
    assert published(world) == [f"ConversationMemberDeleted {MEMBERS}/comes_and_goes"] * 2


def test_found_change_has_the_id_of_what_it_differs_from() -> None:
    """A member who goes, comes back and goes again within one gap is found twice, and published twice."""

    def ids(recorded_at: datetime) -> dict[str, str]:
        world = world_of_members(page(back={}, new={}, rises=OWNER))
        for id_ in ("back", "goes", "rises"):
            world.known.note(entry(id_, {}, recorded_at=recorded_at, exists=id_ != "back"))
        world.run()
        assert world.known.there(TENANT, MEMBERS) == {"back", "new", "rises"}
        return {event.subject.rpartition("/")[2]: event.id for event in world.published}

    first, again, later = ids(BEFORE), ids(BEFORE), ids(BEFORE + SECOND)
    assert first == again
    assert {id_ for id_ in first if first[id_] == later[id_]} == {"new"}


def test_recheck_waits_for_parked_posts_from_before_the_gap() -> None:
    world = _compared(known={"came": {}}, listed={})
    world.clock.pass_by(RECHECK_AFTER)
    world.parked = [world.clock.now() - SECOND]
    assert world.run() == {"put off": 1}
    assert world.published == []
    world.clock.pass_by(timedelta(hours=1))
    world.parked = [world.clock.now()]
    assert world.run() == {"compared again": 1, "events": 1}


def test_refused_recheck_leaves_the_gap_recovered() -> None:
    world = _compared(known={}, listed={})
    world.clock.pass_by(RECHECK_AFTER)
    world.lists[OF_TEAM] = [Unavailable("Graph answered 503"), []]
    assert world.run() == {"put off": 1}
    world.lists[OF_TEAM] = [Misconfigured("Graph answered 403")]
    world.clock.pass_by(timedelta(hours=1))
    assert world.run() == {"compared again": 1}
    assert (world.gap_of(IN_TEAM).state, world.published) == (GapState.RECOVERED, [])
    assert world.run() == {}


def test_recheck_of_a_whole_tenant_restarts_and_resumes() -> None:
    world = world_of(ALL_CHANNELS)
    world.lists = channels()
    assert world.run() == {"recovered": 1}
    for id_ in (TEAM, OTHER):
        record(world, f"teams/{id_}/channels", late={})
    world.clock.pass_by(RECHECK_AFTER)
    world.took = SECOND
    assert world.run(time=1.5 * SECOND) == {"to be continued": 1, "events": 1}
    assert world.run() == {"compared again": 1, "events": 1}
    assert published(world) == [f"ChannelDeleted teams/{id_}/channels/late" for id_ in (TEAM, OTHER)]


def test_gap_of_messages_is_not_rechecked() -> None:
    world = CatchUpFixture(GAP)
    world.has("a")
    assert world.run() == {"recovered": 1}
    assert world.gap().state is GapState.RECOVERED
