"""Each right missing in turn, against Azure in memory: which role, at which scope, for whom; and what goes on."""

import re
import subprocess
from collections.abc import Mapping

import pytest

from infra.hooks.postdeploy import ask_doctor
from infra.hooks.postprovision import postprovision
from infra.hooks.predown import predown
from infra.hooks.tools import HookFailed
from tests.infra.azd import FROM_THE_TEMPLATE, OTHER_TENANT, azure, up
from tests.infra.azure_values import DEPLOYER, SUBSCRIPTION, TENANT
from tests.infra.fake_azure import FakeAzure

_SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/rg-teams/providers"
VAULT, SITE = f"{_GROUP}/Microsoft.KeyVault/vaults/kv-teams", f"{_GROUP}/Microsoft.Web/sites/func-teams"
IN_AZURE = {
    "see-rights": ("Owner", _SUBSCRIPTION),
    "vault": ("Key Vault Certificates Officer", VAULT),
    "site": ("Website Contributor", SITE),
}
IN_ENTRA = {
    "see-apps": "Directory Readers",
    "make-app": "Application Developer",
    "make-principal": "Cloud Application Administrator",
    "change-app": "Cloud Application Administrator",
    "change-principal": "Cloud Application Administrator",
    "grant": "Privileged Role Administrator",
}


def said_without(right: str, fake: FakeAzure) -> str:
    """Return what the hooks say, or how they end, while a right is missing."""
    fake.lacking.add(right)
    try:
        up(fake)
    except HookFailed as failed:
        return str(failed)
    return "\n".join(fake.said)


@pytest.mark.parametrize("right", IN_AZURE)
def test_missing_role_in_azure_is_named_with_the_command_that_gives_it(right: str) -> None:
    role, scope = IN_AZURE[right]
    command = f'az role assignment create --assignee {DEPLOYER} --role "{role}" --scope {scope}'
    said = said_without(right, azure())
    assert f"{DEPLOYER} lacks the role {role} on {scope}: let an Owner or a User Access Administrator run" in said
    assert f"{command} (" in said


@pytest.mark.parametrize("right", IN_ENTRA)
def test_missing_role_in_entra_is_named_with_who_can_give_it(right: str) -> None:
    fake = azure()
    if right == "change-principal":
        up(fake)
        fake.principals[fake.environ["CLIENT_ID"]]["appRoleAssignmentRequired"] = True
    said = said_without(right, fake)
    assert (
        f"{DEPLOYER} lacks the role {IN_ENTRA[right]} in tenant {TENANT}: ask a Privileged Role Administrator" in said
    )


@pytest.mark.parametrize("right", ["make-principal", "change-app", "change-principal", "grant"])
def test_refused_step_in_entra_lets_the_others_go_on_and_is_done_later(right: str) -> None:
    whole, fake = azure(), azure()
    up(whole)
    said = said_without(right, fake)
    assert "the app has the secrets that its settings refer to" in said
    fake.lacking.clear()
    up(fake)
    assert fake.state() == whole.state()


def test_secrets_officer_is_named_where_certificates_may_be_made() -> None:
    fake = azure(lacking={"secret"})
    with pytest.raises(HookFailed, match=f"{DEPLOYER} lacks the role Key Vault Secrets Officer on {VAULT}: "):
        up(fake)


def test_credential_is_updated_without_its_name_which_cannot_be_changed() -> None:
    fake = azure()
    up(fake)
    fake.environ["AZURE_IDENTITY_PRINCIPAL_ID"] = OTHER_TENANT
    postprovision(fake.tools())
    (command,) = (each for each in fake.commands if each[:4] == ("ad", "app", "federated-credential", "update"))
    assert not re.search(r'"name"', command[-1])


def test_settings_that_may_not_be_read_are_named_and_deletion_goes_on() -> None:
    fake = azure(environ=FROM_THE_TEMPLATE, lacking={"site"})
    predown(fake.tools())
    assert f"{DEPLOYER} lacks the role Website Contributor on {SITE}" in fake.said[0]


def test_deletion_goes_on_where_the_app_is_gone() -> None:
    fake = azure(environ=FROM_THE_TEMPLATE, settings=None)
    predown(fake.tools())
    assert fake.said[0] == f"!! subscriptions may be left at Graph: there is no function app {SITE}"


def ended(status: int, seen: list[Mapping[str, str]], fake: FakeAzure) -> list[str]:
    def doctor(settings: Mapping[str, str], command: str) -> subprocess.CompletedProcess[str]:
        assert command == "doctor"
        seen.append(settings)
        return subprocess.CompletedProcess([], status, "here  ok  Python\nvault XX  403\n", "")

    ask_doctor(fake.tools(), doctor)
    return fake.said


def test_doctor_gets_the_app_settings_and_each_line_is_said() -> None:
    seen = list[Mapping[str, str]]()
    fake = azure(environ=FROM_THE_TEMPLATE, settings={"TENANT_IDS": TENANT})
    assert ended(1, seen, fake) == ["here  ok  Python", "vault XX  403"]
    assert seen == [{"TENANT_IDS": TENANT}]


@pytest.mark.parametrize("status", [3, 4])
def test_something_to_mend_is_said_at_the_end_and_ends_no_deployment(status: int) -> None:
    fake = azure(environ=FROM_THE_TEMPLATE)
    assert ended(status, [], fake)[-1] == "!! mend that, then run python -m cli doctor again"


def test_doctor_without_the_settings_is_not_asked_and_the_role_is_named() -> None:
    seen = list[Mapping[str, str]]()
    (said,) = ended(0, seen, azure(environ=FROM_THE_TEMPLATE, lacking={"site"}))
    assert f"!! the doctor was not asked: {DEPLOYER} lacks the role Website Contributor on {SITE}" in said
    assert not seen
