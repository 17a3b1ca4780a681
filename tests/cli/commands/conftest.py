"""An operator whose app has run once, and which says so in the table ``status``."""

# ruff: noqa: PLC0415  the app and its SDKs would delay the start of every process that runs unit tests

from typing import TYPE_CHECKING

import pytest

from sandbox.azurite import Azurite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.operator import Operator


@pytest.fixture
def laptop(operator: "Operator", azurite: Azurite) -> "Iterator[Operator]":
    from shared.app.deployments import deployment as this_deployment
    from tests.cli.operator import CHATS, TEAMS
    from tests.fakes.deployments import forget_deployments

    operator.watch(CHATS, TEAMS)
    this_deployment(operator.world.app.clients).begin_run()
    yield operator
    # Other tests of this process share the account.
    forget_deployments(azurite.connection_string)
