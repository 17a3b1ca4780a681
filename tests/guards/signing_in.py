"""The guards of users' logins, and of the vault that keeps them."""

from tests.guards.guard import Guard

_MODULE = "shared/identity/user_login.py"
_TESTS = "tests/integration/identity/test_user_login.py"
_OUTAGES = "tests/integration/identity/test_user_login_outages.py"
_SIGN_IN = "tests/integration/identity/test_user_login_sign_in.py"
_APP = "tests/integration/identity/test_entra.py"


def _app(name: str, snippet: str, without: str, test: str) -> Guard:
    module = "shared/identity/entra.py"
    return Guard(name=f"app's token: {name}", module=module, snippet=snippet, without=without, test=f"{_APP}::{test}")


GUARDS = (
    _app("half of its life", " + lifetime // 2", " + lifetime", "test_a_token_is_replaced_at_half_of_its_life"),
    _app(
        "the old one serves in an outage",
        "if old is None or now >= old.expires_on:",
        "if True:",
        "test_a_token_in_its_second_half_serves_while_no_other_can_be_had",
    ),
    _app(
        "no expired one",
        "if old is None or now >= old.expires_on:",
        "if old is None:",
        "test_expired_token_is_not_used_in_an_outage",
    ),
    _app(
        "no cool-down beyond its end",
        "min(now + _COOLDOWN_SECONDS, old.expires_on)",
        "now + _COOLDOWN_SECONDS",
        "test_expired_token_is_not_used_in_an_outage",
    ),
    _app(
        "a cool-down",
        "min(now + _COOLDOWN_SECONDS, old.expires_on)",
        "now",
        "test_a_token_in_its_second_half_serves_while_no_other_can_be_had",
    ),
    _app(
        "one fetch at a time",
        "        with self._lock:\n",
        "        if True:\n",
        "test_threads_of_one_process_fetch_one_token",
    ),
    Guard(
        name="login: nobody is signed in",
        module=_MODULE,
        snippet="""\
            if stored is None:
                raise self._login_required("no user is signed in")
""",
        without="",
        test=f"{_TESTS}::test_nobody_signed_in_is_told_with_the_command",
    ),
    Guard(
        name="login: what is kept cannot be read",
        module=_MODULE,
        snippet="""\
        except (ValueError, RecursionError) as exc:
            raise self._login_required("the stored login cannot be read") from exc
""",
        without="""\
        finally:
            pass
""",
        test=f"{_OUTAGES}::test_a_login_that_is_none_is_a_documented_problem",
    ),
    Guard(
        name="login: only the user can mend it",
        module=_MODULE,
        snippet="""\
        if answer.get("error") in _LOGIN_REQUIRED:
""",
        without="""\
        if answer.get("error") is None:
""",
        test=f"{_TESTS}::test_a_revoked_session_asks_for_the_user_and_heals_with_the_next_login",
    ),
    Guard(
        name="login: one refresh at a time",
        module=_MODULE,
        snippet="        with self._lock:\n",
        without="        if True:\n",
        test=f"{_TESTS}::test_threads_of_one_process_refresh_once",
    ),
    Guard(
        name="login: a newer one is not overwritten",
        module=_MODULE,
        snippet="            if self._logins.load(self._tenant_id) == loaded:\n",
        without="            if loaded:\n",
        test=f"{_TESTS}::test_a_login_that_came_in_between_is_not_overwritten",
    ),
    Guard(
        name="login: a vault that cannot be written stops nobody",
        module=_MODULE,
        snippet="        except Problem as exc:\n            # The stored login",
        without="        except KeyError as exc:\n            # The stored login",
        test=f"{_TESTS}::test_a_vault_that_cannot_be_written_is_a_warning_and_no_hindrance",
    ),
    Guard(
        name="login: the vault is asked before the user",
        module=_MODULE,
        snippet="    logins.load(tenant_id)\n",
        without="",
        test=f"{_SIGN_IN}::test_a_vault_that_is_down_is_found_out_before_the_user_signs_in",
    ),
    Guard(
        name="login: kept only when somebody has signed in",
        module=_MODULE,
        snippet="""\
    if not name:
        raise problem
""",
        without="",
        test=f"{_SIGN_IN}::test_a_user_who_declines_is_told_and_nothing_is_kept",
    ),
    Guard(
        name="login: being put off is no refusal",
        module=_MODULE,
        snippet="    if error in _TEMPORARY:\n",
        without="    if not error:\n",
        test=f"{_OUTAGES}::test_being_put_off_is_unavailable",
    ),
    Guard(
        name="login: nonsense from the vault",
        module="shared/identity/user_login.py",
        snippet="""\
            return self._client.get_secret(name).value
        except ResourceNotFoundError:
            return None
        except CLIENT_ERRORS as exc:
""",
        without="""\
            return self._client.get_secret(name).value
        except ResourceNotFoundError:
            return None
        except HttpResponseError as exc:
""",
        test=f"{_OUTAGES}::test_an_answer_that_is_no_secret_is_unavailable",
    ),
    Guard(
        name="login: the role is named",
        module="shared/identity/user_login.py",
        snippet="    if status == _FORBIDDEN:\n",
        without="    if status == 0:\n",
        test=f"{_OUTAGES}::test_a_vault_that_refuses_to_be_read_names_the_role",
    ),
    Guard(
        name="settings: the vault of another cloud",
        module="shared/settings.py",
        snippet="        if suffix not in {None, settings.cloud.key_vault_suffix}:\n",
        without="        if suffix is settings:\n",
        test="tests/unit/test_settings.py::test_a_vault_of_another_cloud_than_graph_is_a_fault",
    ),
)
