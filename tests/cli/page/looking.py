"""The live page's source beside a running app."""

import asyncio

from cli.page.read_only import read_only_account
from cli.page.source import DeploymentSource
from dashboard.snapshot import Snapshot
from shared.settings import Settings
from tests.cli.operator import Operator


def source(operator: Operator, **changes: str) -> DeploymentSource:
    """Return what looks at the app, with some of its settings changed."""
    settings = Settings.from_environ(operator.world.app.environ | changes)
    return DeploymentSource(read_only_account(settings), settings.tenant_ids)


def look(looked_at: DeploymentSource) -> Snapshot:
    """Return the page of this moment."""
    return asyncio.run(looked_at.look())
