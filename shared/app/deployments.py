"""This deployment as the table ``status`` shows it: what it is, and what the systems around it answer to its identity.

Source: https://learn.microsoft.com/azure/app-service/reference-app-settings (WEBSITE_SITE_NAME, WEBSITE_SLOT_NAME)
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from azure.core.exceptions import ResourceNotFoundError

from shared.app.clients import Clients, once
from shared.azure_calls import CLIENT_ERRORS, FAIL_FAST, QUEUE_ROLE, as_problem
from shared.errors import Misconfigured, Problem
from shared.identity.access_tokens import permissions_in
from shared.identity.certificates import Certificate
from shared.json_file import read_json_file
from shared.receiving.post_store import PARKED
from shared.settings import Settings
from shared.subscriptions.deployment import Deployment
from shared.subscriptions.deployment_status import Answers, DeploymentFacts

# As in pyproject.toml, which is not deployed.
VERSION = "0.1.0"

SUBSCRIPTIONS_FILE = Path(__file__).parents[2] / "subscriptions.json"

_OK = "ok"


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


def dependency_answers(clients: Clients, certificate: Callable[[], Certificate] | None, at: datetime) -> Answers:
    """Return what each system answers to this deployment's own identity, in the run that began at ``at``."""
    granted: dict[str, tuple[str, ...]] = {}
    versions: list[str] = []

    def ask_entra(tenant_id: str) -> None:
        granted[tenant_id] = tuple(sorted(permissions_in(clients.graph_token(tenant_id, delegated=False))))

    asked: dict[str, Callable[[], object]] = {
        "blobs": lambda: next(clients.post_store(PARKED).list(), None),
        "queues": lambda: _ask_queue(clients),
    }
    if certificate is not None:
        asked["Key Vault"] = lambda: versions.append(certificate().version)
    asked |= {f"Entra ID for tenant {id_}": partial(ask_entra, id_) for id_ in clients.settings.tenant_ids}
    # An answer is only written if the tables answer.
    by_system: Mapping[str, str] = {"tables": _OK, **{system: _answer(ask) for system, ask in asked.items()}}
    return Answers(
        at=at, by_system=by_system, permissions=granted, certificate_version=versions[0] if versions else None
    )


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


def _answer(ask: Callable[[], object]) -> str:
    try:
        ask()
    except Problem as problem:
        return str(problem)
    return _OK


def _ask_queue(clients: Clients) -> None:
    try:
        clients.queues().get_queue_client(clients.settings.queue_name).get_queue_properties(**FAIL_FAST)
    except ResourceNotFoundError:
        # The first event creates it.
        return
    except CLIENT_ERRORS as exc:
        raise as_problem("storage", exc, role=QUEUE_ROLE) from exc
