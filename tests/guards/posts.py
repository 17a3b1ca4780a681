"""The guards of what becomes of a POST: each item's own way through it, and what has to wait."""

from tests.guards.guard import Guard

_RECEIVING = "tests/shared/test_receive.py"
_PARKING = "tests/shared/test_parking.py"
_FETCHING = "tests/shared/test_receive_fetching.py"
_KEEPING = "tests/edges/test_keeping.py"
_OUTCOME = f"{_RECEIVING}::test_every_post_has_its_documented_outcome_and_writes_no_log"
_PARKED = f"{_PARKING}::test_a_dependency_that_cannot_be_had_has_the_post_parked_as_it_came"
_OUT_OF_REACH = f"{_RECEIVING}::test_a_dependency_that_cannot_be_had_refuses_the_whole_post"
_DOWN = f"{_FETCHING}::test_graph_that_is_down_stands_in_the_way_of_nothing_that_is_not_to_be_fetched"


def _guard(name: str, snippet: str, without: str, test: str, *, module: str = "processing") -> Guard:
    return Guard(name=f"post: {name}", module=f"shared/{module}.py", snippet=snippet, without=without, test=test)


def _turns(name: str, snippet: str, without: str, test: str) -> Guard:
    test = f"tests/shared/test_turns.py::{test}"
    return Guard(name=f"post: {name}", module="shared/turns.py", snippet=snippet, without=without, test=test)


GUARDS = (
    _guard(
        "parked whatever the problem is",
        "    except Problem as problem:\n        post.park(",
        "    except KeyError as problem:\n        post.park(",
        _PARKED,
        module="receive",
    ),
    _guard(
        "what is no item",
        "        if isinstance(item, Malformed):\n            raise item\n",
        "",
        _OUTCOME,
    ),
    _guard(
        "nowhere to park",
        "        if self.receiver.park is None:\n            raise problem\n",
        "",
        _OUT_OF_REACH,
    ),
    _guard("why it is parked", 'if isinstance(problem, Misconfigured) else "unavailable"', "", _PARKED),
    _guard(
        "nowhere to keep",
        "        if self.receiver.quarantine is None:\n            return\n",
        "",
        "tests/shared/test_redrive.py::test_a_body_in_quarantine_stays_until_all_of_it_is_published",
    ),
    _turns(
        "no turn, no work",
        '                raise Unavailable("too many POSTs at once")\n',
        "                pass\n",
        "test_as_many_work_at_once_as_there_are_turns_and_the_next_is_refused_after_a_while",
    ),
    _turns(
        "a moment is waited for",
        "_WHILE_IT_HANGS_SECONDS if self._hangs() else 0",
        "0",
        "test_once_one_has_waited_long_in_vain_others_wait_for_a_moment",
    ),
    _turns(
        "a turn is waited for briefly",
        "_PATIENCE_SECONDS = 1.4",
        "_PATIENCE_SECONDS = 5.0",
        "test_as_many_work_at_once_as_there_are_turns_and_the_next_is_refused_after_a_while",
    ),
    _turns(
        "nobody waits behind those who hang",
        "lambda: self._free > 0 or self._hangs()",
        "lambda: self._free > 0",
        "test_once_one_has_waited_long_in_vain_others_wait_for_a_moment",
    ),
    _turns(
        "who waits is told that they hang",
        "                self._changed.notify_all()\n",
        "                self._changed.notify()\n",
        "test_who_waits_already_is_told_when_one_has_waited_long_in_vain",
    ),
    _turns(
        "one that goes through ends it",
        "        self._give_back(hangs_until=_NEVER)\n",
        "        self._give_back(hangs_until=self._hangs_until)\n",
        "test_once_one_has_waited_long_in_vain_others_wait_for_a_moment",
    ),
    _turns(
        "one that is refused soon does not end it",
        "if now - began > _LONG_SECONDS else self._hangs_until)",
        "if now - began > _LONG_SECONDS else _NEVER)",
        "test_once_one_has_waited_long_in_vain_others_wait_for_a_moment",
    ),
    _turns(
        "one that is refused soon does not begin it",
        "if now - began > _LONG_SECONDS else",
        "if True else",
        "test_what_is_refused_soon_makes_nobody_give_up_waiting",
    ),
    _turns(
        "it ends by itself",
        "return time.monotonic() < self._hangs_until",
        "return self._hangs_until > _NEVER",
        "test_after_a_while_bursts_wait_again",
    ),
    _turns(
        "no Unavailable, no hanging",
        "            self._give_back(hangs_until=self._hangs_until)\n",
        "            pass\n",
        "test_a_turn_is_given_back_however_the_work_ends",
    ),
    _turns(
        "turns are given back",
        "            self._free += 1\n",
        "",
        "test_a_turn_is_given_back_however_the_work_ends",
    ),
    _turns(
        "calm is told of",
        "                self._calmer.notify_all()\n",
        "                pass\n",
        "test_calm_is_waited_for_but_not_for_ever",
    ),
    _turns(
        "calm is not waited for for ever",
        "self._calmer.wait_for(self._is_calm, timeout=seconds)",
        "self._calmer.wait_for(self._is_calm)",
        "test_calm_is_waited_for_but_not_for_ever",
    ),
    _guard(
        "what is heard of a subscription comes first",
        "            self.receiver.hear(authentic, self.received_at, deadline)\n",
        "",
        f"{_RECEIVING}::test_what_graph_says_of_a_subscriptions_life_is_noted_for_the_timer_and_published",
    ),
    _guard(
        "a lifecycle event is no change",
        "        if item.lifecycle_event is not None:\n            return lifecycle_event(",
        "        if False:\n            return lifecycle_event(",
        f"{_RECEIVING}::test_what_graph_says_of_a_subscriptions_life_is_noted_for_the_timer_and_published",
    ),
    _guard(
        "keys that cannot be had are no bad token",
        "        except InvalidValidationToken:\n            return frozenset()\n",
        "        except (InvalidValidationToken, Unavailable):\n            return frozenset()\n",
        _OUT_OF_REACH,
    ),
    _guard(
        "no version, nothing to fetch",
        "if version is None or item.lifecycle_event",
        "if item.lifecycle_event",
        f"{_FETCHING}::test_without_a_version_of_graph_nothing_is_fetched",
    ),
    _guard("nothing to fetch, nobody asked", " if locations else {}", "", _DOWN),
    _guard("what has no place is not read", " if each.location is not None}", "}", _OUTCOME),
    _guard(
        "a place that is none takes nobody down",
        "located = each_of(authentic, self._located, lambda item, problem: refused[problem.reason].append(item))",
        "located = [self._located(item) for item in authentic]",
        f"{_FETCHING}::test_a_resource_that_leads_out_is_refused_and_takes_nobody_down",
    ),
    _guard(
        "what comes without content has none",
        "        if encrypted is None:\n            return None\n",
        "",
        _OUTCOME,
    ),
    _guard(
        "a connection that went stale",
        "            if not isinstance(exc.inner_exception, requests.ConnectionError):\n",
        "            if True:\n",
        f"{_KEEPING}::test_connections_that_went_stale_cost_nothing",
        module="azure_calls",
    ),
)
