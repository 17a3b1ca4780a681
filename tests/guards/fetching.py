"""The guards of fetching: whose resources are read at all, and where at Graph they may lead."""

from tests.guards.guard import Guard

_LOCATIONS = "tests/unit/graph/test_location.py"
_LEADING_OUT = f"{_LOCATIONS}::test_a_resource_that_leads_out_of_its_version_is_malformed"
_RECEIVING = "tests/unit/receiving/test_receive_fetching.py"
_WANTED = "if item.lifecycle_event is None and item.encrypted_content is None"


def _location(name: str, snippet: str, without: str, test: str = _LEADING_OUT) -> Guard:
    return Guard(
        name=f"location: {name}", module="shared/graph/location.py", snippet=snippet, without=without, test=test
    )


def _order(name: str, snippet: str, without: str, test: str) -> Guard:
    return Guard(
        name=f"fetching: {name}", module="shared/receiving/receive.py", snippet=snippet, without=without, test=test
    )


GUARDS = (
    _order(
        "nothing that is not authentic",
        "        return authenticate(item, keys=self.client_state_keys, tenant_ids=self.tenant_ids)",
        """\
        self.fetch_resources({ResourceLocation.from_notification(AuthenticNotification(item), "v1.0")},
            Deadline.after(timedelta(1)))
        return authenticate(item, keys=self.client_state_keys, tenant_ids=self.tenant_ids)""",
        f"{_RECEIVING}::test_nothing_that_is_not_authentic_is_ever_fetched",
    ),
    _order(
        "only what has no content of its own",
        _WANTED,
        "if item.lifecycle_event is None",
        f"{_RECEIVING}::test_a_rich_item_without_a_token_is_not_fetched_in_its_contents_place",
    ),
    _order(
        "changes only",
        _WANTED,
        "if item.encrypted_content is None",
        f"{_RECEIVING}::test_a_rich_item_and_a_lifecycle_event_are_not_fetched",
    ),
    _location(
        "only known versions",
        "next((version for version in ApiVersion if version == text), None)",
        "text and ApiVersion.V1_0",
        f"{_LOCATIONS}::test_a_version_is_named_exactly_or_not_at_all",
    ),
    _location(
        "one spelling",
        'subject_of(notification.resource or "", notification.resource_data)',
        'notification.resource or ""',
        f"{_LOCATIONS}::test_an_id_is_encoded_once_in_whatever_spelling_it_arrived",
    ),
    _location(
        "steps down only",
        """\
        if not all(_is_single_segment(segment) for segment in segments):
            raise Malformed("a resource that is not a path below a version of Graph")
""",
        "",
    ),
    _location("encoded steps upward", "_SEPARATOR.split(_fully_decoded(segment))", "_SEPARATOR.split(segment)"),
    _location("steps upward within an id", "_SEPARATOR.split(_fully_decoded(segment))", "[_fully_decoded(segment)]"),
    _location("backslashes", 're.compile(r"[/\\\\]")', 're.compile("/")'),
    _location("what Windows takes off", 'part.strip(" .")', 'part not in {".", ".."}'),
    _location("a resource at all", "bool(parts) and all(", "all("),
    _location(
        "encoding",
        '"/".join(quote(segment, safe="") for segment in segments)',
        '"/".join(segments)',
        f"{_LOCATIONS}::test_what_would_mean_something_in_an_address_is_a_part_of_the_id",
    ),
    _location(
        "the item's tenant",
        "cls(tenant_id=notification.tenant_id,",
        'cls(tenant_id="",',
        f"{_LOCATIONS}::test_a_resource_is_read_in_the_tenant_of_its_notification",
    ),
    Guard(
        name="fetching: the client of the location's tenant",
        module="shared/app/clients.py",
        snippet="self.graph_for_tenant(location.tenant_id).get_resource(location)",
        without="self.graph_for_tenant(self.settings.tenant_ids[0]).get_resource(location)",
        test=(
            "tests/integration/app/test_receive_notification_fetching.py"
            "::test_each_resource_is_fetched_with_the_credential_of_its_own_tenant"
        ),
    ),
    Guard(
        name="fetching: an answer that is none",
        module="shared/graph/client.py",
        snippet="""\
        try:
            return ResourceContent.from_json(response.content)
        except Malformed as exc:
            raise Unavailable("Graph's response is not a resource") from exc
""",
        without="        return ResourceContent.from_json(response.content)\n",
        test="tests/integration/graph/test_client.py::test_a_resource_that_is_none_is_never_taken_for_one",
    ),
    Guard(
        name="fetching: a read that Graph refuses is no lost race",
        module="shared/graph/client.py",
        snippet=' and method != "GET" else Misconfigured',
        without=" else Misconfigured",
        test="tests/integration/graph/test_client.py::test_a_conflict_is_one_only_for_a_request_that_changes_something",
    ),
)
