"""What holds of every plan, whatever the world: on a model of Graph and of the table, written from the documentation.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions and subscription-update
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.graph.subscription import GraphSubscription
from shared.resources.paths import canonical_path
from shared.subscriptions.delivery import AFTER_OUTAGE
from shared.subscriptions.desired import DesiredSubscription, notification_url
from shared.subscriptions.plan import RenewalPolicy, plan
from shared.subscriptions.tracked import (
    Action,
    Activity,
    AppliedSubscription,
    Create,
    Delete,
    TrackedSubscription,
    Update,
    UpdateKind,
    subscription_key,
)
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, POLICY, URL, failure
from tests.sender import TENANT

pytestmark = pytest.mark.slow


@dataclass
class PlanModel:
    """What is wanted, the rows by key, and what lives at Graph by id."""

    desired: list[DesiredSubscription]
    rows: dict[str, TrackedSubscription] = field(default_factory=dict)
    alive: dict[str, GraphSubscription] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Ids that Graph has lost although their rows say that they live."""

    def plan(self, policy: RenewalPolicy = POLICY) -> Sequence[Action]:
        return plan(self.desired, self.rows.values(), self.alive.values(), policy=policy, now=NOW)

    def perform(self, actions: Iterable[Action], policy: RenewalPolicy) -> None:
        """Do what each action stands for, and fail where Graph would."""
        for action in actions:
            row, former = action.tracked, None if isinstance(action, Create) else action.subscription
            match action:
                case Delete():
                    self._end(former)
                    del self.rows[row.key]
                case Create() | Update(kind=UpdateKind.RECREATE):
                    self._end(former)
                    made = self._made(row.desired, action.expiration, policy)
                    self._keep(row, made, made.encryption_certificate_id, policy.client_state_key_id)
                case Update() if action.subscription.subscription_id not in self.alive:
                    # Graph answers 404.
                    made = self._made(row.desired, action.expiration, policy)
                    self._keep(row, made, made.encryption_certificate_id, policy.client_state_key_id)
                case Update(kind=UpdateKind.CHECK):
                    pass
                case Update(kind=UpdateKind.ADOPT | UpdateKind.ROTATE) if row.desired.include_resource_data:
                    self._keep(row, self._renewed(action), policy.certificate_id, row.client_state_key_id)
                case Update():
                    known = row.applied.certificate_id if row.applied else None
                    self._keep(row, self._renewed(action), known, row.client_state_key_id)

    def _end(self, subscription: GraphSubscription | None) -> None:
        if subscription is not None:
            self.alive.pop(subscription.subscription_id, None)

    def _made(self, desired: DesiredSubscription, expiration: datetime, policy: RenewalPolicy) -> GraphSubscription:
        assert expiration <= NOW + timedelta(days=3)
        made = _subscription(desired, f"made-{subscription_key(desired)}", expiration, policy.certificate_id)
        combination = _combination(made)
        assert combination not in {_combination(other) for other in self.alive.values()}, "Graph answers 409"
        self.alive[made.subscription_id] = made
        return made

    def _renewed(self, action: Update) -> GraphSubscription:
        renewed = replace(self.alive[action.subscription.subscription_id], expiration=action.expiration)
        self.alive[renewed.subscription_id] = renewed
        return renewed

    def _keep(
        self, row: TrackedSubscription, made: GraphSubscription, certificate_id: str | None, key_id: str | None
    ) -> None:
        observed = AppliedSubscription(
            subscription_id=made.subscription_id,
            notification_url=made.notification_url,
            include_resource_data=made.include_resource_data,
            certificate_id=certificate_id,
            created_at=NOW,
            renewed_at=NOW,
            proven_at=NOW,
            token_expires_at=NOW + HOUR,
            expiration=made.expiration,
        )
        self.rows[row.key] = replace(row, applied=observed, client_state_key_id=key_id, failure=None)


def _combination(subscription: GraphSubscription) -> tuple[str, frozenset[str]]:
    return (canonical_path(subscription.resource), subscription.change_types)


def _subscription(
    desired: DesiredSubscription, id_: str, expiration: datetime, certificate_id: str | None = None
) -> GraphSubscription:
    return GraphSubscription(
        subscription_id=id_,
        resource=desired.resource.strip("/"),
        change_types=desired.change_types,
        notification_url=notification_url(desired, URL, "k1"),
        lifecycle_notification_url=URL,
        include_resource_data=desired.include_resource_data,
        encryption_certificate_id=certificate_id if desired.include_resource_data else None,
        expiration=expiration,
    )


# --- Any world

_PRESENCE = "/communications/presences/8ea0e38b-efb3-4757-924a-5f94061cf8c2"
_RESOURCES = ["/chats", "/chats/getAllMessages", "teams", "/teams/getAllChannels/getAllMembers", _PRESENCE]
_DESIRED = st.builds(
    DesiredSubscription,
    tenant_id=st.just(TENANT),
    resource=st.sampled_from(_RESOURCES),
    change_types=st.frozensets(st.sampled_from(["created", "updated", "deleted"]), min_size=1),
    include_resource_data=st.booleans(),
    fetch=st.booleans(),
)
_PAST = st.sampled_from([NOW - each * MINUTE for each in (0, 3, 11, 31, 250, 3000)])
_OVER = st.sampled_from([None, failure(retry_at=NOW), failure(retry_at=NOW - HOUR)])
_HEARD = st.builds(
    Activity,
    reauthorization_required_at=st.none() | _PAST,
    removed_at=st.none() | _PAST,
    missed_at=st.none() | _PAST,
)
_POLICIES = st.builds(
    replace,
    st.just(POLICY),
    lifetime=st.sampled_from([45 * MINUTE, timedelta(days=1), timedelta(days=3)]),
    renew_after=st.sampled_from([20 * MINUTE, 30 * MINUTE]),
    certificate_id=st.sampled_from(["c1", None]),
    force=st.booleans(),
)


@st.composite
def _worlds(draw: st.DrawFn) -> PlanModel:
    """Return a world in which each of some subscriptions is desired or not, tracked or not, and lives or not."""
    candidates = draw(st.lists(_DESIRED, unique_by=subscription_key, max_size=7))
    world = PlanModel([desired for desired in candidates if draw(st.booleans())])
    for number, desired in enumerate(candidates):
        match draw(st.sampled_from(["tracked", "claimed", "stray", "foreign", "nothing"])):
            case "tracked":
                _track(draw, world, desired, f"known-{number}")
            case "claimed":
                row = TrackedSubscription(desired=desired, client_state_key_id="k1", failure=draw(_OVER), etag="e")
                world.rows[row.key] = row
            case "stray":
                stray = _subscription(desired, f"stray-{number}", draw(_PAST) + 40 * HOUR, draw(_CERTIFICATES))
                world.alive[stray.subscription_id] = replace(stray, lifecycle_notification_url=draw(_LIFECYCLE_URLS))
            case "foreign" if desired not in world.desired:
                foreign = _subscription(desired, f"foreign-{number}", NOW)
                world.alive[foreign.subscription_id] = replace(foreign, notification_url="https://other.example/")
    return world


_CERTIFICATES = st.sampled_from(["c0", "c1", None])
_LIFECYCLE_URLS = st.sampled_from([URL, None])


def _track(draw: st.DrawFn, world: PlanModel, desired: DesiredSubscription, id_: str) -> None:
    """Track ``desired`` as it may have been before: with another URL, key or certificate, or without resource data."""
    renewed_at = draw(_PAST)
    before = replace(desired, include_resource_data=desired.include_resource_data != draw(st.booleans()))
    made = _subscription(before, id_, renewed_at + draw(st.sampled_from([40 * MINUTE, 70 * HOUR])), draw(_CERTIFICATES))
    observed = AppliedSubscription(
        subscription_id=id_,
        notification_url=draw(st.sampled_from([f"{URL}?key=k0", "https://before.example/", made.notification_url])),
        include_resource_data=before.include_resource_data,
        certificate_id=made.encryption_certificate_id,
        created_at=renewed_at,
        renewed_at=renewed_at,
        proven_at=min(renewed_at, draw(_PAST)),
        token_expires_at=renewed_at + HOUR,
        expiration=made.expiration,
    )
    row = TrackedSubscription(
        desired=desired,
        added_by=draw(st.sampled_from(["file", "cli"])),
        is_wanted=draw(st.booleans()),
        applied=observed,
        client_state_key_id=draw(st.sampled_from([None, "k0", "k1"])),
        failure=draw(_OVER),
        activity=draw(_HEARD),
        etag="e",
    )
    world.rows[row.key] = row
    if draw(st.booleans()):
        world.alive[id_] = made
    elif made.expiration > NOW:
        world.gone.add(id_)


# --- Laws


@settings(max_examples=100)
@given(_worlds(), _POLICIES)
def test_any_world_settles_in_one_run_without_faults(world: PlanModel, policy: RenewalPolicy) -> None:
    before = dict(world.alive)
    world.perform(world.plan(policy), policy)
    again = world.plan(replace(policy, force=False))
    # A removal that was reported is asked about until the next renewal.
    assert all(action.verb == UpdateKind.CHECK for action in again)
    wanted = {subscription_key(desired) for desired in world.desired}
    assert wanted <= world.rows.keys()
    # What is gone shows when it is renewed.
    unnoticed = set() if policy.force else world.gone
    ids = {row.applied.subscription_id for row in world.rows.values() if row.applied}
    assert len(ids) == len(world.rows)
    assert ids <= world.alive.keys() | unnoticed
    assert {id_: each for id_, each in before.items() if id_.startswith("foreign")}.items() <= world.alive.items()


@settings(max_examples=60)
@given(_worlds(), _POLICIES)
def test_two_subscriptions_never_fight(world: PlanModel, policy: RenewalPolicy) -> None:
    """No action undoes another: no row, and nothing at Graph, is acted on twice."""
    actions = world.plan(policy)
    keys = Counter(action.tracked.key for action in actions)
    touched = Counter(
        action.subscription.subscription_id
        for action in actions
        if not isinstance(action, Create) and action.subscription is not None
    )
    assert not [each for each, count in (keys + touched).items() if count > 1]


@settings(max_examples=60)
@given(_worlds(), _POLICIES)
def test_orphan_that_is_not_wanted_is_never_touched(world: PlanModel, policy: RenewalPolicy) -> None:
    asked_for = {subscription_key(each) for each in world.desired} | world.rows.keys()
    known = {row.applied.subscription_id for row in world.rows.values() if row.applied}
    for action in world.plan(policy):
        assert action.tracked.key in asked_for
        if isinstance(action, Create) or action.subscription is None:
            continue
        own = action.subscription.notification_url.partition("?")[0] == URL
        assert action.subscription.subscription_id in known or own
        assert _combination(action.subscription) == (
            canonical_path(action.tracked.desired.resource),
            action.tracked.desired.change_types,
        )


@settings(max_examples=60)
@given(_worlds(), _POLICIES)
def test_deletions_make_room_first(world: PlanModel, policy: RenewalPolicy) -> None:
    created: set[str] = set()
    for action in world.plan(policy):
        path = canonical_path(action.tracked.desired.resource)
        if isinstance(action, Create):
            created.add(path)
        assert not (isinstance(action, Delete) and action.subscription and path in created)


@settings(max_examples=60)
@given(_worlds(), _POLICIES, st.data())
def test_a_row_in_its_pause_gives_no_action_and_force_heeds_no_pause(
    world: PlanModel, policy: RenewalPolicy, data: st.DataObject
) -> None:
    assume(world.rows)
    key = data.draw(st.sampled_from(sorted(world.rows)))
    free = {action.tracked.key for action in world.plan(policy)}
    world.rows[key] = replace(world.rows[key], failure=failure(retry_at=NOW + MINUTE))
    paused = {action.tracked.key for action in world.plan(policy)}
    assert paused == (free if policy.force else free - {key})


@settings(max_examples=60)
@given(_worlds(), _POLICIES)
def test_a_gap_never_begins_in_the_future_nor_ends_before_it_begins(world: PlanModel, policy: RenewalPolicy) -> None:
    for action in world.plan(policy):
        gap = None if isinstance(action, Delete) else action.missed_interval
        assert gap is None or gap.since <= NOW
        assert gap is None or gap.until is None or gap.since <= gap.until <= NOW + AFTER_OUTAGE


@settings(max_examples=60)
@given(_worlds(), _POLICIES)
def test_force_renews_all_that_is_wanted(world: PlanModel, policy: RenewalPolicy) -> None:
    acted_on = {action.tracked.key for action in world.plan(replace(policy, force=True))}
    assert acted_on == {subscription_key(each) for each in world.desired} | world.rows.keys()
