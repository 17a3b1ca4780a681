"""The guards of what waits and of what comes twice: parked, in quarantine, received again, published once."""

from tests.guards.guard import Guard

_REDRIVE, _PUBLISHED, _MARKER = (
    "shared/receiving/redrive.py",
    "shared/events/publish_once.py",
    "shared/events/publication.py",
)
_REDRIVING = "tests/unit/receiving/test_redrive.py"
_ONCE = "tests/unit/events/test_publish_once.py"
_KEPT_IN_BLOBS = "tests/integration/receiving/test_post_store.py"
_MARKED = "tests/integration/events/test_publication_table.py"


def _redriving(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"redriving: {name}", module=_REDRIVE, snippet=snippet, without=without, test=f"{_REDRIVING}::{test}"
    )


def _once(name: str, module: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(name=f"once: {name}", module=module, snippet=snippet, without=without, test=f"{_ONCE}::{test}")


GUARDS = (
    _redriving(
        "put off before it is worked on",
        "            claimed = self.store.claim(post, self.now() + _pause(post.attempts))\n",
        "            claimed = post\n",
        "test_one_that_brings_the_run_down_is_put_off_before_and_lost_never",
    ),
    _redriving(
        "ever longer pauses",
        "_pause(post.attempts)",
        "_FIRST_PAUSE",
        "test_a_body_that_cannot_be_published_yet_is_put_off_longer_each_time",
    ),
    _redriving(
        "no attempt before its time",
        "is_due = post.retry_at is None or post.retry_at <= now",
        "is_due = True",
        "test_a_body_that_cannot_be_published_yet_is_put_off_longer_each_time",
    ),
    _redriving(
        "judged as of its receipt",
        "received_at=post.received_at,",
        "received_at=self.now(),",
        "test_a_body_is_judged_and_published_as_of_its_receipt",
    ),
    _redriving(
        "fetched from the version of its URL",
        "fetch=post.fetch)",
        "fetch=None)",
        "test_the_version_to_fetch_from_is_the_one_of_its_url",
    ),
    _redriving(
        "one body takes no other down",
        """\
        except Problem as problem:
            _LOG.warning("stored POST %s is postponed: %s", post.name, problem)
            return Outcome.POSTPONED
""",
        "        finally:\n            pass\n",
        "test_one_that_fails_does_not_stand_in_the_way_of_the_others",
    ),
    _redriving(
        "one run takes it",
        """\
        except Conflict:
            return Outcome.CLAIMED_BY_OTHER
""",
        "        finally:\n            pass\n",
        "test_of_two_runs_one_takes_a_body",
    ),
    _redriving(
        "time for the rest of the run",
        "                if now >= ends:\n                    break\n",
        "",
        "test_a_run_ends_in_time_and_the_next_one_goes_on",
    ),
    _redriving(
        "the oldest first, but for what is under way",
        "for post in self.store.list():",
        "for post in reversed(list(self.store.list())):",
        "test_none_overtakes_more_of_the_older_ones_than_are_worked_on_at_once",
    ),
    _redriving(
        "a turn for each that is under way",
        "replace(self.receiver, limiter=ConcurrencyLimiter(AT_ONCE))",
        "replace(self.receiver, limiter=ConcurrencyLimiter(1))",
        "test_several_are_worked_on_at_once",
    ),
    _redriving(
        "POSTs go first",
        "                    self.receiver.limiter.wait_until_quiet(_GIVE_WAY_SECONDS)\n",
        "",
        "test_what_graph_waits_for_goes_first",
    ),
    _redriving(
        "what is not authentic any more stays",
        "return receipt.published + receipt.quarantined > 0",
        "return True",
        "test_what_is_not_authentic_any_more_stays_where_it_is",
    ),
    _redriving(
        "all of it is published",
        "return receipt.published > 0 and receipt.quarantined == 0",
        "return receipt.published > 0",
        "test_a_body_in_quarantine_stays_until_all_of_it_is_published",
    ),
    _redriving(
        "only what may appear",
        "post.reason == UnknownCertificate.reason and ",
        "",
        "test_nothing_else_in_quarantine_is_tried_by_the_timer",
    ),
    _redriving(
        "only as long as it may appear",
        " and now - post.received_at < _MAY_APPEAR",
        "",
        "test_an_unknown_certificate_is_looked_for_as_long_as_it_may_appear_and_then_left",
    ),
    _once(
        "content is never dropped because of the bare change",
        _MARKER,
        "return event.id in self.entries or (bool(self.entries) and not event.has_content)",
        "return bool(self.entries)",
        "test_content_is_published_whether_or_not_the_bare_change_came_first",
    ),
    _once(
        "the bare change is a repetition of the content",
        _MARKER,
        " or (bool(self.entries) and not event.has_content)",
        "",
        "test_content_is_published_whether_or_not_the_bare_change_came_first",
    ),
    _once(
        "a repetition within one POST",
        _MARKER,
        "            seen[record.key] = record.with_entries([event.id], record.published_at)\n",
        "",
        "test_the_same_change_twice_in_one_post_is_published_once",
    ),
    _once(
        "a redelivered event has the time of its first publication",
        _MARKER,
        "return replace(event, time=min(event.time, self.published_at)) if self.repeats(event) else event",
        "return event",
        "test_redelivered_event_has_the_time_of_its_first_publication",
    ),
    _once(
        "an unversioned change has the key of its notification",
        "shared/events/cloud_events.py",
        "own_key if version is None else version)",
        'version or "")',
        "test_state_that_comes_back_is_published_each_time",
    ),
    _once(
        "each notification by its seal",
        "shared/events/cloud_events.py",
        'f"{received_at.isoformat()} {ordinal}" if encrypted is None else encrypted.data_signature',
        'f"{received_at.isoformat()} {ordinal}"',
        "test_state_that_comes_back_is_published_each_time",
    ),
    _once(
        "each unsealed notification by its position",
        "shared/events/cloud_events.py",
        'f"{received_at.isoformat()} {ordinal}"',
        "received_at.isoformat()",
        "test_unsealed_changes_of_one_post_differ_by_their_position",
    ),
    _once(
        "an id of its own without content",
        "shared/events/cloud_events.py",
        'id=key if content is not None else stable_id(key, "without content"),',
        "id=key,",
        "test_content_is_published_whether_or_not_the_bare_change_came_first",
    ),
    _once(
        "rather not at all than twice",
        _PUBLISHED,
        "if require_lookup and len(rows) < len(missing):",
        "if False:",
        "test_who_rather_publishes_not_at_all_than_twice_waits_for_the_table",
    ),
    _once(
        "what this process has published, without the table",
        _PUBLISHED,
        "self._recent(self._cache.get(key), key)",
        "self._recent(None, key)",
        "test_published_by_this_process_is_dropped_without_the_table",
    ),
    _once(
        "what is known is not looked up",
        _PUBLISHED,
        "            if not records[key].repeats(event):\n                missing.add(key)\n",
        "            missing.add(key)\n",
        "test_what_is_known_to_be_published_is_not_looked_up_again",
    ),
    _once(
        "memory has an end",
        _PUBLISHED,
        "                self._records.popitem(last=False)\n",
        "                pass\n",
        "test_what_is_remembered_is_bounded",
    ),
    _once(
        "recorded after it is published",
        _PUBLISHED,
        "            if new_events := unpublished(events, records):\n",
        "            for event in events:\n                on_sent(event)\n"
        "            if new_events := unpublished(events, records):\n",
        "test_nothing_is_marked_that_the_sink_did_not_take",
    ),
    _once(
        "the window",
        _PUBLISHED,
        "return record if record.published_at >= oldest else replace(record, entries=(), published_at=oldest)",
        "return record",
        "test_record_counts_for_the_window_and_no_longer",
    ),
    _once(
        "a time for look-ups",
        _PUBLISHED,
        "self._records(events, deadline.within(budget), require_lookup=require_lookup)",
        "self._records(events, Deadline.after(timedelta(seconds=4)), require_lookup=require_lookup)",
        "test_a_table_that_hangs_stops_no_event",
    ),
    _once(
        "what was sent of a POST that fails",
        _PUBLISHED,
        "                self._write_soon(self._cache.add(record))\n",
        "                assert record\n",
        "test_what_was_sent_of_a_post_that_fails_is_not_sent_again",
    ),
    _once(
        "a POST about a change in flight does not wait for ever",
        _PUBLISHED,
        "timeout=deadline.seconds_left()",
        "timeout=None",
        "test_a_post_waits_for_another_about_the_same_change_no_longer_than_its_time",
    ),
    _once(
        "a record that another instance has written",
        _PUBLISHED,
        "current.with_entries(record.entries, record.published_at)",
        "replace(record, etag=current.etag)",
        "test_record_written_by_two_workers_at_once_has_the_entries_of_both",
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
        "            self._circuit_open_until = time.monotonic() + _CIRCUIT_OPEN_SECONDS\n",
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
    Guard(
        name="once: only what stands in the queue is told of",
        module="shared/events/queue_sink.py",
        snippet="        on_sent(event)\n",
        without="",
        test="tests/integration/events/test_queue_sink.py::test_each_event_is_told_of_once_it_stands_in_the_queue",
    ),
    Guard(
        name="purging: what is published again stays",
        module="shared/table.py",
        snippet='("delete", row, if_unchanged(row.metadata["etag"]))',
        without='("delete", row)',
        test=f"{_MARKED}::test_what_is_published_again_while_markers_are_purged_stays",
    ),
    Guard(
        name="purging: of two runs neither fails",
        module="shared/table.py",
        snippet="        except Conflict:\n            return 0\n",
        without="        except ZeroDivisionError:\n            return 0\n",
        test=f"{_MARKED}::test_of_two_runs_that_purge_one_marker_neither_fails",
    ),
    Guard(
        name="once: a row that was written since",
        module="shared/events/publication_table.py",
        snippet="self._table.save(entity, record.etag)",
        without='self._table.save(entity, "*")',
        test=f"{_MARKED}::test_a_row_that_was_written_since_is_a_conflict",
    ),
    Guard(
        name="once: every part is tidied up",
        module="shared/events/publication_table.py",
        snippet=" * _GOLDEN_RATIO % 1 * _PURGE_PARTS):x}",
        without=" % _PURGE_PARTS):x}",
        test=f"{_MARKED}::test_every_schedule_reaches_every_part",
    ),
    Guard(
        name="keeping: one run takes a body",
        module="shared/receiving/post_store.py",
        snippet="etag=post.etag, match_condition=MatchConditions.IfNotModified",
        without="timeout=5",
        test=f"{_KEPT_IN_BLOBS}::test_of_two_that_take_a_body_in_hand_one_gets_it",
    ),
    Guard(
        name="keeping: what somebody else has put there",
        module="shared/receiving/post_store.py",
        snippet="except (KeyError, ValueError, OverflowError):",
        without="except KeyError:",
        test=f"{_KEPT_IN_BLOBS}::test_what_somebody_else_has_put_there_is_left_alone",
    ),
    Guard(
        name="keeping: storage that is down takes no minutes",
        module="shared/app/storage_clients.py",
        snippet='("blob", _BLOB_OPTIONS)',
        without='("blob", {})',
        test=f"{_KEPT_IN_BLOBS}::test_storage_that_is_down_is_unavailable_within_seconds_and_nothing_is_lost",
    ),
    Guard(
        name="keeping: a connection for each thread",
        module="shared/app/storage_clients.py",
        snippet="HTTPAdapter(pool_maxsize=MAX_CONNECTIONS)",
        without="HTTPAdapter()",
        test=f"{_KEPT_IN_BLOBS}::test_sixteen_at_once_make_no_connection_that_they_throw_away",
    ),
    Guard(
        name="keeping: no credentials from a file",
        module="shared/app/storage_clients.py",
        snippet="    session.auth = lambda request: request\n",
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
