"""Big gaps: they end in the number of runs that is computed, go on where they were, and leave the others their turns.

Each GET takes what Graph allows: 20 a second in a tenant, one a second of a chat or channel.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from shared.gaps.gap import Gap, GapCause, GapState, Step
from shared.graph.client import Page
from tests.fakes.catch_up_fixture import IN_CHAT, ONE_CHAT, SECOND, USERS, CatchUpFixture
from tests.fakes.chats_fixture import chats_world
from tests.fakes.gap_values import GAP, SINCE, UNTIL, message
from tests.fakes.subscription_values import HOUR, MINUTE, NOW
from tests.sender import CHAT

RUN = 9 * MINUTE
PAGE = 999
PER_SECOND = 20


def runs_for(requests: int, *, time: timedelta = RUN, per_second: int = PER_SECOND) -> int:
    """Return the number of runs that so many requests take at the pace that Graph allows.

    Each run but the first begins with the page of the list at which the last one stopped.
    """
    return math.ceil(requests / (per_second * time.total_seconds() - 1))


def requests_for(users: int) -> int:
    """Return how many requests the messages of so many users take: their list, and one for each of them."""
    return users + math.ceil(users / PAGE)


class _Endless(CatchUpFixture):
    """Has so many users, whose ids are numbers, each without messages; its lists are made when they are read."""

    def __init__(self, *gaps: Gap, users: int) -> None:
        super().__init__(*gaps)
        self.users = users

    def read(self, tenant_id: str, path: str) -> Page:
        base, _, query = path.partition("?")
        if base == USERS:
            self.asked.append(path)
            number = int(query.removeprefix("page=")) if query.startswith("page=") else 0
            ids = range(number * PAGE, min((number + 1) * PAGE, self.users))
            following = f"{USERS}?page={number + 1}" if ids.stop < self.users else None
            return Page(items=[{"id": f"u{id_}"} for id_ in ids], next_path=following)
        if base.endswith("/getAllMessages"):
            self.asked.append(path)
            return Page(items=(), next_path=None)
        return super().read(tenant_id, path)


def _runs_until_done(world: CatchUpFixture, gap: Gap, *, time: timedelta = RUN, most: int = 100) -> int:
    for run in range(1, most + 1):
        world.run(time=time)
        if world.gap_of(gap).state is not GapState.OPEN:
            return run
        world.clock.pass_by(5 * MINUTE)
    raise AssertionError(f"the gap is not done after {most} runs")


def test_gap_of_300000_users_takes_28_runs() -> None:
    """Computed; the next test shows that the computation is right, for fewer users in shorter runs."""
    assert runs_for(requests_for(300_000)) == 28


@pytest.mark.slow
def test_gap_of_3000_users_ends_in_the_runs_that_are_computed() -> None:
    users, time = 3_000, RUN / 100
    world = _Endless(GAP, users=users)
    assert _runs_until_done(world, GAP, time=time) == runs_for(requests_for(users), time=time) == 29
    assert (world.gap().state, world.gap().read) == (GapState.RECOVERED, users)


def test_other_gaps_end_in_the_first_run_beside_300000_users() -> None:
    """The other chat's list may be read once a second; the gap of all users does not wait for it either."""
    other = replace(GAP, resource=ONE_CHAT, subscription_key="1" * 32, since=SINCE + MINUTE)
    world = _Endless(GAP, other, users=300_000)
    world.lists[IN_CHAT] = [[message("1")], [message("2")], [message("3")]]
    assert world.run(time=10 * SECOND) == {"to be continued": 1, "recovered": 1, "events": 3}
    assert world.gap_of(GAP).read >= 190


@pytest.mark.slow
def test_many_big_gaps_all_proceed() -> None:
    gaps = [replace(GAP, subscription_key=f"{number:032}") for number in range(50)]
    world = _Endless(*gaps, users=300_000)
    for _ in range(3):
        world.run(time=10 * SECOND)
    assert all(world.gap_of(gap).read > 0 for gap in gaps)


# --- A checkpoint within one user, one chat and one thread


@pytest.mark.slow
def test_user_with_450_chats_is_not_begun_anew() -> None:
    world, gap = chats_world(450)
    # Two lists of a page of users, nine pages of one user's chats and one of the other's, and 450 lists of members.
    computed = runs_for(1 + 9 + 450 + 1, time=6 * SECOND)
    assert _runs_until_done(world, gap, time=6 * SECOND) == computed == 4
    members = [path for path in world.asked if path.startswith("/v1.0/chats/")]
    assert len(members) == len(set(members)) == 450
    assert [event.subject for event in world.published if "new" in event.subject] == [f"chats/{CHAT}/members/new"]
    assert world.gap_of(gap).state is GapState.RECOVERED


TEAM, CHANNEL = "3fa85f64-5717-4562-b3fc-2c963f66afa6", "19:x@thread.tacv2"
IN_CHANNEL = f"/v1.0/teams/{TEAM}/channels/{quote(CHANNEL, safe='')}/messages"


def _threads_world(threads: int, pages: int) -> CatchUpFixture:
    """Return a world with a channel of which each message has pages of replies behind a link."""
    place = {"chatId": None, "channelIdentity": {"teamId": TEAM, "channelId": CHANNEL}}
    world = CatchUpFixture(replace(GAP, resource=f"/teams/{TEAM}/channels/{CHANNEL}/messages"))
    roots = list[Mapping[str, Any]]()
    for root in range(threads):
        replies = f"{IN_CHANNEL}/{root}/replies"
        roots.append(message(str(root)) | place | {"replies": [], "replies@odata.nextLink": f"{replies}?page=0"})
        world.lists[replies] = [[message(f"{root}-{page}", replyToId=str(root)) | place] for page in range(pages)]
    world.lists[f"{IN_CHANNEL}/delta"] = [roots]
    return world


def test_channel_with_long_threads_ends_in_the_runs_that_are_computed() -> None:
    world = _threads_world(50, 3)
    # One request a second of a channel; each run after the first reads again the page of messages where it stopped.
    computed = runs_for(1 + 50 * 3, time=MINUTE, per_second=1)
    assert _runs_until_done(world, world.gap(), time=MINUTE) == computed == 3
    replies = [path for path in world.asked if "/replies" in path]
    assert len(set(replies)) == 150
    assert len(replies) <= 150 + computed
    assert len({event.id for event in world.published}) == 50 + 150


@pytest.mark.slow
def test_link_that_graph_has_forgotten_leads_back_to_the_same_user() -> None:
    world = _Endless(GAP, users=2 * PAGE)
    world.run(time=60 * SECOND)
    gap = world.gap()
    [page] = gap.position
    assert page == Step(f"{USERS}?page=1", "u1197")
    world.gaps.save(replace(gap, position=(Step(f"{USERS}/forgotten", page.item),)))
    world.asked.clear()
    assert world.run(time=RUN) == {"recovered": 1}
    asked = [path.split("/")[3] for path in world.asked if path.endswith("Z") and "/chats/" in path]
    assert (asked[0], asked[-1]) == ("u1198", "u1997")
    assert world.gap().read == 2 * PAGE


# --- One backfill per resource and hour


def test_later_gap_of_a_resource_is_filled_an_hour_after_the_first() -> None:
    second = replace(GAP, since=UNTIL + 16 * MINUTE, until=UNTIL + 17 * MINUTE)
    world = CatchUpFixture(GAP, second)
    world.has("a")
    assert world.run() == {"recovered": 1}
    assert (world.gap_of(GAP).state, world.gap_of(second).state) == (GapState.RECOVERED, GapState.OPEN)
    world.clock.pass_by(50 * MINUTE)
    assert world.run() == {}
    world.clock.pass_by(11 * MINUTE)
    assert world.run() == {"recovered": 1}


def test_gap_that_has_begun_goes_on_within_the_hour() -> None:
    world = _Endless(GAP, users=400)
    assert world.run(time=10 * SECOND) == {"to be continued": 1}
    world.clock.pass_by(5 * MINUTE)
    assert world.run(time=RUN) == {"recovered": 1}


def test_gap_that_has_not_ended_waits() -> None:
    world = CatchUpFixture(replace(GAP, until=NOW + 20 * MINUTE))
    world.has("a")
    assert world.run() == {}
    world.clock.pass_by(20 * MINUTE)
    assert world.run() == {"recovered": 1}


# --- The second comparison


def test_second_comparison_waits_a_day_for_what_is_parked_and_no_longer() -> None:
    world, gap = chats_world(1)
    assert world.run()["recovered"] == 1
    world.parked = [NOW]
    outcomes: list[Mapping[str, int]] = []
    for _ in range(30):
        world.clock.pass_by(HOUR)
        outcomes.append(world.run())
    assert sum(outcome.get("compared again", 0) for outcome in outcomes) == 1
    assert [row.cause for row in world.gaps.rows.values()].count(GapCause.RECHECK) == 0
    assert world.gap_of(gap).state is GapState.RECOVERED
