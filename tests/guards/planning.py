"""The guards of ``plan``: what is done about each row, when, in which order, and which gap it leaves."""

from tests.guards.guard import Guard

_RULES = "tests/unit/subscriptions/test_plan.py"
_SETTLED = f"{_RULES}::test_what_is_settled_needs_no_action"
_NEW = f"{_RULES}::test_what_nothing_watches_is_created_for_the_whole_lifetime"
_ANEW = f"{_RULES}::test_what_graph_cannot_change_is_had_by_a_new_subscription"
_CERTIFICATE = f"{_RULES}::test_the_current_certificate_reaches_what_has_resource_data_at_the_next_run"
_MISSED = f"{_RULES}::test_missed_notifications_leave_a_gap_of_what_graph_keeps_and_are_answered_once"
_LAPSED = f"{_RULES}::test_a_subscription_that_nobody_renewed_for_long_has_a_gap_although_it_lives"
_URL = (
    "tests/unit/subscriptions/test_desired_notification_url.py"
    "::test_the_url_says_whether_to_fetch_and_from_which_version"
)
_ORDER = f"{_RULES}::test_what_delivers_nothing_comes_first_and_then_what_ends_soonest"
_ROOM = f"{_RULES}::test_a_deletion_makes_room_for_what_is_created_on_the_same_path_which_then_has_a_gap"
_WAITS = f"{_RULES}::test_a_deletion_of_something_else_waits_until_the_rest_is_safe_and_leaves_no_gap"


def _guard(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"planning: {name}", module="shared/subscriptions/plan.py", snippet=snippet, without=without, test=test
    )


def _url(name: str, snippet: str, without: str) -> Guard:
    return Guard(
        name=f"planning: {name}", module="shared/subscriptions/desired.py", snippet=snippet, without=without, test=_URL
    )


GUARDS = (
    _guard(
        "what the file names is the file's",
        ', desired=item, added_by="file", is_wanted=True',
        ", desired=item",
        f"{_RULES}::test_what_the_file_names_is_the_files_whoever_added_it_first",
    ),
    _guard(
        "a row stands once",
        "for key, row in tracked_by_key.items() if key not in desired_by_key",
        "for row in tracked",
        _SETTLED,
    ),
    _url("nothing is fetched unasked", "    if not desired.fetch:\n        return base\n", ""),
    _url("fetched from beta", "ApiVersion.BETA if resource_type is not None and resource_type.beta else ", ""),
    _url("the URL's own query", 'f"{parts.query}&{query}" if parts.query else query', "query"),
    _guard(
        "what belongs to another row is no orphan",
        "for id_, item in live.items() if id_ not in tracked}",
        "for item in live.values()}",
        _ORDER,
    ),
    _guard(
        "an orphan is found whatever its query",
        'subscription.change_types, url.partition("?")[0])',
        "subscription.change_types, url)",
        f"{_RULES}::test_what_does_not_fit_is_subscribed_to_anew_and_not_adopted",
    ),
    _guard(
        "what nobody wants goes",
        "    if not row.is_wanted:\n",
        "    if False:\n",
        f"{_RULES}::test_what_the_file_no_longer_names_is_deleted",
    ),
    _guard(
        "another subscription is adopted first",
        "row.applied is None or row.applied.subscription_id != subscription.subscription_id",
        "row.applied is None",
        f"{_RULES}::test_a_subscription_of_this_deployment_that_its_row_does_not_know_is_adopted",
    ),
    _guard(
        "a resource that nobody knows",
        "requested if resource_type is None else min",
        "min",
        f"{_RULES}::test_a_lifetime_is_what_is_set_and_never_over_graphs_maximum",
    ),
    _guard("two clocks within the lifetime", "max_lifetime - _MARGIN", "max_lifetime", _NEW),
    _guard(
        "no gap before the first",
        "    if row.applied is None:\n        return None\n    last_seen",
        "    last_seen",
        _NEW,
    ),
    _guard(
        "what Graph says it has removed",
        "    if _after_renewal(row.activity.removed_at, applied):\n",
        "    if False:\n",
        f"{_RULES}::test_what_graph_says_it_has_removed_is_subscribed_to_anew_even_while_it_is_listed",
    ),
    _guard("what a PATCH cannot change", "    if _needs_recreation(row, applied, policy):\n", "    if False:\n", _ANEW),
    _guard(
        "what was heard before the last renewal",
        "return time is not None and time > applied.renewed_at",
        "return time is not None",
        f"{_RULES}::test_what_asks_for_reauthorization_is_renewed_but_not_within_ten_minutes",
    ),
    _guard(
        "no certificate to rotate to",
        "not in {None, applied.certificate_id}",
        "!= applied.certificate_id",
        _CERTIFICATE,
    ),
    _guard(
        "no certificate without resource data",
        "if applied.include_resource_data and ",
        "if ",
        f"{_RULES}::test_what_lives_shortly_is_renewed_halfway",
    ),
    _guard("what was missed is answered", "if missed_interval is not None or _is_due", "if _is_due", _MISSED),
    _guard("what was missed is answered once", " and missed_at > applied.renewed_at", "", _MISSED),
    _guard(
        "a lapse is a gap",
        "    if now - applied.renewed_at > max(_RETRIED_FOR, 2 * policy.renew_after):\n",
        "    if False:\n",
        _LAPSED,
    ),
    _guard("a lapse beyond two renewals", "max(_RETRIED_FOR, 2 * policy.renew_after)", "_RETRIED_FOR", _LAPSED),
    _guard(
        "renewed by its age",
        "or age >= renew_after or",
        "or",
        f"{_RULES}::test_a_subscription_is_renewed_once_its_last_renewal_is_old_enough",
    ),
    _guard("room for creations only", "actions if isinstance(action, Create)}", "actions}", _WAITS),
    _guard(
        "what is not at Graph makes no room",
        "if isinstance(action, Delete) and action.subscription is not None}",
        "if isinstance(action, Delete)}",
        f"{_RULES}::test_a_row_that_has_nothing_at_graph_makes_no_room_and_no_gap",
    ),
    _guard("deleted once", " and _path(action) not in created)", ")", _ROOM),
    _guard(
        "an older gap is kept",
        "missed_interval=MissedInterval(since=now).merged_with(action.missed_interval)",
        "missed_interval=MissedInterval(since=now)",
        f"{_RULES}::test_what_was_lost_before_a_deletion_makes_room_for_it_is_in_the_gap",
    ),
    _guard("what ends soonest", ", key=_urgency)", ", key=lambda _: 0)", _ORDER),
    _guard(
        "what delivers nothing comes first",
        "return (False, action.expiration)",
        "return (True, action.expiration)",
        _ORDER,
    ),
)
