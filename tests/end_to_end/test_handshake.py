"""The validation handshake on a host of its own, which needs no settings and no other service.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
"""

import re
from collections.abc import Iterator

import pytest
import requests

from sandbox.host.process import FunctionsHost
from sandbox.run.deployment import stage
from tests.eventually import eventually
from tests.sandbox.function_apps import hosting
from tests.sender import CLIENT_ID, STATE_KEY_TEXT, TENANT, basic_item, body

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("handshake")]

NOWHERE = "https://127.0.0.1:9"
SETTINGS_WITHOUT_SERVICES = {
    "AzureWebJobsStorage": (
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=QUFB;QueueEndpoint=http://127.0.0.1:9/a;"
        "BlobEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a;"
    ),
    "CLIENT_ID": CLIENT_ID,
    "CLIENT_STATE_KEY": STATE_KEY_TEXT,
    "ENCRYPTION_CERTIFICATE_NAME": "graph-notifications",
    "GRAPH_URL": NOWHERE,
    "KEY_VAULT_URL": NOWHERE,
    "LOGIN_URL": NOWHERE,
    "NOTIFICATION_URL": f"{NOWHERE}/api/ReceiveNotification",
    "RENEW_SCHEDULE": "0 0 0 1 1 *",
    "TENANT_IDS": TENANT,
}
REASON = re.compile("CLIENT_ID is not set|storage does not answer")
ECHOED = {
    "plus signs are spaces": ("Validation:+Testing+client+application", "Validation: Testing client application"),
    "percent signs": ("Validation%3A%20Testing%20100%25", "Validation: Testing 100%"),
    "an encoded plus sign": ("a%2Bb%2Fc%3D", "a+b/c="),
    "colons and commas": ("a:b,c;d", "a:b,c;d"),
    "an ampersand": ("a%26b", "a&b"),
    "encoded twice": ("a%2520b", "a%20b"),
    "not ASCII": ("Gr%C3%BC%C3%9Fe", "Grüße"),
    "of the maximum length": ("x" * 2048, "x" * 2048),
}
REFUSED = {
    "a script": "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "the beginning of a tag": "a%3Cb",
    "a line break": "a%0d%0aX-Evil:%201",
    "a zero byte": "a%00b",
    "an escape sequence": "%1b%5b31mred",
    "a right-to-left override": "a%E2%80%AEb",
    "not UTF-8": "%ff%fe%0b",
    "one character too long": "x" * 2049,
    "8 kB": "x" * 8000,
}


@pytest.fixture(scope="module", params=[{}, SETTINGS_WITHOUT_SERVICES], ids=["no settings", "services down"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionsHost]:
    app_root = stage(tmp_path_factory.mktemp("handshake") / "app", None)
    host = FunctionsHost(app_root, request.param, None)
    with hosting(host):
        yield host


def _post(host: FunctionsHost, query: str = "", data: bytes = b"") -> requests.Response:
    return requests.post(f"{host.url}/api/ReceiveNotification{query}", data=data, timeout=10)


@pytest.mark.parametrize(("encoded", "token"), ECHOED.values(), ids=ECHOED)
def test_token_is_echoed_decoded_as_plain_text(host: FunctionsHost, encoded: str, token: str) -> None:
    answer = _post(host, f"?validationToken={encoded}")
    assert (answer.status_code, answer.content) == (200, token.encode())
    assert answer.headers["Content-Type"].partition(";")[0] == "text/plain"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("encoded", REFUSED.values(), ids=REFUSED)
def test_harmful_token_is_not_echoed(host: FunctionsHost, encoded: str) -> None:
    answer = _post(host, f"?validationToken={encoded}")
    assert (answer.status_code, answer.content) == (400, b"")
    assert "X-Evil" not in answer.headers


def test_token_of_10_kb_is_refused_by_the_host(host: FunctionsHost) -> None:
    assert _post(host, f"?validationToken={'x' * 10_000}").status_code in {400, 414}


def test_get_is_not_found(host: FunctionsHost) -> None:
    answer = requests.get(f"{host.url}/api/ReceiveNotification?validationToken=x", timeout=10)
    assert (answer.status_code, answer.content) == (404, b"")


def test_first_handshake_of_a_process_takes_less_than_a_second(host: FunctionsHost) -> None:
    assert _post(host, "?validationToken=x").elapsed.total_seconds() < 1


def test_notification_is_refused_with_503_and_the_reason_is_logged(host: FunctionsHost) -> None:
    since = len(host.lines)
    # On a busy machine the imports alone take the time of the first POST, which then is the reason.
    assert eventually(lambda: _is_refused_for_the_reason(host, since))
    assert not any("Traceback" in line for line in host.lines[since:])


def _is_refused_for_the_reason(host: FunctionsHost, since: int) -> bool:
    answer = _post(host, data=body(basic_item()))
    assert (answer.status_code, answer.content) == (503, b"")
    return any(REASON.search(line) for line in host.lines[since:])
