"""What is done is deleted in one request for many; until then it counts as postponed."""

import pytest

from shared.receiving.post_store import MAX_DELETIONS
from shared.receiving.redrive import AT_ONCE
from tests.sender import basic_item, body
from tests.unit.receiving.test_redrive import MINUTE, Killed, RedriveFixture


def test_blob_that_cannot_be_deleted_is_put_off_and_no_other_one() -> None:
    world = RedriveFixture()
    world.container.leased = world.container.add(body(basic_item()), received_at=world.at).name
    world.container.add(body(basic_item()), received_at=world.at)
    assert world.run() == {"put off": 1, "published": 1}
    assert [post.name for post in world.stored] == [world.container.leased]


def test_what_is_done_is_deleted_many_at_once_and_before_a_run_ends() -> None:
    world, count = RedriveFixture(), MAX_DELETIONS + 1
    for number in range(count):
        world.container.add(body(basic_item()), received_at=world.at - number * MINUTE)
    assert world.run() == {"published": count}
    assert world.container.deletions == [MAX_DELETIONS, 1]


def test_what_is_done_before_a_run_fails_is_deleted() -> None:
    world = RedriveFixture()
    for number in range(3 * AT_ONCE):
        world.container.add(body(basic_item()), received_at=world.at - number * MINUTE)

    def refuse() -> None:
        if world.container.steps.count("claim") > 2 * AT_ONCE:
            raise Killed

    world.container.on_claim = refuse
    with pytest.raises(Killed):
        world.run()
    assert sum(world.container.deletions) > 0
