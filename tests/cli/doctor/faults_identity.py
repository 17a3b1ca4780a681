"""Faults of settings, logins, the vault, Entra ID and the registration."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sandbox.serving import Fault
from tests.cli.doctor.faults import Row, Switch
from tests.cli.doctor.faults_outside import answering, settings
from tests.cli.doctor.patients import registration
from tests.cli.operator import Operator
from tests.sandbox.graph_world import ROLES
from tests.sender import CLIENT_ID, PREVIOUS_STATE_KEY_TEXT, STRANGER

_TOKENS = "oauth2/v2.0/token"


def registered(**changes: Any) -> Switch:
    """Return a switch that changes the app's registration."""

    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        before = registration(operator)
        operator.world.entra.register(replace(before, **changes))
        try:
            yield
        finally:
            operator.world.entra.register(before)

    return switched


def _ending_secret(**left: float) -> Switch:
    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        with registered(secret_ends_at=operator.world.clock.now() + timedelta(**left))(operator):
            yield

    return switched


@contextmanager
def _signed_out(operator: Operator) -> Iterator[None]:
    with operator.world.fault(operator.world.login, Fault(path="/msi/token", status=400, body=b"{}")):
        yield


def _refused_by_entra(code: int) -> Switch:
    body = json.dumps({"error": "invalid_grant", "error_codes": [code], "error_description": f"AADSTS{code}: no"})
    headers = {"Content-Type": "application/json"}
    return answering("login", Fault(path=_TOKENS, status=400, body=body.encode(), headers=headers))


_SIGN_INS: Mapping[int, str] = {
    65001: "nobody has consented to the permissions in this tenant",
    50105: "-> az ad sp update --id",
    50020: "the user's account is of another tenant",
    50034: "the user's account does not exist",
    53003: "a Conditional Access policy blocks the sign-in",
    50076: "-> python -m cli login --tenant",
    50079: "the user has to register a second factor first",
    700027: "is not registered: upload its public part",
}


@contextmanager
def _without_change_tracking(operator: Operator) -> Iterator[None]:
    missing = operator.world.graph.directory.without_change_tracking
    missing.add(operator.world.tenant_id)
    yield
    missing.clear()


@contextmanager
def _assignment_required(operator: Operator) -> Iterator[None]:
    operator.world.graph.role_assignment_required.add(CLIENT_ID)
    yield
    operator.world.graph.role_assignment_required.clear()


@contextmanager
def _powerless_login(operator: Operator) -> Iterator[None]:
    entra = operator.world.entra
    before = entra.system_identity
    entra.system_identity = replace(before, roles=())
    yield
    entra.system_identity = before


IDENTITY = (
    Row(
        name="setting is wrong",
        fault=settings(NOTIFICATION_URL="http://app.example", RENEW_AFTER="soon"),
        lines={"settings": "mend"},
        says=("2 to correct", "-> NOTIFICATION_URL is not an https URL", "-> RENEW_AFTER is 'soon': use an ISO 8601"),
    ),
    Row(
        name="two ways to sign in",
        fault=settings(FEDERATED_IDENTITY_CLIENT_ID=STRANGER),
        lines={"settings": "mend"},
        says=("-> FEDERATED_IDENTITY_CLIENT_ID and CLIENT_SECRET are set: use one",),
    ),
    Row(
        name="client-state key is another",
        fault=settings(CLIENT_STATE_KEY=PREVIOUS_STATE_KEY_TEXT),
        lines={"same-app": "mend"},
        says=("the id of CLIENT_STATE_KEY is", "-> python -m cli settings pull"),
    ),
    Row(
        name="nobody is signed in",
        fault=_signed_out,
        lines={"login": "mend"},
        says=("nobody is signed in to Azure here: run az login", "-> az login"),
    ),
    Row(
        name="AADSTS7000215",
        fault=settings(CLIENT_SECRET="hunter2"),
        lines={"token": "mend"},
        says=("CLIENT_SECRET is wrong", "(AADSTS7000215)", "-> az ad app credential reset --id"),
    ),
    Row(
        name="AADSTS7000222",
        fault=_ending_secret(days=-1),
        lines={"token": "mend", "secret-end": "mend"},
        says=("the secret in CLIENT_SECRET has ended", "(AADSTS7000222)"),
    ),
    Row(
        name="AADSTS700016",
        fault=settings(CLIENT_ID=STRANGER),
        lines={"token": "mend", "same-app": "mend", "registration": "mend"},
        says=("the tenant does not know the application", "(AADSTS700016)", "-> python -m webbrowser https://"),
    ),
    Row(
        name="AADSTS90002",
        fault=settings(TENANT_IDS=STRANGER),
        lines={"token": "mend", "same-app": "mend", "registration": "watch", "subscriptions": "watch"},
        says=("there is no such tenant: correct TENANT_IDS", "(AADSTS90002)"),
    ),
    *(
        Row(name=f"AADSTS{code}", fault=_refused_by_entra(code), lines={"token": "mend"}, says=(says, f"AADSTS{code}"))
        for code, says in _SIGN_INS.items()
    ),
    Row(
        name="permission is missing",
        fault=registered(roles=("Team.ReadBasic.All", "User.Read.All")),
        lines={"permissions": "mend"},
        says=("the app lacks Ch", "Chat.Read.All", "adminconsent?client_id="),
    ),
    Row(
        name="permission for catching up is missing",
        fault=registered(roles=ROLES),
        lines={"permissions": "watch"},
        says=("catching up lacks User.Read.All: changes of an outage would be lost",),
    ),
    Row(
        name="assignment is required",
        fault=_assignment_required,
        lines={"registration": "mend"},
        says=("requires an assignment, which Change Tracking lacks", "--set appRoleAssignmentRequired=false"),
    ),
    Row(
        name="Change Tracking is missing",
        fault=_without_change_tracking,
        lines={"registration": "mend"},
        says=("no Microsoft Graph Change Tracking", "-> az ad sp create --id 0bf30f3b-4a52-48df-9a82-234910c4a086"),
    ),
    Row(
        name="app is a managed identity alone",
        fault=settings(CLIENT_SECRET=""),
        lines={"registration": "watch"},
        says=("nothing documents that Entra ID issues the validation tokens", "FEDERATED_IDENTITY_CLIENT_ID"),
    ),
    Row(
        name="login may not read registrations",
        fault=_powerless_login,
        lines={"registration": "mend"},
        says=("ask for the Entra role Directory Readers",),
    ),
    Row(
        name="secret ends soon",
        fault=_ending_secret(days=10),
        lines={"secret-end": "watch"},
        says=("the registration's last secret ends on 20", "-> az ad app credential reset"),
    ),
)
