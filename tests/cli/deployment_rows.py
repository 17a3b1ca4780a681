"""The rows of the deployment that looks after the subscriptions."""

from shared.subscriptions.deployment_status import DeploymentStatus, Owner
from tests.cli.operator import Operator


def owner_rows(laptop: Operator) -> tuple[DeploymentStatus | None, Owner | None]:
    state = laptop.world.app.clients.status_table().load()
    return state.of_owner(), state.owner
