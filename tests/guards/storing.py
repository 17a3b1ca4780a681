"""The guards of what is stored: parked or in quarantine, redriven, bounded, and told to an operator."""

from tests.guards.edits import (
    condition,
    keyword_becomes,
    rewrite,
    without_call,
    without_except,
    without_if,
    without_operand,
)
from tests.guards.guard import Guarded

_PARKING = "tests/unit/receiving/test_receive_parking.py"
_REDRIVING = "tests/unit/receiving/test_redrive.py"
_DELETING = "tests/unit/receiving/test_redrive_deletions.py"
_SETTLING = "tests/unit/receiving/test_redrive_settling.py"
_QUARANTINE = "tests/unit/receiving/test_quarantine.py"
_LOG = "tests/unit/receiving/test_post_log.py"
_STRANGERS = f"{_LOG}::test_strangers_get_one_line_a_minute_with_counts_and_the_largest_size"
_REMEMBERED = f"{_LOG}::test_memory_for_logged_texts_is_bounded"
_STORE = "tests/integration/receiving/test_post_store.py"
_EXISTS = f"{_STORE}::test_blob_that_exists_stays_and_is_not_new"
_SECOND_CLAIM = f"{_STORE}::test_second_claim_of_a_post_is_a_conflict"
_AS_THEY_CAME = f"{_PARKING}::test_items_are_stored_as_they_came_each_where_it_belongs"
_SIXTEEN = f"{_PARKING}::test_post_of_a_hundred_tenants_is_parked_in_sixteen_blobs"
_COPY = f"{_PARKING}::test_copy_of_a_quarantined_item_has_the_same_name"
_OUTCOME = "tests/unit/receiving/test_receive.py::test_every_post_has_its_documented_outcome_and_writes_no_log"
_BOUNDED = f"{_QUARANTINE}::test_new_items_past_the_hourly_limit_are_reported_once"
_COPIES = f"{_QUARANTINE}::test_copies_do_not_count_toward_the_limit"
_EACH_TENANT = f"{_QUARANTINE}::test_limit_counts_each_tenant_by_itself_and_begins_anew_each_hour"
_THIRTY_DAYS = f"{_QUARANTINE}::test_item_is_deleted_after_thirty_days_and_reported"
_REPORTED = f"{_QUARANTINE}::test_item_stays_until_its_loss_is_reported"
_STAYS = f"{_REDRIVING}::test_quarantined_item_stays_until_an_attempt_publishes_it"
_KILLED = f"{_REDRIVING}::test_one_that_brings_the_run_down_is_put_off_before_and_lost_never"
_TWO_RUNS = f"{_REDRIVING}::test_stored_post_is_taken_by_one_of_two_runs"
_ONE_FAILS = f"{_REDRIVING}::test_container_that_fails_for_one_post_postpones_it"
_HOPELESS = f"{_REDRIVING}::test_hopeless_posts_of_one_tenant_do_not_delay_another_tenant"
_RECEIPT = f"{_REDRIVING}::test_a_body_is_judged_and_published_as_of_its_receipt"
_NOT_OURS = f"{_REDRIVING}::test_post_that_is_no_longer_authentic_stays"
_APPEARS = f"{_REDRIVING}::test_certificate_that_appears_publishes_what_was_parked_for_it"
_YOUNG = f"{_SETTLING}::test_item_expires_after_a_week_and_twenty_attempts"
_SLOTS = f"{_SETTLING}::test_redriving_takes_no_slots_of_live_posts"
_GONE = f"{_SETTLING}::test_creation_that_does_not_appear_is_reported_as_gone"
_REST = f"{_SETTLING}::test_post_stays_whose_rest_cannot_be_stored"

_storing = Guarded(area="storing", module="shared/receiving/storing.py")
_quarantine = Guarded(area="quarantine", module="shared/receiving/quarantine.py")
_redriving = Guarded(area="redriving", module="shared/receiving/redrive.py")
_store = Guarded(area="storage", module="shared/receiving/post_store.py")
_log = Guarded(area="log", module="shared/receiving/post_log.py")

_BLOBS = (
    _storing("at most 16 blobs", "parked_groups", without_if("MAX_PARKED_BLOBS"), _SIXTEEN),
    _storing("the rest goes into one blob", "parked_groups", rewrite("dict(_1) | _", "dict(_1)"), _SIXTEEN),
    _storing("what will not work is not parked", "parked_groups", condition("Rejected", becomes=True), _AS_THEY_CAME),
    _storing("positions are stored", "_body", rewrite("to_json(_1, _2, _)", "to_json(_1, _2, [0])"), _AS_THEY_CAME),
    _storing(
        "a copy has the same name",
        "_item_hash",
        rewrite("to_json([_], (), ())", "b'%d' % __import__('time').time_ns()"),
        _COPY,
    ),
    _store("a copy overwrites nothing", "PostStore._store", rewrite("_1.name == PROBE", "True"), _EXISTS),
    Guarded(area="storage", module="shared/storage_calls.py")(
        "a POST is claimed by one run",
        "BlobCalls.claim",
        rewrite("{'If-Match': _}", "{}"),
        _SECOND_CLAIM,
    ),
    _store(
        "what another run has claimed is not deleted",
        "_deletion",
        rewrite("{'etag': _, 'match_condition': _}", "{}"),
        f"{_STORE}::test_post_that_another_run_has_claimed_is_not_deleted",
    ),
    _store(
        "what stays is told from what is deleted",
        "PostStore.delete",
        rewrite("_1.status_code >= _ and _", "False"),
        f"{_STORE}::test_leased_blob_stays_and_costs_no_other_one",
    ),
)

_QUARANTINED = (
    _quarantine("a limit an hour", "Quarantine._room", rewrite("max(0, _)", "MAX_NEW_PER_HOUR"), _BOUNDED),
    _quarantine("what is stored counts", "Quarantine._count", rewrite("self._stored[_] += _", "pass"), _BOUNDED),
    _quarantine("what is left out is reported", "Quarantine._add_group", without_call("_report"), _BOUNDED),
    _quarantine(
        "copies do not count",
        "Quarantine._add_group",
        rewrite("self.store.store(_1, _2)", "(self.store.store(_1, _2), len(_1))[1]"),
        _COPIES,
    ),
    _quarantine("each tenant by itself", "Quarantine.add", rewrite("(_.tenant_id, _1)", "('', _1)"), _EACH_TENANT),
    _quarantine(
        "nothing is deleted before 30 days", "Quarantine._reported", condition("KEPT_FOR", becomes=False), _THIRTY_DAYS
    ),
    _quarantine("reported before it is deleted", "Quarantine._reported", without_call("publish"), _REPORTED),
)

_REDRIVEN = (
    _redriving("claimed before it is processed", "Redriver.process", rewrite("self.store.claim(_1, _)", "_1"), _KILLED),
    _redriving("left to a faster run", "Redriver.process", without_except("Conflict"), _TWO_RUNS),
    _redriving("one that fails stops no other", "Redriver.process", without_except("Problem"), _ONE_FAILS),
    _redriving("tenants and reasons in turn", "_in_turns", rewrite("(_.tenant_id, _.reason)", "('', '')"), _HOPELESS),
    _redriving(
        "slots of its own", "Redriver._attempts", rewrite("ConcurrencyLimiter(_)", "self.receiver.limiter"), _SLOTS
    ),
    _redriving(
        "judged as of its receipt", "Redriver._redrive", keyword_becomes("open", "received_at", "self.now()"), _RECEIPT
    ),
    _redriving("as old as it is", "Redriver._redrive", keyword_becomes("open", "age", "timedelta(0)"), _GONE),
    _redriving(
        "what cannot be deleted is put off",
        "Redriver._settled",
        rewrite("_1.done and _", "False"),
        f"{_DELETING}::test_blob_that_cannot_be_deleted_is_put_off_and_no_other_one",
    ),
    _redriving(
        "at most 256 deletions in a request",
        "Redriver.run",
        rewrite("len(_1) == MAX_DELETIONS", "False"),
        f"{_DELETING}::test_what_is_done_is_deleted_many_at_once_and_before_a_run_ends",
    ),
    _redriving("what is not ours any more stays", "Redriver._redrive", without_if("items"), _NOT_OURS),
    _redriving(
        "in quarantine until all of it is published",
        "Redriver._settle_quarantined",
        rewrite("if _:\n  return Attempt(outcome=Outcome.REFUSED)", "pass"),
        _STAYS,
    ),
    _redriving("the quarantine is not split", "Redriver._redrive", condition("is_quarantine", becomes=False), _STAYS),
)

_SETTLED = (
    _redriving("hopeless ones go to the quarantine", "Redriver._settle_parked", without_if("Rejected"), _YOUNG),
    _redriving("not within a week", "Redriver._settle_parked", without_operand("_WORTH_TRYING_FOR"), _YOUNG),
    _redriving("not before 20 attempts", "Redriver._settle_parked", without_operand("_WORTH_TRYING"), _YOUNG),
    _redriving(
        "the rest is stored before the deletion",
        "Redriver._settle_parked",
        without_call("store"),
        _REST,
    ),
    _redriving(
        "the rest has had its attempts", "Redriver._settle_parked", rewrite("_with_attempts_of(_, _1)", "_1"), _APPEARS
    ),
)

_LOGGED = (
    _log("no line for a POST of strangers", "PostLog.received", without_if("received"), _STRANGERS),
    _log("one line a minute", "PostLog._is_due", without_if("-inf"), _STRANGERS),
    _log("memory is bounded", "PostLog._is_due", without_if("_MAX_REMEMBERED"), _REMEMBERED),
)

GUARDS = (*_BLOBS, *_QUARANTINED, *_REDRIVEN, *_SETTLED, *_LOGGED)
