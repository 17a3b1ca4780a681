"""Where a resource is read: whatever a notification names, the request stays below one version of Graph's API.

Guards, each with the test that fails without it (``python -m tests.guards`` removes them in turn): canonical form,
encoding, no steps upward, however often they are encoded, not nothing at all.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Malformed
from shared.graph.location import ApiVersion, ResourceLocation, api_version
from shared.notifications.client_state import AuthenticNotification
from shared.notifications.properties import MAX_TEXT
from tests.hostile.resources import CONFINED_RESOURCES
from tests.sender import CHAT, OTHER_TENANT, TENANT, authentic, basic_item, client_state

HOST = "graph.example"
TEAM = "fbe2bf47-16c8-47cf-b4a5-4b9b187c508b"
CHANNEL = "19:4a95f7d8db4c4e7fae857bcebe0623e6@thread.tacv2"
MEMBER = "MCMjMjQzMmI1N2ItMGFiZC00M2RiLWFhN2ItMTZlYWRkMTE1ZDM0IyM="


def _authentic(resource: str, tenant_id: str = TENANT, **changes: Any) -> AuthenticNotification:
    return authentic(basic_item(resource=resource, tenantId=tenant_id, clientState=client_state(tenant_id), **changes))


def _path(resource: str, version: ApiVersion = ApiVersion.V1_0) -> str:
    return ResourceLocation.from_notification(_authentic(resource), version).path


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v1.0", ApiVersion.V1_0),
        ("beta", ApiVersion.BETA),
        *((text, None) for text in (None, "", "true", "V1.0", "Beta", " beta", "v1.0/..", "v1", "v1.0,beta", "v1.0\n")),
    ],
)
def test_a_version_is_named_exactly_or_not_at_all(text: str | None, version: ApiVersion | None) -> None:
    assert api_version(text) is version


CHAT_PATH = (
    "/v1.0/chats/19%3A8ea0e38b-efb3-4757-924a-5f94061cf8c2_97f62344-57dc-409c-88ad-c4af14158ff5%40unq.gbl.spaces"
)
CHANNEL_PATH = f"/v1.0/teams/{TEAM}/channels/19%3A4a95f7d8db4c4e7fae857bcebe0623e6%40thread.tacv2"
GENUINE = {
    f"chats('{CHAT}')": CHAT_PATH,
    f"/chats/{CHAT}": CHAT_PATH,
    f"https://graph.microsoft.com/beta/chats('{CHAT}')": CHAT_PATH,
    CHAT_PATH.removeprefix("/v1.0"): CHAT_PATH,
    f"chats('{CHAT}')/messages('1612289992105')": f"{CHAT_PATH}/messages/1612289992105",
    f"chats('{CHAT}')/members('{MEMBER}')": f"{CHAT_PATH}/members/{MEMBER.replace('=', '%3D')}",
    f"teams('{TEAM}')": f"/v1.0/teams/{TEAM}",
    f"teams('{TEAM}')/channels('{CHANNEL}')": CHANNEL_PATH,
    f"teams('{TEAM}')/channels('{CHANNEL}')/messages('1')/replies('2')": f"{CHANNEL_PATH}/messages/1/replies/2",
}


@pytest.mark.parametrize("resource", GENUINE)
def test_an_id_is_encoded_once_in_whatever_spelling_it_arrived(resource: str) -> None:
    assert _path(resource) == GENUINE[resource]
    assert _path(resource, ApiVersion.BETA) == GENUINE[resource].replace("v1.0", "beta")


def test_a_resource_is_read_in_the_tenant_of_its_notification() -> None:
    here, there = (
        ResourceLocation.from_notification(_authentic("/teams/1", each), ApiVersion.V1_0)
        for each in (TENANT, OTHER_TENANT)
    )
    assert (here.tenant_id, there.tenant_id, here.path) == (TENANT, OTHER_TENANT, there.path)


LEADING_OUT = {
    "nothing": "/",
    "only slashes": "///",
    "only the endpoint": "https://graph.microsoft.com/v1.0/",
    "up": "../beta/me",
    "up from an id": "chats/../../beta/me",
    "up at the end": "chats/..",
    "a step that stays where it is": "chats/./x",
    "up, encoded": "chats/%2e%2E/%2e%2e/beta/me",
    "up, half encoded": "chats/.%2e/x",
    "up, encoded twice": "chats/%252e%252e/x",
    "up, encoded five times": "chats/%252525252e%252525252e/x",
    "up, as an id": "chats('..')/messages('1')",
    "up, within an id": "chats('a/../../../beta/me')",
    "up, with encoded slashes": "chats/a%2f..%2f..%2f..%2fbeta",
    "up, with slashes encoded twice": "chats/a%252f..%252f..%252fbeta",
    "up, with backslashes": "chats/a\\..\\..\\beta",
    "up, with encoded backslashes": "chats/a%5c..%5c..%5cbeta",
    # Windows takes trailing dots and spaces off a name.
    "up, with a space": "chats/.. /x",
    "more dots": "chats/.../x",
    "a space": "chats/ /x",
    "more dots, as an id": "chats/...",
    "up, with a space, as an id": "chats('.. ')",
    "an encoded slash, as an id": "chats/%2f",
}


@pytest.mark.parametrize("resource", LEADING_OUT.values(), ids=LEADING_OUT)
def test_a_resource_that_leads_out_of_its_version_is_malformed(resource: str) -> None:
    with pytest.raises(Malformed):
        _path(resource)


# What was subscribed to; the thing itself is named in the resource data.
VIRTUAL_EVENT = "solutions/virtualEvents/webinars/w/registrations"


def _named_by_resource_data(odata_id: str) -> str:
    return ResourceLocation.from_notification(
        _authentic(VIRTUAL_EVENT, resourceData={"@odata.id": odata_id}), ApiVersion.V1_0
    ).path


def test_the_resource_is_the_one_that_the_event_is_about() -> None:
    """Source: https://learn.microsoft.com/graph/changenotifications-for-virtualevent."""
    assert _named_by_resource_data(f"{VIRTUAL_EVENT}/r") == f"/v1.0/{VIRTUAL_EVENT}/r"


@pytest.mark.parametrize("resource", list(LEADING_OUT.values())[3:], ids=list(LEADING_OUT)[3:])
def test_resource_data_that_lead_out_are_malformed(resource: str) -> None:
    with pytest.raises(Malformed):
        _named_by_resource_data(resource)


@pytest.mark.parametrize(
    "resource",
    [
        "//evil.example/v1.0/me",
        "https://evil.example/me",
        "@evil.example/me",
        "beta/me",
        "me",
        "users",
        "users/u/messages/m",
        "drives/b/root/children",
        "auditLogs/signIns",
        "users/u/chats/getAllMessages",
        "chats('c')/messages",
        "chats('c')/messages/delta",
        "chats/$count",
        "chats('c')/messages('m')/hostedContents('h')",
    ],
)
def test_only_paths_of_the_catalogues_resources_are_read(resource: str) -> None:
    """The permissions of the app reach further than its subscriptions."""
    with pytest.raises(Malformed):
        _path(resource)


@pytest.mark.parametrize(("resource", "path"), CONFINED_RESOURCES.values(), ids=CONFINED_RESOURCES)
def test_what_would_mean_something_in_an_address_is_a_part_of_the_id(resource: str, path: str) -> None:
    assert _path(resource) == path


_HOSTILE = st.lists(
    st.sampled_from([*"/\\.?#%@:'();= ", "..", "%2e", "%2F", "%5c", "%25", "//", "https://", "v1.0", "beta", "chats"])
    | st.text(max_size=3),
    max_size=20,
).map("".join)


@pytest.mark.slow
@settings(max_examples=200)
@given(_HOSTILE | st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_resource_is_malformed_or_a_path_below_the_version(resource: str) -> None:
    # Resource data may hold any text, a resource only what is printable.
    if resource.isprintable() and 0 < len(resource) <= MAX_TEXT:
        _is_malformed_or_stays_below(lambda: _path(resource))
    _is_malformed_or_stays_below(lambda: _named_by_resource_data(resource))


def _is_malformed_or_stays_below(locate: Callable[[], str]) -> None:
    try:
        path = locate()
    except Malformed:
        return
    # What the HTTP client makes of it, and what a second decoding makes of it.
    sent = requests.Request("GET", f"https://{HOST}{path}").prepare().url
    assert sent is not None
    for address in (sent, f"https://{HOST}{path}"):
        parts = urlsplit(address)
        assert (parts.netloc, parts.query, parts.fragment) == (HOST, "", "")
        assert parts.path.startswith("/v1.0/")
        _stays_below(parts.path)


def _stays_below(path: str) -> None:
    for _ in range(5):
        steps = path.replace("\\", "/").split("/")
        assert not {".", ".."} & set(steps)
        path = unquote(path)
