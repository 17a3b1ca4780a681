"""The app's settings, read from the environment; one error names everything that is wrong with them.

docs/configuration.md has a table of the settings; a test compares the two.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self
from urllib.parse import SplitResult, urlsplit

from shared.clouds import CLOUDS, Cloud
from shared.errors import Misconfigured

MIN_CLIENT_STATE_KEY_BYTES = 32
# Graph extends a shorter lifetime to 45 minutes, and refuses a longer one for Teams.
# Source: https://learn.microsoft.com/graph/api/resources/subscription#subscription-lifetime
_MIN_LIFETIME = timedelta(minutes=45)
_MAX_LIFETIME = timedelta(minutes=4320)

# Graph retries a failed delivery for this long.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_GRAPH_RETRIES_FOR = timedelta(hours=4)

_MAKE_A_KEY = "make one with: openssl rand -base64 48"

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
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
    """Everything that an operator can set. URLs have no slash at the end."""

    storage_connection: str | None = field(repr=False)
    storage_account: str | None
    key_vault_url: str | None
    encryption_certificate_name: str | None
    tenant_ids: tuple[str, ...]
    client_id: str
    client_secret: str | None = field(repr=False)
    client_certificate_name: str | None
    client_state_keys: tuple[ClientStateKey, ...]
    notification_url: str
    cloud: Cloud
    change_tracking_app_id: str | None
    graph_url: str
    login_url: str
    instance_discovery: bool
    queue_name: str
    subscription_lifetime: timedelta
    renew_after: timedelta
    deduplicate_for: timedelta

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Return the settings in ``environ``, where an empty one counts as not set.

        Raises:
            Misconfigured: one sentence for each wrong setting.
        """
        reader = _Reader(environ)
        cloud = reader.cloud()
        settings = cls(
            storage_connection=reader.text("AzureWebJobsStorage"),
            storage_account=reader.text("AzureWebJobsStorage__accountName"),
            key_vault_url=reader.url("KEY_VAULT_URL"),
            encryption_certificate_name=reader.text("ENCRYPTION_CERTIFICATE_NAME"),
            tenant_ids=reader.tenant_ids(),
            client_id=reader.required_guid("CLIENT_ID", "the application (client) id of the app registration"),
            client_secret=reader.text("CLIENT_SECRET"),
            client_certificate_name=reader.text("CLIENT_CERTIFICATE_NAME"),
            client_state_keys=reader.client_state_keys(),
            notification_url=reader.notification_url(),
            cloud=cloud,
            change_tracking_app_id=reader.guid("GRAPH_CHANGE_TRACKING_APP_ID"),
            graph_url=reader.url("GRAPH_URL") or cloud.graph_url,
            login_url=reader.url("LOGIN_URL") or cloud.login_url,
            # MSAL's list of known authorities does not contain a proxy or a sandbox.
            instance_discovery=reader.text("LOGIN_URL") is None,
            queue_name=reader.queue_name(),
            subscription_lifetime=reader.duration("SUBSCRIPTION_LIFETIME") or _MAX_LIFETIME,
            renew_after=reader.duration("RENEW_AFTER") or timedelta(minutes=30),
            deduplicate_for=reader.deduplicate_for(),
        )
        reader.check_combinations(settings)
        if reader.errors:
            raise Misconfigured("; ".join(reader.errors))
        return settings


class _Reader:
    """Reads one setting after the other, and collects what is wrong with them in ``errors``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.errors: list[str] = []

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def required(self, name: str, meaning: str) -> str:
        value = self.text(name)
        if value is None:
            self.errors.append(f"{name} is not set: {meaning}")
        return value or ""

    def url(self, name: str) -> str | None:
        value = self.text(name)
        if value is None:
            return None
        parts = _split(value)
        if parts.scheme != "https" or not parts.netloc:
            self.errors.append(f"{name} is not an https URL")
        return value.rstrip("/")

    def notification_url(self) -> str:
        name = "NOTIFICATION_URL"
        return self.url(name) or self.required(name, "the public https URL of ReceiveNotification")

    def tenant_ids(self) -> tuple[str, ...]:
        text = self.required("TENANT_IDS", "the ids of the tenants served, separated by commas")
        tenant_ids = tuple(dict.fromkeys(item.strip().lower() for item in text.split(",") if item.strip()))
        if text and not tenant_ids:
            self.errors.append("TENANT_IDS has commas, but no tenant id")
        for tenant_id in tenant_ids:
            if not _GUID.fullmatch(tenant_id):
                self.errors.append(f"TENANT_IDS: {tenant_id!r} is not a tenant id: use the GUID, not a domain name")
        return tenant_ids

    def guid(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and not _GUID.fullmatch(value.lower()):
            self.errors.append(f"{name} is {value!r}: use an application (client) id, which is a GUID")
        return value.lower() if value else None

    def required_guid(self, name: str, meaning: str) -> str:
        return self.guid(name) or self.required(name, meaning)

    def client_state_keys(self) -> tuple[ClientStateKey, ...]:
        """Return the keys that verify client states; the first one signs them."""
        self.required("CLIENT_STATE_KEY", f"the key that signs client states; {_MAKE_A_KEY}")
        keys = []
        for name in ("CLIENT_STATE_KEY", "CLIENT_STATE_KEY_PREVIOUS"):
            text = self.text(name)
            if text is None:
                continue
            try:
                keys.append(ClientStateKey.from_text(text))
            except ValueError as exc:
                self.errors.append(f"{name} {exc}")
        return tuple(keys)

    def cloud(self) -> Cloud:
        name = self.text("GRAPH_CLOUD") or "global"
        if name not in CLOUDS:
            self.errors.append(f"GRAPH_CLOUD is {name!r}: use one of {', '.join(CLOUDS)}")
        return CLOUDS.get(name, CLOUDS["global"])

    def queue_name(self) -> str:
        sink = self.text("EVENT_SINK") or "queue:teams-events"
        kind, _, name = sink.partition(":")
        if kind != "queue" or not _QUEUE_NAME.fullmatch(name):
            self.errors.append("EVENT_SINK is not queue:<name> (3 to 63 lower-case letters, digits and single hyphens)")
        return name

    def duration(self, name: str) -> timedelta | None:
        # Imported here, because a handshake needs no settings and its cold start must be fast.
        import isodate  # noqa: PLC0415

        text = self.text(name)
        if text is None:
            return None
        try:
            value = isodate.parse_duration(text)
        except (ValueError, OverflowError):
            value = None
        if not isinstance(value, timedelta) or value <= timedelta(0):
            self.errors.append(f"{name} is {text!r}: use an ISO 8601 duration such as PT30M or P3D")
            return None
        return value

    def deduplicate_for(self) -> timedelta:
        if self.text("DEDUPLICATE_FOR") in {"0", "PT0S"}:
            return timedelta()
        return self.duration("DEDUPLICATE_FOR") or _GRAPH_RETRIES_FOR

    def check_combinations(self, settings: Settings) -> None:
        if not _MIN_LIFETIME <= settings.subscription_lifetime <= _MAX_LIFETIME:
            self.errors.append("SUBSCRIPTION_LIFETIME is not between PT45M and P3D, which are Graph's limits")
        if settings.renew_after >= settings.subscription_lifetime:
            self.errors.append("RENEW_AFTER is not shorter than SUBSCRIPTION_LIFETIME: subscriptions would expire")
        if settings.storage_connection is None and settings.storage_account is None:
            self.errors.append("set AzureWebJobsStorage or AzureWebJobsStorage__accountName: the app's storage account")
        if settings.key_vault_url is None:
            certificates = ("ENCRYPTION_CERTIFICATE_NAME", "CLIENT_CERTIFICATE_NAME")
            self.errors += [f"{name} needs KEY_VAULT_URL" for name in certificates if self.text(name)]
        self._check_vault(settings)
        if settings.client_secret is not None and settings.client_certificate_name is not None:
            self.errors.append("CLIENT_SECRET and CLIENT_CERTIFICATE_NAME are both set: use one")

    def _check_vault(self, settings: Settings) -> None:
        """Report a vault in another cloud than Graph; the address of a sandbox or a proxy belongs to no cloud."""
        host = f".{_split(settings.key_vault_url or '').hostname}"
        suffixes = [cloud.key_vault_suffix for cloud in CLOUDS.values()]
        suffix = next((each for each in suffixes if host.endswith(f".{each}")), None)
        if suffix not in {None, settings.cloud.key_vault_suffix}:
            self.errors.append(
                f"KEY_VAULT_URL is a vault of another cloud than GRAPH_CLOUD: use a host that ends in "
                f"{settings.cloud.key_vault_suffix}, not {suffix}"
            )


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
