"""The guards of deploying: hooks do nothing twice, hide no refusal, and a package is what the hashes say."""

from tests.guards.edits import (
    condition,
    rewrite,
    without_except,
    without_if,
    without_item,
    without_operand,
    without_raise,
    without_with,
)
from tests.guards.guard import Guarded

_HOOKS = "tests/infra/test_hooks.py"
_RIGHTS = "tests/infra/test_hook_rights.py"
_AFTER = "tests/infra/test_after_deploying.py"
_PACKAGE = "tests/infra/test_package.py"

_before = Guarded(area="deploying", module="infra/hooks/preprovision.py")
_registration = Guarded(area="deploying", module="infra/hooks/registration.py")
_permissions = Guarded(area="deploying", module="infra/hooks/permissions.py")
_vault = Guarded(area="deploying", module="infra/hooks/vault.py")
_settings = Guarded(area="deploying", module="infra/hooks/postprovision.py")
_deployed = Guarded(area="deploying", module="infra/hooks/postdeploy.py")
_down = Guarded(area="deploying", module="infra/hooks/predown.py")
_package = Guarded(area="package", module="infra/package.py")
_pin = Guarded(area="package", module="infra/pin.py")

GUARDS = (
    _before(
        "the right tenant",
        "_check_account",
        without_if("tenantId"),
        f"{_HOOKS}::test_login_in_another_tenant_is_refused",
    ),
    _before(
        "what a role takes back counts",
        "_allows",
        without_operand("notActions"),
        f"{_HOOKS}::test_deployer_without_the_rights_is_told_whom_to_ask",
    ),
    _before(
        "a region with the plan",
        "_check_region",
        without_raise("HookFailed", nth=0),
        f"{_HOOKS}::test_region_without_the_plan_or_python_is_refused",
    ),
    _before(
        "a region with Python",
        "_check_region",
        without_if("3.13"),
        f"{_HOOKS}::test_region_without_the_plan_or_python_is_refused",
    ),
    _registration(
        "the registration that is named exists",
        "ensure_registration",
        without_except("NotThere"),
        f"{_HOOKS}::test_registration_that_is_named_and_does_not_exist_is_refused",
    ),
    _registration(
        "of several none is chosen",
        "ensure_registration",
        rewrite("len(_1) > 1", "False"),
        f"{_HOOKS}::test_two_registrations_of_one_environment_are_not_chosen_from",
    ),
    _registration(
        "the trust is made once",
        "ensure_federated_credential",
        rewrite("_1 is not None and {_2: _1.get(_2) for _2 in _3} == _3", "False"),
        f"{_HOOKS}::test_second_run_changes_nothing_and_says_so",
    ),
    _permissions(
        "a permission is granted once",
        "ensure_permissions",
        rewrite("_1[_2] not in _3", "True"),
        f"{_HOOKS}::test_second_run_changes_nothing_and_says_so",
    ),
    _permissions(
        "a refused permission stops nothing else",
        "ensure_permissions",
        without_with("going_on"),
        f"{_HOOKS}::test_deployer_who_may_not_grant_is_told_who_can_and_the_rest_is_done",
    ),
    _permissions(
        "permissions of applications, not of people",
        "graph_roles",
        rewrite("'Application' in _['allowedMemberTypes']", "True"),
        f"{_HOOKS}::test_first_run_makes_what_the_app_needs_without_a_secret",
    ),
    _vault(
        "a key is made once",
        "ensure_key",
        without_if("exists"),
        f"{_HOOKS}::test_second_run_changes_nothing_and_says_so",
    ),
    Guarded(area="deploying", module="infra/hooks/tools.py")(
        "a role that never works ends the wait",
        "Tools.patiently",
        condition("within", becomes=True),
        f"{_HOOKS}::test_new_role_on_the_vault_is_waited_for_and_nothing_is_made_twice",
    ),
    _settings(
        "a setting without its secret is an error",
        "refresh_references",
        without_raise("HookFailed"),
        f"{_HOOKS}::test_reference_that_is_not_resolved_is_named",
    ),
    _deployed(
        "a run before the deployment proves nothing",
        "_of_run",
        without_operand("at"),
        f"{_AFTER}::test_run_after_the_deployment_in_which_all_answered_ends_the_wait",
    ),
    _deployed(
        "another deployment's run proves nothing",
        "_of_run",
        without_if("notification_url"),
        f"{_AFTER}::test_deployment_that_does_not_look_after_the_subscriptions_is_reported",
    ),
    Guarded(area="deploying", module="infra/hooks/rights.py")(
        "a missing role is named",
        "needing",
        without_except("Refused"),
        f"{_RIGHTS}::test_missing_role_in_azure_is_named_with_the_command_that_gives_it",
    ),
    Guarded(area="deploying", module="infra/hooks/rights.py")(
        "a refused step in Entra ID stops no other",
        "going_on",
        without_except("Refused"),
        f"{_RIGHTS}::test_refused_step_in_entra_lets_the_others_go_on_and_is_done_later",
    ),
    _registration(
        "a name that cannot be changed is not sent",
        "ensure_federated_credential",
        rewrite("_1 != 'name'", "True"),
        f"{_RIGHTS}::test_credential_is_updated_without_its_name_which_cannot_be_changed",
    ),
    _deployed(
        "the doctor ends no deployment",
        "ask_doctor",
        without_except("HookFailed"),
        f"{_RIGHTS}::test_doctor_without_the_settings_is_not_asked_and_the_role_is_named",
    ),
    Guarded(area="deploying", module="infra/hooks/app.py")(
        "an app that is gone is said to be",
        "app_settings",
        without_raise("HookFailed"),
        f"{_RIGHTS}::test_deletion_goes_on_where_the_app_is_gone",
    ),
    _down(
        "nothing keeps azd down from its work",
        "predown",
        without_except("HookFailed"),
        f"{_AFTER}::test_deletion_goes_on_when_the_subscriptions_cannot_be_removed",
    ),
    _package(
        "the app's Python compiles",
        "check_python",
        without_raise("NotPackaged"),
        f"{_PACKAGE}::test_code_for_another_python_is_not_packaged",
    ),
    _package(
        "wheels have the locked hashes",
        "_install",
        without_item("--require-hashes"),
        f"{_PACKAGE}::test_package_with_another_hash_or_none_is_not_installed",
    ),
    _pin(
        "a tag that is not there",
        "hash_at",
        without_raise("NotPinned"),
        "tests/infra/test_workflows.py::test_unknown_tag_changes_no_workflow",
    ),
)
