"""The doctor on the sandbox as ``make run`` starts it: all is well, and a message arrives."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from sandbox.entra import Account
from sandbox.run.scenario import Cast
from sandbox.run.world import World
from tests.cli.child_processes import end, start, write_settings
from tests.sandbox.background import Background

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass(frozen=True, kw_only=True)
class Running:
    background: Background
    world: World
    cast: Cast
    folder: Path

    @property
    def account(self) -> Account:
        adele = self.cast.adele
        return Account(object_id=adele.id, tenant_id=adele.tenant_id, name=adele.display_name, username=adele.email)

    def cli(self, *arguments: str) -> tuple[int, str]:
        ran = end(start(*arguments, folder=self.folder))
        return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, borrowed: Azurite) -> Iterator[Running]:
    folder, background = tmp_path_factory.mktemp("doctor"), Background()
    world = World(folder / "world")
    world.azurite = borrowed
    cast = Cast.assemble(world.teams, world.registration.tenant_ids[0])
    world.add_account(cast.adele)

    async def begin() -> None:
        await world.start_services()
        await world.start_host(cast.subscriptions())
        assert await world.run_timer()

    try:
        background.run(begin())
        write_settings(folder / "local.settings.json", world.settings(f"{world.host_url}/api/ReceiveNotification"))
        yield Running(background=background, world=world, cast=cast, folder=folder)
    finally:
        background.run(world.stop())
        background.close()


def test_everything_is_well_in_under_ten_seconds(running: Running) -> None:
    status, shown = running.cli("doctor")
    assert status == 0, shown
    last = shown.splitlines()[-1].split()
    assert last[1:2] == ["good"], shown
    assert float(last[-2]) < 10, shown


@pytest.fixture(scope="module")
def signed_in(running: Running) -> Running:
    command = start("login", folder=running.folder)
    assert command.stdout is not None
    code = command.stdout.readline().partition("enter the code ")[2].partition(" ")[0]
    running.world.entra.approve(code, running.account)
    assert end(command).returncode == 0
    return running


def _canary(running: Running, chat_id: str, settings: Path) -> tuple[int, str]:
    options = ("--only", "handshake", "--canary", chat_id)
    return running.cli("--settings", str(settings), "doctor", *options)


def test_message_of_the_canary_arrives(signed_in: Running) -> None:
    chat_id, settings = signed_in.cast.standup[1], signed_in.folder / "local.settings.json"
    status, shown = _canary(signed_in, chat_id, settings)
    assert (status, "typed -> event " in shown) == (0, True), shown


def test_canary_that_a_quick_consumer_took_has_a_record(signed_in: Running) -> None:
    url = f"{signed_in.world.host_url}/api/ReceiveNotification"
    # In another queue, nothing is ever seen.
    values = signed_in.world.settings(url) | {"EVENT_SINK": "queue:elsewhere"}
    settings = write_settings(signed_in.folder / "elsewhere.json", values)
    status, shown = _canary(signed_in, signed_in.cast.standup[1], settings)
    assert (status, "typed -> event " in shown) == (0, True), shown


def test_canary_in_a_chat_of_others_names_what_it_needs(signed_in: Running) -> None:
    status, shown = _canary(signed_in, "19:elsewhere@thread.v2", signed_in.folder / "local.settings.json")
    assert status == 3
    assert "Graph answered 404 to the user's message in 19:elsewhere@thread.v2: the user has to be a member" in shown
