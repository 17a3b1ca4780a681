"""The worlds of the tests of Graph: one a test, or one a module with a tenant for each test."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.sandbox.graph_reader import Reader, another_tenant, reader
from tests.sandbox.graph_world import GraphWorld, graph_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[GraphWorld]:
    with graph_world(tmp_path) as it:
        yield it


@pytest.fixture
def enduring(tmp_path: Path) -> Iterator[GraphWorld]:
    """Return a world whose access tokens last for a week, for tests of other things that take hours."""
    with graph_world(tmp_path, token_lifetime=timedelta(days=7)) as it:
        yield it


@pytest.fixture(scope="module")
def stern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphWorld]:
    """Return a world in which nothing is ever created: every request of its tests is refused."""
    with graph_world(tmp_path_factory.mktemp("stern")) as it:
        yield it
        assert it.graph.subscriptions() == ()


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphWorld]:
    with graph_world(tmp_path_factory.mktemp("graph")) as it:
        yield it


@pytest.fixture
def tenant(services: GraphWorld) -> GraphWorld:
    return another_tenant(services)


@pytest.fixture
def app(tenant: GraphWorld) -> Reader:
    return reader(tenant)
