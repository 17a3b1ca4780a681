"""The guards of what proves delivery: what moves a proof, what is a gap, and what waits for the endpoint."""

from tests.guards.edits import condition, rewrite, without_call, without_if, without_operand
from tests.guards.guard import Guarded

_OUTAGES = "tests/unit/subscriptions/test_outages.py"
_VERDICT = "tests/unit/subscriptions/test_endpoint_verdict.py"
_PLANNING = "tests/unit/subscriptions/test_plan.py"
_ADOPTING = "tests/unit/subscriptions/test_plan_adoption.py"
_MERGING = "tests/unit/gaps/test_gap_recorder.py"
_PROBING = "tests/integration/graph/test_endpoint_probe.py"
_PROBED = "tests/unit/receiving/test_receive_probe.py"
_RESEMBLES = f"{_PROBED}::test_item_that_only_resembles_a_probe_is_none"
_CLOCK = "tests/unit/test_storage_clock.py"
_COMMON_TYPES = f"{_ADOPTING}::test_successor_on_a_path_comes_last_and_continues_common_change_types"
_UNCLEAR = f"{_PROBING}::test_refusal_silence_and_reset_say_no_only_if_the_url_has_said_yes"
_ENDED = f"{_OUTAGES}::test_interval_that_has_ended_is_left_to_the_next_step"

_outages = Guarded(area="proof", module="shared/subscriptions/outages.py")
_delivery = Guarded(area="proof", module="shared/subscriptions/delivery.py")
_plan = Guarded(area="proof", module="shared/subscriptions/plan.py")
_lifecycle = Guarded(area="proof", module="shared/subscriptions/lifecycle.py")
_requests = Guarded(area="proof", module="shared/subscriptions/requests.py")
_run = Guarded(area="verdict", module="shared/subscriptions/action_run.py")
_apply = Guarded(area="proof", module="shared/subscriptions/apply.py")
_reconcile = Guarded(area="proof", module="shared/subscriptions/reconcile.py")
_recorder = Guarded(area="gap", module="shared/gaps/gap_recorder.py")
_probe = Guarded(area="probe", module="shared/graph/endpoint_probe.py")
_receiver = Guarded(area="probe", module="shared/receiving/receive.py")
_own_item = Guarded(area="probe", module="shared/notifications/probe.py")
_store = Guarded(area="probe", module="shared/receiving/post_store.py")

_MISSED = (
    _lifecycle(
        "missed begins with the renewal whose expiration it names",
        "missed_by",
        without_if("_is_copy"),
        "tests/unit/subscriptions/test_known_by_id.py::test_missed_twice_between_two_runs_is_one_gap_that_covers_both",
    ),
    _lifecycle(
        "missed of an earlier expiration begins at its own receipt",
        "missed_by",
        without_operand("_is_copy"),
        "tests/unit/subscriptions/test_lifecycle.py::test_missed_is_recorded_during_a_renewal_or_parked_across_one",
    ),
)

_MOVED = (
    _outages(
        "only a yes moves the proof",
        "Outages._record_outages",
        without_if("YES"),
        f"{_OUTAGES}::test_endpoint_that_does_not_say_yes_moves_no_proof",
    ),
    _outages(
        "gaps are recorded before the proof moves",
        "Outages._record_outages",
        without_call("record_gaps"),
        f"{_OUTAGES}::test_endpoint_unproven_for_one_and_a_half_periods_was_down",
    ),
    _outages(
        "what was never listed is not judged",
        "Outages._record_outages",
        without_if("listed_at"),
        f"{_OUTAGES}::test_account_that_was_never_listed_has_no_proof",
    ),
    _outages(
        "a proof never goes back",
        "Outages._move_proof",
        rewrite("_1 < _2.asked_at", "True"),
        f"{_OUTAGES}::test_proof_never_goes_back",
    ),
    _outages("an open interval lasts", "Outages._record_parts", without_operand("until"), _ENDED),
    _delivery(
        "a first proof is bounded",
        "first_endpoint_proof",
        rewrite("max(_1, _2)", "_1"),
        f"{_OUTAGES}::test_first_proof_reaches_back_three_days_at_most",
    ),
    _delivery(
        "notifications refute a no",
        "EndpointAnswer.for_account",
        without_if("_is_delivering"),
        f"{_OUTAGES}::test_recent_notification_makes_no_count_as_cannot_tell",
    ),
    _requests(
        "a renewal of what waits proves nothing",
        "SubscriptionRequests._update",
        condition("is_as_desired", becomes=True),
        f"{_VERDICT}::test_renewal_of_what_waits_to_be_replaced_proves_nothing",
    ),
)
_PLANNED = (
    _requests(
        "a cold endpoint says nothing of the certificate",
        "SubscriptionRequests.renew",
        without_operand("_ENDPOINT_REFUSED"),
        "tests/unit/subscriptions/test_apply_requests.py::"
        "test_endpoint_that_was_cold_costs_no_attempt_without_the_certificate",
    ),
    _plan(
        "a late renewal leaves a gap",
        "_missed_while_silent",
        condition("token_expires_at", becomes=True),
        f"{_PLANNING}::test_renewal_when_its_token_has_nearly_expired_leaves_a_gap",
    ),
    _plan(
        "renewed before the token expires",
        "_is_due",
        without_operand("token_expires_at"),
        f"{_PLANNING}::test_subscription_is_renewed_before_its_token_expires",
    ),
    Guarded(area="proof", module="shared/subscriptions/successors.py")(
        "a successor continues common types", "_continued", without_operand("isdisjoint"), _COMMON_TYPES
    ),
    _plan(
        "a lost row leaves a gap",
        "_adopt_or_recreate",
        without_if("etag"),
        f"{_ADOPTING}::test_own_subscription_unknown_to_its_row_is_adopted",
    ),
    _apply(
        "what is only listed does not come back",
        "Applier.apply_action",
        without_if("_is_guess"),
        f"{_VERDICT}::test_listed_subscription_that_is_gone_does_not_come_back",
    ),
    _reconcile(
        "only a lost table is filled from the list",
        "_AccountRun._reconcile",
        rewrite("_1 and _2 is not None", "_2 is not None", 0),
        f"{_VERDICT}::test_only_the_run_after_the_loss_tracks_what_no_entry_names",
    ),
)
_AWAITED = (
    _run(
        "one refused creation stops the others",
        "ActionRun._create",
        condition("YES", becomes=True),
        f"{_VERDICT}::test_one_refused_creation_stops_the_others_unless_the_endpoint_answers",
    ),
    _run(
        "a no replaces nothing",
        "ActionRun._replace",
        without_operand("NO"),
        f"{_VERDICT}::test_moved_url_that_does_not_answer_costs_no_subscription",
    ),
    _run(
        "a dead replacement stops the others",
        "ActionRun._replace",
        rewrite("self.is_replacement_dead", "False"),
        f"{_VERDICT}::test_url_that_cannot_be_judged_costs_one_subscription_at_most",
    ),
    _run(
        "what waits is renewed",
        "ActionRun._postponed",
        rewrite("_1 + self._attempt_all(_2)", "_1"),
        f"{_VERDICT}::test_moved_url_that_does_not_answer_costs_no_subscription",
    ),
    _run(
        "a successor is on record first",
        "ActionRun._prepare",
        rewrite("self.applier.prepared(_1)", "_1"),
        f"{_VERDICT}::test_successor_is_on_record_before_its_predecessor_is_deleted",
    ),
)
_MERGED = (
    _recorder(
        "what is read back is never extended",
        "merge_gaps",
        without_operand("begun_at"),
        f"{_MERGING}::test_gap_that_is_being_read_or_of_another_kind_stays_as_it_is",
    ),
    _recorder(
        "a merged gap begins within an hour",
        "_nearly_touches",
        without_operand("_LONGEST_MERGED"),
        f"{_MERGING}::test_flapping_endpoint_of_two_days_ends_every_gap",
    ),
    _recorder(
        "a gap recorded again is the same",
        "MissedChangesRecorder._record_one_by_one",
        rewrite("_1.merged_with(_2)", "_1"),
        f"{_MERGING}::test_gap_recorded_again_lasts_until_the_later_end",
    ),
)
_PROBED_ENDPOINT = (
    Guarded(area="probe", module="shared/app/endpoint.py")(
        "what was not recorded is tried again",
        "EndpointWatch.record_next",
        rewrite("_1 is not self._recorded and _2(_3)", "_1 is not self._recorded and (_2(_3) or True)"),
        "tests/unit/app/test_endpoint.py::test_answer_that_could_not_be_recorded_is_tried_again",
    ),
    _probe(
        "the exact text",
        "EndpointProbe._shake_hands",
        without_if("_HANDSHAKE"),
        f"{_PROBING}::test_wrong_answer_to_the_handshake_says_no",
    ),
    _probe(
        "a POST has to be accepted",
        "EndpointProbe._post",
        without_call("_require"),
        f"{_PROBING}::test_post_that_is_not_accepted_says_no",
    ),
    _probe(
        "what was accepted is parked",
        "EndpointProbe._post",
        without_if("last_parked"),
        f"{_PROBING}::test_accepted_post_that_is_not_parked_says_no",
    ),
    _probe("unclear only without a yes", "EndpointProbe._ask_once", without_operand("has_said_yes"), _UNCLEAR),
    _probe(
        "no answer in time", "EndpointProbe._call", rewrite("Deadline.after(_1)", "Deadline.after(_1 * 9)"), _UNCLEAR
    ),
    _receiver(
        "a probe is no item",
        "Receiver.process",
        condition("is_probe", becomes=False),
        f"{_PROBED}::test_probe_is_parked_under_one_name_and_neither_published_nor_counted",
    ),
    _own_item("the event of a probe", "is_probe", without_operand("_EVENT"), _RESEMBLES),
    _own_item("the subscription of a probe", "is_probe", without_operand("_SUBSCRIPTION_ID"), _RESEMBLES),
    _store(
        "a probe is not listed",
        "PostStore.list",
        without_operand("PROBE"),
        "tests/integration/receiving/test_post_store.py::test_probe_is_overwritten_and_never_listed",
    ),
    Guarded(area="clock", module="shared/timing.py")(
        "storage's time counts",
        "StorageClock.now",
        condition("_known", becomes=True),
        f"{_CLOCK}::test_clock_goes_by_the_machine_until_it_knows_storages_time",
    ),
    Guarded(area="clock", module="shared/limits.py")(
        "a limit survives a clock that is set back",
        "RateLimiter.__init__",
        rewrite("[_LONG_AGO]", "[self._clock.now()]"),
        f"{_CLOCK}::test_rate_limit_survives_a_clock_that_is_set_back",
    ),
)
GUARDS = (*_MISSED, *_MOVED, *_PLANNED, *_AWAITED, *_MERGED, *_PROBED_ENDPOINT)
