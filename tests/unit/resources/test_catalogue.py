"""The catalogue of resources: what Graph allows for each path, and the faults that an operator reads about the rest."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.graph.catalogue import CATALOGUE as CATALOGUE_OF_SANDBOX
from sandbox.graph.catalogue import find as find_in_sandbox
from sandbox.graph.paths import segments
from sandbox.graph.resource_type import ResourceType as ResourceTypeOfSandbox
from shared.resources.catalogue import CATALOGUE, OVERVIEW_RESOURCES, Permissions, ResourceType
from shared.resources.paths import canonical_path
from shared.resources.validation import find_resource_type, is_beta, validation_errors
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.plan import RenewalPolicy, plan
from shared.subscriptions.tracked import Create
from tests.sender import TENANT
from tests.unit.resources.ids import ANY_ID, IDS, USER

CONFIGURATION = Path(__file__).parents[3] / "docs" / "configuration.md"
EVERY = frozenset({"created", "updated", "deleted"})
OF_APPS = tuple(row for row in CATALOGUE if row.permissions.application)
BY_PATH = {row.path: row for row in CATALOGUE}


def _filled(path: str) -> str:
    return ANY_ID.sub(lambda match: IDS.get(match[0], USER), path)


def _faults(
    resource: str,
    *changes: str,
    include_resource_data: bool = False,
    fetch: bool = False,
    delegated: bool = False,
) -> list[str]:
    types = frozenset(changes or {"created"})
    return list(
        validation_errors(
            resource,
            change_types=types,
            include_resource_data=include_resource_data,
            fetch=fetch,
            delegated=delegated,
        )
    )


def test_the_articles_paths_are_all_there() -> None:
    """Source: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview."""
    assert [ANY_ID.sub("{id}", row.path) for row in OVERVIEW_RESOURCES] == [
        "/teams/getAllChannels",
        "/teams/{id}/channels",
        "/chats",
        "/chats/{id}",
        "/teams/getAllMessages",
        "/teams/{id}/channels/{id}/messages",
        "/chats/getAllMessages",
        "/chats/{id}/messages",
        "/users/{id}/chats/getAllMessages",
        "/teams/{id}/members",
        "/chats/{id}/members",
        "/chats/getAllMembers",
        "/teams/{id}/channels/getAllMembers",
        "/teams",
        "/teams/{id}",
    ]
    assert all(row.resource_data for row in OVERVIEW_RESOURCES)


def test_no_path_stands_twice() -> None:
    assert len(BY_PATH) == len(CATALOGUE)


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.path)
def test_every_path_is_found_whatever_its_ids_and_its_spelling(row: ResourceType) -> None:
    filled = _filled(row.path)
    for spelling in (filled, filled.strip("/"), filled.upper() if "(" not in filled else filled, f"{filled}?$filter=x"):
        assert find_resource_type(spelling) is row
    assert find_resource_type(canonical_path(filled)) is row


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.path)
def test_every_row_has_permissions_and_change_types(row: ResourceType) -> None:
    assert row.permissions != Permissions()
    assert row.change_types
    assert row.max_lifetime >= timedelta(minutes=60)


def _in_sandbox(row: ResourceType) -> ResourceTypeOfSandbox:
    found = find_in_sandbox(segments(_filled(row.path)))
    assert found is not None
    return found[0]


@pytest.mark.parametrize("row", OF_APPS, ids=lambda row: row.path)
def test_the_two_readings_of_the_documentation_agree(row: ResourceType) -> None:
    """The sandbox has its own copy of the truth; what both read alike is hardly a slip."""
    other = _in_sandbox(row)
    assert (row.type_name, row.change_types) == (other.entity, other.change_types)
    assert (row.max_lifetime, row.beta) == (other.max_lifetime, other.beta_only)
    assert (row.resource_data, row.resource_data_only, row.options) == (other.rich, other.rich_only, other.options)
    assert {*row.permissions.application, *row.permissions.resource_specific} == set(other.permissions)


def test_neither_reading_has_a_path_that_the_other_lacks() -> None:
    assert {_in_sandbox(row).template for row in OF_APPS} == {
        other.template for other in CATALOGUE_OF_SANDBOX if other.permissions
    }


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.path)
def test_entry_that_the_catalogue_allows_has_no_fault(row: ResourceType) -> None:
    options = "" if row.max_filtered is None else f"?$filter=id in ('{USER}')"
    assert not _faults(
        f"{_filled(row.path)}{options}",
        *row.change_types,
        include_resource_data=row.resource_data,
        fetch=row.fetchable,
        delegated=not row.permissions.application,
    )


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (
            _faults("/chats/getAllMesages"),
            "/chats/getAllMesages is not a Teams path that an app can subscribe to; did you mean",
        ),
        (_faults("/me/mailFolders/inbox/messages"), "/me/mailFolders/inbox/messages is not a Teams path"),
        (_faults("/chats", *EVERY), "/chats reports only created and updated: fix changeType"),
        (
            _faults("/communications/callRecords", include_resource_data=True),
            "/communications/callRecords has no resource",
        ),
        (
            _faults(f"/communications/presences/{USER}", "updated"),
            "/communications/presences/{user-id} works only for a signed-in user: set delegated, and run:",
        ),
        (
            _faults("/chats/getAllMessages", delegated=True),
            "/chats/getAllMessages does not work for a signed-in user: remove delegated",
        ),
        (
            _faults("/copilot/interactionHistory/getAllEnterpriseInteractions", fetch=True),
            "/copilot/interactionHistory/getAllEnterpriseInteractions cannot be fetched, because Graph has no GET",
        ),
        (
            _faults("/chats/getAllMessages?$search=x"),
            "/chats/getAllMessages does not accept the option search (it accepts: model)",
        ),
        (_faults("/teams?$top=5"), "/teams does not accept the option top (it accepts: none)"),
        (
            _faults("/communications/calls/getEmergencyEventsByPolicy(policyName='a')", "updated"),
            "/communications/calls/getEmergencyEventsByPolicy(policyName={name}) works only with resource data",
        ),
    ],
)
def test_subscription_that_graph_would_refuse_has_one_fault(faults: list[str], expected: str) -> None:
    (sentence,) = faults
    assert sentence.startswith(expected)


def test_several_faults_of_a_subscription_are_listed_together() -> None:
    faults = _faults("/communications/callRecords?$top=1", "deleted", include_resource_data=True)
    assert len(faults) == 3


def test_only_the_beta_endpoint_knows_some_paths() -> None:
    assert is_beta("/teams/getAllChannels/getAllMembers")
    assert not is_beta("/chats")
    assert not is_beta("/nowhere")


@pytest.mark.parametrize(
    ("resource", "lifetime"),
    [
        ("/chats", timedelta(days=3)),
        (f"/teams/{USER}/schedule/shifts", timedelta(hours=6)),
        ("/communications/callRecords", timedelta(minutes=4230)),
    ],
)
def test_resource_has_graphs_maximum_lifetime_and_is_renewed_in_time(resource: str, lifetime: timedelta) -> None:
    policy = RenewalPolicy(
        notification_url="https://a.example",
        lifetime=timedelta(days=3),
        renew_after=timedelta(days=2),
        client_state_key_id="k",
    )
    wanted = DesiredSubscription(
        tenant_id=TENANT, resource=resource, change_types=frozenset({"created"}), include_resource_data=False
    )
    now = datetime(2026, 11, 21, tzinfo=UTC)
    (action,) = plan([wanted], [], [], policy=policy, now=now)
    assert isinstance(action, Create)
    assert (action.tracked.desired, action.expiration) == (wanted, now + lifetime - timedelta(minutes=5))


def permissions_table() -> str:
    """Return the table of docs/configuration.md, from the catalogue."""
    lines = ["| Path | Changes | Application | Delegated | Resource-specific |", "|---|---|---|---|---|"]
    for row in OVERVIEW_RESOURCES:
        allowed = row.permissions
        least = [(of or ("none",))[0] for of in (allowed.application, allowed.delegated, allowed.resource_specific)]
        changes = ", ".join(each for each in ("created", "updated", "deleted") if each in row.change_types)
        lines.append(f"| `{row.path}` | {changes} | {' | '.join(least)} |")
    return "\n".join(lines)


def test_documented_table_of_permissions_is_that_of_the_catalogue() -> None:
    assert permissions_table() in CONFIGURATION.read_text(encoding="utf-8")
