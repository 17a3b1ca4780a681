"""The guards of operating: no secret where it may be seen, nothing replaced or deleted unasked, no rows misread."""

from tests.guards.edits import rewrite, without_call, without_except, without_if, without_operand, without_raise
from tests.guards.guard import Guarded

_INIT = "tests/cli/commands/test_init.py"
_PULL = "tests/cli/commands/test_settings.py"
_ERASE = "tests/cli/commands/test_erase.py"
_CERTIFICATE = "tests/cli/commands/test_certificate.py"
_NEWER = "tests/integration/subscriptions/test_status_table.py"

_writer = Guarded(area="operating", module="cli/settings_writer.py")
_settings = Guarded(area="operating", module="cli/app_settings.py")
_pull = Guarded(area="operating", module="cli/commands/settings.py")
_init = Guarded(area="operating", module="cli/commands/init.py")
_erase = Guarded(area="operating", module="cli/commands/erase.py")
_certificate = Guarded(area="operating", module="cli/commands/certificate.py")
_table = Guarded(area="operating", module="shared/subscriptions/status_table.py")
_owner = Guarded(area="operating", module="shared/subscriptions/deployment.py")
_laptop = Guarded(area="operating", module="cli/deployments.py")

GUARDS = (
    _writer(
        "settings that exist stay",
        "check_new",
        without_raise("Misconfigured"),
        f"{_INIT}::test_settings_that_exist_are_replaced_only_by_force",
    ),
    _writer(
        "secrets go where git ignores them",
        "check_untracked",
        without_raise("Misconfigured"),
        f"{_INIT}::test_secrets_go_into_no_file_that_git_would_commit",
    ),
    _writer(
        "settings are for their owner only",
        "write_settings",
        rewrite("_1.touch(mode=_2, exist_ok=False)", "_1.touch(exist_ok=False)"),
        f"{_INIT}::test_keys_are_new_each_time_and_for_the_owner_only",
    ),
    _pull(
        "pulled secrets go where git ignores them",
        "pull",
        without_call("check_untracked"),
        f"{_PULL}::test_secrets_go_into_no_file_that_git_would_commit",
    ),
    _settings(
        "known secrets are left out",
        "is_secret",
        without_operand("_SECRETS"),
        f"{_PULL}::test_secret_is_left_out_unless_it_is_asked_for",
    ),
    _settings(
        "what is unknown is left out",
        "is_secret",
        without_operand("sample_values"),
        f"{_PULL}::test_settings_of_the_app_are_written_without_secrets",
    ),
    _settings(
        "an address with a key is left out",
        "is_secret",
        rewrite('_1 == "NOTIFICATION_URL"', "False"),
        f"{_PULL}::test_settings_of_the_app_are_written_without_secrets",
    ),
    _init(
        "entries that exist stay",
        "_entries",
        without_if("exists"),
        f"{_INIT}::test_entries_that_exist_stay_unless_force_replaces_them",
    ),
    _erase(
        "a dry run deletes nothing",
        "erase",
        rewrite("_1 and not _2", "_1", nth=1),
        f"{_ERASE}::test_dry_run_shows_what_is_there_and_deletes_nothing",
    ),
    _erase(
        "the question is asked",
        "erase",
        without_call("confirm"),
        f"{_ERASE}::test_question_decides",
    ),
    _certificate(
        "a certificate is not made twice",
        "create",
        without_raise("Misconfigured"),
        f"{_CERTIFICATE}::test_certificate_that_exists_is_not_made_again",
    ),
    _table(
        "newer rows are refused",
        "_check_version",
        without_raise("NewerRows"),
        f"{_NEWER}::test_rows_of_a_newer_version_are_refused",
    ),
    _owner(
        "newer rows end the ownership",
        "Deployment.begin_run",
        without_operand("NewerRows"),
        "tests/unit/subscriptions/test_deployment.py::test_owner_stops_where_a_newer_version_has_written",
    ),
    _laptop(
        "commands that read refuse newer rows",
        "reading_clients",
        without_except("NewerRows"),
        "tests/cli/commands/test_newer_rows.py::test_older_commands_refuse_newer_rows_with_one_sentence",
    ),
    _laptop(
        "commands without the table refuse newer rows",
        "writing_clients",
        without_operand("NewerRows"),
        "tests/cli/commands/test_newer_rows.py::test_older_commands_refuse_newer_rows_with_one_sentence",
    ),
)
