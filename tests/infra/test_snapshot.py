"""The template against the code, by way of its snapshots; and what each part of it is missed by.

That the template leads to these snapshots, ``make infra`` shows: a compiler takes seconds for each of them.
"""

import pytest

from tests.infra.faults import REFUSED, faults
from tests.infra.snapshot import NAMES, Snapshot, leaves

SNAPSHOTS = {name: Snapshot.read(name) for name in NAMES}
PARTS = [
    pytest.param(name, index, id=f"{name}-{index}-{resource['type'].rpartition('/')[2]}")
    for name, snapshot in SNAPSHOTS.items()
    for index, resource in enumerate(snapshot.resources)
]
NAMED = [part for part in PARTS if str(part.id).endswith(("-containers", "-queues", "-tables"))]
SETTINGS = [(name, setting) for name, snapshot in SNAPSHOTS.items() for setting in snapshot.settings]
# What may be another: by a parameter, or without harm.
FREE = {"maximumInstanceCount", "serverFarmId"}


@pytest.mark.parametrize("name", NAMES)
def test_template_gives_the_app_what_it_needs_and_nothing_else(name: str) -> None:
    assert faults(name, SNAPSHOTS[name]) == []


@pytest.mark.parametrize(("name", "index"), PARTS)
def test_template_without_one_of_its_parts_is_found_out(name: str, index: int) -> None:
    assert faults(name, SNAPSHOTS[name].without(index))


@pytest.mark.parametrize(("name", "index"), NAMED)
def test_another_name_of_a_container_queue_or_table_is_found_out(name: str, index: int) -> None:
    assert faults(name, SNAPSHOTS[name].with_name(index, "another"))


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_template_without_one_of_its_settings_is_found_out(name: str, setting: str) -> None:
    assert faults(name, SNAPSHOTS[name].without_setting(setting))


@pytest.mark.parametrize("setting", sorted(REFUSED))
def test_setting_that_azure_refuses_is_found_out(setting: str) -> None:
    snapshot = SNAPSHOTS["default"]
    resources = tuple(
        {**each, "properties": {**each["properties"], setting: "1"}}
        if each["type"] == "Microsoft.Web/sites/config"
        else each
        for each in snapshot.resources
    )
    assert f"setting {setting} is refused" in faults("default", Snapshot(resources=resources))


@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, value in leaves(SNAPSHOTS["default"].app) if path[-1] not in FREE]
)
def test_another_value_of_the_app_is_found_out(path: tuple[str, ...], value: object) -> None:
    another = 9999 if isinstance(value, int) else [{"name": "HTTP"}]
    assert faults("default", SNAPSHOTS["default"].with_app(path, another))
