"""A tenant taken out of TENANT_IDS, by mistake for an hour and for good: with Graph, storage and the timer's steps."""

from collections.abc import Iterator, Mapping
from itertools import batched
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from shared.app.departed_tenants import departed_tenants
from shared.app.deployments import deployment as this_deployment
from shared.gaps.gap_table import TABLE as GAPS
from shared.receiving.post_store import PARKED
from tests.fakes.deployments import forget_deployments
from tests.flows.deployment import LoopbackDeployment, loopback_deployment
from tests.flows.entries import BOTH, MESSAGES

pytestmark = pytest.mark.slow

# Half as often as by default: what is waited for is over after some hours, not after some runs.
RUN_MINUTES = 10


@pytest.fixture
def world(tmp_path: Path, azurite: Azurite) -> Iterator[LoopbackDeployment]:
    """Two tenants, of which the second leaves."""
    forget_deployments(azurite.connection_string)
    with loopback_deployment(tmp_path, azurite, tenants=2) as world:
        world.app.entries, world.app.parks = BOTH, True
        _run(world)
        yield world
    forget_deployments(azurite.connection_string)


def _run(world: LoopbackDeployment) -> Mapping[str, int]:
    """Run the steps of the timer that concern tenants; return what the last one has done."""
    run = this_deployment(world.app.clients).begin_run()
    world.run()
    world.app.redrive()
    return departed_tenants(world.app.clients, run.departed).run(world.app.time.now() + 20 * world.app.fresh_for)


def _leave(world: LoopbackDeployment) -> str:
    served, left = world.tenant_ids
    world.app.environ["TENANT_IDS"] = served
    return left


def _parked(world: LoopbackDeployment, tenant_id: str) -> list[str]:
    return [post.reason for post in world.app.clients.post_store(PARKED).list() if post.tenant_id == tenant_id]


def _runs(world: LoopbackDeployment, *, minutes: int) -> None:
    for _ in range(0, minutes, RUN_MINUTES):
        _run(world)
        world.later(minutes=RUN_MINUTES)


def test_tenant_left_out_by_mistake_for_an_hour_loses_nothing(world: LoopbackDeployment) -> None:
    chat = world.new_chat(world.tenant_ids[1])
    left = _leave(world)
    ids = {each.id for each in world.subscriptions(left)}
    _runs(world, minutes=30)
    world.send("while it was left out", chat=chat, tenant_id=left)
    assert _parked(world, left) == ["tenant-not-served"] * len(_parked(world, left)) != []
    _runs(world, minutes=30)
    assert world.texts() == []
    world.app.environ["TENANT_IDS"] = ",".join(world.tenant_ids)
    _runs(world, minutes=90)
    assert "while it was left out" in world.texts()
    assert _parked(world, left) == []
    assert {each.id for each in world.subscriptions(left)} == ids
    world.send("afterwards", chat=chat, tenant_id=left)
    assert "afterwards" in world.texts()


def test_tenant_that_left_for_good_is_cleaned_up_after_a_day(world: LoopbackDeployment) -> None:
    left = _leave(world)
    _run(world)
    world.send("too late", tenant_id=left)
    renewed = {each.id: each.expires_at for each in world.subscriptions(left)}
    world.later(hours=23)
    assert _run(world) == {}
    assert {each.id: each.expires_at for each in world.subscriptions(left)} == renewed
    world.later(hours=1)
    parked = len(_parked(world, left))
    assert parked > 0
    done = _run(world)
    assert (done["subscriptions"], done["parked"], done["tenants"]) == (2, parked, 1)
    assert (world.subscriptions(left), _parked(world, left), world.rows(left)) == ([], [], ())
    assert len(world.subscriptions()) == len(BOTH)
    # It is not looked for again.
    assert _run(world) == {}


def test_rows_of_a_departed_tenant_go_and_of_no_other(world: LoopbackDeployment) -> None:
    served, left = world.tenant_ids
    gaps = world.app.clients.tables().create_table_if_not_exists(GAPS)
    for tenant_id in (served, left):
        for some in batched(range(150), 75, strict=True):
            gaps.submit_transaction([("create", {"PartitionKey": tenant_id, "RowKey": str(row)}) for row in some])
    _leave(world)
    _run(world)
    world.later(hours=24)
    assert _run(world)["rows"] >= 150 + len([MESSAGES])
    assert list(gaps.query_entities("PartitionKey eq @key", parameters={"key": left})) == []
    assert len(list(gaps.query_entities("PartitionKey eq @key", parameters={"key": served}))) == 150
