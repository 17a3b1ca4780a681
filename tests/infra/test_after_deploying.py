"""What is waited for after a deployment, and what is removed before everything is deleted."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.data.tables import TableServiceClient

from infra.hooks.postdeploy import wait_for_handshake, wait_for_run
from infra.hooks.predown import predown
from infra.hooks.tools import HookFailed
from sandbox.azurite import Azurite
from shared.app.deployments import deployment_facts
from shared.errors import Unavailable
from shared.settings import Settings
from shared.subscriptions.deployment_status import Answers, DeploymentStatus, Owner
from shared.subscriptions.status_table import StatusTable
from tests.fakes.deployments import FACTS, status
from tests.fakes.subscription_values import URL
from tests.infra.azd import azure
from tests.infra.fake_azure import FakeAzure
from tests.sender import CLIENT_ID, STATE_KEY_TEXT, TENANT

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PATIENCE = timedelta(minutes=2)


@contextmanager
def serving(*statuses: int, wraps: str = "{}") -> Iterator[str]:
    """Serve a host that answers with these statuses in turn, the last one for ever; 200 comes with the token."""
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = left.pop(0) if len(left) > 1 else left[0]
            (token,) = parse_qs(urlsplit(self.path).query)["validationToken"]
            body = wraps.format(token if status == 200 else "starting").encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
            """Write nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api/ReceiveNotification"
        server.shutdown()


def test_app_that_starts_slowly_is_waited_for() -> None:
    fake = azure()
    with serving(404, 503, 200) as url:
        wait_for_handshake(fake.tools(), url, within=PATIENCE)
    assert fake.waited == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("statuses", "wraps", "said"),
    [((404,), "{}", "answers 404 and not the token"), ((200,), "<p>{}</p>", "answers 200 and not the token")],
    ids=["not there", "a page around it"],
)
def test_app_that_never_answers_as_it_should_is_reported(statuses: tuple[int, ...], wraps: str, said: str) -> None:
    with serving(*statuses, wraps=wraps) as url, pytest.raises(HookFailed, match=said):
        wait_for_handshake(azure().tools(), url, within=PATIENCE)


def test_address_at_which_nobody_listens_is_reported() -> None:
    with serving(200) as url:
        pass
    with pytest.raises(HookFailed, match=r"does not answer \(ConnectionError\)"):
        wait_for_handshake(azure().tools(), url, within=PATIENCE)


def answered(at: datetime, **by_system: str) -> DeploymentStatus:
    return replace(status(at=at), answers=Answers(at=at, by_system=by_system))


def after(fake: FakeAzure, *rows: DeploymentStatus | None) -> str:
    """Return what is said when a run is waited for, of which these rows are seen in turn."""
    left = list(rows)
    try:
        wait_for_run(fake.tools(), URL, lambda: left.pop(0) if len(left) > 1 else left[0], since=NOW, within=PATIENCE)
    except HookFailed as failed:
        return str(failed)
    return "\n".join(fake.said)


def test_run_after_the_deployment_in_which_all_answered_ends_the_wait() -> None:
    fake = azure()
    earlier, later = answered(NOW - timedelta(seconds=1), storage="ok"), answered(NOW, storage="ok", vault="ok")
    assert after(fake, None, earlier, later).endswith("everything answered the app")
    assert fake.waited == timedelta(seconds=30)


def test_system_that_does_not_answer_the_app_is_named_at_the_end() -> None:
    said = after(azure(), answered(NOW, storage="ok", vault="403: grant Key Vault Secrets User"))
    assert said == "after 0:02:00: vault: 403: grant Key Vault Secrets User"


def test_timer_that_does_not_run_is_reported() -> None:
    assert "the timer has not run" in after(azure(), None)


def test_deployment_that_does_not_look_after_the_subscriptions_is_reported() -> None:
    other = replace(answered(NOW, storage="ok"), facts=replace(FACTS, notification_url="https://other.example"))
    assert "another deployment looks after the subscriptions: https://other.example" in after(azure(), other)


def test_table_that_does_not_answer_is_reported() -> None:
    def fails() -> DeploymentStatus | None:
        raise Unavailable("the table status does not answer as it should: 503")

    with pytest.raises(HookFailed, match="the table status does not answer"):
        wait_for_run(azure().tools(), URL, fails, since=NOW, within=PATIENCE)


def deployed_settings(connection: str) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": connection,
        "AzureWebJobsStorage__credential": "managedidentity",
        "AZURE_CLIENT_ID": CLIENT_ID,
        "TENANT_IDS": TENANT,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": "",
        "CLIENT_STATE_KEY": "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/client-state-key)",
        "NOTIFICATION_URL": URL,
    }


def down(connection: str) -> FakeAzure:
    return azure(
        environ={"AZURE_APP_NAME": "func-teams", "AZURE_RESOURCE_GROUP": "rg-teams"},
        settings=deployed_settings(connection),
        secrets={"client-state-key": STATE_KEY_TEXT},
    )


@pytest.mark.slow
def test_nothing_is_wanted_before_everything_is_deleted(azurite: Azurite) -> None:
    settings = {**deployed_settings(azurite.connection_string), "CLIENT_STATE_KEY": STATE_KEY_TEXT}
    facts = deployment_facts(Settings.from_environ(settings))
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        table = StatusTable(tables)
        row = table.save(DeploymentStatus(deployment_id="predown", facts=facts, last_run_at=NOW))
        owner = table.load().owner or Owner(deployment_id=row.deployment_id, last_run_at=NOW)
        table.save(replace(owner, deployment_id=row.deployment_id))
        fake = down(azurite.connection_string)
        predown(fake.tools())
        changed = table.load().of("predown")
        tables.delete_table("status")
    assert fake.said == ["no subscription is left at Graph"]
    assert changed is not None
    assert changed.wanted_none is not None


def _done(stdout: str = "", *, status: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], status, stdout, "it is refused" if status else "")


def test_subscriptions_that_live_are_waited_for_and_counted_in_the_end() -> None:
    listed = json.dumps({"subscriptions": [{"subscriptionId": "a"}, {"subscriptionId": None}]})
    fake = down("")
    predown(fake.tools(), lambda _settings, command: _done("" if "remove" in command else listed))
    assert fake.waited == timedelta(minutes=15)
    assert "!! subscriptions may be left at Graph: 1 of them live after 0:15:00" in fake.said


def test_deletion_goes_on_when_the_subscriptions_cannot_be_removed() -> None:
    seen: list[Mapping[str, str]] = []

    def refuses(settings: Mapping[str, str], _command: str) -> subprocess.CompletedProcess[str]:
        seen.append(settings)
        return _done(status=3)

    fake = down("")
    predown(fake.tools(), refuses)
    assert fake.said[0] == "!! subscriptions may be left at Graph: it is refused"
    assert seen[0]["CLIENT_STATE_KEY"] == STATE_KEY_TEXT
    assert "AZURE_CLIENT_ID" not in seen[0]


def test_deletion_goes_on_without_the_app() -> None:
    fake = azure()
    predown(fake.tools())
    assert "azd's environment has no AZURE_APP_NAME" in fake.said[0]
