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

_LOCATIONS = "tests/unit/graph/test_location.py"
_LEADING_OUT = f"{_LOCATIONS}::test_a_resource_that_leads_out_of_its_version_is_malformed"
_CATALOGUE = f"{_LOCATIONS}::test_only_paths_of_the_catalogues_resources_are_read"
_VERSION = f"{_LOCATIONS}::test_a_version_is_named_exactly_or_not_at_all"
_ENCODED = f"{_LOCATIONS}::test_what_would_mean_something_in_an_address_is_a_part_of_the_id"
_TENANT = f"{_LOCATIONS}::test_a_resource_is_read_in_the_tenant_of_its_notification"
_FROM = "ResourceLocation.from_notification"
_FUNCTIONS = r"\$.*|delta.*|getall.*"
_CLIENT = "tests/integration/graph/test_client.py"
_BROKEN = f"{_CLIENT}::test_broken_resource_is_unavailable"
_PAGES = "tests/integration/graph/test_client_pages.py"
_OUTSIDE = f"{_PAGES}::test_link_outside_graph_is_unavailable"
_BROKEN_LIST = f"{_PAGES}::test_broken_list_is_unavailable_and_not_the_last_page"
_NO_ID = f"{_PAGES}::test_response_without_an_id_is_no_item"

_location = Guarded(area="location", module="shared/graph/location.py")
_paths = Guarded(area="location", module="shared/resources/item_paths.py")
_graph = Guarded(area="graph", module="shared/graph/client.py")

_FETCHED = Guarded(area="fetching", module="shared/app/clients.py")(
    "the client of the location's tenant",
    "Clients.read_resource",
    rewrite("_.tenant_id", "self.settings.tenant_ids[0]"),
    "tests/integration/app/test_receive_notification_fetching.py"
    "::test_resource_is_fetched_with_the_credential_of_its_tenant",
)

_PATHS = (
    _location("only known versions", "api_version", rewrite("return _", "return ApiVersion.V1_0"), _VERSION),
    _location("only what is in the catalogue", _FROM, without_raise("Malformed", "is_item_path"), _CATALOGUE),
    _location("every segment goes down", _FROM, without_raise("Malformed", "_is_single_segment"), _LEADING_OUT),
    _paths("names as in the catalogue", "is_item_path", rewrite("_ in {'*', _}", "True"), _CATALOGUE),
    _paths("no function for an id", "is_item_path", without_operand("_FUNCTION"), _CATALOGUE),
    _paths("no $count", "_FUNCTION", rewrite(rf"r'{_FUNCTIONS}'", r"'delta.*|getall.*'"), _CATALOGUE),
    _paths("no delta", "_FUNCTION", rewrite(rf"r'{_FUNCTIONS}'", r"r'\$.*|getall.*'"), _CATALOGUE),
    _paths("no getAll", "_FUNCTION", rewrite(rf"r'{_FUNCTIONS}'", r"r'\$.*|delta.*'"), _CATALOGUE),
    _paths("in any case", "_FUNCTION", rewrite("re.compile(_1, _)", "re.compile(_1)"), _CATALOGUE),
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
    _location("segments are encoded", _FROM, without_call("quote"), _ENCODED),
    _location("the item's tenant", _FROM, rewrite("_.tenant_id", "''"), _TENANT),
    Guarded(area="gap", module="shared/gaps/graph_queries.py")(
        "ids are encoded",
        "_quoted_id",
        without_call("quote"),
        "tests/unit/gaps/test_graph_queries.py::test_no_id_leads_out_of_its_place",
    ),
    Guarded(area="gap", module="shared/gaps/backfill.py")(
        "ids have a known form",
        "is_id",
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
    _graph("a link stays below a version", "Graph._path", without_raise("Unavailable", "startswith"), _OUTSIDE),
    _graph("a broken page is not the last one", "Graph.get_page", without_raise("Unavailable", nth=0), _BROKEN_LIST),
    _graph("a broken item is not one without an id", "Graph.get_item", without_raise("Unavailable"), _NO_ID),
    _graph("a broken response is not a resource", "Graph.get_resource", without_except("Malformed"), _BROKEN),
)


_SECRETS = (
    Guarded(area="settings", module="shared/settings.py")(
        "no vault of another cloud",
        "_check_vault",
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

GUARDS = (_FETCHED, *_PATHS, *_ANSWERS, *_SECRETS)
