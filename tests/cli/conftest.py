"""An app with a world of its own for each test, and an operator beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from shared.settings import ClientStateKey
from tests.cli.operator import Operator
from tests.flows.world import world as started_world


@pytest.fixture
def operator(tmp_path: Path, azurite: Azurite) -> Iterator[Operator]:
    with started_world(tmp_path / "world", azurite) as world:
        operator = Operator(world=world, folder=tmp_path)
        yield operator
        _tells_no_secret(operator)


def _tells_no_secret(operator: Operator) -> None:
    """Hold everything that was printed in a test against what must not be."""
    environ = operator.world.app.environ
    key = ClientStateKey.from_text(environ["CLIENT_STATE_KEY"])
    # A client state begins with the key's id, and every token with an encoded brace.
    secrets = [environ["CLIENT_SECRET"], environ["CLIENT_STATE_KEY"], f"v1.{key.key_id}", "AccountKey", "eyJ"]
    for result in operator.ran:
        assert not [secret for secret in secrets if secret in result.output], result.output
        assert "Traceback" not in result.output
