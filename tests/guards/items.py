"""The guards of how an item is read: what may be absent, how it may be spelt, and what else may stand in its place."""

from tests.guards.guard import Guard

_TESTS = "tests/unit/notifications/test_collection.py"
_OUTCOME = "tests/unit/receiving/test_receive.py::test_every_post_has_its_documented_outcome_and_writes_no_log"
_LIFECYCLE = f"{_TESTS}::test_a_lifecycle_event_needs_neither_resource_nor_change_type"
_ORGANIZATION = f"{_TESTS}::test_organization_id_stands_in_for_a_missing_tenant_id"
_SECRET = f"{_TESTS}::test_nothing_secret_is_shown_in_a_log"
_BARE = 'items = [fields] if "value" not in fields and "subscriptionId" in fields else fields.get("value")'


def _guard(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"item: {name}", module="shared/notifications/collection.py", snippet=snippet, without=without, test=test
    )


GUARDS = (
    _guard(
        "infinite numbers",
        "    if math.isinf(number):\n",
        "    if False:\n",
        f"{_TESTS}::test_numbers_that_json_cannot_hold_are_refused",
    ),
    _guard(
        "parts of the content are texts",
        '(part if isinstance(part, str) else "" for part in parts)',
        "parts",
        _OUTCOME,
    ),
    _guard(
        "a client state is a text",
        "client_state=client_state if isinstance(client_state, str) else None",
        "client_state=client_state",
        "tests/unit/receiving/test_receive_totality.py::test_what_has_brought_it_down_has_a_documented_outcome",
    ),
    _guard("a bare item", _BARE, 'items = fields.get("value")', _OUTCOME),
    _guard("a bare item has a subscription", _BARE, _BARE.replace(' and "subscriptionId" in fields', ""), _OUTCOME),
    _guard(
        "a collection is no bare item",
        _BARE,
        _BARE.replace('"value" not in fields and ', ""),
        f"{_TESTS}::test_a_collection_that_names_a_subscription_beside_its_items_is_a_collection",
    ),
    _guard(
        "no tokens are no bad token",
        "    if value is None:\n        return ()\n",
        '    if value is None:\n        return ("",)\n',
        f"{_TESTS}::test_what_is_no_validation_token_never_passes_for_an_absent_one",
    ),
    _guard(
        "no content is no bad content",
        "None if encrypted is None else EncryptedContent.from_json(encrypted)",
        "EncryptedContent.from_json(encrypted)",
        _ORGANIZATION,
    ),
    _guard("no resourceData", "    if value is None:\n        return {}\n", "", _LIFECYCLE),
    _guard("no change type in a lifecycle event", " if is_change else None,\n", ",\n", _LIFECYCLE),
    _guard(
        "no resource in a lifecycle event",
        '_required_text(fields, "resource") if is_change else _optional_text(fields, "resource")',
        '_required_text(fields, "resource")',
        _LIFECYCLE,
    ),
    _guard(
        "spelling",
        "_GRAPH_SPELLING.get(key.lower(), key)",
        "key",
        f"{_TESTS}::test_property_names_may_be_spelt_in_any_case",
    ),
    _guard("organizationId", ' or _optional_text(fields, "organizationId")', "", _ORGANIZATION),
    _guard("tenants in lower case", "    return tenant_id.lower()\n", "    return tenant_id\n", _ORGANIZATION),
    _guard(
        "change types in Graph's spelling",
        "return text[:1].lower() + text[1:]",
        "return text",
        f"{_TESTS}::test_change_types_are_kept_whatever_they_are",
    ),
    _guard(
        "a client state in a log", "client_state: str | None = field(repr=False)", "client_state: str | None", _SECRET
    ),
    _guard("an item in a log", "field(default=None, repr=False, compare=False)", "field(default=None)", _SECRET),
)
