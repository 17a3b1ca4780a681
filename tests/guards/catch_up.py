"""The guards of catching up: nothing is left out of a gap, told twice or as live, and what is lost is said."""

from tests.guards.guard import Guard

_SOURCES = "tests/unit/gaps/test_graph_queries.py"
_MESSAGES = "tests/unit/gaps/test_recovered_events.py"
_RECOVERY = "tests/unit/gaps/test_gap.py"
_RUNS = "tests/unit/gaps/test_catch_up.py"
_FAILURES = "tests/unit/gaps/test_catch_up_failures.py"
_PAGES = "tests/integration/graph/test_client_pages.py"
_WINDOW = f"{_MESSAGES}::test_what_happened_in_the_gap_is_told_and_nothing_else"
_UNREADABLE = f"{_SOURCES}::test_what_cannot_be_read_is_told_why"
_ANY_MESSAGE = f"{_MESSAGES}::test_whatever_a_message_holds_it_is_told_or_malformed"
_LIVE = f"{_MESSAGES}::test_a_recovered_event_is_the_live_one_but_for_its_mark"
_GOES_ON = f"{_RUNS}::test_the_next_run_goes_on_with_the_user_and_the_page_where_this_one_ended"


def _guard(name: str, module: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(name=f"catching up: {name}", module=f"shared/{module}.py", snippet=snippet, without=without, test=test)


GUARDS = (
    _guard(
        "two clocks may differ",
        "gaps/gap",
        "return self.since - MARGIN < moment < self.until + MARGIN",
        "return self.since < moment < self.until",
        _WINDOW,
    ),
    _guard("created in the gap", "gaps/recovered_events", "if gap.covers(created):", "if True:", _WINDOW),
    _guard(
        "changed after it was created",
        "gaps/recovered_events",
        "elif modified > created and gap.covers(modified):",
        "elif gap.covers(modified):",
        _WINDOW,
    ),
    _guard("a deletion is no update", "gaps/recovered_events", "if deleted is not None:", "if False:", _WINDOW),
    _guard(
        "what nobody watches",
        "gaps/recovered_events",
        "if change_type in gap.change_types:",
        "if True:",
        f"{_MESSAGES}::test_what_nobody_watches_is_not_told",
    ),
    _guard(
        "the order that the filter needs",
        "gaps/graph_queries",
        "$orderby={quote('lastModifiedDateTime desc')}&",
        "",
        f"{_SOURCES}::test_a_chat_is_read_in_the_order_without_which_graph_ignores_the_filter",
    ),
    _guard(
        "no end of the window",
        "gaps/graph_queries",
        "lastModifiedDateTime gt {since}'",
        "lastModifiedDateTime gt {since} and lastModifiedDateTime lt {since}'",
        f"{_SOURCES}::test_a_user_is_read_by_a_window",
    ),
    _guard(
        "an id stays in its place",
        "gaps/graph_queries",
        'return quote(text, safe="")',
        "return text",
        f"{_SOURCES}::test_no_id_leads_out_of_its_place",
    ),
    _guard(
        "a quote in an id",
        "gaps/recovered_events",
        'value.replace("\'", "\'\'")',
        "value",
        f"{_MESSAGES}::test_a_message_stands_where_notifications_say_it_does",
    ),
    _guard(
        "ids are texts",
        "gaps/recovered_events",
        "if not isinstance(value, str) or not value or not value.isprintable():",
        "if False:",
        _ANY_MESSAGE,
    ),
    _guard("a time has its offset", "gaps/gap", "if moment.tzinfo is None:", "if False:", _ANY_MESSAGE),
    _guard(
        "a message has its times",
        "gaps/recovered_events",
        "if created is None or modified is None:",
        "if False:",
        _ANY_MESSAGE,
    ),
    _guard("not in a user's name", "gaps/graph_queries", "if gap.delegated:", "if False:", _UNREADABLE),
    _guard("not what a query left out", "gaps/graph_queries", 'if options - {"model"}:', "if False:", _UNREADABLE),
    _guard(
        "ids can be printed",
        "gaps/recovered_events",
        " or not value.isprintable():",
        ":",
        f"{_MESSAGES}::test_id_that_cannot_be_part_of_a_path_is_malformed",
    ),
    _guard(
        "paths are short",
        "gaps/recovered_events",
        "if len(resource) > MAX_TEXT:",
        "if False:",
        f"{_MESSAGES}::test_id_that_cannot_be_part_of_a_path_is_malformed",
    ),
    _guard(
        "the mark",
        "gaps/recovered_events",
        "return replace(event, recovered=True)",
        "return event",
        _LIVE,
    ),
    _guard(
        "one id for a gap",
        "gaps/recovered_events",
        'id_ = stable_id(gap.tenant_id, gap.key, "gap", until)',
        'id_ = stable_id(gap.tenant_id, gap.key, "gap", until, rfc3339(published_at))',
        f"{_MESSAGES}::test_a_gap_is_said_with_one_id_and_fits_its_schema",
    ),
    _guard(
        "a gap that lasts",
        "gaps/gap",
        "missed is None or missed.until is None",
        "missed is None",
        f"{_RECOVERY}::test_nothing_is_recovered_before_a_gap_has_ended",
    ),
    _guard(
        "a longer gap",
        "gaps/gap",
        "return self if other.until <= self.until else replace(other, etag=self.etag)",
        "return self",
        f"{_RUNS}::test_a_gap_that_turns_out_longer_is_filled_from_its_beginning",
    ),
    _guard(
        "a pause",
        "gaps/gap",
        "(self.failure is None or self.failure.retry_at <= now)",
        "True",
        f"{_FAILURES}::test_what_is_put_off_waits_longer_each_time",
    ),
    _guard(
        "the row's own key",
        "gaps/gap_table",
        'if gap.key != entity["RowKey"]:',
        "if False:",
        f"{_RECOVERY}::test_a_row_that_somebody_has_spoilt_is_named",
    ),
    _guard(
        "an ETag on change",
        "gaps/gap_table",
        "self._table.save(to_entity(gap), gap.etag)",
        "self._table.save(to_entity(gap), '*')",
        "tests/integration/gaps/test_gap_table.py::test_of_two_who_save_a_row_the_second_is_told",
    ),
    _guard("the checkpoint", "gaps/backfill", ' if id_ > (self.gap.checkpoint or "")', "", _GOES_ON),
    _guard("the end of a run", "gaps/backfill", "if self.clock.now() >= self.ends:", "if False:", _GOES_ON),
    _guard(
        "the page",
        "gaps/backfill",
        "self.gap.next_page if self.gap.current_query == query.key else None",
        "None",
        _GOES_ON,
    ),
    _guard(
        "the page's own source",
        "gaps/backfill",
        "self.gap.next_page if self.gap.current_query == query.key else None",
        "self.gap.next_page",
        f"{_RUNS}::test_a_page_is_that_of_its_own_source",
    ),
    _guard(
        "told once",
        "gaps/backfill",
        " for event in events if event.id not in self._published}",
        " for event in events}",
        f"{_RUNS}::test_a_message_that_several_people_see_is_told_once",
    ),
    _guard(
        "what is no id",
        "gaps/backfill",
        " and _ID.fullmatch(id_)",
        "",
        f"{_RUNS}::test_what_is_no_id_is_not_asked_for",
    ),
    _guard(
        "another run's gap",
        "gaps/backfill",
        "            except Misconfigured as problem:\n                refusals",
        "            except Exception as problem:\n                refusals",
        f"{_RUNS}::test_another_run_at_the_same_gap_is_given_way_to",
    ),
    _guard(
        "another run's gap stops nothing",
        "gaps/catch_up",
        '        except Conflict:\n            return "left to another run"\n',
        '        except KeyError:\n            return "left to another run"\n',
        f"{_RUNS}::test_another_run_at_the_same_gap_is_given_way_to",
    ),
    _guard(
        "users without Teams",
        "gaps/backfill",
        "            except NotFound:\n                continue\n",
        "",
        f"{_FAILURES}::test_users_without_teams_do_not_stand_in_the_way",
    ),
    _guard(
        "refused everywhere",
        "gaps/backfill",
        "if len(refusals) >= _REFUSED_IN_A_ROW:",
        "if False:",
        f"{_FAILURES}::test_refused_everywhere_means_that_the_permission_is_missing",
    ),
    _guard(
        "a long pause",
        "limits",
        "if problem.retry_after is None or problem.retry_after > _LONGEST_PAUSE:",
        "if problem.retry_after is None:",
        f"{_FAILURES}::test_a_pause_of_a_few_seconds_is_slept_through",
    ),
    _guard(
        "the pace",
        "limits",
        "self._clock.sleep_until(moment)",
        "pass",
        f"{_RUNS}::test_gets_of_one_chat_are_a_second_apart_and_others_are_not",
    ),
    _guard(
        "the pace of a tenant after a wait for a chat",
        "gaps/backfill",
        "            of_tenant.pause_for(DEFAULT_SPACING)\n",
        "",
        "tests/unit/gaps/test_backfill.py::test_get_after_a_wait_for_a_conversation_keeps_its_distance",
    ),
    _guard(
        "a link to itself",
        "gaps/backfill",
        "if page.next_path == path:",
        "if False:",
        f"{_RUNS}::test_a_link_that_leads_to_itself_does_not_keep_a_run_busy",
    ),
    _guard(
        "recorded before it leaves the subscription",
        "gaps/catch_up",
        "            yield merged if merged is recorded else self.ports.gap_table.save(merged)\n",
        "            self.ports.subscription_table.save(replace(row, missed_interval=None))\n"
        "            yield merged if merged is recorded else self.ports.gap_table.save(merged)\n"
        "            return\n",
        f"{_RUNS}::test_a_run_that_ends_before_the_gap_has_left_its_subscription_loses_nothing_and_doubles_nothing",
    ),
    _guard(
        "the oldest first",
        "gaps/catch_up",
        "sorted(gaps, key=lambda gap: (gap.is_baseline, gap.since))",
        "gaps",
        f"{_RUNS}::test_older_gaps_come_first",
    ),
    _guard(
        "a tenant's pause",
        "gaps/catch_up",
        " and gap.tenant_id not in run.throttled_tenants",
        "",
        f"{_FAILURES}::test_a_tenant_that_asks_to_be_left_alone_is_and_the_others_are_not",
    ),
    _guard(
        "a tenant for itself",
        "gaps/catch_up",
        "        except Problem as problem:\n            _LOG.error(",
        "        except KeyError as problem:\n            _LOG.error(",
        f"{_RUNS}::test_a_tenant_whose_table_is_down_does_not_stop_the_others",
    ),
    _guard(
        "eight months",
        "gaps/catch_up",
        "_TOO_OLD if self._is_too_old(gap.until) else why_unrecoverable(gap)",
        "why_unrecoverable(gap)",
        f"{_FAILURES}::test_what_is_older_than_eight_months_is_lost_and_said",
    ),
    _guard(
        "a refusal is said once",
        "gaps/catch_up",
        "        if gap.state is not GapState.REFUSED:\n            self._announce_loss(gap, str(problem))\n",
        "        self._announce_loss(gap, str(problem))\n",
        f"{_FAILURES}::test_a_refusal_is_said_once_and_asked_about_for_a_week",
    ),
    _guard(
        "not for ever",
        "gaps/catch_up",
        " or now - gap.until > _GIVE_UP_AFTER:",
        ":",
        f"{_FAILURES}::test_a_refusal_is_said_once_and_asked_about_for_a_week",
    ),
    _guard(
        "lists that were refused",
        "gaps/catch_up",
        "        if gap.skipped:\n",
        "        if False:\n",
        f"{_FAILURES}::test_users_whose_messages_graph_refuses_are_counted_and_said",
    ),
    _guard(
        "what is lost is said",
        "gaps/catch_up",
        "            self._announce_loss(gap, reason)\n",
        "            pass\n",
        f"{_FAILURES}::test_what_graph_cannot_tell_is_said_without_asking",
    ),
    _guard(
        "said before it is noted",
        "gaps/catch_up",
        "        if gap.state is not GapState.REFUSED:\n            self._announce_loss(gap, reason)\n"
        "        self._close(gap, GapState.UNRECOVERABLE, reason[:_MAX_TEXT])\n",
        "        self._close(gap, GapState.UNRECOVERABLE, reason[:_MAX_TEXT])\n"
        "        if gap.state is not GapState.REFUSED:\n            self._announce_loss(gap, reason)\n",
        f"{_FAILURES}::test_what_is_to_be_said_is_said_before_it_is_noted",
    ),
    _guard(
        "a link stays at Graph",
        "graph/client",
        "        return path\n",
        "        return str(link)\n",
        f"{_PAGES}::test_whomever_a_link_names_graph_is_asked",
    ),
    _guard(
        "a link below a version",
        "graph/client",
        'if not path.startswith(("/v1.0/", "/beta/")) or not path.isascii():',
        "if False:",
        f"{_PAGES}::test_a_link_that_leads_nowhere_in_graph_is_none",
    ),
    _guard(
        "a page that is none",
        "graph/client",
        "if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):",
        "if False:",
        f"{_PAGES}::test_a_page_that_is_none_is_never_taken_for_the_last_one",
    ),
)
