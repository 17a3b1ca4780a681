"""A tenant that has left TENANT_IDS: for a day nothing happens, then what was stored for it goes, and nothing else."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.app.departed_tenants import DepartedTenants
from shared.errors import Misconfigured, Problem, Unavailable
from shared.receiving.post_store import StoredPost
from tests.fakes.calls import raising, when
from tests.fakes.reconcile_fixture import BASIC, RICH, ReconcileFixture
from tests.sender import OTHER_TENANT, TENANT

HOUR = timedelta(hours=1)


class Parked:
    """The container, in memory."""

    def __init__(self, *posts: StoredPost) -> None:
        self.posts = {post.name: post for post in posts}

    def list(self) -> Iterator[StoredPost]:
        yield from list(self.posts.values())

    def delete(self, posts: Sequence[StoredPost]) -> Mapping[str, Problem]:
        for post in posts:
            del self.posts[post.name]
        return {}


def _post(name: str, tenant_id: str, reason: str, at: datetime) -> StoredPost:
    return StoredPost(name=name, reason=reason, tenant_id=tenant_id, received_at=at, fetch=None)


class World:
    """Two tenants with two subscriptions each, of which one has left TENANT_IDS."""

    def __init__(self) -> None:
        self.reconciling = ReconcileFixture(RICH, BASIC)
        self.reconciling.run()
        self.clock, self.graph = self.reconciling.clock, self.reconciling.graphs[OTHER_TENANT]
        self.left_at = self.clock.now()
        self.parked = Parked(
            _post("a", OTHER_TENANT, "tenant-not-served", self.left_at),
            _post("b", OTHER_TENANT, "unavailable", self.left_at),
            _post("c", TENANT, "tenant-not-served", self.left_at),
        )
        self.ended: list[str] = []
        self.forgotten: list[str] = []

    def step(self) -> DepartedTenants:
        return DepartedTenants(
            departed={} if self.ended else {OTHER_TENANT: self.left_at},
            notification_url=self.reconciling.url,
            graph=lambda tenant_id: self.reconciling.graphs[tenant_id],
            subscription_table=self.reconciling.table,
            parked=self.parked,
            forget_rows=[self._forget],
            end=self.ended.append,
            now=self.clock.now,
        )

    def run(self, after: timedelta, *, seconds: float = 60) -> dict[str, int]:
        self.clock.pass_by(after)
        return dict(self.step().run(self.clock.now() + timedelta(seconds=seconds)))

    def _forget(self, tenant_id: str) -> int:
        self.forgotten.append(tenant_id)
        return 5


def test_tenant_that_left_an_hour_ago_keeps_everything() -> None:
    world = World()
    assert world.run(HOUR) == {}
    assert world.run(23 * HOUR - timedelta(seconds=1)) == {}
    assert (len(world.graph.stored), len(world.parked.posts), world.forgotten) == (2, 3, [])


def test_tenant_that_left_a_day_ago_is_cleaned_up(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    assert world.run(24 * HOUR) == {"subscriptions": 2, "parked": 1, "rows": 5, "tenants": 1}
    assert (world.graph.stored, list(world.parked.posts)) == ({}, ["b", "c"])
    assert (world.forgotten, world.ended) == ([OTHER_TENANT], [OTHER_TENANT])
    assert len(world.reconciling.graph.stored) == 2
    assert f"tenant {OTHER_TENANT} left TENANT_IDS a day ago: what was stored for it is deleted" in caplog.text


def test_tenant_is_cleaned_up_once_in_a_run() -> None:
    world = World()
    world.clock.pass_by(24 * HOUR)
    step, ends = world.step(), world.clock.now() + HOUR
    assert step.run(ends)["tenants"] == 1
    assert step.run(ends) == {}


def test_subscription_of_another_deployment_stays() -> None:
    world = World()
    other = dict(next(iter(world.graph.stored.values())))
    other |= {"id": "other", "resource": "/chats", "notificationUrl": "https://other.example/?key=k1"}
    world.graph.stored["other"] = other
    assert world.run(24 * HOUR)["subscriptions"] == 2
    assert list(world.graph.stored) == ["other"]


def test_subscription_with_a_former_url_goes_because_it_is_tracked() -> None:
    world = World()
    world.reconciling.url = "https://new.example/api/ReceiveNotification"
    assert world.run(24 * HOUR)["subscriptions"] == 2


def test_cleaning_up_goes_on_after_an_outage_of_graph() -> None:
    world = World()
    world.graph.down = Unavailable("Graph answered 503")
    assert world.run(24 * HOUR) == {"failed": 1}
    assert (world.forgotten, world.ended, len(world.parked.posts)) == ([], [], 3)
    world.graph.down = None
    assert world.run(HOUR)["tenants"] == 1


def test_tenant_that_withdrew_its_consent_is_cleaned_up(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.graph.down = Misconfigured("Graph answered 401")
    assert world.run(24 * HOUR) == {"parked": 1, "rows": 5, "tenants": 1}
    assert "its subscriptions cannot be deleted, and end within three days: Graph answered 401" in caplog.text


def test_subscription_that_has_ended_does_not_stop_the_rest() -> None:
    world = World()
    gone = next(iter(world.graph.stored))
    world.reconciling.calls.after = when("list", lambda: world.graph.stored.pop(gone, None))
    assert world.run(24 * HOUR)["tenants"] == 1
    assert world.graph.stored == {}


def test_turn_that_is_over_leaves_the_rest_to_the_next_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    assert world.run(24 * HOUR, seconds=0) == {}
    assert (world.forgotten, world.ended, caplog.messages) == ([], [], [])
    assert world.run(HOUR)["tenants"] == 1


def test_rows_that_cannot_be_deleted_keep_the_tenant() -> None:
    world = World()
    world.clock.pass_by(24 * HOUR)
    refusing = replace(world.step(), forget_rows=[raising(Unavailable("the table does not answer"))])
    assert refusing.run(world.clock.now() + HOUR)["failed"] == 1
    assert world.ended == []
