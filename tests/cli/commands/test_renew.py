"""``subscriptions renew`` from a laptop: what it shows, asks, and leaves to the timer."""

from dataclasses import replace

import pytest

from shared.app.deployments import deployment as this_deployment
from tests.cli.operator import Operator

pytestmark = pytest.mark.slow


def test_renew_shows_and_confirms_what_it_recreates(laptop: Operator) -> None:
    ids = laptop.world.subscription_ids()
    [teams] = [each for each in laptop.world.subscriptions() if each.resource == "/teams"]
    _unkey(laptop, teams.id)
    asked = laptop.run("subscriptions", "renew")
    assert asked.exit_code == 1
    assert "recreate" in asked.stdout
    assert "1 will be deleted and created again, each with a gap. Go on?" in asked.stdout
    assert laptop.world.subscription_ids() == ids
    dry = laptop.run("subscriptions", "renew", "--dry-run")
    assert dry.exit_code == 0
    assert {tuple(line.split()[:2]) for line in dry.stdout.splitlines()[1:]} == {
        ("renew", "/chats/getAllMessages"),
        ("recreate", "/teams"),
    }
    assert laptop.world.subscription_ids() == ids
    done = laptop.run("subscriptions", "renew", "--yes").stdout
    assert sorted(done.strip().split(", ")) == ["recreated 1", "renewed 1"]
    assert len(laptop.world.subscription_ids() - ids) == 1


def _unkey(laptop: Operator, subscription_id: str) -> None:
    """Let the row of a subscription say that another key has signed it."""
    table = laptop.world.app.clients.subscription_table()
    [row] = [row for row in laptop.world.rows() if row.applied and row.applied.subscription_id == subscription_id]
    assert row.applied is not None
    url = f"{row.applied.notification_url.partition('?')[0]}?key=ffffffff"
    table.save(replace(row, applied=replace(row.applied, notification_url=url)))


def test_renew_leaves_deletions_to_the_timer(laptop: Operator) -> None:
    laptop.run("subscriptions", "add", "/chats", "--change-type", "created")
    laptop.world.run()
    laptop.run("subscriptions", "remove", "/chats")
    ran = laptop.run("subscriptions", "renew")
    assert ran.exit_code == 0
    assert "1 to be deleted: left to the next run of RenewSubscriptions." in ran.stdout
    assert ran.stdout.endswith("renewed 2\n")
    assert len(laptop.world.subscriptions()) == 3
    assert laptop.world.run() == {"deleted": 1}


def test_renew_signs_with_the_key_that_the_app_signs_with(laptop: Operator) -> None:
    ids = laptop.world.subscription_ids()
    laptop.world.app.rotate_state_key()
    # The app knows the new key, but not for 15 minutes.
    this_deployment(laptop.world.app.clients).begin_run()
    assert laptop.run("subscriptions", "renew").stdout == "renewed 2\n"
    assert laptop.world.subscription_ids() == ids
