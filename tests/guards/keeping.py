"""The guards of what waits and of what comes twice: parked, in quarantine, received again, published once."""

from tests.guards.guard import Guard

_REDRIVE, _PUBLISHED, _MARKER = "shared/redrive.py", "shared/published.py", "shared/marker.py"
_REDRIVING = "tests/shared/test_redrive.py"
_ONCE = "tests/shared/test_published.py"
_KEPT_IN_BLOBS = "tests/edges/test_keeping.py"
_MARKED = "tests/edges/test_markers.py"


def _redriving(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"redriving: {name}", module=_REDRIVE, snippet=snippet, without=without, test=f"{_REDRIVING}::{test}"
    )


def _once(name: str, module: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(name=f"once: {name}", module=module, snippet=snippet, without=without, test=f"{_ONCE}::{test}")


GUARDS = (
    _redriving(
        "put off before it is worked on",
        "        taken = redriver.bodies.put_off(kept, redriver.now() + _pause(kept.attempts))\n",
        "        taken = kept\n",
        "test_one_that_brings_the_run_down_is_put_off_before_and_lost_never",
    ),
    _redriving(
        "ever longer pauses",
        "_pause(kept.attempts)",
        "_FIRST_PAUSE",
        "test_a_body_that_cannot_be_published_yet_is_put_off_longer_each_time",
    ),
    _redriving(
        "no attempt before its time",
        " and (kept.retry_at is None or kept.retry_at <= now)",
        "",
        "test_a_body_that_cannot_be_published_yet_is_put_off_longer_each_time",
    ),
    _redriving(
        "judged as of its receipt",
        "received_at=kept.received_at,",
        "received_at=redriver.now(),",
        "test_a_body_is_judged_and_published_as_of_its_receipt",
    ),
    _redriving(
        "fetched from the version of its URL",
        "fetch=kept.fetch)",
        "fetch=None)",
        "test_the_version_to_fetch_from_is_the_one_of_its_url",
    ),
    _redriving(
        "one body takes no other down",
        """\
    except Problem as problem:
        _LOG.warning("%s is put off: %s", kept.name, problem)
        return "put off"
""",
        "    finally:\n        pass\n",
        "test_one_that_fails_does_not_stand_in_the_way_of_the_others",
    ),
    _redriving(
        "one run takes it",
        """\
    except Conflict:
        return "left to another run"
""",
        "    finally:\n        pass\n",
        "test_of_two_runs_one_takes_a_body",
    ),
    _redriving(
        "time for the rest of the run",
        "            if now >= ends:\n                break\n",
        "",
        "test_a_run_ends_in_time_and_the_next_one_goes_on",
    ),
    _redriving(
        "the oldest first, but for what is under way",
        "for kept in redriver.bodies.all():",
        "for kept in reversed(list(redriver.bodies.all())):",
        "test_none_overtakes_more_of_the_older_ones_than_are_worked_on_at_once",
    ),
    _redriving(
        "a turn for each that is under way",
        "replace(redriver.receiver, turns=Turns(AT_ONCE))",
        "replace(redriver.receiver, turns=Turns(1))",
        "test_several_are_worked_on_at_once",
    ),
    _redriving(
        "POSTs go first",
        "                posts.await_calm(_GIVE_WAY_SECONDS)\n",
        "",
        "test_what_graph_waits_for_goes_first",
    ),
    _redriving(
        "what is not authentic any more stays",
        "return receipt.published + receipt.refused > 0",
        "return True",
        "test_what_is_not_authentic_any_more_stays_where_it_is",
    ),
    _redriving(
        "all of it is published",
        "return receipt.published > 0 and receipt.refused == 0",
        "return receipt.published > 0",
        "test_a_body_in_quarantine_stays_until_all_of_it_is_published",
    ),
    _redriving(
        "only what may appear",
        "kept.kind == UnknownCertificate.kind and ",
        "",
        "test_nothing_else_in_quarantine_is_tried_by_the_timer",
    ),
    _redriving(
        "only as long as it may appear",
        " and now - kept.received_at < _MAY_APPEAR",
        "",
        "test_an_unknown_certificate_is_looked_for_as_long_as_it_may_appear_and_then_left",
    ),
    _once(
        "a state is told as often as one subscription tells it",
        _MARKER,
        "return sum(each.by == own for each in told) < max(others.values(), default=0)",
        "return bool(told)",
        "test_a_state_that_comes_back_while_the_one_in_between_is_parked_is_published",
    ),
    _once(
        "what a new subscription cannot repeat",
        _MARKER,
        "if each.was_there(since) and each.was_there(each.since))",
        ")",
        "test_a_subscription_repeats_nothing_from_before_it_was_made",
    ),
    _once(
        "what Graph has tried since before a subscription was made",
        _MARKER,
        "if each.was_there(since) and ",
        "if ",
        "test_a_subscription_repeats_nothing_from_before_it_was_made",
    ),
    _once(
        "what Graph has tried since before the other one was made",
        _MARKER,
        " and each.was_there(each.since))",
        ")",
        "test_a_subscription_repeats_nothing_from_before_it_was_made",
    ),
    _once(
        "what others may have told that nobody knows of",
        _MARKER,
        "if event.telling is None or PERHAPS_OTHERS in before:",
        "if event.telling is None:",
        "test_what_this_process_has_published_is_dropped_without_the_table_unless_it_may_recur",
    ),
    _once(
        "what was recovered repeats the last state only",
        _MARKER,
        "return all(each.state == event.id for each in told if each.at == last)",
        "return any(each.state == event.id for each in told)",
        "test_what_is_recovered_is_published_unless_the_resource_was_last_told_like_that",
    ),
    _once(
        "a version that is told again was told before",
        _MARKER,
        "return replace(event, time=min(event.time, marker.at)) if is_told else event",
        "return event",
        "test_what_is_told_again_was_told_when_it_was_told_first",
    ),
    _once(
        "a state that is told again was told before",
        _MARKER,
        "_Told.among(note for note in marker.notes if note.startswith(same))",
        "_Told.among(())",
        "test_what_is_told_again_was_told_when_it_was_told_first",
    ),
    _once(
        "a state is not the last where something was told since without its content",
        _MARKER,
        "if event.known_at is not None and last <= _milliseconds(event.known_at):",
        "if False:",
        "test_what_is_recovered_is_published_where_something_has_been_told_since_without_its_content",
    ),
    _once(
        "the last state is the one that was told last",
        _MARKER,
        "last = max(each.at for each in told)",
        "last = told[-1].at",
        "test_what_was_told_last_may_have_been_published_before_what_was_parked",
    ),
    _once(
        "of two states at the same moment neither is the last",
        _MARKER,
        "return all(each.state == event.id for each in told if each.at == last)",
        "return any(each.state == event.id for each in told if each.at == last)",
        "test_what_was_told_last_may_have_been_published_before_what_was_parked",
    ),
    _once(
        "what others may have told is no last state",
        _MARKER,
        "if PERHAPS_OTHERS in before or not told:",
        "if not told:",
        "test_what_is_recovered_is_published_where_others_may_have_told_what_nobody_knows_of",
    ),
    _once(
        "a notification is the same whenever it comes",
        _MARKER,
        "each.startswith(same)",
        "each == note",
        "test_a_sealed_notification_that_comes_again_later_is_a_repetition",
    ),
    _once(
        "what somebody else has written tells nothing",
        _MARKER,
        "            with suppress(ValueError):\n",
        "            if True:\n",
        "test_a_row_that_somebody_has_written_into_stops_no_event",
    ),
    _once(
        "each notification by its seal",
        "shared/events.py",
        "mark = moment if sealed is None else sealed.data_signature",
        "mark = moment",
        "test_states_that_come_back_in_one_post_are_all_published_and_told_apart_by_their_seals",
    ),
    _once(
        "each subscription has ids of its own for what comes back",
        "shared/events.py",
        "(event.telling.by, event.telling.mark) if",
        "(event.telling.mark,) if",
        "test_whatever_the_order_each_change_is_published_once_however_many_subscriptions_tell_it",
    ),
    _once(
        "what repeats a part of the POST is noted after that",
        _PUBLISHED,
        "            if fresh:\n",
        "            for each in found:\n                if each.event is None:\n"
        "                    self._note(each, known)\n            if fresh:\n",
        "test_what_another_subscription_tells_of_a_post_that_fails_is_not_taken_for_told",
    ),
    _once(
        "rather not at all than twice",
        _PUBLISHED,
        "if sure and len(rows) < len(asked):",
        "if False:",
        "test_who_rather_publishes_not_at_all_than_twice_waits_for_the_table",
    ),
    _once(
        "what this process has published, without the table",
        _PUBLISHED,
        "self._recent(self._memory.get(key), key) for key in keys}",
        "self._recent(None, key) for key in keys}",
        "test_what_this_process_has_published_is_dropped_without_the_table_unless_it_may_recur",
    ),
    _once(
        "what the table did not take",
        _PUBLISHED,
        "                self._mark_soon(unwritten)\n",
        "                pass\n",
        "test_what_the_table_did_not_take_is_written_once_it_does",
    ),
    _once(
        "what the table did not take is known beside it",
        _PUBLISHED,
        ".with_notes(remembered[key].notes, remembered[key].at)",
        "",
        "test_what_the_table_did_not_take_is_known_all_the_same",
    ),
    _once(
        "memory has an end",
        _PUBLISHED,
        "                self._markers.popitem(last=False)\n",
        "                pass\n",
        "test_what_is_remembered_is_bounded",
    ),
    _once(
        "ids of their own for states that nobody can look up",
        _PUBLISHED,
        "(PERHAPS_OTHERS, *known[key].notes)",
        "known[key].notes",
        "test_a_state_that_may_have_been_told_elsewhere_has_an_id_of_its_own_without_the_table",
    ),
    _once(
        "noted after it is published",
        _PUBLISHED,
        "            if fresh:\n",
        "            for each in found:\n                self._note(each, known)\n            if fresh:\n",
        "test_nothing_is_marked_that_the_sink_did_not_take",
    ),
    _once(
        "the window",
        _PUBLISHED,
        "return marker if marker.at >= oldest else replace(marker, notes=(), at=oldest)",
        "return marker",
        "test_a_marker_counts_for_the_window_and_no_longer",
    ),
    _once(
        "a time for look-ups",
        _PUBLISHED,
        "self._known(keys, deadline.within(budget), sure=sure)",
        "self._known(keys, Deadline.after(timedelta(seconds=4)), sure=sure)",
        "test_a_table_that_hangs_stops_no_event",
    ),
    _once(
        "what was sent of a POST that fails",
        _PUBLISHED,
        """\
                # Should the POST not be finished in time, this much of it is not sent again.
                self._note(fresh[event.id][0], known)
""",
        "                assert event\n",
        "test_what_was_sent_of_a_post_that_fails_is_not_sent_again",
    ),
    _once(
        "a POST about a change in hand does not wait for ever",
        _PUBLISHED,
        "timeout=in_time.seconds_left()",
        "timeout=None",
        "test_a_post_waits_for_another_about_the_same_change_no_longer_than_its_time",
    ),
    _once(
        "a marker that another instance has written",
        _PUBLISHED,
        "there.with_notes(marker.notes, marker.at)",
        "replace(marker, etag=there.etag)",
        "test_what_two_workers_published_at_once_is_noted_of_both",
    ),
    _once(
        "an id of its own for what comes back",
        _MARKER,
        "return replace(event, id=recurrence_id(event)) if is_taken else event",
        "return event",
        "test_a_state_that_comes_back_is_published_every_time_under_an_id_of_its_own",
    ),
    _once(
        "a marker has an end",
        _MARKER,
        "if len(added) > MAX_NOTES:",
        "if False:",
        "test_of_a_resource_that_changes_all_the_time_the_older_half_is_forgotten_and_its_ids_used_no_more",
    ),
    _once(
        "the newer half is kept",
        _MARKER,
        "sorted(added, key=_told_at)",
        "list(added)",
        "test_of_a_resource_that_changes_all_the_time_the_older_half_is_forgotten_and_its_ids_used_no_more",
    ),
    _once(
        "what is forgotten is not named again",
        _MARKER,
        "is_taken = PERHAPS_OTHERS in before or any(",
        "is_taken = any(",
        "test_of_a_resource_that_changes_all_the_time_the_older_half_is_forgotten_and_its_ids_used_no_more",
    ),
    Guard(
        name="once: a subscription says when it was made",
        module="shared/subscribing.py",
        snippet="dated(self.nonce(), self.now())",
        without="self.nonce()",
        test="tests/shared/test_subscribing.py::test_a_client_state_says_when_its_subscription_was_made",
    ),
    _once(
        "a table that is down stops nothing",
        _PUBLISHED,
        "            except Unavailable as exc:\n                problem = exc\n",
        "            finally:\n                pass\n",
        "test_a_table_that_is_down_stops_no_event_and_is_left_alone_for_a_while",
    ),
    _once(
        "a table that is down is left alone",
        _PUBLISHED,
        "            self._alone_until = time.monotonic() + _SECONDS_ALONE\n",
        "",
        "test_a_table_that_is_down_stops_no_event_and_is_left_alone_for_a_while",
    ),
    _once(
        "one POST at a time about a change",
        _PUBLISHED,
        "            self._keys |= keys\n",
        "",
        "test_two_posts_at_once_about_one_change_publish_it_once",
    ),
    _once(
        "what may recur is told by its resource",
        _MARKER,
        "return resource_id(event) if event.may_recur else event.id",
        "return event.id",
        "test_what_is_recovered_is_published_unless_the_resource_was_last_told_like_that",
    ),
    Guard(
        name="once: only what stands in the queue is told of",
        module="shared/sink.py",
        snippet="        sent(event)\n",
        without="",
        test="tests/edges/test_sink.py::test_each_event_is_told_of_once_it_stands_in_the_queue",
    ),
    Guard(
        name="purging: what is published again stays",
        module="shared/tables.py",
        snippet='("delete", row, if_unchanged(row.metadata["etag"]))',
        without='("delete", row)',
        test=f"{_MARKED}::test_what_is_published_again_while_markers_are_purged_stays",
    ),
    Guard(
        name="purging: of two runs neither fails",
        module="shared/tables.py",
        snippet="        except Conflict:\n            return 0\n",
        without="        except ZeroDivisionError:\n            return 0\n",
        test=f"{_MARKED}::test_of_two_runs_that_purge_one_marker_neither_fails",
    ),
    Guard(
        name="once: a row that was written since",
        module="shared/markers.py",
        snippet="self._table.save(entity, marker.etag)",
        without='self._table.save(entity, "*")',
        test=f"{_MARKED}::test_a_row_that_was_written_since_is_a_conflict",
    ),
    Guard(
        name="once: every part is tidied up",
        module="shared/markers.py",
        snippet=" * _SPREAD % 1 * _PARTS):x}",
        without=" % _PARTS):x}",
        test=f"{_MARKED}::test_every_schedule_reaches_every_part",
    ),
    Guard(
        name="keeping: one run takes a body",
        module="shared/keeping.py",
        snippet="etag=kept.etag, match_condition=MatchConditions.IfNotModified",
        without="timeout=5",
        test=f"{_KEPT_IN_BLOBS}::test_of_two_that_take_a_body_in_hand_one_gets_it",
    ),
    Guard(
        name="keeping: what somebody else has put there",
        module="shared/keeping.py",
        snippet="except (KeyError, ValueError, OverflowError):",
        without="except KeyError:",
        test=f"{_KEPT_IN_BLOBS}::test_what_somebody_else_has_put_there_is_left_alone",
    ),
    Guard(
        name="keeping: storage that is down takes no minutes",
        module="shared/storage.py",
        snippet='options = {**_BLOB_TIMES, "transport": _transport()}',
        without='options = {"transport": _transport()}',
        test=f"{_KEPT_IN_BLOBS}::test_storage_that_is_down_is_unavailable_within_seconds_and_nothing_is_lost",
    ),
    Guard(
        name="keeping: a connection for each thread",
        module="shared/storage.py",
        snippet="HTTPAdapter(pool_maxsize=CONNECTIONS)",
        without="HTTPAdapter()",
        test=f"{_KEPT_IN_BLOBS}::test_sixteen_at_once_make_no_connection_that_they_throw_away",
    ),
    Guard(
        name="keeping: no credentials from a file",
        module="shared/storage.py",
        snippet="    session.auth = _unchanged\n",
        without="",
        test=f"{_KEPT_IN_BLOBS}::test_what_stands_in_a_netrc_file_is_not_sent_to_storage",
    ),
    Guard(
        name="keeping: no client state is shown",
        module="cli/kept.py",
        snippet='secret = {"clientstate", "validationtokens"}',
        without='secret = {"validationtokens"}',
        test="tests/cli/test_kept.py::test_a_post_is_shown_as_it_was_received_without_what_authenticates_it",
    ),
)
