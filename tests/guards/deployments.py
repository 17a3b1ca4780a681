"""The guards between deployments, tenants that leave, and a laptop: each leaves to others what is theirs."""

from tests.guards.edits import condition, exchanged, rewrite, without_call, without_if, without_raise
from tests.guards.guard import Guarded

_OWNER = "tests/unit/subscriptions/test_deployment.py"
_RUN = "tests/unit/subscriptions/test_deployment_run.py"
_TWO = "tests/unit/app/test_two_deployments.py"
_DEPARTED = "tests/unit/app/test_departed_tenants.py"
_RENEW = "tests/cli/commands/test_renew.py"
_LAPTOP = "tests/cli/commands/test_wrong_settings.py"

_flow = Guarded(area="deployment", module="shared/subscriptions/deployment.py")
_rule = Guarded(area="deployment", module="shared/subscriptions/deployment_status.py")
_timer = Guarded(area="deployment", module="shared/app/renew_subscriptions.py")
_left = Guarded(area="departed", module="shared/app/departed_tenants.py")
_cli = Guarded(area="laptop", module="cli/deployments.py")
_table = Guarded(area="laptop", module="cli/laptop_table.py")

_DEPLOYMENTS = (
    _timer(
        "only the owner renews",
        "renew",
        without_if("is_owner"),
        f"{_TWO}::test_first_of_two_deployments_goes_on_renewing_for_days",
    ),
    _timer(
        "only the owner has the other steps",
        "timer_run",
        rewrite("_steps_of_owner(_1, _2) if _3 else ()", "_steps_of_owner(_1, _2)"),
        "tests/flows/test_two_deployments.py::test_second_deployment_changes_nothing_and_says_so",
    ),
    _flow(
        "of two that are fast one is the owner",
        "Deployment._takes_turn",
        rewrite("_1 is not None and _1.deployment_id == self.deployment_id", "True"),
        f"{_OWNER}::test_lost_race_for_the_subscriptions_means_not_the_owner",
    ),
    _flow(
        "without the table nobody becomes the owner",
        "Deployment.begin_run",
        rewrite("self._was_owner is True", "True"),
        f"{_OWNER}::test_first_run_without_the_table_only_redrives",
    ),
    _rule(
        "an owner is silent for a while before it is replaced",
        "_is_silent",
        rewrite("_ - _.written_at >= SILENT_AFTER", "True"),
        f"{_OWNER}::test_owner_stays_whose_runs_are_late_but_not_silent",
    ),
    _rule(
        "a key is known everywhere before it signs",
        "signing_order",
        rewrite("_1 is not None and _2 - _1 >= _KEY_IS_KNOWN_AFTER", "True"),
        f"{_RUN}::test_new_key_signs_after_two_generations_of_settings_for_ten_minutes",
    ),
    _rule(
        "nothing is wanted until something is deployed",
        "WantedNone.holds_for",
        rewrite("_1 == _2", "True"),
        f"{_RUN}::test_wanted_none_holds_until_version_or_file_changes",
    ),
)

_TENANTS = (
    _left(
        "a tenant is looked after for a day",
        "DepartedTenants.run",
        condition("STAYS_FOR", becomes=True),
        f"{_DEPARTED}::test_tenant_that_left_an_hour_ago_keeps_everything",
    ),
    _left(
        "subscriptions of other deployments stay",
        "DepartedTenants._delete_subscriptions",
        condition("notification_url", becomes=True),
        f"{_DEPARTED}::test_subscription_of_another_deployment_stays",
    ),
    _left(
        "what is parked for other tenants stays",
        "DepartedTenants._delete_parked",
        rewrite("(_1.tenant_id, _1.reason) == _", "True"),
        f"{_DEPARTED}::test_tenant_that_left_a_day_ago_is_cleaned_up",
    ),
    _left(
        "rows go after the subscriptions that they name",
        "DepartedTenants._clean_up",
        exchanged("_delete_subscriptions", "forget_rows"),
        f"{_DEPARTED}::test_cleaning_up_goes_on_after_an_outage_of_graph",
    ),
)

_COMMANDS = (
    _cli(
        "writing commands refuse",
        "writing_clients",
        without_raise("Misconfigured"),
        f"{_LAPTOP}::test_writing_commands_with_another_url_refuse",
    ),
    _cli(
        "no function key is shown",
        "differences",
        rewrite("_1.partition('?')[0]", "_1"),
        f"{_LAPTOP}::test_difference_has_both_values_and_no_secret",
    ),
    _table(
        "a failure of the laptop is none of the app",
        "LaptopTable.save",
        rewrite("replace(_1, failure=_)", "_1"),
        f"{_LAPTOP}::test_failure_at_graph_of_the_laptop_is_no_backoff_of_the_app",
    ),
    _table(
        "nothing is deleted from a laptop",
        "LaptopTable.load",
        condition("is_wanted", becomes=True),
        f"{_RENEW}::test_renew_leaves_deletions_to_the_timer",
    ),
    Guarded(area="laptop", module="cli/commands/renew.py")(
        "a recreation is confirmed",
        "_ask",
        without_call("confirm"),
        f"{_RENEW}::test_renew_shows_and_confirms_what_it_recreates",
    ),
)

GUARDS = (*_DEPLOYMENTS, *_TENANTS, *_COMMANDS)
