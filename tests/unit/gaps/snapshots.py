"""What the tests of snapshots share: gaps of a team's members, entries, lists, and fixtures that have them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.errors import Problem
from shared.gaps.gap import Gap, GapCause, GapState
from shared.gaps.snapshot import SnapshotEntry, fingerprint_of
from shared.subscriptions.tracked import TrackedSubscription
from tests.fakes.catch_up_fixture import CatchUpFixture
from tests.fakes.gap_values import BEFORE, GAP
from tests.fakes.subscription_values import ROW, WANTED
from tests.sender import TENANT

TEAM, OTHER = "3fa85f64-5717-4562-b3fc-2c963f66afa6", "3fa85f64-5717-4562-b3fc-2c963f66afa7"
TEAMS, OF_TEAM = "/v1.0/teams", f"/v1.0/teams/{TEAM}/members"
MEMBERS = f"teams/{TEAM}/members"
OWNER = {"roles": ["owner"]}
# Graph's retry period, and a little.
RECHECK_AFTER = timedelta(hours=4, minutes=5)


def row_of(gap: Gap) -> TrackedSubscription:
    wanted = replace(WANTED, resource=gap.resource, change_types=gap.change_types)
    return replace(ROW, desired=wanted, etag=None)


def gap_in(resource: str, **changes: Any) -> Gap:
    """Return the gap of a subscription to the resource."""
    gap = replace(GAP, resource=resource, **changes)
    return replace(gap, subscription_key=row_of(gap).key)


IN_TEAM = gap_in(f"/{MEMBERS}")
ALL_CHANNELS = gap_in("/teams/getAllChannels")


def baseline_of(gap: Gap) -> Gap:
    return replace(gap, cause=GapCause.BASELINE, since=BEFORE, until=BEFORE, state=GapState.BASELINED, ended_at=BEFORE)


def subscribed(gap: Gap, *rows: Gap) -> CatchUpFixture:
    """Return a fixture with the subscription of a gap, and with rows in the table of gaps."""
    world = CatchUpFixture(*rows)
    world.tracking.save(row_of(gap))
    return world


def world_of(gap: Gap) -> CatchUpFixture:
    """Return a fixture with a gap, and a complete snapshot from before it."""
    return subscribed(gap, gap, baseline_of(gap))


def world_of_members(*pages: list[Mapping[str, Any]] | Problem, **known: dict[str, Any]) -> CatchUpFixture:
    """Return a fixture with a gap of a team's members: pages of the list, and the snapshot's entries by their ids."""
    world = world_of(IN_TEAM)
    record(world, MEMBERS, **known)
    world.lists[OF_TEAM] = list(pages)
    return world


def entry(
    id_: str, thing: Mapping[str, Any] | None = None, *, collection: str = MEMBERS, **changes: Any
) -> SnapshotEntry:
    fingerprint = None if thing is None else fingerprint_of(collection, thing)
    return SnapshotEntry(tenant_id=TENANT, subject=f"{collection}/{id_}", fingerprint=fingerprint, **changes)


def record(world: CatchUpFixture, collection: str, **things: dict[str, Any]) -> None:
    for id_, thing in things.items():
        world.known.note(entry(id_, thing, collection=collection))
    world.known.notes.clear()


def page(**things: dict[str, Any]) -> list[Mapping[str, Any]]:
    return [{"id": id_} | thing for id_, thing in things.items()]


def channels(**things: dict[str, Any]) -> dict[str, Any]:
    """Return Graph's lists of two teams with the same channels."""
    of_teams = {f"{TEAMS}/{id_}/channels": [page(**things)] for id_ in (TEAM, OTHER)}
    return {TEAMS: [[{"id": OTHER}, {"id": TEAM}]]} | of_teams


def published(world: CatchUpFixture) -> list[str]:
    return sorted(f"{event.type.removeprefix('Microsoft.Graph.')} {event.subject}" for event in world.published)
