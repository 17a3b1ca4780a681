"""A user in many chats of 25 members, for backfills of the members of all chats."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from shared.gaps.gap import Gap, GapCause, GapState
from tests.fakes.catch_up_fixture import USERS, CatchUpFixture
from tests.fakes.gap_values import BEFORE, DURING, GAP, text
from tests.fakes.subscription_values import ROW, WANTED
from tests.sender import CHAT

type _Item = Mapping[str, Any]

_MEMBERS = replace(GAP, resource="/chats/getAllMembers", change_types=frozenset({"created", "deleted"}))


def chats_world(chats: int) -> tuple[CatchUpFixture, Gap]:
    """Return a world with a user in many chats of 25 members, all active in the gap, and another user in one."""
    row = replace(
        ROW, desired=replace(WANTED, resource=_MEMBERS.resource, change_types=_MEMBERS.change_types), etag=None
    )
    gap = replace(_MEMBERS, subscription_key=row.key)
    done = replace(gap, cause=GapCause.BASELINE, since=BEFORE, until=BEFORE, state=GapState.BASELINED, ended_at=BEFORE)
    world = CatchUpFixture(gap, done)
    world.tracking.save(row)
    people: list[_Item] = [{"id": f"m{number}", "roles": [], "createdDateTime": text(BEFORE)} for number in range(25)]
    ids = [f"19:{number:05}@thread.v2" for number in range(chats)]
    listed: list[_Item] = [{"id": id_, "lastUpdatedDateTime": text(DURING), "members": people} for id_ in ids]
    new: _Item = {"id": "new", "roles": [], "createdDateTime": text(DURING)}
    world.lists |= {
        USERS: [[{"id": "a"}, {"id": "b"}]],
        "/v1.0/users/a/chats": [listed[start : start + 50] for start in range(0, chats, 50)],
        "/v1.0/users/b/chats": [[{"id": CHAT, "lastUpdatedDateTime": text(DURING), "members": [new]}]],
        **{f"/v1.0/chats/{quote(id_, safe='')}/members": [people] for id_ in ids},
    }
    return world, gap
