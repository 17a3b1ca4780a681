"""The guards of what becomes of a POST: each item's own way through it, and what has to wait."""

from tests.guards.guard import Guard

_RECEIVING = "tests/unit/receiving/test_receive.py"
_PARKING = "tests/unit/receiving/test_receive_parking.py"
_FETCHING = "tests/unit/receiving/test_receive_fetching.py"
_KEEPING = "tests/integration/receiving/test_post_store.py"
_OUTCOME = f"{_RECEIVING}::test_every_post_has_its_documented_outcome_and_writes_no_log"
_PARKED = f"{_PARKING}::test_a_dependency_that_cannot_be_had_has_the_post_parked_as_it_came"
_OUT_OF_REACH = f"{_RECEIVING}::test_a_dependency_that_cannot_be_had_refuses_the_whole_post"
_DOWN = f"{_FETCHING}::test_graph_that_is_down_stands_in_the_way_of_nothing_that_is_not_to_be_fetched"


def _guard(name: str, snippet: str, without: str, test: str, *, module: str = "receiving/receive") -> Guard:
    return Guard(name=f"post: {name}", module=f"shared/{module}.py", snippet=snippet, without=without, test=test)


def _limiter(name: str, snippet: str, without: str, test: str) -> Guard:
    test = f"tests/unit/test_limits_concurrency.py::{test}"
    return Guard(name=f"post: {name}", module="shared/limits.py", snippet=snippet, without=without, test=test)


GUARDS = (
    _guard(
        "parked whatever the problem is",
        "        except Problem as problem:\n            self._park(",
        "        except KeyError as problem:\n            self._park(",
        _PARKED,
    ),
    _guard(
        "what is no item",
        "        if isinstance(item, Malformed):\n            raise item\n",
        "",
        _OUTCOME,
    ),
    _guard(
        "nowhere to park",
        "        if self.park is None:\n            raise problem\n",
        "",
        _OUT_OF_REACH,
    ),
    _guard("why it is parked", 'if isinstance(problem, Misconfigured) else "unavailable"', "", _PARKED),
    _guard(
        "nowhere to keep",
        "        if self.quarantine is None:\n            return\n",
        "",
        "tests/unit/receiving/test_redrive.py::test_a_body_in_quarantine_stays_until_all_of_it_is_published",
    ),
    _limiter(
        "no slot, no work",
        '                raise Unavailable("too many POSTs at once")\n',
        "                pass\n",
        "test_request_without_a_slot_is_refused_after_a_while",
    ),
    _limiter(
        "a moment is waited for",
        "_WAIT_WHILE_STALLED_SECONDS if self._is_stalled() else 0",
        "0",
        "test_requests_wait_only_briefly_while_another_is_stalled",
    ),
    _limiter(
        "a slot is waited for briefly",
        "_WAIT_SECONDS = 1.4",
        "_WAIT_SECONDS = 5.0",
        "test_request_without_a_slot_is_refused_after_a_while",
    ),
    _limiter(
        "a stall cuts the wait",
        "lambda: self._free > 0 or self._is_stalled()",
        "lambda: self._free > 0",
        "test_requests_wait_only_briefly_while_another_is_stalled",
    ),
    _limiter(
        "a stall wakes those that wait",
        "                self._changed.notify_all()\n",
        "                self._changed.notify()\n",
        "test_stall_cuts_the_wait_of_those_already_waiting",
    ),
    _limiter(
        "a success ends the stall",
        "        self._release(stalled_until=_NEVER)\n",
        "        self._release(stalled_until=self._stalled_until)\n",
        "test_requests_wait_only_briefly_while_another_is_stalled",
    ),
    _limiter(
        "a quick refusal does not end the stall",
        "if now - started > _SLOW_SECONDS else self._stalled_until)",
        "if now - started > _SLOW_SECONDS else _NEVER)",
        "test_requests_wait_only_briefly_while_another_is_stalled",
    ),
    _limiter(
        "a quick refusal does not start a stall",
        "if now - started > _SLOW_SECONDS else",
        "if True else",
        "test_quick_refusal_is_no_stall",
    ),
    _limiter(
        "a stall ends by itself",
        "return time.monotonic() < self._stalled_until",
        "return self._stalled_until > _NEVER",
        "test_stall_ends_by_itself_after_a_while",
    ),
    _limiter(
        "a slot is released after any other exception",
        "            self._release(stalled_until=self._stalled_until)\n",
        "            pass\n",
        "test_slot_is_released_however_the_block_ends",
    ),
    _limiter(
        "slots are released",
        "            self._free += 1\n",
        "",
        "test_slot_is_released_however_the_block_ends",
    ),
    _limiter(
        "those that wait for quiet are woken",
        "                self._became_quiet.notify_all()\n",
        "                pass\n",
        "test_wait_until_quiet_ends_when_quiet_or_timed_out",
    ),
    _limiter(
        "the wait for quiet ends",
        "self._became_quiet.wait_for(self._is_quiet, timeout=seconds)",
        "self._became_quiet.wait_for(self._is_quiet)",
        "test_wait_until_quiet_ends_when_quiet_or_timed_out",
    ),
    _guard(
        "what is heard of a subscription comes first",
        "        self.record_activity(items, post.received_at, post.deadline)\n",
        "",
        f"{_RECEIVING}::test_what_graph_says_of_a_subscriptions_life_is_noted_for_the_timer_and_published",
    ),
    _guard(
        "a lifecycle event is no change",
        "            if item.lifecycle_event is not None:\n",
        "            if False:\n",
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
        "        if post.fetch is None:\n            return {}\n",
        "",
        f"{_FETCHING}::test_without_a_version_of_graph_nothing_is_fetched",
    ),
    _guard("nothing to fetch, nobody asked", " if distinct else {}", "", _DOWN),
    _guard(
        "what has no place is not read",
        "{location for location in locations.values() if isinstance(location, ResourceLocation)}",
        "set(locations.values())",
        f"{_FETCHING}::test_a_resource_that_leads_out_is_refused_and_takes_nobody_down",
    ),
    _guard(
        "a place that is none takes nobody down",
        "    except Malformed as problem:\n        return problem\n",
        "    finally:\n        pass\n",
        f"{_FETCHING}::test_a_resource_that_leads_out_is_refused_and_takes_nobody_down",
    ),
    _guard(
        "a place that is none is refused",
        "            if isinstance(found, Malformed):\n                raise found\n",
        "",
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
