"""This deployment as the table ``status`` shows it.

Source: https://learn.microsoft.com/azure/app-service/reference-app-settings (WEBSITE_SITE_NAME, WEBSITE_SLOT_NAME)
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from shared.app.clients import Clients, once
from shared.errors import Misconfigured, Problem
from shared.json_file import read_json_file
from shared.settings import Settings
from shared.subscriptions.deployment import Deployment
from shared.subscriptions.deployment_status import DeploymentFacts

# As in pyproject.toml, which is not deployed.
VERSION = "0.1.0"

SUBSCRIPTIONS_FILE = Path(__file__).parents[2] / "subscriptions.json"


@once
def deployment(clients: Clients) -> Deployment:
    """Return this deployment, one a process."""
    return Deployment(
        table=clients.status_table(),
        deployment_id=deployment_id(clients),
        facts=deployment_facts(clients.settings),
        keys=clients.settings.client_state_keys,
        clock=clients.clock,
    )


def deployment_id(clients: Clients) -> str:
    """Return what names this deployment among those of one storage account, in twelve hex digits."""
    return _hash(f"{clients.settings.notification_url}\n{clients.site}")


def deployment_facts(settings: Settings, subscriptions_file: Path = SUBSCRIPTIONS_FILE) -> DeploymentFacts:
    """Return what tells this deployment from another."""
    return DeploymentFacts(
        notification_url=settings.notification_url,
        client_id=settings.client_id,
        tenant_ids=settings.tenant_ids,
        key_ids=tuple(key.key_id for key in settings.client_state_keys),
        version=VERSION,
        file_hash=_hash_of_file(subscriptions_file),
    )


def _hash_of_file(file: Path) -> str:
    """Return a hash of what a JSON file says, whatever its comments, blanks and line ends."""
    try:
        return _hash(json.dumps(read_json_file(file), sort_keys=True, default=str))
    except Misconfigured:
        # The step that needs the file reports it.
        return "unreadable"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]


def asked_once[T](ask: Callable[[], T]) -> Callable[[], T]:
    """Return ``ask``, which is called once: a system that does not answer would cost the run its time twice."""
    said: list[T | Problem] = []

    def answer() -> T:
        if not said:
            try:
                said.append(ask())
            except Problem as problem:
                said.append(problem)
        [result] = said
        if isinstance(result, Problem):
            raise result
        return result

    return answer
