"""The guards of deployments: one of them looks after the subscriptions, and no key signs before it is known."""

from tests.guards.edits import rewrite, without_call, without_if, without_operand
from tests.guards.guard import Guarded

_STARTING = "tests/unit/subscriptions/test_deployment.py"
_LEAVING = "tests/unit/app/test_departed_tenants.py"

_status = Guarded(area="deployment", module="shared/subscriptions/deployment_status.py")
_deployment = Guarded(area="deployment", module="shared/subscriptions/deployment.py")
_departed = Guarded(area="departed tenant", module="shared/app/departed_tenants.py")
_run = Guarded(area="deployment", module="shared/app/renew_subscriptions.py")

GUARDS = (
    _status(
        "another owner stays",
        "_is_silent",
        rewrite("_1 >= SILENT_AFTER", "True"),
        f"{_STARTING}::test_two_deployments_that_run_for_days_have_one_owner",
    ),
    _status(
        "a silent owner is replaced",
        "may_own",
        without_operand("_is_silent"),
        f"{_STARTING}::test_planned_move_costs_fifteen_silent_minutes",
    ),
    _status(
        "a new key is known before it signs",
        "signing_order",
        rewrite("_1 >= _KEY_IS_KNOWN_AFTER", "True"),
        f"{_STARTING}::test_new_key_signs_after_two_generations_of_settings_for_ten_minutes",
    ),
    _status(
        "wanted none ends with another file or version",
        "status_of_run",
        without_operand("holds_for"),
        f"{_STARTING}::test_wanted_none_holds_until_version_or_file_changes",
    ),
    _run(
        "only the owner renews",
        "renew",
        without_if("is_owner"),
        "tests/unit/app/test_two_deployments.py::test_first_of_two_deployments_goes_on_renewing_for_days",
    ),
    _run(
        "only the owner has the other steps",
        "timer_run",
        rewrite("_steps_of_owner(_1, _2) if _3 else ()", "_steps_of_owner(_1, _2)"),
        "tests/flows/test_two_deployments.py::test_second_deployment_changes_nothing_and_says_so",
    ),
    _departed(
        "a tenant that left an hour ago keeps everything",
        "DepartedTenants.run",
        rewrite("_1 >= STAYS_FOR", "True"),
        f"{_LEAVING}::test_tenant_that_left_an_hour_ago_keeps_everything",
    ),
    _departed(
        "a foreign subscription stays",
        "DepartedTenants._delete_subscriptions",
        rewrite("_1.subscription_id in _2 or _without_query(_1.notification_url) == self._url", "True"),
        f"{_LEAVING}::test_subscription_of_another_deployment_stays",
    ),
    _deployment(
        "a lost race means not the owner",
        "Deployment._takes_turn",
        rewrite("_1 is not None and _1.deployment_id == self.deployment_id", "True"),
        f"{_STARTING}::test_lost_race_for_the_subscriptions_means_not_the_owner",
    ),
    _deployment(
        "what a deployment was is forgotten after a month only",
        "Deployment._begin",
        without_call("_forget_others"),
        f"{_STARTING}::test_rows_of_deployments_that_ended_a_month_ago_go",
    ),
)
