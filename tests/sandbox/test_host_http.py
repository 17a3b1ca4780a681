"""HTTP functions on the sandbox's host: what of a request arrives, what becomes of the answer, and which codes."""

import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.sandbox.http_world import World, http_world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with http_world(tmp_path_factory.mktemp("http")) as world:
        yield world


def raw(world: World, request: bytes) -> int:
    """Send bytes that no client library would send, and return the status."""
    port = urlsplit(world.host.url).port
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        world.tls.client_context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(request)
        return int(secure.recv(100).split()[1])


def test_a_request_arrives_as_it_was_sent(world: World) -> None:
    seen = world.echo("/api/Echo?a=%C3%A9+b", data="body ü".encode(), headers={"X-Thing": "One"})
    assert seen["method"] == "POST"
    assert seen["url"] == world.host.url + "/api/Echo?a=%C3%A9+b"
    assert seen["query"] == {"a": "é b"}
    assert seen["body"] == "body ü"
    assert seen["headers"]["x-thing"] == "One"


def test_header_names_are_lower_case_and_repeats_are_joined(world: World) -> None:
    connection = http.client.HTTPSConnection(
        urlsplit(world.host.url).netloc, context=world.tls.client_context, timeout=10
    )
    connection.putrequest("GET", "/api/Echo")
    connection.putheader("X-Many", "1")
    connection.putheader("x-many", "2")
    connection.endheaders()
    body = connection.getresponse().read()
    connection.close()
    assert b'"x-many": "1,2"' in body


def test_empty_query_values_are_dropped_and_repeats_are_joined(world: World) -> None:
    assert world.echo("/api/Echo?empty=&flag&a=1&A=2&a=")["query"] == {"a": "1,2,"}


def test_a_chunked_body_arrives_empty(world: World) -> None:
    assert world.echo(data=iter([b"some", b"thing"]))["body"] == ""


def test_route_parameters_reach_the_function(world: World) -> None:
    assert world.echo("/api/things/Blue/a/b")["route"] == {"kind": "Blue", "rest": "a/b"}
    assert world.echo("/api/things/blue")["route"] == {"kind": "blue"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/api/Async", 202, id="a coroutine is awaited"),
        pytest.param("/api/async/", 202, id="case and a closing slash do not matter"),
        pytest.param("/api/things/special/one", 202, id="a literal route wins over parameters"),
        pytest.param("/api/Silent", 204, id="nothing on the http output is 204"),
        pytest.param("/api/Raises", 500, id="an exception is 500"),
        pytest.param("/api/Broken", 500, id="a module that cannot be imported fails each call"),
        pytest.param("/api/Misfit", 500, id="so does a signature that does not fit the bindings"),
        pytest.param("/api/Queue", 404, id="a function in error has no URL"),
        pytest.param("/api/Unknown", 404, id="an unknown function"),
        pytest.param("/Echo", 404, id="outside of the route prefix"),
    ],
)
def test_the_status_is_the_real_host_s(world: World, path: str, status: int) -> None:
    answer = world.post(path)
    assert answer.status_code == status
    assert answer.content == b""


def test_a_wrong_method_is_404_not_405(world: World) -> None:
    assert world.session.put(world.host.url + "/api/Echo", timeout=10).status_code == 404


def test_a_body_over_the_limit_is_500_and_is_not_read(world: World) -> None:
    request = b"POST /api/Echo HTTP/1.1\r\nHost: x\r\nContent-Length: 104857601\r\n\r\n"
    assert raw(world, request) == 500


def test_a_request_line_that_is_not_ascii_is_400(world: World) -> None:
    assert raw(world, b"GET /api/Echo?a=\xff HTTP/1.1\r\nHost: x\r\n\r\n") == 400


def test_the_answer_leaves_as_the_function_made_it(world: World) -> None:
    answer = world.post("/api/Answer")
    assert answer.status_code == 418
    assert answer.content == "naïve".encode()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-colour"] == "blue"
    assert answer.headers["set-cookie"] == "a=1; HttpOnly; Path=/"


def test_a_plain_text_result_is_a_text_answer(world: World) -> None:
    answer = world.post("/api/Text")
    assert (answer.status_code, answer.text) == (200, "text")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
