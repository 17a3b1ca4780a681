"""A host that the user starts: what is written for it is all that it needs."""

import json
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from sandbox.host.process import FunctionsHost
from sandbox.run.deployment import stage
from sandbox.run.user_host import UserHost
from sandbox.run.world import World
from tests.sandbox.background import Background

pytestmark = pytest.mark.slow

SUBSCRIPTIONS = [{"resource": "/chats/getAllMessages", "changeType": "created", "includeResourceData": True}]


def test_written_settings_are_all_that_a_host_needs(tmp_path: Path, borrowed: Azurite) -> None:
    background, world = Background(), World(tmp_path / "world")
    world.azurite = borrowed
    app = stage(tmp_path / "app", SUBSCRIPTIONS)
    # Given nothing but the folder, as a host that the user starts.
    host = FunctionsHost(app, {}, world.tls)
    user_host = UserHost(world, app, host.url)
    try:
        background.run(world.start_services())
        instructions = user_host.prepare()
        background.run(host.start())
        assert background.run(user_host.serving()) == host.url
        background.run(world.fire_timer(host.url))
        assert "func start --useHttps --cert " in instructions
        background.run(world.until(lambda: bool(world.graph.subscriptions()), otherwise="there is no subscription"))
        assert len(world.graph.subscriptions()) == user_host.subscriptions == 1
    finally:
        background.run(host.stop())
        background.run(world.stop())
        background.close()


def test_settings_of_the_users_own_are_not_overwritten(tmp_path: Path) -> None:
    user_host = UserHost(World(tmp_path / "world"), tmp_path)
    file = tmp_path / "local.settings.json"
    file.write_text(json.dumps({"Values": {"CLIENT_SECRET": "mine"}}))
    with pytest.raises(RuntimeError, match="is your own"):
        user_host.prepare()
    assert "mine" in file.read_text()
