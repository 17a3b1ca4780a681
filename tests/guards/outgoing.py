"""The guards of what the app asks for and shows: in whose tenant, where at Graph, and no secret to anybody else."""

from tests.guards.edits import (
    in_turn,
    rewrite,
    without_call,
    without_except,
    without_if,
    without_item,
    without_operand,
    without_raise,
)
from tests.guards.guard import Guarded

_FETCHING = "tests/unit/receiving/test_receive_fetching.py"
_LOCATIONS = "tests/unit/graph/test_location.py"
_LEADING_OUT = f"{_LOCATIONS}::test_a_resource_that_leads_out_of_its_version_is_malformed"
_CLIENT = "tests/integration/graph/test_client.py"
_PAGES = "tests/integration/graph/test_client_pages.py"

_fetching = Guarded(area="fetching", module="shared/receiving/receive.py")
_location = Guarded(area="location", module="shared/graph/location.py")
_graph = Guarded(area="graph", module="shared/graph/client.py")

_FETCHED = (
    _fetching(
        "nothing that is not authentic",
        "Receiver._authenticate",
        rewrite(
            "authenticate(_1, keys=_2, tenant_ids=_3)",
            "(self.fetch_resources({ResourceLocation.from_notification(_1, 'v1.0')}, Deadline.after(timedelta(1))),"
            " authenticate(_1, keys=_2, tenant_ids=_3))[1]",
        ),
        f"{_FETCHING}::test_nothing_that_is_not_authentic_is_ever_fetched",
    ),
    _fetching(
        "only items without content",
        "Receiver._fetch",
        without_operand("encrypted_content"),
        f"{_FETCHING}::test_a_rich_item_without_a_token_is_not_fetched_in_its_contents_place",
    ),
    _fetching(
        "changes only",
        "Receiver._fetch",
        without_operand("lifecycle_event"),
        f"{_FETCHING}::test_a_rich_item_and_a_lifecycle_event_are_not_fetched",
    ),
    Guarded(area="fetching", module="shared/app/clients.py")(
        "the client of the location's tenant",
        "Clients.read_resource",
        rewrite("_.tenant_id", "self.settings.tenant_ids[0]"),
        "tests/integration/app/test_receive_notification_fetching.py"
        "::test_resource_is_fetched_with_the_credential_of_its_tenant",
    ),
)

_PATHS = (
    _location(
        "only known versions",
        "api_version",
        rewrite("return _", "return ApiVersion.V1_0"),
        f"{_LOCATIONS}::test_a_version_is_named_exactly_or_not_at_all",
    ),
    _location(
        "every segment goes down", "ResourceLocation.from_notification", without_raise("Malformed"), _LEADING_OUT
    ),
    _location("encoded steps upward", "_is_single_segment", without_call("_fully_decoded"), _LEADING_OUT),
    _location("encoded separators", "_is_single_segment", rewrite("_SEPARATOR.split(_1)", "[_1]"), _LEADING_OUT),
    _location("backslashes", "_SEPARATOR", rewrite(r"r'[/\\]'", "'/'"), _LEADING_OUT),
    _location(
        "trailing dots and spaces",
        "_is_single_segment",
        rewrite("_1.strip(' .')", "_1 not in {'.', '..'}"),
        _LEADING_OUT,
    ),
    _location("empty segments", "_is_single_segment", without_operand("bool"), _LEADING_OUT),
    _location(
        "segments are encoded",
        "ResourceLocation.from_notification",
        without_call("quote"),
        f"{_LOCATIONS}::test_what_would_mean_something_in_an_address_is_a_part_of_the_id",
    ),
    _location(
        "the item's tenant",
        "ResourceLocation.from_notification",
        rewrite("_.tenant_id", "''"),
        f"{_LOCATIONS}::test_a_resource_is_read_in_the_tenant_of_its_notification",
    ),
    Guarded(area="gap", module="shared/gaps/graph_queries.py")(
        "ids are encoded",
        "_quoted_id",
        without_call("quote"),
        "tests/unit/gaps/test_graph_queries.py::test_no_id_leads_out_of_its_place",
    ),
    Guarded(area="gap", module="shared/gaps/backfill.py")(
        "ids have a known form",
        "Backfill._items",
        without_operand("_ID"),
        "tests/unit/gaps/test_catch_up.py::test_what_is_no_id_is_not_asked_for",
    ),
)

_ANSWERS = (
    _graph(
        "a link stays at Graph",
        "Graph._path",
        in_turn(rewrite("f'{_1.path}?{_1.query}'", "_1.geturl()"), without_raise("Unavailable", "startswith")),
        f"{_PAGES}::test_link_to_another_host_is_requested_from_graph",
    ),
    _graph(
        "a link stays below a version",
        "Graph._path",
        without_raise("Unavailable", "startswith"),
        f"{_PAGES}::test_link_outside_graph_is_unavailable",
    ),
    _graph(
        "a broken page is not the last one",
        "Graph.get_page",
        without_raise("Unavailable"),
        f"{_PAGES}::test_broken_list_is_unavailable_and_not_the_last_page",
    ),
    _graph(
        "a broken item is not one without an id",
        "Graph.get_item",
        without_raise("Unavailable"),
        f"{_PAGES}::test_response_without_an_id_is_no_item",
    ),
    _graph(
        "a broken response is not a resource",
        "Graph.get_resource",
        without_except("Malformed"),
        f"{_CLIENT}::test_broken_resource_is_unavailable",
    ),
)


_SECRETS = (
    Guarded(area="settings", module="shared/settings.py")(
        "no vault of another cloud",
        "_Reader._check_vault",
        without_if("key_vault_suffix"),
        "tests/unit/test_settings.py::test_a_vault_of_another_cloud_than_graph_is_a_fault",
    ),
    Guarded(area="storage", module="shared/app/storage_clients.py")(
        "no credentials from a .netrc file",
        "_transport",
        rewrite("_.auth = _", "pass"),
        "tests/integration/receiving/test_post_store.py::test_netrc_credentials_are_not_sent_to_storage",
    ),
    Guarded(area="commands", module="cli/stored_posts.py")(
        "no client state is shown",
        "_without_client_state",
        without_item("clientstate"),
        "tests/cli/test_stored_posts.py::test_post_is_shown_without_client_states_and_tokens",
    ),
    Guarded(area="commands", module="cli/output.py")(
        "no control character in a table",
        "print_rows",
        without_call("printable"),
        "tests/cli/test_output.py::test_cell_cannot_control_the_terminal",
    ),
    Guarded(area="commands", module="cli/output.py")(
        "no control character in a line",
        "print_line",
        without_call("printable"),
        "tests/cli/test_output.py::test_line_cannot_control_the_terminal",
    ),
    Guarded(area="commands", module="cli/reconcile_preview.py")(
        "no query of another app's URL",
        "_without_query",
        rewrite("_1.partition('?')[0]", "_1"),
        "tests/cli/test_reconcile_preview.py::test_warnings_show_failure_gap_and_untracked_url_without_query",
    ),
)

GUARDS = (*_FETCHED, *_PATHS, *_ANSWERS, *_SECRETS)
