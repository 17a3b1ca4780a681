"""The event hub: a connection string that its client can use, or a namespace for a managed identity."""

import pytest

from shared.errors import Misconfigured
from shared.settings import Settings
from tests.fakes.settings_environment import LEAST

ENDPOINT = "Endpoint=sb://contoso.servicebus.windows.net/"
KEY = "SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0"
NAMESPACE = "EventHubConnection__fullyQualifiedNamespace"
ID = "11111111-2222-4333-8444-555555555555"
OTHER_ID = "22222222-2222-4333-8444-555555555555"
UNUSABLE = {
    "only words": ("my event hub", "has no Endpoint such as sb://contoso.servicebus.windows.net/"),
    "a URL": ("https://contoso.servicebus.windows.net", "has no Endpoint such as"),
    "https": (f"Endpoint=https://contoso.servicebus.windows.net/;{KEY}", "has no Endpoint such as"),
    "no key": (ENDPOINT, "has neither SharedAccessKeyName with SharedAccessKey nor SharedAccessSignature"),
    "key without a name": (f"{ENDPOINT};SharedAccessKey=c2VjcmV0", "has neither SharedAccessKeyName with"),
    "another hub": (f"{ENDPOINT};{KEY};EntityPath=other", "is of another hub than changes: correct its EntityPath"),
}
USABLE = {
    "of a namespace": f"{ENDPOINT};{KEY}",
    "of a hub": f"{ENDPOINT};{KEY};EntityPath=changes",
    "signature": f"{ENDPOINT};SharedAccessSignature=SharedAccessSignature sr=x&sig=y&se=1&skn=z",
    "semicolon at the end": f"{ENDPOINT};{KEY};",
}


def _settings(environ: dict[str, str]) -> Settings:
    return Settings.from_environ(LEAST | {"EVENT_SINK": "eventhub:changes"} | environ)


def _errors(environ: dict[str, str]) -> str:
    with pytest.raises(Misconfigured) as caught:
        _settings(environ)
    return str(caught.value)


@pytest.mark.parametrize(("connection", "fault"), UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_connection_string_is_named_and_not_repeated(connection: str, fault: str) -> None:
    errors = _errors({"EventHubConnection": connection})
    assert errors.startswith(f"EventHubConnection {fault}")
    assert "c2Vjcm" not in errors


@pytest.mark.parametrize("connection", USABLE.values(), ids=USABLE)
def test_usable_connection_string_says_where_the_hub_is(connection: str) -> None:
    settings = _settings({"EventHubConnection": connection})
    assert settings.event_hub is not None
    assert (settings.event_hub.name, settings.event_hub.namespace) == ("changes", "contoso.servicebus.windows.net")
    assert settings.queue_name is None
    assert "c2Vjcm" not in repr(settings)


def test_namespace_is_reached_by_the_system_assigned_identity() -> None:
    hub = _settings({NAMESPACE: "contoso.servicebus.windows.net"}).event_hub
    assert hub is not None
    assert (hub.namespace, hub.connection, hub.identity) == ("contoso.servicebus.windows.net", None, None)


@pytest.mark.parametrize(
    ("environ", "identity"),
    [
        ({"EventHubConnection__clientId": ID.upper()}, ID),
        ({"AZURE_CLIENT_ID": ID}, ID),
        ({"AZURE_CLIENT_ID": OTHER_ID, "EventHubConnection__clientId": ID}, ID),
        ({"EventHubConnection__credential": "managedidentity", "EventHubConnection__clientId": ID}, ID),
    ],
)
def test_namespace_is_reached_by_the_identity_that_is_named(environ: dict[str, str], identity: str) -> None:
    hub = _settings({NAMESPACE: "contoso.servicebus.windows.net", **environ}).event_hub
    assert hub is not None
    assert hub.identity == identity


@pytest.mark.parametrize(
    ("environ", "error"),
    [
        ({}, f"set EventHubConnection or {NAMESPACE}: EVENT_SINK names an event hub"),
        (
            {"EventHubConnection": f"{ENDPOINT};{KEY}", NAMESPACE: "contoso.servicebus.windows.net"},
            f"EventHubConnection and {NAMESPACE} are set: use one",
        ),
        ({NAMESPACE: "sb://contoso.servicebus.windows.net/"}, f"{NAMESPACE} is not a host's name such as"),
        ({NAMESPACE: "contoso"}, f"{NAMESPACE} is not a host's name such as"),
        (
            {NAMESPACE: "a.example", "EventHubConnection__credential": "key"},
            "EventHubConnection__credential is not managedidentity",
        ),
    ],
)
def test_wrong_settings_are_named(environ: dict[str, str], error: str) -> None:
    assert error in _errors(environ)


@pytest.mark.parametrize("name", ["", "-changes", "changes-", "a b", "x" * 257, "changes/1"])
def test_name_that_no_hub_has_is_refused(name: str) -> None:
    errors = _errors({"EVENT_SINK": f"eventhub:{name}", NAMESPACE: "a.example"})
    assert errors.startswith(
        "EVENT_SINK is not queue:<name> (3 to 63 lower-case letters, digits and single hyphens) or"
    )
