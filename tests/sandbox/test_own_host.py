"""A host of the user's own: what is written for it is all that it needs."""

import asyncio
import json
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from sandbox.deployment import stage
from sandbox.host.process import FunctionsHost
from sandbox.own_host import OwnHost
from sandbox.world import World
from tests.sandbox.background import Background

pytestmark = pytest.mark.slow

SUBSCRIPTIONS = [{"resource": "/chats/getAllMessages", "changeType": "created", "includeResourceData": True}]


def test_the_settings_that_are_written_are_all_that_a_host_needs(tmp_path: Path, borrowed: Azurite) -> None:
    background, world = Background(), World(tmp_path / "world")
    world.azurite = borrowed
    app = stage(tmp_path / "app", SUBSCRIPTIONS)
    # Given nothing but the folder, as a host that the user starts.
    host = FunctionsHost(app, {}, world.tls)
    own = OwnHost(world, app, host.url)
    try:
        background.run(world.start_services())
        told = own.prepare()
        background.run(host.start())
        assert background.run(own.serving()) == host.url
        background.run(world.fire_timer(host.url))
        assert "func start --useHttps --cert " in told
        assert _subscribed(background, world) == own.subscriptions == 1
    finally:
        background.run(host.stop())
        background.run(world.stop())
        background.close()


def _subscribed(background: Background, world: World) -> int:
    async def count() -> int:
        async with asyncio.timeout(20):
            while not world.graph.subscriptions():
                await asyncio.sleep(0.05)
        return len(world.graph.subscriptions())

    return background.run(count())


def test_settings_of_the_users_own_are_left_alone(tmp_path: Path) -> None:
    own = OwnHost(World(tmp_path / "world"), tmp_path)
    file = tmp_path / "local.settings.json"
    file.write_text(json.dumps({"Values": {"CLIENT_SECRET": "mine"}}))
    with pytest.raises(RuntimeError, match="is your own"):
        own.prepare()
    assert "mine" in file.read_text()
