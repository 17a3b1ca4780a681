"""The guards of comparing: nobody is told as new, changed or gone who is not, and nothing that is goes untold."""

from tests.guards.guard import Guard

_KNOWN = "tests/shared/test_known.py"
_RUNS = "tests/shared/test_comparing.py"
_SOURCES = "tests/shared/test_sources.py"
_NOTING = "tests/shared/test_noting.py"
_TABLE = "tests/edges/test_inventory.py"
_BASELINE_KEPT = f"{_RUNS}::test_a_baseline_is_kept_as_long_as_its_subscription_and_no_longer"


def _guard(name: str, module: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(name=f"comparing: {name}", module=f"shared/{module}.py", snippet=snippet, without=without, test=test)


GUARDS = (
    _guard(
        "what is not kept",
        "known",
        'if event.subject.rpartition("/")[0].rpartition("/")[2] not in _SHOWN:',
        "if False:",
        f"{_KNOWN}::test_nothing_else_is_kept",
    ),
    _guard(
        "a deletion",
        "known",
        'is_there = not event.type.endswith("Deleted")',
        "is_there = True",
        f"{_KNOWN}::test_what_was_deleted_is_there_no_more",
    ),
    _guard(
        "looks that nobody told",
        "known",
        "return known if event.content is None else replace(",
        "return replace(known, looks=looks_of(known.collection, {})) if event.content is None else replace(",
        f"{_KNOWN}::test_without_content_nobody_knows_what_it_looks_like",
    ),
    _guard(
        "one spelling of a time",
        "known",
        "return moment.astimezone(UTC).isoformat()",
        "return str(thing.get(name))",
        f"{_KNOWN}::test_what_lists_do_not_show_does_not",
    ),
    _guard(
        "one order of roles",
        "known",
        "sorted(item for item in value if isinstance(item, str))",
        "[item for item in value if isinstance(item, str)]",
        f"{_KNOWN}::test_what_lists_do_not_show_does_not",
    ),
    _guard(
        "where properties end",
        "known",
        'shown = "\\0".join(',
        'shown = "".join(',
        f"{_KNOWN}::test_what_lists_show_tells_things_apart",
    ),
    _guard(
        "a time that tells better",
        "known",
        "if is_complete if created is None else gap.covers(created):",
        "if is_complete:",
        f"{_KNOWN}::test_a_time_of_creation_tells_best",
    ),
    _guard(
        "nothing was known before",
        "known",
        "if is_complete if created is None else gap.covers(created):",
        "if created is None or gap.covers(created):",
        f"{_KNOWN}::test_without_a_time_what_is_new_is_told_where_all_before_was_known",
    ),
    _guard(
        "the same looks",
        "known",
        "elif before.looks != looks_of(before.collection, thing):",
        "else:",
        f"{_KNOWN}::test_where_nothing_has_changed_nothing_is_told",
    ),
    _guard(
        "known before it is listed",
        "filling",
        "        known = self._comparing.known(collection, self.gap.tenant_id)\n"
        "        listed = _by_id(self._listed(collection) if collection.listed is None else collection.listed)\n",
        "        listed = _by_id(self._listed(collection) if collection.listed is None else collection.listed)\n"
        "        known = self._comparing.known(collection, self.gap.tenant_id)\n",
        f"{_RUNS}::test_who_comes_while_the_list_is_read_is_not_told_to_have_gone",
    ),
    _guard(
        "listed again where somebody seems gone",
        "filling",
        "if collection.listed is not None and known.keys() - listed.keys():",
        "if False:",
        f"{_RUNS}::test_who_came_after_a_chat_was_listed_with_its_members_is_not_told_to_have_gone",
    ),
    _guard(
        "the one thing that is watched",
        "comparing",
        " if collection.only in {None, id_}}",
        "}",
        f"{_RUNS}::test_of_one_team_nothing_is_said_of_others",
    ),
    _guard(
        "a baseline tells nothing",
        "comparing",
        "() if gap.is_baseline else ",
        "",
        f"{_RUNS}::test_what_was_known_and_is_not_there_is_forgotten_by_a_baseline",
    ),
    _guard(
        "published before it is noted",
        "comparing",
        "        count = self.publish(tuple(events))\n"
        "        # Not before it is published: a run that ends between the two finds it again.\n"
        "        self.inventory.note_all(_news(gap.tenant_id, _path(collection), known, listed))\n",
        "        self.inventory.note_all(_news(gap.tenant_id, _path(collection), known, listed))\n"
        "        count = self.publish(tuple(events))\n",
        f"{_RUNS}::test_what_is_found_is_published_before_it_is_noted",
    ),
    _guard(
        "what nobody watches",
        "comparing",
        "if found.change_type in gap.change_types:",
        "if True:",
        f"{_RUNS}::test_what_nobody_watches_is_noted_and_not_told",
    ),
    _guard(
        "a chat as it is known",
        "comparing",
        "if known is None or self.inventory.get(known) != known]",
        "]",
        f"{_RUNS}::test_a_chat_is_not_told_again_as_it_is_known",
    ),
    _guard(
        "noted once",
        "comparing",
        "{known.subject: known for _, known in news if known is not None}.values()",
        "[known for _, known in news if known is not None]",
        f"{_RUNS}::test_a_chat_that_is_new_and_has_changed_is_told_twice_and_noted_once",
    ),
    _guard(
        "no write for nothing",
        "comparing",
        "if id_ not in known or known[id_].looks != looks:",
        "if True:",
        f"{_RUNS}::test_a_list_that_has_not_changed_costs_no_write",
    ),
    _guard(
        "one id for a deletion",
        "recovered",
        "moment=gap.key)",
        "moment=at.isoformat())",
        f"{_RUNS}::test_a_deletion_has_one_id_for_one_gap",
    ),
    _guard(
        "a chat that several are in",
        "filling",
        "if collection.place in self._compared:",
        "if False:",
        f"{_RUNS}::test_a_chat_that_several_people_are_in_is_compared_once",
    ),
    _guard(
        "a chat that is gone",
        "filling",
        "with suppress(Missing):\n                        self._read(inner)",
        "if True:\n                        self._read(inner)",
        f"{_RUNS}::test_a_chat_that_is_gone_in_this_moment_takes_no_other_with_it",
    ),
    _guard(
        "a team that is gone",
        "filling",
        "        with suppress(Missing):\n            return self._page(",
        "        if True:\n            return self._page(",
        f"{_RUNS}::test_a_team_that_is_not_found_is_deleted",
    ),
    _guard(
        "things have ids",
        "filling",
        'if isinstance(id_ := thing.get("id"), str)}',
        'if (id_ := thing.get("id"), True)}',
        f"{_RUNS}::test_what_has_no_id_is_left_out",
    ),
    _guard(
        "a thing that is none",
        "graph",
        'if not isinstance(thing.get("id"), str):',
        "if False:",
        "tests/edges/test_pages.py::test_a_thing_that_is_none_is_never_taken_for_one",
    ),
    _guard(
        "a list that has no end",
        "pages",
        "if page.next_path == following:",
        "if False:",
        f"{_RUNS}::test_a_link_that_leads_to_itself_is_no_end_of_a_list",
    ),
    _guard(
        "chats that have not changed",
        "sources",
        "if not gap.is_baseline and _is_older(chat, gap):",
        "if False:",
        f"{_SOURCES}::test_a_chat_that_has_not_changed_since_the_gap_began_is_left_alone",
    ),
    _guard(
        "all chats for a baseline",
        "sources",
        "if not gap.is_baseline and _is_older(chat, gap):",
        "if _is_older(chat, gap):",
        f"{_SOURCES}::test_a_chat_that_has_not_changed_since_the_gap_began_is_left_alone",
    ),
    _guard(
        "members that do not come with their chat",
        "sources",
        " or len(members) >= _MAX_EXPANDED",
        "",
        f"{_SOURCES}::test_the_members_of_a_chat_are_asked_for_where_they_do_not_all_come_with_it",
    ),
    _guard(
        "channels with members of their own",
        "sources",
        "if own else None",
        "",
        f"{_SOURCES}::test_only_channels_with_members_of_their_own_are_asked_for_them",
    ),
    _guard(
        "a baseline is no gap",
        "catch_up",
        "        if gap.is_baseline:\n            self._end(gap, State.NOTED, gap.reason)\n"
        '            return "noted"\n',
        "",
        f"{_RUNS}::test_of_a_new_subscription_is_noted_what_is_there_and_nothing_told",
    ),
    _guard(
        "a baseline where one is needed",
        "recording",
        "baseline.key not in known and is_compared(baseline)",
        "baseline.key not in known",
        f"{_RUNS}::test_what_is_not_compared_has_no_baseline",
    ),
    _guard(
        "one baseline",
        "recording",
        "baseline.key not in known and is_compared(baseline)",
        "is_compared(baseline)",
        f"{_RUNS}::test_of_a_new_subscription_is_noted_what_is_there_and_nothing_told",
    ),
    _guard(
        "of two runs one",
        "recording",
        "            with suppress(Conflict):\n                yield self.gaps.save(baseline)",
        "            if True:\n                yield self.gaps.save(baseline)",
        f"{_RUNS}::test_of_two_runs_that_begin_a_baseline_one_does",
    ),
    _guard(
        "a baseline lives as long as its subscription",
        "recording",
        "is_over = gap.subscription_key not in tracked",
        "is_over = False",
        _BASELINE_KEPT,
    ),
    _guard(
        "a baseline is not for a month",
        "recording",
        "        if gap.is_baseline:\n            # What",
        "        if False:\n            # What",
        _BASELINE_KEPT,
    ),
    _guard(
        "gaps first",
        "catch_up",
        "(gap.is_baseline, gap.since)",
        "gap.since",
        f"{_RUNS}::test_gaps_come_before_baselines",
    ),
    _guard(
        "what was there before was not known",
        "catch_up",
        "if is_compared(gap) and (gap.tenant_id, gap.subscription_key) not in self.noted:",
        "if False:",
        f"{_RUNS}::test_a_gap_without_a_baseline_tells_what_times_say_and_that_the_rest_is_lost",
    ),
    _guard(
        "complete only with a baseline",
        "catch_up",
        "is_complete = (gap.tenant_id, gap.subscription_key) in self.noted",
        "is_complete = True",
        f"{_RUNS}::test_a_gap_without_a_baseline_tells_what_times_say_and_that_the_rest_is_lost",
    ),
    _guard(
        "a refused baseline is no gap",
        "catch_up",
        "        if gap.is_baseline:\n            words =",
        "        if False:\n            words =",
        f"{_RUNS}::test_a_baseline_that_graph_refuses_is_told_to_the_operator_only",
    ),
    _guard(
        "not noted before it is published",
        "noting",
        "        self._publish(events, deadline)\n        # Of several",
        "        # Of several",
        f"{_NOTING}::test_what_is_not_published_is_not_noted",
    ),
    _guard(
        "not done before it is noted",
        "noting",
        "                if known.is_needed:\n                    raise\n",
        "",
        f"{_NOTING}::test_what_cannot_be_noted_is_not_done",
    ),
    _guard(
        "chats do without",
        "noting",
        "if known.is_needed:",
        "if True:",
        f"{_NOTING}::test_chats_and_messages_do_without",
    ),
    _guard(
        "a tenant's own things",
        "noting",
        "told = {(known.tenant_id, known.subject): known",
        "told = {known.subject: known",
        f"{_NOTING}::test_things_of_two_tenants_are_two",
    ),
    _guard(
        "a deletion told late",
        "inventory",
        "if known.told_at is None or noted_at is None or noted_at < known.told_at:",
        "if True:",
        f"{_TABLE}::test_a_deletion_that_is_told_late_does_not_undo_what_was_noted_since",
    ),
    _guard(
        "a list for itself",
        "inventory",
        'return f"{tenant_id}-{_hash(collection)}"',
        'return f"{tenant_id}"',
        f"{_TABLE}::test_a_list_is_a_list_for_itself",
    ),
    _guard(
        "haste",
        "inventory",
        "lambda: client.upsert_entity(_entity(known), mode=UpdateMode.REPLACE, **HASTY),",
        "lambda: client.upsert_entity(_entity(known), mode=UpdateMode.REPLACE),",
        f"{_TABLE}::test_what_is_noted_is_given_up_in_time",
    ),
    _guard(
        "an answer that breaks off",
        "tables",
        "except (AzureError, OSError) as exc:",
        "except AzureError as exc:",
        f"{_TABLE}::test_a_transaction_that_is_cut_off_is_unavailable",
    ),
)
