"""The table of roles against what the app did at its storage account while the sandbox's scene was played."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import override
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.azurite import Azurite
from sandbox.run.scenario import Cast, Scenario
from sandbox.run.sink import QUEUE_NAME
from sandbox.run.world import World
from tests.infra.roles import MADE_BY_THE_TEMPLATE, NEEDS
from tests.sandbox.background import Background

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("operations")]

_REQUEST = re.compile(r'"([A-Z]+) (/\S+) HTTP/1\.1"')
_OF_STORAGE = {operation for need in NEEDS if need.who == "code" for operation in need.operations}


class Logging(Azurite):
    """Writes a line for each request."""

    @override
    def _command(self) -> list[str]:
        return [part for part in super()._command() if part != "--silent"]

    def requests(self) -> Iterator[tuple[str, str]]:
        """Yield the method and the path of each request so far."""
        yield from (match.groups() for line in self._child.lines if (match := _REQUEST.search(line)))  # type: ignore[misc]  # of two groups


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    return _played(tmp_path_factory.mktemp("operations"))


def _played(folder: Path) -> set[str]:
    background, world, azurite = Background(), World(folder), Logging()
    world.azurite = azurite

    async def at_once() -> None:
        """Take no pause between two changes, and rotate nothing."""

    try:
        background.run(world.start_services())
        cast = Cast.assemble(world.teams, world.registration.tenant_ids[0])
        background.run(world.start_host(cast.subscriptions()))
        assert background.run(world.run_timer())
        scenario = Scenario(teams=world.teams, cast=cast, say=lambda _: None, pause=at_once, rotate=at_once)
        background.run(scenario.play())
        background.run(world.graph.idle())
        assert background.run(world.run_timer())
    finally:
        background.run(world.stop())
        background.close()
    return {_operation(method, url) for method, url in azurite.requests()}


def _operation(method: str, url: str) -> str:
    """Return a request in the words of the table."""
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    _account, name, *below = parts.path.strip("/").split("/")
    if name == QUEUE_NAME:
        return f"{method} {'message' if below else 'queue'}"
    if "container" in query.get("restype", ()):
        return f"{method} container"
    if below:
        return f"{method} blob"
    if name == "Tables" or name.startswith("Tables("):
        return f"{method} {'tables' if method == 'GET' else 'table'}"
    if name == "$batch":
        return f"{method} batch"
    return f"{method} {'rows' if method == 'GET' else 'row'}"


def test_everything_that_the_app_does_at_storage_is_in_the_table(operations: set[str]) -> None:
    assert operations <= _OF_STORAGE | set(MADE_BY_THE_TEMPLATE)


@pytest.mark.parametrize(
    "role", ["Blob Data Owner", "Table Data Contributor", "Queue Data Message Sender", "Queue Data Reader"]
)
def test_app_would_be_refused_something_without_the_role(operations: set[str], role: str) -> None:
    allowed = {
        name for need in NEEDS if need.who == "code" and need.role != f"Storage {role}" for name in need.operations
    }
    assert operations - allowed - set(MADE_BY_THE_TEMPLATE)
