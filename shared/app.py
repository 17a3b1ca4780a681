"""The composition root: the environment in, the flows with their clients out, each made when it is first needed."""

import json
import logging
import os
import secrets
from functools import cache
from pathlib import Path

from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.authenticity import GRAPH_CHANGE_TRACKING, Audience, ValidationTokens
from shared.certificates import Certificate
from shared.credentials import graph_credential
from shared.deadline import Deadline
from shared.desired import Desired, desired_from_json
from shared.errors import Misconfigured
from shared.graph import Graph
from shared.keyvault import Certificates
from shared.receive import Receiver
from shared.reconcile import Reconciler
from shared.settings import Settings
from shared.signing_keys import SigningKeys
from shared.sink import QueueSink
from shared.storage import blob_service, queue_service

SUBSCRIPTIONS_FILE = Path(__file__).parent.parent / "subscriptions.json"

# azure.core writes a line for every request at INFO.
logging.getLogger("azure").setLevel(logging.WARNING)


# ``cache`` keeps results and no exceptions: a setting that is mended, or a vault that comes back, needs no restart. Two
# threads that come first together may each make a client; one of the two is used, and neither holds anything to close.
@cache
def settings() -> Settings:
    """Return the settings of this process.

    Raises:
        Misconfigured: names every fault.
    """
    return Settings.from_environ(os.environ)


@cache
def receiver() -> Receiver:
    """Return what ``receive`` needs.

    Raises:
        Misconfigured: a setting is missing or wrong.
    """
    config = settings()
    sink = QueueSink(queue_service(config, _credential()), blob_service(config, _credential()), config.queue_name)
    audience = Audience(
        client_id=config.client_id,
        tenant_ids=config.tenant_ids,
        cloud=config.cloud,
        caller_id=config.change_tracking_app_id or GRAPH_CHANGE_TRACKING,
    )
    certificates = _certificates(config.encryption_certificate_name)
    return Receiver(
        client_id=config.client_id,
        tenant_ids=config.tenant_ids,
        client_state_keys=config.client_state_keys,
        validation_tokens=ValidationTokens(audience),
        signing_key=SigningKeys(config.login_url).signing_key,
        private_key=certificates.private_key if certificates else _no_private_key,
        publish=sink.publish,
    )


@cache
def reconciler() -> Reconciler:
    """Return what ``reconcile`` needs.

    Raises:
        Misconfigured: a setting is missing or wrong, or ``subscriptions.json`` is.
    """
    config = settings()
    certificates = _certificates(config.encryption_certificate_name)
    return Reconciler(
        desired=_desired(config),
        tenants={tenant_id: _graph(tenant_id) for tenant_id in config.tenant_ids},
        client_state_key=config.client_state_keys[0],
        notification_url=config.notification_url,
        lifetime=config.subscription_lifetime,
        renew_after=config.renew_after,
        certificate=certificates.current if certificates else None,
        nonce=lambda: secrets.token_bytes(16),
    )


@cache
def _credential() -> DefaultAzureCredential:
    # By default it waits 300 seconds for an identity endpoint that hangs, and with it every POST that needs a key.
    return DefaultAzureCredential(connection_timeout=1, read_timeout=2)


@cache
def _certificates(name: str | None) -> Certificates | None:
    url = settings().key_vault_url
    if name is None or url is None:
        return None
    return Certificates(SecretClient(url, _credential()), name)


def _graph(tenant_id: str) -> Graph:
    config = settings()
    credential = graph_credential(config, tenant_id, _client_certificate)
    # Whatever stands in for Graph, a token is for the Graph of the cloud.
    return Graph(config.graph_url, credential, scope=f"{config.cloud.graph_url}/.default")


def _client_certificate() -> Certificate:
    certificates = _certificates(settings().client_certificate_name)
    if certificates is None:
        raise Misconfigured("CLIENT_CERTIFICATE_NAME and KEY_VAULT_URL are not both set")
    return certificates.current()


def _no_private_key(_certificate_id: str, _deadline: Deadline) -> RSAPrivateKey:
    raise Misconfigured("a notification with resource data needs KEY_VAULT_URL and ENCRYPTION_CERTIFICATE_NAME")


def _desired(config: Settings) -> tuple[Desired, ...]:
    try:
        document = json.loads(SUBSCRIPTIONS_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise Misconfigured(f"{SUBSCRIPTIONS_FILE.name} cannot be read: {exc}") from exc
    return tuple(desired_from_json(document, tenant_ids=config.tenant_ids))
