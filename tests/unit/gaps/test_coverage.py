"""Subscriptions whose lists have the same items: what one of them missed, another one's comparison leaves to it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.gaps.coverage import Coverage
from shared.gaps.gap import Gap
from tests.fakes.catch_up_fixture import CatchUpFixture
from tests.fakes.gap_values import LATER
from tests.sender import TENANT
from tests.unit.gaps.snapshots import (
    IN_TEAM,
    MEMBERS,
    OF_TEAM,
    OTHER,
    OWNER,
    TEAM,
    TEAMS,
    baseline_of,
    gap_in,
    page,
    published,
    record,
    row_of,
)

EVERYWHERE = gap_in("/teams/getAllMembers")
DELETIONS = gap_in("/teams/getAllMembers", change_types=frozenset({"deleted"}))
CREATIONS = gap_in(f"/{MEMBERS}", change_types=frozenset({"created"}))
MEMBER, CHANNEL = ("teams", TEAM, "members", "m"), ("teams", TEAM, "channels", "c")
CHANNEL_MEMBER, CHAT_MEMBER = (*CHANNEL, "members", "m"), ("chats", "19:c@thread.v2", "members", "m")


def _world(*gaps: Gap) -> CatchUpFixture:
    """Return a fixture with these gaps, whose subscriptions have complete baselines; ``goes`` has left the team."""
    world = CatchUpFixture(*gaps, *(baseline_of(gap) for gap in gaps))
    for gap in gaps:
        world.tracking.save(row_of(gap))
    record(world, MEMBERS, stays=OWNER, goes=OWNER, falls=OWNER)
    world.lists[TEAMS] = [[{"id": TEAM}]]
    world.lists[OF_TEAM] = [page(stays=OWNER, falls={}, comes=OWNER)]
    return world


def test_each_gap_finds_the_changes_of_its_own_types() -> None:
    world = _world(CREATIONS, DELETIONS)
    assert world.run() == {"recovered": 2, "events": 2}
    assert published(world) == [
        f"ConversationMemberCreated {MEMBERS}/comes",
        f"ConversationMemberDeleted {MEMBERS}/goes",
    ]


def test_change_that_no_other_subscription_has_reported_is_recorded() -> None:
    world = _world(CREATIONS, DELETIONS)
    world.run()
    assert {known.id: known.exists for known in world.known.notes} == {"comes": True, "goes": False, "falls": True}


def test_change_that_is_published_is_recorded_for_all() -> None:
    world = _world(IN_TEAM, DELETIONS)
    world.run()
    assert world.known.there(TENANT, MEMBERS) == {"stays", "falls", "comes"}
    assert published(world).count(f"ConversationMemberDeleted {MEMBERS}/goes") == 1


@pytest.mark.parametrize("comes_later", [True, False], ids=["gap not ended", "gap due"])
def test_baseline_leaves_what_an_open_gap_has_yet_to_find(*, comes_later: bool) -> None:
    missed = replace(EVERYWHERE, due_at=LATER) if comes_later else EVERYWHERE
    world = _world(missed)
    world.tracking.save(row_of(IN_TEAM))
    world.run()
    world.clock.pass_by(timedelta(days=1))
    world.run()
    assert published(world) == [
        f"ConversationMemberCreated {MEMBERS}/comes",
        f"ConversationMemberDeleted {MEMBERS}/goes",
        f"ConversationMemberUpdated {MEMBERS}/falls",
    ]


@pytest.mark.parametrize(
    ("resource", "item"),
    [
        ("/teams/getAllMembers", MEMBER),
        (f"/{MEMBERS}", MEMBER),
        (f"teams('{TEAM}')/members", MEMBER),
        ("/teams/getAllChannels", CHANNEL),
        (f"/teams/{TEAM}/channels", CHANNEL),
        ("/teams/getAllChannels/getAllMembers", CHANNEL_MEMBER),
        (f"/teams/{TEAM}/channels/getAllMembers", CHANNEL_MEMBER),
        ("/chats/getAllMembers", CHAT_MEMBER),
        ("/chats/19%3Ac%40thread.v2/members", CHAT_MEMBER),
        ("/teams", ("teams", TEAM)),
        (f"/teams/{TEAM}", ("teams", TEAM)),
    ],
)
def test_subscription_covers_the_items_of_its_own_lists_only(resource: str, item: tuple[str, ...]) -> None:
    coverage = Coverage([baseline_of(gap_in(resource))])
    paths = [MEMBER, CHANNEL, CHANNEL_MEMBER, CHAT_MEMBER, ("teams", TEAM)]
    assert [path for path in paths if coverage.has_other("another", path, "deleted")] == [item]


def test_subscription_to_one_team_does_not_cover_another() -> None:
    coverage = Coverage([baseline_of(IN_TEAM), baseline_of(gap_in(f"/teams/{TEAM}"))])
    assert not coverage.has_other("another", ("teams", OTHER, "members", "m"), "deleted")
    assert not coverage.has_other("another", ("teams", OTHER), "deleted")


def test_subscription_is_not_another_one_than_itself() -> None:
    coverage = Coverage([baseline_of(IN_TEAM)])
    assert not coverage.has_other(IN_TEAM.subscription_key, MEMBER, "deleted")


def test_other_types_are_not_covered() -> None:
    assert not Coverage([baseline_of(DELETIONS)]).has_other("another", MEMBER, "created")
