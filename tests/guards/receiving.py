"""The guards of parsing, and of the order in which a POST is received."""

from tests.guards.guard import Guard

_PARSING = "tests/unit/notifications/test_collection.py"
_NEEDED = f"{_PARSING}::test_a_needed_property_that_is_no_short_printable_text_spoils_its_item_only"
_OPTIONAL = f"{_PARSING}::test_an_optional_property_of_the_wrong_type_spoils_its_item"
_ENCODING = f"{_PARSING}::test_json_in_another_encoding_is_refused"
_NUMBERS = f"{_PARSING}::test_numbers_that_json_cannot_hold_are_refused"
_TOKENS = f"{_PARSING}::test_what_is_no_validation_token_never_passes_for_an_absent_one"
_RECEIVING = "tests/unit/receiving/test_receive.py"
_PARKING = "tests/unit/receiving/test_receive_parking.py"
_OUTCOME = f"{_RECEIVING}::test_every_post_has_its_documented_outcome_and_writes_no_log"
_TEXT_CHECK = """\
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise Malformed(f"{name} is not a short printable string")
"""

_JSON_CHECK = """\
    except (ValueError, RecursionError) as exc:
        raise Malformed("not JSON in UTF-8") from exc
"""


def _parsing(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"parsing: {name}",
        module="shared/notifications/collection.py",
        snippet=snippet,
        without=without,
        test=test,
    )


def _order(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"receiving: {name}", module="shared/receiving/receive.py", snippet=snippet, without=without, test=test
    )


def _post(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"parking: {name}", module="shared/receiving/receive.py", snippet=snippet, without=without, test=test
    )


GUARDS = (
    _parsing(
        "size",
        """\
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"over {MAX_BODY_BYTES} bytes")
""",
        "",
        f"{_PARSING}::test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not",
    ),
    _parsing(
        "number of items",
        """\
        if len(items) > MAX_ITEMS:
            raise TooLarge(f"over {MAX_ITEMS} items")
""",
        "",
        f"{_PARSING}::test_more_items_than_genuine_ones_could_fill_a_body_with_are_refused",
    ),
    _parsing(
        "UTF-8 only", 'data.decode("utf-8")', 'data.decode(json.detect_encoding(data), "surrogatepass")', _ENCODING
    ),
    _parsing("UTF-8 without errors", 'data.decode("utf-8")', 'data.decode("utf-8", "replace")', _OUTCOME),
    _parsing("no byte order mark", 'data.decode("utf-8")', 'data.decode("utf-8-sig")', _ENCODING),
    _parsing("what is no JSON", _JSON_CHECK, _JSON_CHECK.replace("ValueError, ", ""), _OUTCOME),
    _parsing("nesting", _JSON_CHECK, _JSON_CHECK.replace(", RecursionError", ""), _OUTCOME),
    _parsing("NaN and Infinity", "raise ValueError(constant)", "return math.nan", _NUMBERS),
    _parsing("numbers beyond a double", 'raise ValueError("a number beyond a double\'s range")', "pass", _NUMBERS),
    _parsing(
        "a collection",
        """\
        if not isinstance(items, list):
            raise Malformed("not a collection of change notifications")
""",
        "        items = items or []\n",
        _OUTCOME,
    ),
    _parsing(
        "an object",
        """\
    if not isinstance(value, dict):
        raise Malformed("not an object")
""",
        "    value = value if isinstance(value, dict) else {}\n",
        _OPTIONAL,
    ),
    _parsing(
        "one bad item spoils no other",
        """\
    except Malformed as problem:
        return problem
""",
        "    finally:\n        pass\n",
        _NEEDED,
    ),
    _parsing("texts are texts", _TEXT_CHECK, _TEXT_CHECK.replace("not isinstance(value, str) or ", ""), _NEEDED),
    _parsing("texts are not empty", _TEXT_CHECK, _TEXT_CHECK.replace("0 < ", ""), _NEEDED),
    _parsing(
        "texts are short", _TEXT_CHECK, _TEXT_CHECK.replace("not 0 < len(value) <= MAX_TEXT", "not value"), _NEEDED
    ),
    _parsing("texts are printable", _TEXT_CHECK, _TEXT_CHECK.replace(" or not value.isprintable()", ""), _NEEDED),
    _parsing(
        "needed properties",
        """\
    if value is None:
        raise Malformed(f"{name} is missing")
    return value
""",
        '    return value or ""\n',
        _NEEDED,
    ),
    _parsing(
        "the tenant is needed",
        """\
    if tenant_id is None:
        raise Malformed("tenantId is missing")
    return tenant_id.lower()
""",
        '    return (tenant_id or "").lower()\n',
        _NEEDED,
    ),
    _parsing(
        "resourceData is an object",
        """\
    if not isinstance(value, dict):
        raise Malformed(f"{name} is not an object")
""",
        "",
        _OPTIONAL,
    ),
    _parsing(
        "tokens that are no list",
        """\
    if not isinstance(value, list):
        return ("",)
""",
        "    if not isinstance(value, list):\n        return ()\n",
        _TOKENS,
    ),
    _parsing(
        "tokens that are no texts",
        'tuple(token if isinstance(token, str) else "" for token in value)',
        "tuple(token for token in value if isinstance(token, str))",
        _TOKENS,
    ),
    _order(
        "client states are checked",
        "        return authenticate(item, keys=self.client_state_keys, tenant_ids=self.tenant_ids)",
        "        return AuthenticNotification(item)",
        _OUTCOME,
    ),
    _order(
        "no token before an authentic item",
        "if not any(item.encrypted_content for item in items):",
        "if not post.tokens:",
        f"{_RECEIVING}::test_no_token_is_looked_at_before_a_rich_item_is_authentic",
    ),
    _order(
        "a bad token covers nobody",
        """\
        except InvalidValidationToken:
            return frozenset()
""",
        "        except InvalidValidationToken:\n            return frozenset(self.tenant_ids)\n",
        _OUTCOME,
    ),
    _order(
        "each tenant's own token",
        "if item.tenant_id not in covered:",
        "if not covered:",
        f"{_RECEIVING}::test_each_tenants_items_need_a_token_of_their_own_tenant",
    ),
    _order(
        "no key before a token",
        """\
        if item.tenant_id not in covered:
            raise InvalidValidationToken""",
        """\
        self.private_key(encrypted.encryption_certificate_id, deadline)
        if item.tenant_id not in covered:
            raise InvalidValidationToken""",
        f"{_RECEIVING}::test_no_key_is_asked_for_before_an_item_is_authentic",
    ),
    _order(
        "resource data need a token",
        """\
            raise InvalidValidationToken("no valid validation token for the item's tenant")
""",
        "            pass\n",
        _OUTCOME,
    ),
    _order(
        "a rejected item takes nobody down",
        """\
        except Rejected as problem:
            rejected.setdefault(problem.reason, []).append(item)
""",
        "        finally:\n            pass\n",
        _OUTCOME,
    ),
    _order(
        "nothing is published before all is decided",
        "        events, rejected = partition(enumerate(items), event_of)\n",
        """\
        for each in enumerate(items):
            self.publish([event_of(each)], post.deadline)
        events, rejected = partition(enumerate(items), event_of)
""",
        f"{_RECEIVING}::test_a_dependency_that_cannot_be_had_refuses_the_whole_post",
    ),
    _order(
        "what is refused is kept before anything is published",
        """\
        for reason, rejected in refused.items():
            self._quarantine(post, reason, rejected)
        if events:
            self.publish(events, post.deadline)
""",
        """\
        if events:
            self.publish(events, post.deadline)
        for reason, rejected in refused.items():
            self._quarantine(post, reason, rejected)
""",
        f"{_PARKING}::test_nothing_is_published_before_what_is_refused_is_kept",
    ),
    _order(
        "what is refused is kept at all",
        "            self._quarantine(post, reason, rejected)\n",
        "            pass\n",
        f"{_PARKING}::test_what_was_authentic_and_is_refused_goes_to_quarantine_as_it_came",
    ),
    _order(
        "an item that JSON cannot repeat",
        "        except RecursionError:\n            body = post.body\n",
        "        finally:\n            pass\n",
        f"{_PARKING}::test_an_item_that_cannot_be_repeated_is_kept_with_its_whole_post",
    ),
    _order(
        "the URL's text reaches no header",
        "fetch=api_version(fetch)",
        "fetch=fetch",
        f"{_PARKING}::test_a_text_in_the_url_that_is_no_version_is_not_kept",
    ),
    _order(
        "the deadline between items",
        "            post.deadline.raise_if_passed()\n",
        "",
        f"{_PARKING}::test_a_post_of_ten_thousand_items_is_parked_in_time",
    ),
    _order(
        "ids do not depend on what else opens",
        """\
        events, rejected = partition(enumerate(items), event_of)
""",
        """\
        opened, _ = partition(items, lambda item: event_of((0, item)) and item)
        events, rejected = partition(enumerate(opened), event_of)
""",
        f"{_RECEIVING}::test_id_of_an_update_does_not_depend_on_what_else_opens",
    ),
    _order(
        "a turn",
        "            with self.limiter.slot():\n",
        "            if True:\n",
        f"{_PARKING}::test_a_post_that_gets_no_turn_is_parked_and_asks_nobody_for_anything",
    ),
    _post(
        "only what is authentic is parked",
        """\
        if not authentic:
            return Receipt(received=received, rejected=_counts(dropped))
""",
        "",
        f"{_PARKING}::test_nothing_that_is_not_authentic_is_ever_kept",
    ),
    _post(
        "nothing of nobody is parked",
        "partition(collection.value, self._authenticate)",
        "[item for item in collection.value if not isinstance(item, Malformed)], {}",
        f"{_PARKING}::test_nothing_that_is_not_authentic_is_ever_kept",
    ),
    _post(
        "time is left for parking",
        "deadline.less(_FOR_PARKING)",
        "deadline",
        f"{_PARKING}::test_a_dependency_that_hangs_leaves_time_for_parking",
    ),
)
