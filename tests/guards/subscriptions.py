"""The guards of the subscriptions: what keeps them alive, each subscribed to once, and its losses known."""

from tests.guards.guard import Guard

_RULES = "tests/unit/subscriptions/test_plan.py"
_LAWS = "tests/unit/subscriptions/test_plan_laws.py"
_APPLY = "tests/unit/subscriptions/test_apply.py"
_FAILURES = "tests/unit/subscriptions/test_reconcile_failures.py"
_RUNS = "tests/unit/subscriptions/test_reconcile.py"
_REQUESTS = "tests/unit/subscriptions/test_apply_requests.py"
_ROWS = "tests/unit/subscriptions/test_subscription_table.py"
_WRONG_VALUE = f"{_ROWS}::test_a_value_that_cannot_be_the_rows_is_a_fault"
_WRONG_TYPE = f"{_ROWS}::test_a_column_of_a_wrong_type_is_a_fault_that_names_the_row"
_TABLE = "tests/integration/subscriptions/test_subscription_table.py"
_ANEW = f"{_RULES}::test_what_graph_cannot_change_is_had_by_a_new_subscription"
_NO_FIT = f"{_RULES}::test_what_does_not_fit_is_subscribed_to_anew_and_not_adopted"
_LOST = f"{_RULES}::test_what_graph_no_longer_has_is_created_anew_with_a_gap_since_it_was_seen_alive"


def _plan(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"plan: {name}", module="shared/subscriptions/plan.py", snippet=snippet, without=without, test=test
    )


def _apply(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"apply: {name}", module="shared/subscriptions/apply.py", snippet=snippet, without=without, test=test
    )


def _run(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"run: {name}", module="shared/subscriptions/reconcile.py", snippet=snippet, without=without, test=test
    )


def _rows(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"rows: {name}",
        module="shared/subscriptions/subscription_table.py",
        snippet=snippet,
        without=without,
        test=test,
    )


def _columns(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(name=f"columns: {name}", module="shared/table.py", snippet=snippet, without=without, test=test)


def _table(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(name=f"table: {name}", module="shared/table.py", snippet=snippet, without=without, test=test)


def _tracking(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"tracking: {name}",
        module="shared/subscriptions/subscription_table.py",
        snippet=snippet,
        without=without,
        test=test,
    )


GUARDS = (
    _plan(
        "a row's pause",
        "now < row.failure.retry_at and not policy.force",
        "False",
        f"{_RULES}::test_a_row_in_its_pause_is_left_alone",
    ),
    _plan(
        "force heeds no pause",
        "now < row.failure.retry_at and not policy.force",
        "now < row.failure.retry_at",
        f"{_RULES}::test_force_renews_what_is_not_due_and_heeds_no_pause",
    ),
    _plan(
        "lifetime within Graph's",
        "min(requested, resource_type.max_lifetime - _MARGIN)",
        "requested",
        f"{_RULES}::test_a_lifetime_is_what_is_set_and_never_over_graphs_maximum",
    ),
    _plan("a gap since the last list", "last_seen = max(last_seen, policy.listed_at)", "pass", _LOST),
    _plan("no list counts in a pause", "row.failure is None and policy.listed_at", "policy.listed_at", _LOST),
    _plan(
        "a gap covers all the loss",
        "row.failure is None and policy.listed_at",
        "policy.listed_at",
        f"{_FAILURES}::test_a_loss_in_a_rows_pause_is_not_taken_for_one_since_a_list_that_nobody_compared",
    ),
    _plan("a gap since the end", "min(last_seen, row.applied.expiration)", "last_seen", _LOST),
    _plan(
        "adoption of the same query",
        "subscription.notification_url == notification_url(row.desired, policy.notification_url)\n        and ",
        "",
        _NO_FIT,
    ),
    _plan(
        "adoption with a lifecycle URL",
        "\n        and subscription.lifecycle_notification_url == policy.notification_url",
        "",
        _NO_FIT,
    ),
    _plan(
        "adoption with resource data",
        "\n        and subscription.include_resource_data == row.desired.include_resource_data",
        "",
        _NO_FIT,
    ),
    _plan(
        "adoption of the same key",
        "\n        and row.client_state_key_id in {None, policy.client_state_key_id}",
        "",
        _NO_FIT,
    ),
    _plan(
        "only our own are adopted",
        'subscription.change_types, url.partition("?")[0])',
        'subscription.change_types, "")',
        f"{_RULES}::test_what_others_own_is_left_alone_and_does_not_count_as_ours",
    ),
    _plan(
        "removed by Graph",
        "    if _after_renewal(row.activity.removed_at, applied):",
        "    if False:",
        f"{_RULES}::test_what_graph_says_it_has_removed_is_subscribed_to_anew_even_while_it_is_listed",
    ),
    _plan("another URL", "        applied.notification_url != notification_url(", "        False and (", _ANEW),
    _plan(
        "resource data or none",
        "        or applied.include_resource_data != row.desired.include_resource_data\n",
        "",
        _ANEW,
    ),
    _plan(
        "another client-state key",
        "        or row.client_state_key_id not in {None, policy.client_state_key_id}\n",
        "",
        _ANEW,
    ),
    _plan(
        "certificate rotation",
        "if applied.include_resource_data and policy.certificate_id not in {None, applied.certificate_id}:",
        "if False:",
        f"{_RULES}::test_the_current_certificate_reaches_what_has_resource_data_at_the_next_run",
    ),
    _plan(
        "missed once",
        "missed_at is not None and missed_at > applied.renewed_at",
        "missed_at is not None",
        f"{_RULES}::test_missed_notifications_leave_a_gap_of_what_graph_keeps_and_are_answered_once",
    ),
    _plan(
        "a long silence is a gap",
        "if now - applied.renewed_at > max(_RETRIED_FOR, 2 * policy.renew_after):",
        "if False:",
        f"{_RULES}::test_a_subscription_that_nobody_renewed_for_long_has_a_gap_although_it_lives",
    ),
    _plan(
        "ten minutes apart",
        " and age >= _MIN_INTERVAL",
        "",
        f"{_RULES}::test_what_asks_for_reauthorization_is_renewed_but_not_within_ten_minutes",
    ),
    _plan(
        "halfway",
        "min(policy.renew_after, _lifetime(row.desired.resource, policy.lifetime) / 2)",
        "policy.renew_after",
        f"{_RULES}::test_what_lives_shortly_is_renewed_halfway",
    ),
    _plan(
        "before it ends",
        " or subscription.expiration - now <= renew_after",
        "",
        f"{_RULES}::test_what_graph_ends_sooner_than_it_was_asked_to_is_renewed_before_it_ends",
    ),
    _plan(
        "an operator's own stays",
        'is_wanted=row.is_wanted and row.added_by == "cli"',
        "is_wanted=False",
        f"{_RULES}::test_what_an_operator_has_added_stays_until_an_operator_takes_it_away",
    ),
    _plan(
        "what the file lost goes",
        'is_wanted=row.is_wanted and row.added_by == "cli"',
        "is_wanted=row.is_wanted",
        f"{_RULES}::test_what_the_file_no_longer_names_is_deleted",
    ),
    _plan(
        "room is made first",
        "isinstance(action, Delete) and _path(action) in created)",
        "isinstance(action, Delete) and False)",
        f"{_LAWS}::test_any_world_settles_in_one_run_without_faults",
    ),
    _plan(
        "a gap between two",
        "yield replace(action, missed_interval=MissedInterval(since=now).merged_with(action.missed_interval))",
        "yield action",
        f"{_RULES}::test_a_deletion_makes_room_for_what_is_created_on_the_same_path_which_then_has_a_gap",
    ),
    _apply(
        "intent before a creation",
        "            case Create():\n                return self._save_signing_key(row)\n",
        "",
        f"{_APPLY}::test_graph_is_not_asked_when_another_run_has_changed_the_row",
    ),
    _apply(
        "intent before a deletion",
        "return row if action.subscription is None else self.subscription_table.save(row)",
        "return row",
        f"{_APPLY}::test_graph_is_not_asked_when_another_run_has_changed_the_row",
    ),
    _apply(
        "intent before a recreation",
        "            case Update(kind=UpdateKind.RECREATE):\n    "
        "            return self.subscription_table.save(row)\n",
        "",
        f"{_APPLY}::test_graph_is_not_asked_when_another_run_has_changed_the_row",
    ),
    _apply(
        "two runs at once",
        "            case Create():\n                return self._save_signing_key(row)\n",
        "",
        f"{_FAILURES}::test_of_two_runs_at_once_one_does_it",
    ),
    _apply(
        "a pause after a failure",
        "        self.subscription_table.save(replace(row, failure=failure))\n        return problem",
        "        return problem",
        f"{_FAILURES}::test_what_is_refused_for_ever_is_tried_ever_more_rarely_up_to_once_an_hour",
    ),
    _apply(
        "no second substitute",
        "self._substitute(action, row, refusal) if may_substitute else None",
        "self._substitute(action, row, refusal)",
        f"{_APPLY}::test_a_substitute_that_fails_is_not_substituted_again",
    ),
    _apply(
        "created again after 404",
        "case Update(kind=UpdateKind.ADOPT | UpdateKind.RENEW | UpdateKind.ROTATE), NotFound():",
        "case Update(kind=UpdateKind.ADOPT | UpdateKind.RENEW | UpdateKind.ROTATE), NotFound() if not action:",
        f"{_FAILURES}::test_a_subscription_that_is_gone_when_it_is_renewed_is_created_in_the_same_run_with_its_gap",
    ),
    _apply(
        "adopted after 409",
        "case Create(), Conflict():",
        "case Create(), Conflict() if not action:",
        f"{_FAILURES}::test_what_exists_already_is_adopted_and_stays_whoevers_it_was",
    ),
    _apply(
        "an operator's own stays an operator's",
        '[row.desired] if row.added_by == "file" else []',
        "[row.desired]",
        f"{_FAILURES}::test_what_exists_already_is_adopted_and_stays_whoevers_it_was",
    ),
    _apply(
        "renewed in time whatever else is refused",
        "            failure = failure.capped_at(now + min(self.policy.renew_after, (applied.expiration - now) / 2))\n",
        "            assert now\n",
        f"{_APPLY}::test_a_short_lived_one_with_a_refused_certificate_is_renewed_in_time",
    ),
    _apply(
        "what lives shortly is tried again before it ends",
        "            failure = failure.capped_at(now + (row.applied.expiration - now) / 2)\n",
        "            assert now\n",
        f"{_APPLY}::test_a_short_lived_one_is_tried_again_in_time_unless_graph_says_later",
    ),
    _run(
        "one made anew before the others",
        'if outcome != "failed":',
        "if outcome:",
        f"{_FAILURES}::test_a_slip_in_the_notification_url_costs_one_subscription_and_not_all",
    ),
    _apply(
        "an open gap ends with success",
        "missed_interval = row.missed_interval.with_end(now) if row.missed_interval else None",
        "missed_interval = row.missed_interval",
        f"{_APPLY}::test_a_creation_is_recorded_with_its_signing_key_before_graph_is_asked",
    ),
    _apply(
        "no rich one without a certificate",
        "            raise self.certificate\n",
        "            return None\n",
        f"{_REQUESTS}::test_resource_data_are_not_asked_for_without_a_certificate",
    ),
    _apply(
        "a refused certificate costs nothing",
        "            return self._update(action, None), refusal\n",
        "            raise\n",
        f"{_REQUESTS}::test_a_certificate_that_graph_refuses_is_left_out_and_reported",
    ),
    _apply(
        "nor does a conflict over it",
        "except (Misconfigured, Conflict) as refusal:",
        "except Misconfigured as refusal:",
        "tests/unit/subscriptions/test_apply_requests.py::test_a_conflict_over_a_certificate_does_not_cost_the_renewal",
    ),
    _apply(
        "a lifecycle URL",
        '            "lifecycleNotificationUrl": self.policy.notification_url,\n',
        "",
        f"{_RUNS}::test_a_certificate_goes_with_resource_data_only_and_a_lifecycle_url_with_all",
    ),
    _run(
        "one account's failure is its own",
        "            return self._reconcile()\n        except Problem as problem:",
        "            return self._reconcile()\n        except ZeroDivisionError as problem:",
        f"{_FAILURES}::test_a_tenant_that_cannot_be_reached_does_not_stop_the_other_and_is_left_alone_for_a_while",
    ),
    _run(
        "an account's pause",
        "account_status.failure is not None and started_at < account_status.failure.retry_at and not self.force",
        "False",
        f"{_FAILURES}::test_a_tenant_that_cannot_be_reached_does_not_stop_the_other_and_is_left_alone_for_a_while",
    ),
    _run(
        "a vault's outage",
        "self.certificate() if self.certificate else None\n        except Problem as problem:",
        "self.certificate() if self.certificate else None\n        except ZeroDivisionError as problem:",
        f"{_FAILURES}::test_a_vault_that_is_out_of_reach_does_not_stop_what_needs_no_certificate",
    ),
    _run(
        "time",
        '        if self.limiter.is_over():\n            return "postponed"\n',
        "",
        f"{_FAILURES}::test_once_its_time_is_over_a_run_begins_nothing",
    ),
    _run(
        "what was postponed has not been looked at",
        'account_status.listed_at if counts["postponed"] else started_at',
        "started_at",
        f"{_FAILURES}::test_a_loss_that_nobody_had_time_for_is_not_taken_for_one_since_the_last_list",
    ),
    _run(
        "a pause that Graph asks for",
        "            self.limiter.pause_for(problem.retry_after)",
        "            pass",
        f"{_FAILURES}::test_a_pause_that_graph_asks_for_is_kept_by_the_row_and_by_the_rest_of_the_run",
    ),
    _run(
        "another run's row",
        '        except Conflict:\n            return "left to another run"\n',
        "",
        f"{_FAILURES}::test_a_run_that_is_overtaken_between_its_list_and_its_writes_leaves_the_rows_alone",
    ),
    _run(
        "an account's own rows",
        "state.tracked_by(delegated=account.delegated)",
        "state.tracked",
        f"{_RUNS}::test_an_accounts_rows_are_its_own",
    ),
    _rows(
        "the row's own key",
        'if to_entity(row)["RowKey"] != entity["RowKey"]:',
        "if False:",
        _WRONG_VALUE,
    ),
    _rows(
        "file or cli", '            raise ValueError("neither file nor cli")', '            return "file"', _WRONG_VALUE
    ),
    _columns("the type", "type(value) is not kind", "False", _WRONG_TYPE),
    _columns("true is no number", "type(value) is not kind", "not isinstance(value, kind)", _WRONG_VALUE),
    _columns("the minimum", "(minimum is not None and value < minimum)", "False", _WRONG_VALUE),
    _columns("the time zone", "value = _EPOCH + (value - _EPOCH)", "pass", _WRONG_VALUE),
    _table(
        "an ETag on change",
        "entity, mode=UpdateMode.REPLACE, **if_unchanged(etag), **self._options",
        "entity, mode=UpdateMode.REPLACE, **self._options",
        f"{_TABLE}::test_of_two_who_change_a_row_the_second_is_told_and_the_first_change_stays",
    ),
    _table(
        "an ETag on deletion",
        "partition_key, row_key, **if_unchanged(etag), **self._options",
        "partition_key, row_key, **self._options",
        f"{_TABLE}::test_of_two_who_change_a_row_the_second_is_told_and_the_first_change_stays",
    ),
    _tracking(
        "ids that may stand in a key",
        "        if not _SUBSCRIPTION_ID.fullmatch(subscription_id):\n            return\n",
        "",
        f"{_TABLE}::test_a_hostile_subscription_id_is_heard_of_without_harm",
    ),
    _table(
        "a tenant is a value in the query",
        '"PartitionKey eq @key", {"key": key}',
        "f\"PartitionKey eq '{key}'\", {}",
        f"{_TABLE}::test_a_hostile_tenant_id_finds_nothing_of_others",
    ),
)
