"""The guards of a gap's way from its row to the sink: none is forgotten, taken twice or in the way of the others."""

from tests.guards.guard import Guard

_RUNS = "tests/unit/gaps/test_catch_up.py"
_FAILURES = "tests/unit/gaps/test_catch_up_failures.py"
_LIMITS = "tests/unit/gaps/test_catch_up_limits.py"
_MESSAGES = "tests/unit/gaps/test_recovered_events.py"
_RECOVERY = "tests/unit/gaps/test_gap.py"
_COUNTED = f"{_FAILURES}::test_users_whose_messages_graph_refuses_are_counted_and_said"
_DELETED = f"{_LIMITS}::test_a_deletion_is_told_by_either_of_its_times"
_ONCE_REFUSED = f"{_FAILURES}::test_a_refusal_is_said_once_and_asked_about_for_a_week"
_NOT_REPEATED = f"{_MESSAGES}::test_a_message_that_json_cannot_repeat_is_malformed"
_GOES_ON = f"{_RUNS}::test_the_next_run_goes_on_with_the_user_and_the_page_where_this_one_ended"
_TIMES = "except (ValueError, TypeError) as exc:"
_JSON = "except (ValueError, RecursionError) as exc:"


def _guard(name: str, module: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(name=f"gap: {name}", module=f"shared/{module}.py", snippet=snippet, without=without, test=test)


GUARDS = (
    _guard(
        "the end of a run",
        "gaps/catch_up",
        "            if self.clock.now() >= ends:\n                break\n",
        "",
        f"{_RUNS}::test_a_run_without_time_begins_nothing",
    ),
    _guard(
        "kept for a month",
        "gaps/catch_up",
        " and age >= _DONE_RETENTION",
        "",
        f"{_RUNS}::test_what_is_done_is_kept_for_a_month",
    ),
    _guard(
        "and no longer",
        "gaps/catch_up",
        "for gap in by_key.values() if not self._delete_if_expired(gap, keys)]",
        "for gap in by_key.values()]",
        f"{_RUNS}::test_what_is_done_is_kept_for_a_month",
    ),
    _guard(
        "deleted by another run",
        "gaps/catch_up",
        "            with suppress(Problem):\n                self.ports.gap_table.delete(gap)\n",
        "            self.ports.gap_table.delete(gap)\n",
        f"{_LIMITS}::test_what_is_done_with_and_has_been_deleted_by_another_run_stops_nothing",
    ),
    _guard(
        "recorded by another run",
        "gaps/catch_up",
        "        with suppress(Conflict):\n            recorded",
        "        with suppress(KeyError):\n            recorded",
        f"{_LIMITS}::test_a_row_that_another_run_has_changed_does_not_keep_its_tenants_gaps_waiting",
    ),
    _guard(
        "a pause of its own only",
        "gaps/catch_up",
        "            if problem.retry_after is not None:\n",
        "            if True:\n",
        f"{_LIMITS}::test_a_gap_that_is_put_off_without_a_pause_keeps_no_other_of_its_tenant_waiting",
    ),
    _guard(
        "a reason fits into a row",
        "gaps/catch_up",
        "reason=str(problem)[:_MAX_TEXT]",
        "reason=str(problem)",
        f"{_LIMITS}::test_the_reason_of_a_refusal_fits_into_a_row",
    ),
    _guard(
        "what is no more",
        "gaps/catch_up",
        "isinstance(problem, NotFound) or ",
        "",
        f"{_FAILURES}::test_a_chat_that_is_no_more_is_lost",
    ),
    _guard(
        "out of reach",
        "gaps/catch_up",
        "except (Unavailable, Misconfigured, NotFound) as problem:",
        "except (Misconfigured, NotFound) as problem:",
        f"{_FAILURES}::test_what_is_put_off_waits_longer_each_time",
    ),
    _guard(
        "refused",
        "gaps/catch_up",
        "except (Unavailable, Misconfigured, NotFound) as problem:",
        "except (Unavailable, NotFound) as problem:",
        _ONCE_REFUSED,
    ),
    _guard(
        "not found",
        "gaps/catch_up",
        "except (Unavailable, Misconfigured, NotFound) as problem:",
        "except (Unavailable, Misconfigured) as problem:",
        f"{_FAILURES}::test_a_chat_that_is_no_more_is_lost",
    ),
    _guard(
        "said when it was refused",
        "gaps/catch_up",
        "        if gap.state is not GapState.REFUSED:\n            self._announce_loss(gap, reason)\n",
        "        self._announce_loss(gap, reason)\n",
        _ONCE_REFUSED,
    ),
    _guard(
        "its beginning is too old",
        "gaps/catch_up",
        "if self._is_too_old(gap.since):",
        "if False:",
        f"{_FAILURES}::test_what_is_older_than_eight_months_is_lost_and_said",
    ),
    _guard("no time is left", "gaps/catch_up", "        except OutOfTime:\n", "        except KeyError:\n", _GOES_ON),
    _guard(
        "people on every page",
        "gaps/backfill",
        "while (path := page.next_path) is not None:",
        "while (path := None) is not None:",
        f"{_LIMITS}::test_people_on_every_page_of_the_list_are_read",
    ),
    _guard(
        "refused to all",
        "gaps/backfill",
        "        if refusals and self.gap.checkpoint is None:\n            raise refusals[-1]\n",
        "",
        f"{_FAILURES}::test_refused_everywhere_means_that_the_permission_is_missing",
    ),
    _guard("refused to the last ones", "gaps/backfill", "        if refusals:\n", "        if False:\n", _COUNTED),
    _guard(
        "refused to some is counted", "gaps/backfill", "self.gap.skipped + len(refusals)", "self.gap.skipped", _COUNTED
    ),
    _guard("counted once", "gaps/backfill", "            refusals.clear()\n", "", _COUNTED),
    _guard(
        "a page that Graph has forgotten",
        "gaps/backfill",
        "            except (Misconfigured, NotFound) as problem:\n                _LOG.info(",
        "            except Misconfigured as problem:\n                _LOG.info(",
        f"{_RUNS}::test_a_page_that_graph_has_forgotten_is_begun_anew",
    ),
    _guard(
        "a query that Graph refuses",
        "gaps/backfill",
        "            except (Misconfigured, NotFound) as problem:\n                _LOG.info(",
        "            except NotFound as problem:\n                _LOG.info(",
        f"{_RUNS}::test_without_delta_the_list_is_read",
    ),
    _guard(
        "answers on every page",
        "gaps/backfill",
        "while (path := page.next_path) is not None:",
        "while (path := None) is not None:",
        f"{_RUNS}::test_answers_that_did_not_fit_are_fetched_page_by_page",
    ),
    _guard(
        "a message that is none",
        "gaps/backfill",
        "        except Malformed as problem:\n",
        "        except KeyError as problem:\n",
        f"{_RUNS}::test_a_message_that_is_none_is_left_out_with_a_line",
    ),
    _guard(
        "answers that are no list",
        "gaps/recovered_events",
        "if isinstance(reply, dict)] if isinstance(replies, list) else []",
        "if isinstance(reply, dict)] if replies else []",
        f"{_LIMITS}::test_answers_that_are_none_are_left_out",
    ),
    _guard(
        "answers that are no messages",
        "gaps/recovered_events",
        "[reply for reply in replies if isinstance(reply, dict)]",
        "[reply for reply in replies]",
        f"{_LIMITS}::test_answers_that_are_none_are_left_out",
    ),
    _guard(
        "deleted in the gap",
        "gaps/recovered_events",
        "if gap.covers(deleted) or gap.covers(modified):",
        "if gap.covers(modified):",
        _DELETED,
    ),
    _guard(
        "touched in the gap",
        "gaps/recovered_events",
        "if gap.covers(deleted) or gap.covers(modified):",
        "if gap.covers(deleted):",
        _DELETED,
    ),
    _guard(
        "deleted at another time",
        "gaps/recovered_events",
        "if gap.covers(deleted) or gap.covers(modified):",
        "if True:",
        _DELETED,
    ),
    _guard(
        "a time that is no time",
        "gaps/gap",
        _TIMES,
        "except TypeError as exc:",
        f"{_RUNS}::test_a_message_that_is_none_is_left_out_with_a_line",
    ),
    _guard(
        "a time that is no text",
        "gaps/gap",
        _TIMES,
        "except ValueError as exc:",
        f"{_MESSAGES}::test_whatever_a_message_holds_it_is_told_or_malformed",
    ),
    _guard(
        "a channel that is none",
        "gaps/recovered_events",
        "if not isinstance(channel, dict):",
        "if not channel:",
        f"{_MESSAGES}::test_whatever_a_message_holds_it_is_told_or_malformed",
    ),
    _guard("nested beyond measure", "events/cloud_events", _JSON, "except ValueError as exc:", _NOT_REPEATED),
    _guard(
        "numbers that JSON does not have",
        "events/cloud_events",
        "json.JSONEncoder(allow_nan=False)",
        "json.JSONEncoder()",
        _NOT_REPEATED,
    ),
    _guard(
        "an empty id",
        "gaps/recovered_events",
        " or not value or not",
        " or not",
        f"{_LIMITS}::test_an_id_without_a_character_is_none",
    ),
    _guard(
        "without a subscription",
        "gaps/gap",
        "        if row.applied is None:\n            return None\n",
        "",
        f"{_RECOVERY}::test_nothing_is_recovered_before_there_is_a_subscription",
    ),
    _guard(
        "begun anew by an operator",
        "gaps/gap",
        "checkpoint=None, current_query=None, next_page=None, recovered=0, skipped=0)",
        "recovered=0, skipped=0)",
        f"{_RECOVERY}::test_an_operator_may_have_it_done_again",
    ),
    _guard(
        "two gaps within a minute",
        "gaps/gap",
        "%H%M%S%f",
        "%H%M",
        f"{_RECOVERY}::test_a_gap_that_has_ended_is_to_be_recovered",
    ),
)
