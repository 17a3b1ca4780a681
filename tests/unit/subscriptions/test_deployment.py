"""One deployment looks after the subscriptions: two on one storage account, their keys, their tenants, their period."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import Unavailable
from shared.subscriptions.deployment import Deployment, change_status
from shared.subscriptions.deployment_status import DeploymentFacts, DeploymentStatus, Owner, WantedNone, period_of
from tests.fakes.clocks import SettableClock
from tests.fakes.deployments import FACTS, MINUTE, ROTATED, deployment, status, table_owned_by
from tests.fakes.status_table import InMemoryStatusTable
from tests.fakes.subscription_values import NOW
from tests.sender import OTHER_TENANT, PREVIOUS_STATE_KEY, STATE_KEY, TENANT

PERIOD = 5 * MINUTE


class Account:
    """A storage account with two deployments; time passes between their runs."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.table = InMemoryStatusTable(self.clock)

    def started(self, name: str = "first", **changes: object) -> Deployment:
        return deployment(self.table, self.clock, name, **changes)  # type: ignore[arg-type]  # of a test

    def owner(self) -> str | None:
        owner = self.table.load().owner
        return owner.deployment_id if owner else None

    def row(self, name: str = "first") -> DeploymentStatus:
        row = self.table.load().of(name)
        assert row is not None
        return row


@pytest.fixture
def account() -> Account:
    return Account()


# --- The owner


def test_two_deployments_that_run_for_days_have_one_owner(account: Account) -> None:
    """Two deployments on one storage account that both run for days."""
    first, second = account.started("first"), account.started("second")
    owners = set()
    for _ in range(3 * 24 * 12):
        owners.add((first.begin_run().is_owner, second.begin_run().is_owner))
        account.clock.pass_by(PERIOD)
    assert owners == {(True, False)}


def test_planned_move_costs_fifteen_silent_minutes(account: Account) -> None:
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


def test_owner_stays_whose_runs_are_late_but_not_silent(account: Account) -> None:
    first, second = account.started("first"), account.started("second")
    first.begin_run()
    account.clock.pass_by(15 * MINUTE - timedelta(seconds=1))
    assert (second.begin_run().is_owner, first.begin_run().is_owner) == (False, True)


def test_lost_race_for_the_subscriptions_means_not_the_owner(account: Account) -> None:
    first, second = account.started("first"), account.started("second")

    def faster(row: DeploymentStatus | Owner) -> None:
        if isinstance(row, Owner):
            account.table.before_saving = lambda _row: None
            assert second.begin_run().is_owner

    account.table.before_saving = faster
    assert first.begin_run().is_owner is False
    assert account.owner() == "second"


def test_two_runs_of_the_owner_at_once_are_both_the_owner_s(account: Account) -> None:
    first = account.started()
    first.begin_run()

    def other_run(row: DeploymentStatus | Owner) -> None:
        if isinstance(row, Owner):
            account.table.before_saving = lambda _row: None
            assert first.begin_run().is_owner

    account.table.before_saving = other_run
    assert first.begin_run().is_owner


def test_each_change_of_the_owner_is_one_warning(account: Account, caplog: pytest.LogCaptureFixture) -> None:
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
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    secret = replace(FACTS, notification_url="https://app.example/api/ReceiveNotification?code=hidden")
    account.started("first", facts=secret).begin_run()
    account.started("second").begin_run()
    assert "looks after the subscriptions" in caplog.text
    assert "hidden" not in caplog.text


@pytest.mark.parametrize("was_owner", [True, False], ids=["the owner", "another deployment"])
def test_run_without_the_table_goes_on_as_the_last_one(
    account: Account, *, was_owner: bool, caplog: pytest.LogCaptureFixture
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


def test_first_run_without_the_table_only_redrives(account: Account) -> None:
    account.table.down = Unavailable("the table status does not answer")
    run = account.started().begin_run()
    assert (run.is_owner, run.period, run.signing_key) == (False, PERIOD, STATE_KEY)


def test_rows_of_deployments_that_ended_a_month_ago_go(account: Account) -> None:
    account.started("former").begin_run()
    account.clock.pass_by(timedelta(days=30))
    first = account.started()
    first.begin_run()
    assert account.table.load().of("former") is not None
    account.clock.pass_by(MINUTE)
    first.begin_run()
    assert account.table.load().of("former") is None


# --- Keys: two generations of settings for ten minutes, with a new key


def _signing(account: Account, started: Deployment, minutes: int) -> list[str]:
    """Return with which key each run of so many minutes signs."""
    signed = []
    for _ in range(0, minutes + 1, 5):
        signed.append(started.begin_run().signing_key.key_id)
        account.clock.pass_by(PERIOD)
    return signed


def test_new_key_signs_after_two_generations_of_settings_for_ten_minutes(account: Account) -> None:
    account.started(keys=(STATE_KEY,)).begin_run()
    rotated = account.started(keys=ROTATED)
    old, new = STATE_KEY.key_id, PREVIOUS_STATE_KEY.key_id
    # Meanwhile an instance with the former settings runs the timer too: it does not know the new key.
    assert _signing(account, rotated, 20) == [old, old, old, new, new]


def test_key_is_new_again_after_an_instance_with_former_settings(account: Account) -> None:
    rotated, former = account.started(keys=ROTATED), account.started(keys=(STATE_KEY,))
    assert _signing(account, rotated, 10)[-1] == STATE_KEY.key_id
    former.begin_run()
    assert _signing(account, rotated, 15)[-2:] == [STATE_KEY.key_id, PREVIOUS_STATE_KEY.key_id]


def test_key_that_signs_and_the_other_are_both_accepted(account: Account) -> None:
    run = account.started(keys=ROTATED).begin_run()
    assert (run.signing_key, run.other_keys) == (STATE_KEY, (PREVIOUS_STATE_KEY,))


def test_key_without_a_previous_one_signs_at_once(account: Account) -> None:
    account.started(keys=(STATE_KEY,)).begin_run()
    assert account.started(keys=(PREVIOUS_STATE_KEY,)).begin_run().signing_key == PREVIOUS_STATE_KEY


def test_known_key_goes_on_signing_while_the_table_is_down(account: Account) -> None:
    rotated = account.started(keys=ROTATED)
    _signing(account, rotated, 15)
    account.table.down = Unavailable("the table status does not answer")
    assert rotated.begin_run().signing_key == PREVIOUS_STATE_KEY


# --- The period


def test_period_is_the_median_of_the_last_five_distances() -> None:
    minutes = [0, 60, 67, 74, 90, 97, 104]
    assert period_of([NOW + minute * MINUTE for minute in minutes]) == 7 * MINUTE


@pytest.mark.parametrize("minutes", [[], [0], [0, 1, 2, 3, 4, 5], [0, 360], [0, 5, 365]])
def test_period_is_five_minutes_at_least_and_after_one_outage(minutes: list[int]) -> None:
    assert period_of([NOW + minute * MINUTE for minute in minutes]) == PERIOD


def test_period_over_ten_minutes_is_reported(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    started = account.started()
    periods = []
    for _ in range(4):
        periods.append(started.begin_run().period)
        account.clock.pass_by(12 * MINUTE)
    assert periods == [PERIOD, PERIOD, PERIOD, 12 * MINUTE]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "the timer runs every 12 minutes, so tokens lapse: set RENEW_SCHEDULE" in caplog.text


# --- Tenants that leave, and operators who want nothing


def test_tenant_that_leaves_is_remembered_until_it_is_back(account: Account) -> None:
    both = replace(FACTS, tenant_ids=(TENANT, OTHER_TENANT))
    account.started(facts=both).begin_run()
    left_at = account.clock.now()
    assert account.started().begin_run().departed == {OTHER_TENANT: left_at}
    account.clock.pass_by(PERIOD)
    assert account.started().begin_run().departed == {OTHER_TENANT: left_at}
    assert account.started(facts=both).begin_run().departed == {}
    assert account.row().departed == {}


def test_new_owner_looks_after_the_tenants_of_the_former_one(account: Account) -> None:
    account.started("first", facts=replace(FACTS, tenant_ids=(TENANT, OTHER_TENANT))).begin_run()
    second = account.started("second")
    assert second.begin_run().departed == {}
    account.clock.pass_by(15 * MINUTE)
    assert second.begin_run().departed == {OTHER_TENANT: account.clock.now()}


@pytest.mark.parametrize(
    ("change", "wants_none"),
    [(FACTS, True), (replace(FACTS, version="1.0.1"), False), (replace(FACTS, file_hash="bbbbbbbbbbbb"), False)],
    ids=["nothing changes", "another version", "another file"],
)
def test_wanted_none_holds_until_version_or_file_changes(
    account: Account, change: DeploymentFacts, *, wants_none: bool
) -> None:
    account.table = table_owned_by(
        replace(status(), wanted_none=WantedNone(version=FACTS.version, file_hash=FACTS.file_hash)), account.clock
    )
    run = account.started(facts=change).begin_run()
    assert run.wants_none is wants_none
    assert run.facts() == {"owner": "yes"} | ({"wanted": "none"} if wants_none else {})


def test_wanted_none_survives_a_planned_move(account: Account) -> None:
    row = replace(status(), wanted_none=WantedNone(version=FACTS.version, file_hash=FACTS.file_hash))
    account.table = table_owned_by(row, account.clock)
    account.clock.pass_by(15 * MINUTE)
    assert account.started("second").begin_run().wants_none


def test_requested_renewal_happens_once(account: Account) -> None:
    started = account.started()
    started.begin_run()
    change_status(account.table, "first", lambda row: replace(row, renew_requested_at=account.clock.now()))
    assert [started.begin_run().renews_all for _ in range(2)] == [True, False]


def test_command_that_writes_the_row_meanwhile_is_not_lost(account: Account) -> None:
    started = account.started()
    started.begin_run()

    def command(_row: DeploymentStatus | Owner) -> None:
        account.table.before_saving = lambda _row: None
        change_status(account.table, "first", lambda row: replace(row, renew_requested_at=account.clock.now()))

    account.table.before_saving = command
    assert started.begin_run().renews_all
