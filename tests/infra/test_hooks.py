"""The hooks of azd, against Azure in memory: run twice, broken off and run again, with each right missing."""

from datetime import timedelta
from typing import Any

import pytest

from infra.hooks.permissions import CHANGE_TRACKING, GRAPH, required
from infra.hooks.postprovision import postprovision, refresh_references
from infra.hooks.preprovision import preprovision
from infra.hooks.tools import HookFailed
from infra.hooks.vault import KEY
from tests.infra.azd import FROM_THE_TEMPLATE, OTHER_TENANT, REPOSITORY, azure, up
from tests.infra.azure_values import (
    ACCESS_ADMINISTRATOR,
    CONTRIBUTOR,
    DEPLOYER,
    GRAPH_ID,
    IDENTITY,
    SUBSCRIPTION,
    TENANT,
)
from tests.infra.fake_azure import BrokenOff, FakeAzure


def names(fake: FakeAzure) -> set[str]:
    listed = fake._graph()["value"][0]["appRoles"]
    roles = {role["id"]: role["value"] for role in listed if role["allowedMemberTypes"] == ["Application"]}
    return {roles[each["appRoleId"]] for each in fake.grants}


def test_first_run_makes_what_the_app_needs_without_a_secret() -> None:
    fake = azure()
    up(fake)
    (app,) = fake.apps.values()
    (credential,) = app["credentials"].values()
    assert credential["issuer"] == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert (credential["subject"], credential["audiences"]) == (IDENTITY, ["api://AzureADTokenExchange"])
    assert fake.environ["CLIENT_ID"] == app["appId"]
    assert fake.environ["TENANT_IDS"] == TENANT
    assert fake.certificates == {"graph-notifications": 1}
    assert len(fake.secrets[KEY].encode()) >= 32
    assert CHANGE_TRACKING in fake.principals
    assert {each["resourceId"] for each in fake.grants} == {GRAPH_ID}
    assert names(fake) == set(required(REPOSITORY / "subscriptions.json", [TENANT]))
    assert app["requiredResourceAccess"][0]["resourceAppId"] == GRAPH
    assert not any(fake.secrets[KEY] in part for command in fake.commands for part in command)
    assert not any(fake.secrets[KEY] in line for line in fake.said)


def test_second_run_changes_nothing_and_says_so() -> None:
    fake = azure()
    up(fake)
    before, written = fake.state(), fake.written
    fake.said.clear()
    up(fake)
    assert (fake.state(), fake.written) == (before, written)
    assert "certificate graph-notifications is there" in fake.said
    assert "Graph's permissions are granted" in fake.said


@pytest.mark.parametrize("breaks_after", [False, True], ids=["before", "after"])
def test_run_that_broke_off_anywhere_is_completed_by_the_next(*, breaks_after: bool) -> None:
    whole = azure()
    up(whole)
    for number in range(1, len(whole.commands) + 1):
        fake = azure(break_at=number, breaks_after=breaks_after)
        with pytest.raises(BrokenOff):
            up(fake)
        fake.break_at = None
        up(fake)
        assert fake.state() == whole.state(), number


@pytest.mark.parametrize("rights", [[CONTRIBUTOR], [ACCESS_ADMINISTRATOR], []], ids=["contributor", "access", "none"])
def test_deployer_without_the_rights_is_told_whom_to_ask(rights: list[Any]) -> None:
    fake = azure(rights=rights)
    with pytest.raises(HookFailed, match=f"{DEPLOYER} lacks the role Owner on /subscriptions/{SUBSCRIPTION}: "):
        preprovision(fake.tools())
    assert fake.written == 0


def test_contributor_who_may_also_assign_roles_may_deploy() -> None:
    preprovision(azure(rights=[CONTRIBUTOR, ACCESS_ADMINISTRATOR]).tools())


def test_deployer_who_may_not_make_a_registration_is_told_whom_to_ask() -> None:
    with pytest.raises(HookFailed, match=f"{DEPLOYER} lacks the role Application Developer in tenant {TENANT}: ask "):
        preprovision(azure(lacking={"make-app"}).tools())


def test_deployer_who_may_not_grant_is_told_who_can_and_the_rest_is_done() -> None:
    fake = azure(lacking={"grant"})
    up(fake)
    assert any(
        f"{DEPLOYER} lacks the role Privileged Role Administrator in tenant {TENANT}" in line for line in fake.said
    )
    assert any(line.startswith("!! the app lacks ") and "Chat.Read.All" in line for line in fake.said)
    assert CHANGE_TRACKING in fake.principals
    assert fake.resolved
    fake.lacking.clear()
    postprovision(fake.tools())
    assert names(fake) == set(required(REPOSITORY / "subscriptions.json", [TENANT]))


def test_deployer_who_may_not_make_a_principal_is_told_the_command() -> None:
    fake = azure()
    up(fake)
    del fake.principals[CHANGE_TRACKING]
    fake.lacking.add("make-principal")
    postprovision(fake.tools())
    assert any(f"az ad sp create --id {CHANGE_TRACKING}" in line for line in fake.said)


def test_new_role_on_the_vault_is_waited_for_and_nothing_is_made_twice() -> None:
    fake = azure(roles_work_after=5)
    up(fake)
    assert fake.waited > timedelta()
    assert fake.certificates == {"graph-notifications": 1}


def test_vault_that_stays_closed_ends_the_hook() -> None:
    fake = azure(lacking={"vault"})
    with pytest.raises(HookFailed, match="the certificate graph-notifications in kv-teams is refused after 0:30:00"):
        up(fake)


def test_reference_that_is_not_resolved_is_named() -> None:
    fake = azure(environ=FROM_THE_TEMPLATE)
    with pytest.raises(HookFailed, match=r"CLIENT_STATE_KEY \(SecretNotFound\)"):
        refresh_references(fake.tools())


def test_region_without_the_plan_or_python_is_refused() -> None:
    with pytest.raises(HookFailed, match=r"is not in westeurope: .* one of eastus"):
        preprovision(azure(regions=("eastus",)).tools())
    with pytest.raises(HookFailed, match=r"no Python 3\.13 in westeurope"):
        preprovision(azure(python=("3.12",)).tools())


def test_login_in_another_tenant_is_refused() -> None:
    with pytest.raises(HookFailed, match=f"run az login --tenant {OTHER_TENANT}"):
        preprovision(azure(environ={"AZURE_TENANT_ID": OTHER_TENANT}).tools())


def test_registration_that_is_named_and_does_not_exist_is_refused() -> None:
    with pytest.raises(HookFailed, match="is no registration of this tenant"):
        preprovision(azure(environ={"CLIENT_ID": OTHER_TENANT}).tools())


def test_two_registrations_of_one_environment_are_not_chosen_from() -> None:
    fake = azure()
    preprovision(fake.tools())
    (app,) = fake.apps.values()
    fake.apps["another"] = {**app, "appId": "another"}
    del fake.environ["CLIENT_ID"]
    with pytest.raises(HookFailed, match="2 registrations"):
        preprovision(fake.tools())


def test_identity_that_was_made_anew_is_trusted_again() -> None:
    fake = azure()
    up(fake)
    fake.environ["AZURE_IDENTITY_PRINCIPAL_ID"] = OTHER_TENANT
    postprovision(fake.tools())
    (app,) = fake.apps.values()
    assert [each["subject"] for each in app["credentials"].values()] == [OTHER_TENANT]


def test_assignment_is_no_longer_required_after_the_hook() -> None:
    fake = azure()
    up(fake)
    principal = fake.principals[fake.environ["CLIENT_ID"]]
    principal["appRoleAssignmentRequired"] = True
    postprovision(fake.tools())
    assert principal["appRoleAssignmentRequired"] is False


def test_managed_identity_gets_the_permissions_and_no_registration_is_made() -> None:
    fake = azure(environ={"SIGN_IN": "managedIdentity"})
    up(fake)
    assert not fake.apps
    assert {each["principalId"] for each in fake.grants} == {IDENTITY}


@pytest.mark.parametrize(("sign_in", "name"), [("secret", "client-secret"), ("certificate", "graph-sign-in")])
def test_secret_or_certificate_that_is_missing_is_named(sign_in: str, name: str) -> None:
    fake = azure(environ={"SIGN_IN": sign_in, "CLIENT_CERTIFICATE_NAME": "graph-sign-in"})
    up(fake)
    assert any(line.startswith(f"!! kv-teams has no {name}") for line in fake.said)
    assert not next(iter(fake.apps.values()))["credentials"]


def test_other_tenants_get_the_address_for_their_consent() -> None:
    fake = azure(environ={"TENANT_IDS": f"{TENANT}, {OTHER_TENANT}"})
    up(fake)
    (line,) = (line for line in fake.said if "/adminconsent?" in line)
    assert f"login.microsoftonline.com/{OTHER_TENANT}/adminconsent?client_id={fake.environ['CLIENT_ID']}" in line
    assert next(iter(fake.apps.values()))["signInAudience"] == "AzureADMultipleOrgs"


def test_value_that_azd_lacks_is_named() -> None:
    with pytest.raises(HookFailed, match="has no AZURE_VAULT_NAME: run `azd provision`"):
        postprovision(azure().tools())


def test_unknown_cloud_is_refused() -> None:
    with pytest.raises(HookFailed, match="GRAPH_CLOUD is 'mars'"):
        preprovision(azure(environ={"GRAPH_CLOUD": "mars"}).tools())
