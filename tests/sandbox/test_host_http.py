"""HTTP functions on the sandbox's host: how they are loaded, what of a request arrives, what becomes of the answer."""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.host.process import FunctionsHost
from sandbox.tls import Tls
from tests.eventually import eventually
from tests.sandbox.function_apps import hosting, write_function, write_host_json, write_http_function

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("host_http")]

ECHO = """
    import json, logging, os, sys
    from greetings import GREETING

    def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        logging.getLogger("echo").info("inside")
        seen = {
            "method": req.method, "url": req.url, "headers": dict(req.headers), "query": dict(req.params),
            "body": req.get_body().decode(), "module": __name__, "path": sys.path, "folder": os.getcwd(),
            "environment": dict(os.environ), "greeting": GREETING, "id": context.invocation_id,
        }
        return func.HttpResponse(json.dumps(seen), mimetype="application/json")
"""
ANSWER = """
    def main(req: func.HttpRequest) -> func.HttpResponse:
        headers = {"X-Colour": "blue", "Content-Length": "999"}
        return func.HttpResponse("naïve", status_code=418, headers=headers, charset="utf-8")
"""
ASYNC = """
    async def main(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(status_code=202)
"""


@dataclass(frozen=True, kw_only=True)
class HttpService:
    """A host with a function for each rule, served over TLS, and a client for it."""

    host: FunctionsHost
    session: requests.Session
    app: Path
    tls: Tls

    def request(self, path: str, method: str = "POST", **more: Any) -> requests.Response:
        return self.session.request(method, self.host.url + path, timeout=10, **more)

    def echo(self, path: str = "/api/Echo", **more: Any) -> dict[str, Any]:
        answer = self.request(path, **more)
        assert answer.status_code == 200
        seen: dict[str, Any] = answer.json()
        return seen


def write_app(app: Path) -> Path:
    write_host_json(app)
    (app / "greetings.py").write_text("GREETING = 'hello'\n")
    (app / "local.settings.json").write_text('{"Values": {"FROM_FILE": "file", "FROM_BOTH": "file", "EMPTY": "file"}}')
    write_http_function(app, "Echo", ECHO, methods=["get", "post"])
    write_http_function(app, "Answer", ANSWER)
    write_http_function(app, "Async", ASYNC)
    write_http_function(app, "Raises", "def main(req):\n    raise ValueError('boom')")
    write_http_function(app, "Broken", "import no_such_module")
    write_http_function(app, "Misfit", "def main(request):\n    pass")
    write_function(app, "Queue", {"type": "queue", "name": "q", "direction": "out"}, source="")
    return app


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpService]:
    folder = tmp_path_factory.mktemp("http")
    tls, app = Tls(folder / "tls"), write_app(folder / "app")
    host = FunctionsHost(app, {"FROM_BOTH": "environment", "EMPTY": ""}, tls)
    with hosting(host), requests.Session() as session:
        session.trust_env = False  # a REQUESTS_CA_BUNDLE of the machine would win over verify
        session.verify = str(tls.ca_file)
        yield HttpService(host=host, session=session, app=app, tls=tls)


def test_function_is_loaded_as_in_the_cloud(service: HttpService) -> None:
    seen = service.echo()
    assert seen["module"] == "__app__.Echo"
    assert seen["path"][-1] == str(service.app)
    assert seen["path"].count(str(service.app)) == 1
    assert str(Path(__file__).parents[2]) not in seen["path"]
    assert seen["folder"] == str(service.app)
    assert seen["greeting"] == "hello"


def test_settings_come_from_the_environment_first_and_then_the_file(service: HttpService) -> None:
    environment = service.echo()["environment"]
    settings = {name: environment.pop(name) for name in ("FROM_FILE", "FROM_BOTH", "EMPTY")}
    assert settings == {"FROM_FILE": "file", "FROM_BOTH": "environment", "EMPTY": "file"}
    assert environment.keys() <= {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"}


def test_request_arrives_as_it_was_sent(service: HttpService) -> None:
    seen = service.echo("/api/Echo?a=%C3%A9+b", data="body ü".encode(), headers={"X-Thing": "One"})
    assert seen["method"] == "POST"
    assert seen["url"] == service.host.url + "/api/Echo?a=%C3%A9+b"
    assert seen["query"] == {"a": "é b"}
    assert seen["body"] == "body ü"
    assert seen["headers"]["x-thing"] == "One"


def test_repeated_headers_are_joined_under_a_lower_case_name(service: HttpService) -> None:
    address, context = urlsplit(service.host.url).netloc, service.tls.client_context
    connection = http.client.HTTPSConnection(address, context=context, timeout=10)
    connection.putrequest("GET", "/api/Echo")
    connection.putheader("X-Many", "1")
    connection.putheader("x-many", "2")
    connection.endheaders()
    body = connection.getresponse().read()
    connection.close()
    assert b'"x-many": "1,2"' in body


def test_repeated_query_values_are_joined_and_empty_ones_dropped(service: HttpService) -> None:
    assert service.echo("/api/Echo?empty=&flag&a=1&a=2")["query"] == {"a": "1,2"}


def test_chunked_body_arrives_empty(service: HttpService) -> None:
    assert service.echo(data=iter([b"some", b"thing"]))["body"] == ""


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("POST", "/api/Async", 202, id="a coroutine is awaited"),
        pytest.param("POST", "/api/async/", 202, id="case and a closing slash do not matter"),
        pytest.param("POST", "/api/Raises", 500, id="an exception is 500"),
        pytest.param("POST", "/api/Broken", 500, id="a module that cannot be imported fails each call"),
        pytest.param("POST", "/api/Misfit", 500, id="so does a signature that does not fit the bindings"),
        pytest.param("POST", "/api/Queue", 404, id="a function in error has no URL"),
        pytest.param("POST", "/api/Unknown", 404, id="an unknown function"),
        pytest.param("POST", "/Echo", 404, id="outside of the route prefix"),
        pytest.param("PUT", "/api/Echo", 404, id="a wrong method is not 405"),
    ],
)
def test_request_gets_the_status_of_the_real_host(service: HttpService, method: str, path: str, status: int) -> None:
    answer = service.request(path, method)
    assert (answer.status_code, answer.content) == (status, b"")


def test_answer_leaves_as_the_function_made_it(service: HttpService) -> None:
    answer = service.request("/api/Answer")
    assert answer.status_code == 418
    assert answer.content == "naïve".encode()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-colour"] == "blue"


def test_log_lines_name_the_invocation(service: HttpService) -> None:
    invocation = service.echo()["id"]
    assert eventually(lambda: any("Executed" in line and invocation in line for line in service.host.lines))
    first, inside, last = (line for line in service.host.lines if f"[{invocation}]" in line)
    assert "Executing 'Functions.Echo' (Reason='This function was programmatically called" in first
    assert f" INFO echo [{invocation}]: inside" in inside
    assert f"Executed 'Functions.Echo' (Succeeded, Id={invocation}, Duration=" in last


def test_failure_is_logged_with_its_trace(service: HttpService) -> None:
    since = len(service.host.lines)
    service.request("/api/Raises")
    assert eventually(lambda: "ValueError: boom" in service.host.lines[since:])
    assert any("Executed 'Functions.Raises' (Failed, Id=" in line for line in service.host.lines[since:])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("The 'Broken' function failed to load: ModuleNotFoundError", id="import"),
        pytest.param("The 'Misfit' function failed to load: FunctionLoadError", id="signature"),
        pytest.param("The 'Queue' function is in error: The binding type(s) 'queue' are not registered.", id="binding"),
    ],
)
def test_start_logs_each_function_that_cannot_work(service: HttpService, text: str) -> None:
    assert any(text in line for line in service.host.lines)


def test_host_status_is_running(service: HttpService) -> None:
    assert service.request("/admin/host/status", "GET").json()["state"] == "Running"
