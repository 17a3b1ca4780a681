"""The app's settings, read from the environment; one error names everything that is wrong with them.

docs/configuration.md has a table of the settings; a test compares the two.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from shared.clouds import CLOUDS, Cloud
from shared.errors import Misconfigured
from shared.event_hub_settings import HUB_NAME, EventHubSettings
from shared.setting_reader import SettingReader, is_guid, split_url
from shared.storage_settings import StorageSettings

MIN_CLIENT_STATE_KEY_BYTES = 32
# Graph extends a shorter lifetime to 45 minutes, and refuses a longer one for Teams.
# Source: https://learn.microsoft.com/graph/api/resources/subscription#subscription-lifetime
_MIN_LIFETIME = timedelta(minutes=45)
_MAX_LIFETIME = timedelta(minutes=4320)

# Graph delivers until the token expires that last renewed the subscription: an hour, of which some may have passed.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_MAX_RENEW_AFTER = timedelta(minutes=45)

# Graph retries a failed delivery for this long.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_GRAPH_RETRIES_FOR = timedelta(hours=4)

# Graph's terms allow reading messages back once a day, and no more often.
# Source: https://learn.microsoft.com/graph/api/resources/teams-api-overview (polling)
_DAY = timedelta(days=1)

_MAKE_A_KEY = "make one with: openssl rand -base64 48"

_WAYS_TO_SIGN_IN = ("FEDERATED_IDENTITY_CLIENT_ID", "CLIENT_CERTIFICATE_NAME", "CLIENT_SECRET")

# Source: https://learn.microsoft.com/rest/api/storageservices/naming-queues-and-metadata
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStateKey:
    """An HMAC key. Its id, which client states contain, is the first eight hex digits of the key's SHA-256."""

    key_id: str
    secret: bytes = field(repr=False)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the key whose bytes are ``text`` in UTF-8; raise ValueError if they are too few."""
        secret = text.encode()
        if len(secret) < MIN_CLIENT_STATE_KEY_BYTES:
            raise ValueError(f"is shorter than {MIN_CLIENT_STATE_KEY_BYTES} bytes; {_MAKE_A_KEY}")
        return cls(key_id=hashlib.sha256(secret).hexdigest()[:8], secret=secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that an operator can set. URLs have no slash at the end.

    Events go to either ``queue_name`` or ``event_hub``; the other one is None. ``managed_identity`` is the client id of
    a user-assigned identity; None is the system-assigned one. Of
    ``federated_identity`` (the client id of one whose tokens prove who the app is), ``client_certificate_name`` and
    ``client_secret`` at most one is set.
    """

    storage: StorageSettings
    managed_identity: str | None
    key_vault_url: str | None
    encryption_certificate_name: str | None
    tenant_ids: tuple[str, ...]
    client_id: str
    federated_identity: str | None
    client_certificate_name: str | None
    client_secret: str | None = field(repr=False)
    client_state_keys: tuple[ClientStateKey, ...]
    notification_url: str
    cloud: Cloud
    change_tracking_app_id: str | None
    graph_url: str
    login_url: str
    instance_discovery: bool
    queue_name: str | None
    event_hub: EventHubSettings | None
    subscription_lifetime: timedelta
    renew_after: timedelta
    deduplicate_for: timedelta
    audit_every: timedelta

    @property
    def has_managed_identity(self) -> bool:
        """Whether the app signs in to Graph by a managed identity, whose tokens only Azure's own machines get."""
        return self.client_secret is None and self.client_certificate_name is None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Return the settings in ``environ``, where an empty one counts as not set.

        Raises:
            Misconfigured: one sentence for each wrong setting.
        """
        reader = SettingReader(environ)
        cloud = _cloud(reader)
        queue_name, event_hub = _sink(reader)
        settings = cls(
            storage=StorageSettings.from_reader(reader, cloud.storage_suffix),
            managed_identity=reader.guid("AZURE_CLIENT_ID") or reader.guid("AzureWebJobsStorage__clientId"),
            key_vault_url=reader.url("KEY_VAULT_URL"),
            encryption_certificate_name=reader.text("ENCRYPTION_CERTIFICATE_NAME"),
            tenant_ids=_tenant_ids(reader),
            client_id=_client_id(reader),
            federated_identity=reader.guid("FEDERATED_IDENTITY_CLIENT_ID"),
            client_certificate_name=reader.text("CLIENT_CERTIFICATE_NAME"),
            client_secret=reader.text("CLIENT_SECRET"),
            client_state_keys=_client_state_keys(reader),
            notification_url=_notification_url(reader),
            cloud=cloud,
            change_tracking_app_id=reader.guid("GRAPH_CHANGE_TRACKING_APP_ID"),
            graph_url=reader.url("GRAPH_URL") or cloud.graph_url,
            login_url=reader.url("LOGIN_URL") or cloud.login_url,
            # MSAL's list of known authorities does not contain a proxy or a sandbox.
            instance_discovery=reader.text("LOGIN_URL") is None,
            queue_name=queue_name,
            event_hub=event_hub,
            subscription_lifetime=reader.duration("SUBSCRIPTION_LIFETIME") or _MAX_LIFETIME,
            renew_after=reader.duration("RENEW_AFTER") or timedelta(minutes=30),
            deduplicate_for=_duration_or_zero(reader, "DEDUPLICATE_FOR", _GRAPH_RETRIES_FOR),
            audit_every=_duration_or_zero(reader, "AUDIT_EVERY", _DAY),
        )
        _check_combinations(settings, reader)
        if reader.errors:
            raise Misconfigured("; ".join(reader.errors))
        return settings


def _notification_url(reader: SettingReader) -> str:
    name = "NOTIFICATION_URL"
    return reader.url(name) or reader.required(name, "the public https URL of ReceiveNotification")


def _tenant_ids(reader: SettingReader) -> tuple[str, ...]:
    name = "TENANT_IDS"
    text = reader.required(name, "the ids of the tenants served, separated by commas")
    tenant_ids = tuple(dict.fromkeys(item.strip().lower() for item in text.split(",") if item.strip()))
    if text and not tenant_ids:
        reader.report(name, "has commas, but no tenant id")
    for tenant_id in tenant_ids:
        if not is_guid(tenant_id):
            reader.report(name, f"has {tenant_id!r}, which is not a tenant id: use the GUID, not a domain name")
    return tenant_ids


def _client_id(reader: SettingReader) -> str:
    name = "CLIENT_ID"
    return reader.guid(name) or reader.required(name, "the application (client) id of the app registration")


def _client_state_keys(reader: SettingReader) -> tuple[ClientStateKey, ...]:
    """Return the keys that verify client states; the first one signs them."""
    reader.required("CLIENT_STATE_KEY", f"the key that signs client states; {_MAKE_A_KEY}")
    keys = []
    for name in ("CLIENT_STATE_KEY", "CLIENT_STATE_KEY_PREVIOUS"):
        text = reader.text(name)
        if text is None:
            continue
        try:
            keys.append(ClientStateKey.from_text(text))
        except ValueError as exc:
            reader.report(name, str(exc))
    return tuple(keys)


def _cloud(reader: SettingReader) -> Cloud:
    name = reader.text("GRAPH_CLOUD") or "global"
    if name not in CLOUDS:
        reader.report("GRAPH_CLOUD", f"is {name!r}: use one of {', '.join(CLOUDS)}")
    return CLOUDS.get(name, CLOUDS["global"])


def _sink(reader: SettingReader) -> tuple[str | None, EventHubSettings | None]:
    """Return the name of the queue, or else the event hub."""
    kind, _, name = (reader.text("EVENT_SINK") or "queue:teams-events").partition(":")
    if kind == "eventhub" and HUB_NAME.fullmatch(name):
        return None, EventHubSettings.from_reader(reader, name)
    if kind != "queue" or not _QUEUE_NAME.fullmatch(name):
        reader.report(
            "EVENT_SINK",
            "is not queue:<name> (3 to 63 lower-case letters, digits and single hyphens) or eventhub:<name>",
        )
    return name, None


def _duration_or_zero(reader: SettingReader, name: str, default: timedelta) -> timedelta:
    if reader.text(name) in {"0", "PT0S"}:
        return timedelta()
    return reader.duration(name) or default


def _check_combinations(settings: Settings, reader: SettingReader) -> None:
    if not _MIN_LIFETIME <= settings.subscription_lifetime <= _MAX_LIFETIME:
        reader.report("SUBSCRIPTION_LIFETIME", "is not between PT45M and P3D, which are Graph's limits")
    if settings.renew_after >= settings.subscription_lifetime:
        reader.report("RENEW_AFTER", "is not shorter than SUBSCRIPTION_LIFETIME: subscriptions would expire")
    if settings.renew_after > _MAX_RENEW_AFTER:
        reader.report("RENEW_AFTER", "is more than PT45M: Graph stops to deliver when a renewal's token ends")
    if timedelta() < settings.audit_every < _DAY:
        reader.report("AUDIT_EVERY", "is less than P1D: Graph's terms allow reading messages back once a day; 0: never")
    if settings.key_vault_url is None:
        for name in ("ENCRYPTION_CERTIFICATE_NAME", "CLIENT_CERTIFICATE_NAME"):
            if reader.text(name):
                reader.report(name, "needs KEY_VAULT_URL")
    _check_vault(settings, reader)
    ways = [name for name in _WAYS_TO_SIGN_IN if reader.text(name) is not None]
    if len(ways) > 1:
        reader.errors.append(f"{' and '.join(ways)} are set: use one")


def _check_vault(settings: Settings, reader: SettingReader) -> None:
    """Report a vault in another cloud than Graph; the address of a sandbox or a proxy belongs to no cloud."""
    host = f".{split_url(settings.key_vault_url or '').hostname}"
    suffixes = [cloud.key_vault_suffix for cloud in CLOUDS.values()]
    suffix = next((each for each in suffixes if host.endswith(f".{each}")), None)
    if suffix not in {None, settings.cloud.key_vault_suffix}:
        reader.report(
            "KEY_VAULT_URL",
            f"is a vault of another cloud than GRAPH_CLOUD: use a host that ends in "
            f"{settings.cloud.key_vault_suffix}, not {suffix}",
        )
