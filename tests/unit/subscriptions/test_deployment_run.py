"""What a run of a deployment may do: with which key it signs, its period, departed tenants, and what is wanted."""

from dataclasses import replace

import pytest

from shared.errors import Unavailable
from shared.subscriptions.deployment import Deployment, change_status
from shared.subscriptions.deployment_status import DeploymentFacts, DeploymentStatus, Owner, WantedNone, period_of
from tests.fakes.deployments import FACTS, MINUTE, ROTATED, SharedAccount, status, table_owned_by
from tests.fakes.subscription_values import NOW
from tests.sender import OTHER_TENANT, PREVIOUS_STATE_KEY, STATE_KEY, TENANT

PERIOD = 5 * MINUTE


@pytest.fixture
def account() -> SharedAccount:
    return SharedAccount()


# --- Keys: two generations of settings for ten minutes, with a new key


def _signing(account: SharedAccount, started: Deployment, minutes: int) -> list[str]:
    """Return with which key each run of so many minutes signs."""
    signed = []
    for _ in range(0, minutes + 1, 5):
        signed.append(started.begin_run().signing_key.key_id)
        account.clock.pass_by(PERIOD)
    return signed


def test_new_key_signs_after_two_generations_of_settings_for_ten_minutes(account: SharedAccount) -> None:
    account.started(keys=(STATE_KEY,)).begin_run()
    rotated = account.started(keys=ROTATED)
    old, new = STATE_KEY.key_id, PREVIOUS_STATE_KEY.key_id
    # Meanwhile an instance with the former settings runs the timer too: it does not know the new key.
    assert _signing(account, rotated, 20) == [old, old, old, new, new]


def test_key_is_new_again_after_an_instance_with_former_settings(account: SharedAccount) -> None:
    rotated, former = account.started(keys=ROTATED), account.started(keys=(STATE_KEY,))
    assert _signing(account, rotated, 10)[-1] == STATE_KEY.key_id
    former.begin_run()
    assert _signing(account, rotated, 15)[-2:] == [STATE_KEY.key_id, PREVIOUS_STATE_KEY.key_id]


def test_key_that_signs_and_the_other_are_both_accepted(account: SharedAccount) -> None:
    run = account.started(keys=ROTATED).begin_run()
    assert (run.signing_key, run.other_keys) == (STATE_KEY, (PREVIOUS_STATE_KEY,))


def test_key_without_a_previous_one_signs_at_once(account: SharedAccount) -> None:
    account.started(keys=(STATE_KEY,)).begin_run()
    assert account.started(keys=(PREVIOUS_STATE_KEY,)).begin_run().signing_key == PREVIOUS_STATE_KEY


def test_known_key_goes_on_signing_while_the_table_is_down(account: SharedAccount) -> None:
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


def test_period_over_ten_minutes_is_reported(account: SharedAccount, caplog: pytest.LogCaptureFixture) -> None:
    started = account.started()
    periods = []
    for _ in range(4):
        periods.append(started.begin_run().period)
        account.clock.pass_by(12 * MINUTE)
    assert periods == [PERIOD, PERIOD, PERIOD, 12 * MINUTE]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "the timer runs every 12 minutes, so tokens lapse: set RENEW_SCHEDULE" in caplog.text


# --- Tenants that leave, and operators who want nothing


def test_tenant_that_leaves_is_remembered_until_it_is_back(account: SharedAccount) -> None:
    both = replace(FACTS, tenant_ids=(TENANT, OTHER_TENANT))
    account.started(facts=both).begin_run()
    left_at = account.clock.now()
    assert account.started().begin_run().departed == {OTHER_TENANT: left_at}
    account.clock.pass_by(PERIOD)
    assert account.started().begin_run().departed == {OTHER_TENANT: left_at}
    assert account.started(facts=both).begin_run().departed == {}
    assert account.row().departed == {}


def test_new_owner_looks_after_the_tenants_of_the_former_one(account: SharedAccount) -> None:
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
    account: SharedAccount, change: DeploymentFacts, *, wants_none: bool
) -> None:
    account.table = table_owned_by(
        replace(status(), wanted_none=WantedNone(version=FACTS.version, file_hash=FACTS.file_hash)), account.clock
    )
    run = account.started(facts=change).begin_run()
    assert run.wants_none is wants_none
    assert run.facts() == {"owner": "yes"} | ({"wanted": "none"} if wants_none else {})


def test_wanted_none_survives_a_planned_move(account: SharedAccount) -> None:
    row = replace(status(), wanted_none=WantedNone(version=FACTS.version, file_hash=FACTS.file_hash))
    account.table = table_owned_by(row, account.clock)
    account.clock.pass_by(15 * MINUTE)
    assert account.started("second").begin_run().wants_none


def test_requested_renewal_happens_once(account: SharedAccount) -> None:
    started = account.started()
    started.begin_run()
    change_status(account.table, "first", lambda row: replace(row, renew_requested_at=account.clock.now()))
    assert [started.begin_run().renews_all for _ in range(2)] == [True, False]


def test_command_that_writes_the_row_meanwhile_is_not_lost(account: SharedAccount) -> None:
    started = account.started()
    started.begin_run()

    def command(_row: DeploymentStatus | Owner) -> None:
        account.table.before_saving = lambda _row: None
        change_status(account.table, "first", lambda row: replace(row, renew_requested_at=account.clock.now()))

    account.table.before_saving = command
    assert started.begin_run().renews_all
