"""What is to be watched and what is watched, compared."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.desired import Desired
from shared.errors import Misconfigured
from shared.subscriptions import Action, Create, Policy, Recreate, Renew, Subscription, plan
from tests.sender import SUBSCRIPTION, TENANT

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
URL = "https://app.example/api/ReceiveNotification"
# Graph's maximum, less the five minutes that two clocks may differ.
LIFETIME = timedelta(days=3) - timedelta(minutes=5)
POLICY = Policy(
    notification_url=URL, lifetime=timedelta(days=3), renew_after=timedelta(minutes=30), certificate_id="c1"
)
WANTED = Desired(
    tenant_id=TENANT,
    resource="/chats/getAllMessages",
    change_types=frozenset({"created", "updated"}),
    include_resource_data=True,
)
# As Graph lists it, right after it was made.
LISTED = {
    "id": SUBSCRIPTION,
    "resource": "chats/getAllMessages",
    "changeType": "updated,created",
    "notificationUrl": URL,
    "includeResourceData": True,
    "encryptionCertificateId": "c1",
    "expirationDateTime": (NOW + LIFETIME).isoformat(),
    "clientState": None,
}


def _listed(**changes: Any) -> Subscription:
    return Subscription.from_json(LISTED | changes)


def _plan(*actual: Subscription, now: datetime = NOW, wanted: Sequence[Desired] = (WANTED,)) -> Sequence[Action]:
    return plan(wanted, actual, policy=POLICY, now=now)


def test_what_nothing_watches_is_created_for_the_whole_lifetime() -> None:
    assert _plan() == [Create(desired=WANTED, expiration=NOW + LIFETIME)]


def test_what_is_settled_needs_no_action() -> None:
    assert _plan(_listed()) == []
    assert _plan(wanted=()) == []


@pytest.mark.parametrize(
    ("after", "is_due"),
    [(timedelta(minutes=30, seconds=-1), False), (timedelta(minutes=30), True), (timedelta(days=9), True)],
)
def test_a_subscription_is_renewed_once_its_last_renewal_is_old_enough(after: timedelta, *, is_due: bool) -> None:
    now = NOW + after
    renewal = [Renew(subscription=_listed(), expiration=now + LIFETIME)]
    assert _plan(_listed(), now=now) == (renewal if is_due else [])


@pytest.mark.parametrize("certificate_id", ["c0", "", None])
def test_a_subscription_with_another_certificate_is_renewed_at_once(certificate_id: str | None) -> None:
    old = _listed(encryptionCertificateId=certificate_id)
    assert _plan(old) == [Renew(subscription=old, expiration=NOW + LIFETIME)]


def test_a_subscription_without_resource_data_has_no_certificate_to_rotate() -> None:
    basic = dataclasses.replace(WANTED, include_resource_data=False)
    assert _plan(_listed(includeResourceData=False, encryptionCertificateId=""), wanted=[basic]) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"notificationUrl": "https://another.example/api/ReceiveNotification"},
        {"resource": "teams/getAllMessages"},
        {"changeType": "created"},
    ],
)
def test_what_others_own_is_left_alone_and_does_not_count_as_ours(changes: dict[str, Any]) -> None:
    foreign = _listed(**changes, expirationDateTime=NOW.isoformat())
    assert _plan(foreign) == _plan()
    assert _plan(foreign, wanted=()) == []


def test_resource_data_are_added_or_taken_away_by_a_new_subscription() -> None:
    """Graph cannot change it, and refuses a second subscription of the same resource and changes."""
    basic = _listed(includeResourceData=False, encryptionCertificateId=None)
    expiration = NOW + LIFETIME
    assert _plan(basic) == [Recreate(subscription=basic, desired=WANTED, expiration=expiration)]
    without = dataclasses.replace(WANTED, include_resource_data=False)
    assert _plan(_listed(), wanted=[without]) == [
        Recreate(subscription=_listed(), desired=without, expiration=expiration)
    ]


def test_a_subscription_with_a_certificate_has_resource_data_whatever_else_graph_lists() -> None:
    assert _plan(_listed(includeResourceData=None)) == []


@pytest.mark.parametrize("spelling", ["chats/getAllMessages", "/chats/getAllMessages", "Chats/getAllMessages/"])
def test_a_resource_is_known_again_in_any_spelling(spelling: str) -> None:
    assert _plan(_listed(resource=spelling)) == []


_RESOURCES = st.sampled_from(["/chats", "/chats/getAllMessages", "teams", "/teams/getAllChannels"])
_WORLD = st.lists(
    st.builds(
        Desired,
        tenant_id=st.just(TENANT),
        resource=_RESOURCES,
        change_types=st.frozensets(st.sampled_from(["created", "updated", "deleted"]), min_size=1),
        include_resource_data=st.booleans(),
    ),
    unique_by=lambda item: (item.resource, item.change_types),
    max_size=6,
)
_AGES = st.lists(st.timedeltas(min_value=timedelta(days=-9), max_value=timedelta(days=9)), min_size=6, max_size=6)


@settings(max_examples=50)
@given(_WORLD, _AGES, st.booleans())
def test_one_run_settles_any_world(wanted: list[Desired], ages: list[timedelta], turned: bool) -> None:  # noqa: FBT001  drawn
    before = [
        dataclasses.replace(item, include_resource_data=item.include_resource_data != turned) for item in wanted[::2]
    ]
    actual = [_after(Create(desired=item, expiration=NOW + age)) for item, age in zip(before, ages, strict=False)]
    actions = _plan(*actual, wanted=wanted)
    touched = {action.subscription.subscription_id for action in actions if not isinstance(action, Create)}
    kept = [item for item in actual if item.subscription_id not in touched]
    assert _plan(*kept, *map(_after, actions), wanted=wanted) == []


def _after(action: Action) -> Subscription:
    """Return what Graph lists once ``action`` went through."""
    if isinstance(action, Renew):
        return dataclasses.replace(
            action.subscription, expiration=action.expiration, encryption_certificate_id=POLICY.certificate_id
        )
    wanted = action.desired
    return _listed(
        id=f"{wanted.resource} {wanted.change_type} {wanted.include_resource_data}",
        resource=wanted.resource,
        changeType=wanted.change_type,
        includeResourceData=wanted.include_resource_data,
        encryptionCertificateId="c1" if wanted.include_resource_data else None,
        expirationDateTime=action.expiration.isoformat(),
    )


@pytest.mark.parametrize(
    "moment", ["2026-11-24T09:25:00Z", "2026-11-24T09:25:00.1234567Z", "2026-11-24T01:25:00-08:00"]
)
def test_graphs_times_are_read_in_every_form(moment: str) -> None:
    expected = datetime(2026, 11, 24, 9, 25, tzinfo=UTC)
    assert _listed(expirationDateTime=moment).expiration.replace(microsecond=0) == expected


@pytest.mark.parametrize("name", ["id", "resource", "changeType", "notificationUrl", "expirationDateTime"])
@pytest.mark.parametrize("value", [None, 7, [], {}])
def test_an_answer_without_a_needed_property_is_no_subscription(name: str, value: Any) -> None:
    with pytest.raises(Misconfigured):
        _listed(**{name: value})


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, LISTED | {"expirationDateTime": "2026-11-24T09:25:00"}])
def test_what_is_no_subscription_is_refused(value: Any) -> None:
    with pytest.raises(Misconfigured):
        Subscription.from_json(value)


_ANYTHING: st.SearchStrategy[Any] = st.none() | st.integers() | st.text() | st.datetimes().map(str) | st.just([])


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(list(LISTED)), _ANYTHING))
def test_whatever_graph_lists_is_either_a_subscription_that_can_be_compared_or_refused(changes: dict[str, Any]) -> None:
    try:
        subscription = _listed(**changes)
    except Misconfigured:
        return
    assert len(_plan(subscription)) <= 1


def test_the_earliest_moment_of_all_is_only_long_ago() -> None:
    assert len(_plan(_listed(expirationDateTime="0001-01-01T00:00:00Z"))) == 1
