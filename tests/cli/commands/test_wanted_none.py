"""``subscriptions remove --all`` and ``restore``."""

import pytest

from tests.cli.deployment_rows import owner_rows
from tests.cli.operator import Operator
from tests.sender import TENANT

pytestmark = pytest.mark.slow


def test_remove_all_holds_until_restore(laptop: Operator) -> None:
    laptop.run("subscriptions", "add", "/chats", "--change-type", "created")
    laptop.world.run()
    ran = laptop.run("subscriptions", "remove", "--all", "--yes")
    assert ran.exit_code == 0
    assert "/chats (created) is removed for good: `subscriptions add` had added it." in ran.stdout
    assert "Nothing is wanted: the next run of RenewSubscriptions deletes every subscription." in ran.stdout
    row, _ = owner_rows(laptop)
    assert row is not None
    assert row.wanted_none is not None
    assert (row.wanted_none.version, row.wanted_none.file_hash) == (row.facts.version, row.facts.file_hash)
    assert "! nothing is wanted since" in laptop.run("subscriptions", "list").stderr
    refused = laptop.run("subscriptions", "add", "/chats", "--change-type", "created")
    assert (refused.exit_code, refused.stderr.count("subscriptions restore")) == (3, 2)
    assert laptop.run("subscriptions", "restore").stdout.startswith("What subscriptions.json requests is wanted again")
    assert laptop.run("subscriptions", "restore").stdout.startswith("Nothing to restore")
    row, _ = owner_rows(laptop)
    assert row is not None
    assert row.wanted_none is None


def test_remove_all_asks_first(laptop: Operator) -> None:
    ran = laptop.run("subscriptions", "remove", "--all")
    assert ran.exit_code == 1
    row, _ = owner_rows(laptop)
    assert row is not None
    assert row.wanted_none is None


@pytest.mark.parametrize("arguments", [[], ["/teams", "--all"], ["--all", "--tenant", TENANT]])
def test_remove_takes_a_resource_or_all(laptop: Operator, arguments: list[str]) -> None:
    assert laptop.run("subscriptions", "remove", *arguments).exit_code == 2


def test_remove_all_before_the_first_run_exits_3(operator: Operator) -> None:
    ran = operator.run("subscriptions", "remove", "--all", "--yes")
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert "RenewSubscriptions has not run yet" in ran.stderr
