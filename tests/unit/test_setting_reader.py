"""The text of every setting: what goes wrong when it is copied is named once, with its setting, and never repeated."""

import pytest

from shared.errors import Misconfigured
from shared.settings import Settings
from tests.fakes.settings_environment import EVENT_HUB, LEAST, names_asked_for

SECRET = "hush"
UNUSABLE = {
    "reference": (
        f"@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/{SECRET})",
        "is a reference that was not resolved",
    ),
    "reference after a blank": (f" @Microsoft.AppConfiguration({SECRET})", "is a reference that was not resolved"),
    "placeholder": ("https://<vault>.vault.azure.net", "still contains the placeholder <vault>"),
    "placeholder in words": (
        f"{SECRET}/<default host name>/api",
        "still contains the placeholder <default host name>",
    ),
    "space before": (f" {SECRET}", "has a space or line break around its value"),
    "space after": (f"{SECRET} ", "has a space or line break around its value"),
    "line break after": (f"{SECRET}\n", "has a space or line break around its value"),
    "double quotes": (f'"{SECRET}"', "has a quote around its value"),
    "single quotes": (f"'{SECRET}'", "has a quote around its value"),
    "typographic quotes": (f"\u201c{SECRET}\u201d", "has a quote around its value"),
    "one quote": (f'{SECRET}"', "has a quote around its value"),
}


def _errors(**changes: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        Settings.from_environ(LEAST | changes)
    return str(caught.value)


def _sink_of(name: str) -> dict[str, str]:
    """Return the sink whose settings include this one; a connection string stands instead of a namespace."""
    if not name.startswith("EventHub"):
        return {}
    return EVENT_HUB if "__" in name else {"EVENT_SINK": EVENT_HUB["EVENT_SINK"]}


@pytest.mark.parametrize("name", sorted(names_asked_for()))
@pytest.mark.parametrize(("text", "fault"), UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_text_of_any_setting_is_its_only_error(name: str, text: str, fault: str) -> None:
    errors = _errors(**_sink_of(name) | {name: text}).split("; ")
    about = [error for error in errors if error.startswith(name)]
    assert len(about) == 1
    assert about[0].startswith(f"{name} {fault}")


def test_unusable_text_is_not_repeated() -> None:
    for text, _ in UNUSABLE.values():
        assert SECRET not in _errors(CLIENT_SECRET=text)


def test_unusable_text_hides_no_other_error() -> None:
    errors = _errors(KEY_VAULT_URL='"https://v.vault.azure.net"', RENEW_AFTER="soon", TENANT_IDS="<tenant id>")
    assert all(name in errors for name in ("KEY_VAULT_URL", "RENEW_AFTER", "TENANT_IDS"))


def test_unresolved_storage_connection_is_not_called_missing() -> None:
    errors = _errors(AzureWebJobsStorage="@Microsoft.KeyVault(VaultName=v;SecretName=s)")
    assert errors.startswith("AzureWebJobsStorage is a reference")
    assert "; " not in errors


def test_unresolved_vault_url_is_not_called_missing() -> None:
    errors = _errors(KEY_VAULT_URL="@Microsoft.KeyVault(VaultName=v;SecretName=s)", ENCRYPTION_CERTIFICATE_NAME="c")
    assert errors.startswith("KEY_VAULT_URL is a reference")
    assert "; " not in errors


@pytest.mark.parametrize("text", ["1 < 2 > 0, <> <1> < a>" + "x" * 32, "x" * 40 + "=", "it's a key " * 4 + "."])
def test_key_with_unusual_characters_is_used_as_it_is(text: str) -> None:
    assert Settings.from_environ(LEAST | {"CLIENT_STATE_KEY": text}).client_state_keys[0].secret == text.encode()


@pytest.mark.parametrize("text", ["PT45M0.1S", "PT46M", "PT6H"])
def test_renew_after_over_45_minutes_is_an_error(text: str) -> None:
    assert "RENEW_AFTER is more than PT45M" in _errors(RENEW_AFTER=text)
