"""One deployment looks after the subscriptions of those on one storage account; another takes over if it is silent."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import NewerRows, Unavailable
from shared.subscriptions.deployment_status import DeploymentStatus, Owner
from tests.fakes.deployments import FACTS, MINUTE, SharedAccount
from tests.sender import STATE_KEY

PERIOD = 5 * MINUTE


@pytest.fixture
def account() -> SharedAccount:
    return SharedAccount()


def test_two_deployments_that_run_for_days_have_one_owner(account: SharedAccount) -> None:
    """Two deployments on one storage account that both run for days."""
    first, second = account.started("first"), account.started("second")
    owners = set()
    for _ in range(3 * 24 * 12):
        owners.add((first.begin_run().is_owner, second.begin_run().is_owner))
        account.clock.pass_by(PERIOD)
    assert owners == {(True, False)}


def test_planned_move_costs_fifteen_silent_minutes(account: SharedAccount) -> None:
    """A planned move."""
    first, second = account.started("first"), account.started("second")
    first.begin_run()
    taken = []
    for _ in range(4):
        taken.append(second.begin_run().is_owner)
        account.clock.pass_by(PERIOD)
    assert taken == [False, False, False, True]
    assert account.owner() == "second"
    assert first.begin_run().is_owner is False


def test_owner_stays_whose_runs_are_late_but_not_silent(account: SharedAccount) -> None:
    first, second = account.started("first"), account.started("second")
    first.begin_run()
    account.clock.pass_by(15 * MINUTE - timedelta(seconds=1))
    assert (second.begin_run().is_owner, first.begin_run().is_owner) == (False, True)


def test_lost_race_for_the_subscriptions_means_not_the_owner(account: SharedAccount) -> None:
    first, second = account.started("first"), account.started("second")

    def faster(row: DeploymentStatus | Owner) -> None:
        if isinstance(row, Owner):
            account.table.before_saving = lambda _row: None
            assert second.begin_run().is_owner

    account.table.before_saving = faster
    assert first.begin_run().is_owner is False
    assert account.owner() == "second"


def test_two_runs_of_the_owner_at_once_are_both_the_owner_s(account: SharedAccount) -> None:
    first = account.started()
    first.begin_run()

    def other_run(row: DeploymentStatus | Owner) -> None:
        if isinstance(row, Owner):
            account.table.before_saving = lambda _row: None
            assert first.begin_run().is_owner

    account.table.before_saving = other_run
    assert first.begin_run().is_owner


def test_each_change_of_the_owner_is_one_warning(account: SharedAccount, caplog: pytest.LogCaptureFixture) -> None:
    first, second = account.started("first"), account.started("second")
    for _ in range(3):
        first.begin_run()
        second.begin_run()
        account.clock.pass_by(PERIOD)
    account.clock.pass_by(15 * MINUTE)
    for _ in range(3):
        second.begin_run()
    waiting, taken = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert waiting.startswith("deployment first of https://")
    assert waiting.endswith("looks after the subscriptions, so this one only publishes what is parked")
    assert taken.startswith("this deployment looks after the subscriptions from now on: deployment first of https://")


def test_warning_about_another_deployment_does_not_show_a_function_key(
    account: SharedAccount, caplog: pytest.LogCaptureFixture
) -> None:
    secret = replace(FACTS, notification_url="https://app.example/api/ReceiveNotification?code=hidden")
    account.started("first", facts=secret).begin_run()
    account.started("second").begin_run()
    assert "looks after the subscriptions" in caplog.text
    assert "hidden" not in caplog.text


@pytest.mark.parametrize("was_owner", [True, False], ids=["the owner", "another deployment"])
def test_run_without_the_table_goes_on_as_the_last_one(
    account: SharedAccount, *, was_owner: bool, caplog: pytest.LogCaptureFixture
) -> None:
    if not was_owner:
        account.started("other").begin_run()
    started = account.started()
    started.begin_run()
    caplog.clear()
    account.table.down = Unavailable("the table status does not answer")
    assert started.begin_run().is_owner is was_owner
    [line] = caplog.messages
    assert line.startswith("the table of deployments is unavailable, so this run ")


def test_owner_stops_where_a_newer_version_has_written(account: SharedAccount) -> None:
    started = account.started()
    assert started.begin_run().is_owner
    account.table.down = NewerRows("a newer version of the app has written the tables")
    assert not started.begin_run().is_owner


def test_first_run_without_the_table_only_redrives(account: SharedAccount) -> None:
    account.table.down = Unavailable("the table status does not answer")
    run = account.started().begin_run()
    assert (run.is_owner, run.period, run.signing_key) == (False, PERIOD, STATE_KEY)


def test_rows_of_deployments_that_ended_a_month_ago_go(account: SharedAccount) -> None:
    account.started("former").begin_run()
    account.clock.pass_by(timedelta(days=30))
    first = account.started()
    first.begin_run()
    assert account.table.load().of("former") is not None
    account.clock.pass_by(MINUTE)
    first.begin_run()
    assert account.table.load().of("former") is None
