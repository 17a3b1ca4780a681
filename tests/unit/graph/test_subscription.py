"""What Graph lists, as a value."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Misconfigured
from shared.graph.subscription import GraphSubscription
from tests.fakes.subscription_values import KEYED_URL, LISTED, URL
from tests.sender import SUBSCRIPTION

# As Graph lists it, right after it was made.
ITEM: dict[str, Any] = {
    "id": SUBSCRIPTION,
    "resource": "chats/getAllMessages",
    "changeType": "updated,created",
    "notificationUrl": KEYED_URL,
    "lifecycleNotificationUrl": URL,
    "includeResourceData": True,
    "encryptionCertificateId": "c1",
    "expirationDateTime": LISTED.expiration.isoformat(),
    "clientState": None,
}


def _listed(**changes: Any) -> GraphSubscription:
    return GraphSubscription.from_json(ITEM | changes)


def test_listed_subscription_is_read_in_full() -> None:
    assert _listed() == LISTED


@pytest.mark.parametrize("nothing", [None, ""])
def test_property_that_graph_leaves_empty_is_none(nothing: str | None) -> None:
    listed = _listed(encryptionCertificateId=nothing, lifecycleNotificationUrl=nothing, includeResourceData=None)
    assert (listed.encryption_certificate_id, listed.lifecycle_notification_url) == (None, None)
    assert listed.include_resource_data is False


def test_subscription_with_a_certificate_has_resource_data() -> None:
    assert _listed(includeResourceData=None).include_resource_data is True


@pytest.mark.parametrize(
    "moment",
    ["2026-11-24T09:25:00Z", "2026-11-24T09:25:00.1234567Z", "2026-11-24T01:25:00-08:00"],
    ids=["seconds", "seven digits", "an offset"],
)
def test_graphs_times_are_read_in_every_form(moment: str) -> None:
    expiration = _listed(expirationDateTime=moment).expiration
    assert expiration.replace(microsecond=0) == datetime(2026, 11, 24, 9, 25, tzinfo=UTC)
    assert expiration.tzinfo is UTC


@pytest.mark.parametrize("name", ["id", "resource", "changeType", "notificationUrl", "expirationDateTime"])
@pytest.mark.parametrize("value", [None, 7, [], {}])
def test_answer_without_a_needed_property_is_no_subscription(name: str, value: Any) -> None:
    with pytest.raises(Misconfigured):
        _listed(**{name: value})


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "x",
        [],
        {},
        *(ITEM | {"expirationDateTime": text} for text in ("2026-11-24T09:25:00", "9999-12-31T23:59:59-14:00")),
    ],
)
def test_answer_that_is_no_subscription_is_refused(value: Any) -> None:
    with pytest.raises(Misconfigured):
        GraphSubscription.from_json(value)


_ANYTHING: st.SearchStrategy[Any] = st.none() | st.integers() | st.text() | st.datetimes().map(str) | st.just([])


@given(st.dictionaries(st.sampled_from(list(ITEM)), _ANYTHING))
def test_whatever_graph_lists_is_a_subscription_or_refused(changes: dict[str, Any]) -> None:
    try:
        subscription = _listed(**changes)
    except Misconfigured:
        return
    assert isinstance(subscription.subscription_id, str)
    assert subscription.expiration.tzinfo is UTC
