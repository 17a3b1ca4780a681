"""The app's public surface: one URL for Graph's POSTs, and nothing else without a key.

Source: https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox.host.process import FunctionsHost
from sandbox.run.deployment import stage
from tests.end_to_end.deployed import NEVER
from tests.sandbox.function_apps import hosting

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("exposed")]

KEYS = ["--function-key", "a function's key", "--master-key", "the master key"]
ADMIN = ("", "/", "/host/status", "/host/keys", "/functions", "/functions/RenewSubscriptions", "/vfs/", "/nowhere")
ELSEWHERE = (
    "/",
    "/api",
    "/api/",
    "/api/RenewSubscriptions",
    "/api/ReceiveNotification/subscriptions",
    "/ReceiveNotification",
    "/runtime/webhooks/",
    "/subscriptions.json",
    "/host.json",
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture(scope="module")
def app_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stage(tmp_path_factory.mktemp("exposed") / "app", None)


@pytest.fixture(scope="module")
def host(app_root: Path) -> Iterator[FunctionsHost]:
    host = FunctionsHost(app_root, {"RENEW_SCHEDULE": NEVER}, None, arguments=KEYS)
    with hosting(host):
        yield host


def _status(host: FunctionsHost, method: str, path: str, key: str | None = None) -> int:
    headers = {"Content-Type": "application/json"} | ({"x-functions-key": key} if key else {})
    return requests.request(method, f"{host.url}{path}", data="{}", headers=headers, timeout=10).status_code


def test_one_function_has_a_url_and_takes_posts_only(app_root: Path) -> None:
    """Peers' hole 18: an anonymous administration page."""
    files = app_root.glob("*/function.json")
    triggers = [
        binding for file in files for binding in json.loads(file.read_text())["bindings"] if "schedule" not in binding
    ]
    [trigger] = [binding for binding in triggers if binding["direction"] == "in"]
    assert trigger == {
        "type": "httpTrigger",
        "direction": "in",
        "name": "req",
        "authLevel": "anonymous",
        "methods": ["post"],
    }
    assert not (app_root / "proxies.json").exists()


@pytest.mark.parametrize("path", ADMIN)
def test_admin_paths_require_the_master_key(host: FunctionsHost, path: str) -> None:
    """Peers' hole 18."""
    for method in METHODS:
        assert _status(host, method, f"/admin{path}") == 401
        assert _status(host, method, f"/admin{path}?code=", "a function's key") == 401
        assert _status(host, method, f"/admin{path}", "the master key") in {200, 202, 404}


@pytest.mark.parametrize("path", ELSEWHERE)
def test_other_paths_are_not_found(host: FunctionsHost, path: str) -> None:
    """Peers' hole 18."""
    assert {_status(host, method, path, "the master key") for method in METHODS} == {404}


def test_notification_url_takes_no_other_method(host: FunctionsHost) -> None:
    others = [method for method in METHODS if method != "POST"]
    assert {_status(host, method, "/api/ReceiveNotification") for method in others} == {404}
