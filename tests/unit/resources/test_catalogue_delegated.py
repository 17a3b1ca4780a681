"""What a signed-in user may watch: the catalogue against the sandbox's copy of the truth, and presence."""

import pytest

from sandbox.graph.catalogue import find as find_in_sandbox
from sandbox.graph.paths import segments
from shared.resources.catalogue import CATALOGUE, ResourceType
from shared.resources.validation import find_resource_type, validation_errors
from tests.unit.resources.ids import ANY_ID, IDS, USER

PRESENCES = "/communications/presences"


def _presence_faults(resource: str) -> list[str]:
    types = frozenset({"updated"})
    return list(
        validation_errors(resource, change_types=types, include_resource_data=True, fetch=False, delegated=True)
    )


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.path)
def test_the_two_readings_of_the_delegated_permissions_agree(row: ResourceType) -> None:
    found = find_in_sandbox(segments(ANY_ID.sub(lambda match: IDS.get(match[0], USER), row.path)))
    assert found is not None
    other = found[0].delegated
    assert bool(row.permissions.delegated) == bool(other)
    assert set(row.permissions.delegated) <= set(other)


@pytest.mark.parametrize("count", [1, 650])
def test_presences_are_watched_by_a_filter_that_names_the_users(count: int) -> None:
    resource = f"{PRESENCES}?$filter=id in ({','.join([f"'{USER}'"] * count)})"
    assert not _presence_faults(resource)
    assert find_resource_type(resource) == find_resource_type(PRESENCES)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?$filter=",
        "?$filter=id in ()",
        f"?$filter=id in ({','.join([f"'{USER}'"] * 651)})",
        f"?$filter=id in ({','.join([f'%27{USER}%27'] * 651)})",
    ],
    ids=["no filter", "empty", "no user", "one too many", "one too many, escaped"],
)
def test_presences_of_no_user_or_too_many_are_a_fault(query: str) -> None:
    assert _presence_faults(PRESENCES + query) == [
        f"{PRESENCES} needs ?$filter=id in ('<user id>', ...) with 1 to 650 ids"
    ]
