"""A running app for each test, an operator beside it, and clients for its storage."""

# ruff: noqa: PLC0415  the app and its SDKs would delay the start of every process that runs unit tests

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.azurite import Azurite
from shared.settings import ClientStateKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueServiceClient

    from tests.cli.operator import Operator


@pytest.fixture
def operator(tmp_path: Path, azurite: Azurite) -> "Iterator[Operator]":
    from tests.cli.operator import Operator
    from tests.fakes.deployments import forget_deployments
    from tests.flows.deployment import loopback_deployment

    forget_deployments(azurite.connection_string)
    with loopback_deployment(tmp_path / "world", azurite) as world:
        operator = Operator(world=world, folder=tmp_path)
        yield operator
        _check_output(operator)


def _check_output(operator: "Operator") -> None:
    """Check that no command of a test printed a secret or a traceback."""
    environ = operator.world.app.environ
    key = ClientStateKey.from_text(environ["CLIENT_STATE_KEY"])
    # A client state starts with its key's id, and a token with an encoded brace.
    secrets = [environ["CLIENT_SECRET"], environ["CLIENT_STATE_KEY"], f"v1.{key.key_id}", "AccountKey", "eyJ"]
    for result in operator.ran:
        assert not [secret for secret in secrets if secret in result.output], result.output
        assert "Traceback" not in result.output


@pytest.fixture
def blobs(azurite: Azurite) -> "Iterator[BlobServiceClient]":
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        yield blobs


@pytest.fixture
def queues(azurite: Azurite) -> "Iterator[QueueServiceClient]":
    from azure.storage.queue import QueueServiceClient

    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        yield queues
