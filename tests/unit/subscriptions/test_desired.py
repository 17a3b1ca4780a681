"""``subscriptions.json``: what an operator may write there, and what is said of the rest."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Misconfigured
from shared.resources.catalogue import CATALOGUE
from shared.subscriptions.desired import DesiredSubscription, desired_from_json
from tests.schemas import documents, problems
from tests.sender import OTHER_TENANT, TENANT

TENANTS = (TENANT, OTHER_TENANT)
ENTRY = {"resource": "/chats", "changeType": "created,updated", "includeResourceData": True}


def _desired(*entries: Any) -> list[DesiredSubscription]:
    return list(desired_from_json({"subscriptions": list(entries)}, tenant_ids=TENANTS))


def test_an_entry_stands_for_every_tenant_served() -> None:
    assert [item.tenant_id for item in _desired(ENTRY)] == [TENANT, OTHER_TENANT]


def test_an_entry_may_name_its_tenant() -> None:
    assert [item.tenant_id for item in _desired(ENTRY | {"tenantId": OTHER_TENANT})] == [OTHER_TENANT]


def test_change_types_are_written_with_commas_in_any_case() -> None:
    (item, _) = _desired(ENTRY | {"changeType": "Updated, created"})
    assert item.change_types == {"created", "updated"}
    assert item.change_type == "created,updated"


def test_resource_data_are_left_out_unless_asked_for() -> None:
    (item, _) = _desired({"resource": "/chats", "changeType": "created"})
    assert item.include_resource_data is False


def test_the_resource_may_be_fetched_and_a_user_may_stand_for_the_app() -> None:
    (fetched, _) = _desired({"resource": "/teams", "changeType": "created", "fetch": True})
    assert (fetched.fetch, fetched.delegated) == (True, False)
    (delegated, _) = _desired({"resource": "/chats/19:a@thread.v2", "changeType": "updated", "delegated": True})
    assert (delegated.fetch, delegated.delegated) == (False, True)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("x", "not an object"),
        ({}, '"resource" is missing: enter a path such as "/chats/getAllMessages"'),
        (ENTRY | {"resource": 7}, '"resource" is missing'),
        (ENTRY | {"resource": "//"}, '"resource" is missing'),
        (ENTRY | {"changeType": None}, '"changeType" must list created, updated or deleted, separated by commas'),
        (ENTRY | {"changeType": ["created"]}, '"changeType" must list'),
        (ENTRY | {"changeType": ""}, '"changeType" must list'),
        (ENTRY | {"changeType": "created,"}, '"changeType" must list'),
        (ENTRY | {"changeType": "moved"}, '"changeType" must list'),
        (ENTRY | {"tenantId": "contoso.com"}, '"tenantId" is not in TENANT_IDS: correct one of them'),
        (ENTRY | {"tenantId": []}, '"tenantId" is not in TENANT_IDS: correct one of them'),
        (ENTRY | {"includeResourcedata": True}, "unknown property includeResourcedata: use one of changeType, "),
        (ENTRY | {"includeResourceData": "false"}, '"includeResourceData" must be true or false'),
        (ENTRY | {"includeResourceData": None}, '"includeResourceData" must be true or false'),
        (ENTRY | {"fetch": 1}, '"fetch" must be true or false'),
        (ENTRY | {"delegated": "yes"}, '"delegated" must be true or false'),
        (ENTRY | {"fetch": True}, '"fetch" excludes "includeResourceData" and "delegated": leave it out'),
        (
            {"resource": "/chats/19:a@thread.v2", "changeType": "updated", "fetch": True, "delegated": True},
            '"fetch" excludes',
        ),
        (ENTRY, "an earlier entry has this resource and changeType: delete one of the two"),
        (ENTRY | {"resource": "chats/"}, "an earlier entry has this resource and changeType: delete one of the two"),
    ],
)
def test_a_fault_names_its_entry(entry: Any, fault: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        _desired(ENTRY, entry)
    assert str(caught.value).startswith(f"subscriptions.json, entry 2: {fault}")


@pytest.mark.parametrize("document", [None, [], "x", {}, {"subscriptions": None}, {"subscriptions": {}}])
def test_a_file_of_another_form_is_refused_with_the_form_it_should_have(document: Any) -> None:
    with pytest.raises(Misconfigured, match=r'subscriptions\.json must be {"subscriptions": \[...\]}'):
        desired_from_json(document, tenant_ids=TENANTS)


@pytest.mark.parametrize(
    "slip",
    [
        {"changeType": "moved"},
        {"includeResourceData": "true"},
        {"fetch": "true"},
        {"delegated": None},
        {"includeResourcedata": True},
        {"resource": None},
    ],
)
def test_the_schema_for_editors_refuses_what_the_app_refuses(slip: dict[str, Any]) -> None:
    assert problems({"subscriptions": [ENTRY]}, file="subscriptions.json") == []
    assert len(problems({"subscriptions": [ENTRY | slip]}, file="subscriptions.json")) == 1


def test_the_schema_for_editors_suggests_every_path_of_the_catalogue() -> None:
    entry = documents()["subscriptions.json"]["properties"]["subscriptions"]["items"]
    assert sorted(entry["properties"]["resource"]["examples"]) == sorted(row.path for row in CATALOGUE)


def test_the_file_of_this_repository_is_good() -> None:
    document = json.loads((Path(__file__).parents[3] / "subscriptions.json").read_text(encoding="utf-8"))
    assert len(desired_from_json(document, tenant_ids=[TENANT])) == len(document["subscriptions"]) > 0
    assert problems(document, file="subscriptions.json") == []
