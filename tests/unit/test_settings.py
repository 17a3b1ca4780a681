"""The environment as a value: what operators set, and the faults they read when it is wrong."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from shared.clouds import CLOUDS
from shared.errors import Misconfigured
from shared.settings import ClientStateKey, Settings
from tests.fakes.settings_environment import CONNECTION, LEAST
from tests.sender import OTHER_TENANT, PREVIOUS_STATE_KEY_TEXT, STATE_KEY_TEXT, TENANT

REPOSITORY = Path(__file__).parents[2]


def _settings(**changes: str) -> Settings:
    return Settings.from_environ(LEAST | changes)


def _faults(**changes: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        _settings(**changes)
    return str(caught.value)


def test_five_settings_are_enough_and_the_rest_has_its_documented_default() -> None:
    settings = _settings()
    assert (settings.cloud, settings.graph_url) == (CLOUDS["global"], "https://graph.microsoft.com")
    assert (settings.login_url, settings.instance_discovery) == ("https://login.microsoftonline.com", True)
    assert (settings.queue_name, settings.renew_after) == ("teams-events", timedelta(minutes=30))
    assert (settings.subscription_lifetime, settings.client_secret, settings.key_vault_url) == (
        timedelta(days=3),
        None,
        None,
    )


def test_an_empty_setting_counts_as_not_set() -> None:
    sample = json.loads((REPOSITORY / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    empty = dict.fromkeys(sample, " ")
    assert Settings.from_environ(empty | LEAST) == _settings()


def test_all_missing_settings_are_named_together() -> None:
    with pytest.raises(Misconfigured) as caught:
        Settings.from_environ({})
    faults = str(caught.value).split("; ")
    for name in LEAST:
        assert any(fault.startswith((f"{name} is not set", f"set {name} or")) for fault in faults), name


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"AzureWebJobsStorage": ""}, "set AzureWebJobsStorage or AzureWebJobsStorage__accountName: the app's"),
        ({"TENANT_IDS": ""}, "TENANT_IDS is not set: the ids of the tenants served, separated by commas"),
        ({"TENANT_IDS": "contoso.com"}, "TENANT_IDS has 'contoso.com', which is not a tenant id: use the GUID, not a"),
        ({"TENANT_IDS": ", ,"}, "TENANT_IDS has commas, but no tenant id"),
        ({"CLIENT_ID": "my app"}, "CLIENT_ID is 'my app': use an application (client) id, which is a GUID"),
        ({"CLIENT_ID": ""}, "CLIENT_ID is not set: the application (client) id of the app registration"),
        ({"CLIENT_STATE_KEY": "short"}, "CLIENT_STATE_KEY is shorter than 32 bytes; make one with: openssl rand"),
        ({"CLIENT_STATE_KEY_PREVIOUS": "x" * 31}, "CLIENT_STATE_KEY_PREVIOUS is shorter than 32 bytes; make one with"),
        ({"NOTIFICATION_URL": "http://app.example"}, "NOTIFICATION_URL is not an https URL"),
        ({"NOTIFICATION_URL": "app.example"}, "NOTIFICATION_URL is not an https URL"),
        ({"GRAPH_URL": "https://"}, "GRAPH_URL is not an https URL"),
        ({"LOGIN_URL": "https://[::1"}, "LOGIN_URL is not an https URL"),
        ({"GRAPH_CLOUD": "mars"}, "GRAPH_CLOUD is 'mars': use one of global, usgov, dod, china"),
        ({"EVENT_SINK": "topic:events"}, "EVENT_SINK is not queue:<name> (3 to 63 lower-case letters, digits and"),
        ({"EVENT_SINK": "queue"}, "EVENT_SINK is not queue:<name>"),
        ({"EVENT_SINK": "queue:ab"}, "EVENT_SINK is not queue:<name>"),
        ({"EVENT_SINK": "queue:" + "a" * 64}, "EVENT_SINK is not queue:<name>"),
        ({"EVENT_SINK": "queue:Teams"}, "EVENT_SINK is not queue:<name>"),
        ({"EVENT_SINK": "queue:a--b"}, "EVENT_SINK is not queue:<name>"),
        ({"RENEW_AFTER": "30 minutes"}, "RENEW_AFTER is '30 minutes': use an ISO 8601 duration such as PT30M or P3D"),
        ({"RENEW_AFTER": "PT0S"}, "RENEW_AFTER is 'PT0S': use an ISO 8601 duration"),
        ({"RENEW_AFTER": "-PT30M"}, "RENEW_AFTER is '-PT30M': use an ISO 8601 duration"),
        ({"SUBSCRIPTION_LIFETIME": "P1M"}, "SUBSCRIPTION_LIFETIME is 'P1M': use an ISO 8601 duration"),
        ({"SUBSCRIPTION_LIFETIME": "P" + "9" * 20 + "D"}, "SUBSCRIPTION_LIFETIME is 'P99999999999999999999D': use an"),
        ({"ENCRYPTION_CERTIFICATE_NAME": "c"}, "ENCRYPTION_CERTIFICATE_NAME needs KEY_VAULT_URL"),
        ({"KEY_VAULT_URL": "https://[::1"}, "KEY_VAULT_URL is not an https URL"),
        ({"CLIENT_CERTIFICATE_NAME": "c"}, "CLIENT_CERTIFICATE_NAME needs KEY_VAULT_URL"),
        (
            {"CLIENT_CERTIFICATE_NAME": "c", "CLIENT_SECRET": "s"},
            "CLIENT_CERTIFICATE_NAME and CLIENT_SECRET are set: use one",
        ),
        ({"FEDERATED_IDENTITY_CLIENT_ID": "mine"}, "FEDERATED_IDENTITY_CLIENT_ID is 'mine': use an application"),
        (
            {"FEDERATED_IDENTITY_CLIENT_ID": TENANT, "CLIENT_SECRET": "s"},
            "FEDERATED_IDENTITY_CLIENT_ID and CLIENT_SECRET are set: use one",
        ),
        (
            {"FEDERATED_IDENTITY_CLIENT_ID": TENANT, "CLIENT_CERTIFICATE_NAME": "c", "CLIENT_SECRET": "s"},
            "FEDERATED_IDENTITY_CLIENT_ID and CLIENT_CERTIFICATE_NAME and CLIENT_SECRET are set: use one",
        ),
    ],
)
def test_invalid_setting_is_named_with_its_remedy(changes: dict[str, str], fault: str) -> None:
    assert fault in _faults(**changes)


def test_a_vault_serves_logins_without_an_encryption_certificate() -> None:
    assert _settings(KEY_VAULT_URL="https://v.vault.azure.net").encryption_certificate_name is None


# Source: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers
VAULTS = {
    "global": "vault.azure.net",
    "usgov": "vault.usgovcloudapi.net",
    "dod": "vault.usgovcloudapi.net",
    "china": "vault.azure.cn",
}


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("suffix", sorted(set(VAULTS.values())))
def test_a_vault_of_another_cloud_than_graph_is_a_fault(cloud: str, suffix: str) -> None:
    changes = {"GRAPH_CLOUD": cloud, "KEY_VAULT_URL": f"https://My-Vault.{suffix.upper()}/"}
    if suffix == VAULTS[cloud]:
        assert _settings(**changes).key_vault_url == changes["KEY_VAULT_URL"].rstrip("/")
    else:
        faults = _faults(**changes)
        assert faults == (
            "KEY_VAULT_URL is a vault of another cloud than GRAPH_CLOUD: use a host that ends in "
            f"{VAULTS[cloud]}, not {suffix}"
        )


@pytest.mark.parametrize("host", ["127.0.0.1:4443", "vault.example", "notvault.azure.cn", "vault.azure.cn.example"])
def test_a_vault_at_an_address_of_no_cloud_may_be_right(host: str) -> None:
    assert _settings(KEY_VAULT_URL=f"https://{host}").key_vault_url == f"https://{host}"


def test_several_faults_stand_in_one_message() -> None:
    faults = _faults(GRAPH_CLOUD="mars", RENEW_AFTER="soon", TENANT_IDS="contoso.com")
    assert all(name in faults for name in ("GRAPH_CLOUD", "RENEW_AFTER", "contoso.com"))


def test_no_fault_repeats_a_secret() -> None:
    faults = _faults(CLIENT_STATE_KEY="too short a key", CLIENT_SECRET="hush", CLIENT_CERTIFICATE_NAME="c")
    assert "too short a key" not in faults
    assert "hush" not in faults


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_cloud_has_its_own_addresses(cloud: str) -> None:
    settings = _settings(GRAPH_CLOUD=cloud)
    assert (settings.graph_url, settings.login_url) == (CLOUDS[cloud].graph_url, CLOUDS[cloud].login_url)


def test_other_addresses_change_where_to_connect_and_not_whom_to_trust() -> None:
    settings = _settings(GRAPH_URL="https://127.0.0.1:1/", LOGIN_URL="https://127.0.0.1:2")
    assert (settings.graph_url, settings.login_url) == ("https://127.0.0.1:1", "https://127.0.0.1:2")
    assert (settings.cloud, settings.instance_discovery) == (CLOUDS["global"], False)


def test_tenant_ids_are_split_at_commas_in_any_case_and_spacing() -> None:
    assert _settings(TENANT_IDS=f"{TENANT.upper()} , {OTHER_TENANT},").tenant_ids == (TENANT, OTHER_TENANT)


def test_first_client_state_key_signs_and_the_previous_authenticates() -> None:
    keys = _settings(CLIENT_STATE_KEY_PREVIOUS=PREVIOUS_STATE_KEY_TEXT).client_state_keys
    assert keys == (ClientStateKey.from_text(STATE_KEY_TEXT), ClientStateKey.from_text(PREVIOUS_STATE_KEY_TEXT))


def test_a_client_state_key_is_measured_in_bytes() -> None:
    assert ClientStateKey.from_text("ü" * 16).secret == ("ü" * 16).encode()


def test_everything_can_be_set() -> None:
    settings = _settings(
        AzureWebJobsStorage="",
        AzureWebJobsStorage__accountName="account",
        KEY_VAULT_URL="https://vault.example/",
        ENCRYPTION_CERTIFICATE_NAME="notifications",
        CLIENT_CERTIFICATE_NAME="app",
        EVENT_SINK="queue:my-events-2",
        SUBSCRIPTION_LIFETIME="PT1H",
        RENEW_AFTER="PT45M",
    )
    assert settings.storage.connection is None
    assert settings.storage.urls["table"] == "https://account.table.core.windows.net"
    assert (settings.key_vault_url, settings.encryption_certificate_name) == ("https://vault.example", "notifications")
    assert (settings.client_certificate_name, settings.queue_name) == ("app", "my-events-2")
    assert (settings.subscription_lifetime, settings.renew_after) == (timedelta(hours=1), timedelta(minutes=45))


@pytest.mark.parametrize("lifetime", ["PT44M", "P4D", "P999999999D"])
def test_a_lifetime_beyond_graphs_limits_is_a_fault(lifetime: str) -> None:
    assert "SUBSCRIPTION_LIFETIME is not between" in _faults(SUBSCRIPTION_LIFETIME=lifetime)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("", timedelta(hours=4)),
        ("PT30M", timedelta(minutes=30)),
        ("P1D", timedelta(days=1)),
        ("0", timedelta()),
        ("PT0S", timedelta()),
    ],
)
def test_a_change_is_published_once_for_so_long_and_zero_turns_it_off(text: str, window: timedelta) -> None:
    assert _settings(DEDUPLICATE_FOR=text).deduplicate_for == window


@pytest.mark.parametrize(
    ("text", "every"),
    [("", timedelta(days=1)), ("P1D", timedelta(days=1)), ("P7D", timedelta(days=7)), ("0", timedelta())],
)
def test_audit_is_daily_rarer_or_never(text: str, every: timedelta) -> None:
    assert _settings(AUDIT_EVERY=text).audit_every == every


@pytest.mark.parametrize("text", ["PT1S", "PT23H", "daily"])
def test_audit_more_than_once_a_day_is_a_fault(text: str) -> None:
    assert "AUDIT_EVERY is" in _faults(AUDIT_EVERY=text)


@pytest.mark.parametrize("text", ["4", "4 hours", "-PT1H", "P1Y", "00", "PT"])
def test_a_time_without_duplicates_that_is_no_duration_is_a_fault(text: str) -> None:
    assert "DEDUPLICATE_FOR is" in _faults(DEDUPLICATE_FOR=text)


def test_renewing_later_than_the_subscriptions_end_is_a_fault() -> None:
    assert "RENEW_AFTER is not shorter" in _faults(SUBSCRIPTION_LIFETIME="PT45M", RENEW_AFTER="PT45M")


def test_two_spellings_of_one_tenant_are_one() -> None:
    assert _settings(TENANT_IDS=f"{TENANT},{TENANT.upper()}").tenant_ids == (TENANT,)


def test_secrets_are_not_shown_in_a_log() -> None:
    shown = repr(_settings(CLIENT_SECRET="hush", CLIENT_STATE_KEY_PREVIOUS=PREVIOUS_STATE_KEY_TEXT))
    secrets = (CONNECTION, "hush", STATE_KEY_TEXT, PREVIOUS_STATE_KEY_TEXT)
    assert not [secret for secret in secrets if secret in shown]
