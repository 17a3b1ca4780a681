"""The hooks by the real az, against a cloud on loopback: run twice, broken off and run again, with each right missing.

What az makes of the commands, of API versions, of answers and of refusals is its own; the hooks only see that.
"""

import json
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from infra.hooks.permissions import CHANGE_TRACKING, required
from infra.hooks.postprovision import postprovision
from infra.hooks.predown import predown
from infra.hooks.tools import HookFailed, azure_cli
from sandbox.arm.cloud import DEPLOYER, DEPLOYER_ID, IDENTITY, SCOPE, SITE, TENANT, VAULT, AzureCloud
from tests.infra.azd import REPOSITORY
from tests.infra.azure_values import ROLES
from tests.infra.deployment_by_az import Deployment, az_signed_in
from tests.infra.fake_azure import BrokenOff, id_of
from tests.infra.real_az import MISSING, PYTHON
from tests.sandbox.background import Background

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("azure-cli"),
    pytest.mark.skipif(not PYTHON.exists(), reason=MISSING),
]


@pytest.fixture(scope="module")
def signed_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AzureCloud, Background]]:
    with az_signed_in(tmp_path_factory.mktemp("azure")) as pair:
        yield pair


@pytest.fixture
def deployment(signed_in: tuple[AzureCloud, Background]) -> Deployment:
    cloud, background = signed_in
    background.run(cloud.empty())
    return Deployment(cloud=cloud)


def assert_complete(deployment: Deployment) -> None:
    state, names = deployment.state(), {id_of(name): name for name in ROLES}
    assert {names[role] for _, role in state["granted"]} == set(required(REPOSITORY / "subscriptions.json", [TENANT]))
    assert state["vault"] == [1, 1]
    assert [each["properties"]["status"] for each in state["references"]] == ["Resolved"]
    assert CHANGE_TRACKING in state["principals"]
    assert len(state["apps"]) == len(state["trusted"]) == 1
    assert IDENTITY in state["trusted"][0]
    assert {"CLIENT_ID", "TENANT_IDS"} <= set(state["environ"])


def test_first_run_makes_what_the_app_needs(deployment: Deployment) -> None:
    deployment.up()
    assert_complete(deployment)
    policy = deployment.cloud.vault.operations.policy("graph-notifications")
    assert policy is not None
    assert policy["key_props"]["reuse_key"] is False


def test_second_run_changes_nothing_and_says_so(deployment: Deployment) -> None:
    deployment.up()
    before, written = deployment.state(), deployment.cloud.writes()
    later = deployment.again()
    later.up()
    assert (later.state(), later.cloud.writes(), later.kept) == (before, written, 0)
    assert [line.rsplit(" ", 2)[-2:] for line in later.said if "certificate" in line] == [["is", "there"]]
    for said in ("secret client-state-key is there", "the registration trusts the app's identity already"):
        assert said in later.said
    assert "Graph's permissions are granted" in later.said
    assert not [line for line in later.said if line.startswith("!!") or "made" in line or "granted " in line]


def test_runs_that_each_break_off_after_their_first_change_come_to_the_end(deployment: Deployment) -> None:
    deployment.breaks_off, broken = True, list[tuple[str, ...]]()
    while True:
        try:
            deployment.up()
            break
        except BrokenOff:
            broken.append(deployment.commands[-1])
    assert_complete(deployment)
    # Each goes on where the one before it ended: none makes again what is there.
    assert len(broken) == len({str(command) for command in broken}) > 10
    granted = [command for command in broken if any("appRoleAssignments" in word for word in command)]
    assert len(granted) == len(deployment.state()["granted"])


AZURE_ROLES = [
    ("Owner", SCOPE, "preprovision"),
    ("Key Vault Certificates Officer", VAULT, "postprovision"),
    ("Key Vault Secrets Officer", VAULT, "postprovision"),
]


@pytest.mark.parametrize(("role", "scope", "hook"), AZURE_ROLES, ids=[role for role, _, _ in AZURE_ROLES])
def test_missing_role_is_named_and_the_command_that_is_shown_gives_it(
    deployment: Deployment, role: str, scope: str, hook: str
) -> None:
    deployment.cloud.arm.revoke(role)
    with pytest.raises(HookFailed) as failed:
        deployment.up()
    sentence = (
        f"{DEPLOYER.client_id} lacks the role {role} on {scope}: let an Owner or a User Access Administrator run "
    )
    _, found, command = str(failed.value).partition(sentence)
    assert found, failed.value
    assert hook == ("postprovision" if "AZURE_VAULT_NAME" in deployment.environ else "preprovision")
    # Somebody else runs it.
    deployment.cloud.arm.grant(DEPLOYER_ID, "User Access Administrator", SCOPE)
    azure_cli(*shlex.split(command.partition(" (")[0])[1:])
    deployment.again().up()


def test_role_on_the_app_that_is_missing_is_named(deployment: Deployment) -> None:
    deployment.up()
    deployment.cloud.arm.revoke("Owner")
    deployment.cloud.arm.grant(DEPLOYER_ID, "Reader", f"{SCOPE}/resourceGroups/another")
    later = deployment.again()
    sentence = f"{DEPLOYER.client_id} lacks the role Website Contributor on {SITE}"
    with pytest.raises(HookFailed, match=sentence):
        postprovision(later.tools())
    predown(later.tools())
    assert any(sentence in line for line in later.said)


def test_secret_that_the_command_line_needs_names_the_role_that_is_missing(deployment: Deployment) -> None:
    deployment.up()
    deployment.cloud.arm.revoke("Key Vault Secrets Officer")
    later = deployment.again()
    predown(later.tools())
    assert any(f"{DEPLOYER.client_id} lacks the role Key Vault Secrets User on {VAULT}" in line for line in later.said)


def test_app_that_is_gone_keeps_nothing_from_being_deleted(deployment: Deployment) -> None:
    deployment.up()
    deployment.cloud.arm.sites.clear()
    later = deployment.again()
    predown(later.tools())
    assert later.said[0] == f"!! subscriptions may be left at Graph: there is no function app {SITE}"


ENTRA_ROLES = [
    ("Application Developer", "preprovision"),
    ("Cloud Application Administrator", "Change Tracking"),
    ("Privileged Role Administrator", "the app lacks"),
]


@pytest.mark.parametrize(("role", "where"), ENTRA_ROLES, ids=[role for role, _ in ENTRA_ROLES])
def test_missing_role_in_entra_is_named_and_the_run_with_it_does_the_rest(
    deployment: Deployment, role: str, where: str
) -> None:
    # The one above would do for the one below.
    roles = deployment.cloud.directory.roles
    roles -= {role, "Cloud Application Administrator"} if role == "Application Developer" else {role}
    try:
        deployment.up()
        said = "\n".join(deployment.said)
    except HookFailed as failed:
        said = str(failed)
    assert f"{DEPLOYER.client_id} lacks the role {role} in tenant {TENANT}: ask a Privileged Role Administrator" in said
    assert where == "preprovision" or "the app has the secrets that its settings refer to" in said
    deployment.cloud.grant_everything()
    later = deployment.again()
    later.up()
    assert not [line for line in later.said if line.startswith("!!")]


def test_registration_of_somebody_else_names_the_role_at_each_step(deployment: Deployment) -> None:
    deployment.cloud.directory.owners = False
    deployment.cloud.directory.roles.discard("Cloud Application Administrator")
    deployment.up()
    said = [line for line in deployment.said if "Cloud Application Administrator in tenant" in line]
    assert len(said) == 3
    assert not deployment.state()["trusted"]


def test_guest_who_may_not_read_the_directory_is_told_so(deployment: Deployment) -> None:
    deployment.cloud.directory.roles.add("guest")
    with pytest.raises(HookFailed, match=f"{DEPLOYER.client_id} lacks the role Directory Readers in tenant {TENANT}"):
        deployment.up()


def test_role_assignment_that_exists_is_refused_with_its_id(deployment: Deployment) -> None:
    role = f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6"
    properties = {"principalId": IDENTITY, "principalType": "ServicePrincipal", "roleDefinitionId": role}
    body = json.dumps({"properties": properties})
    url = f"{VAULT}/providers/Microsoft.Authorization/roleAssignments/{id_of('one')}"
    azure_cli("rest", "--method", "put", "--url", f"{url}?api-version=2022-04-01", "--body", body)
    assert [each.principal_id for each in deployment.cloud.arm.assignments.held if each.scope == VAULT][-1] == IDENTITY
    with pytest.raises(HookFailed, match=f"RoleAssignmentExists.*{id_of('one').replace('-', '')}"):
        azure_cli("rest", "--method", "put", "--url", f"{url[:-1]}0?api-version=2022-04-01", "--body", body)


@pytest.mark.parametrize(
    ("query", "code"), [("", "MissingApiVersionParameter"), ("?api-version=2021-02-29", "NoRegisteredProviderFound")]
)
def test_request_without_a_version_that_exists_is_refused(deployment: Deployment, query: str, code: str) -> None:
    url = f"{SCOPE}/providers/Microsoft.Authorization/permissions{query}"
    with pytest.raises(HookFailed, match=code):
        azure_cli("rest", "--method", "get", "--url", url)
    assert not deployment.commands


def test_program_that_starts_anew_each_time_gives_the_same(deployment: Deployment) -> None:
    deployment.up()
    command = [
        str(PYTHON),
        "-m",
        "azure.cli",
        "ad",
        "app",
        "show",
        "--id",
        deployment.environ["CLIENT_ID"],
        "--query",
        "tags",
    ]
    alone = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  fixed words
    assert alone.stdout.split() == ["[", '"azd-env-name:teams"', "]"]
