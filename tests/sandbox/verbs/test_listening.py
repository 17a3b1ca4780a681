"""A consumer that takes HTTP requests gets what the queue has, and what it refuses comes again."""

import json
import signal
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.eventually import eventually
from tests.sandbox.verbs.running_sandbox import ENVIRONMENT, REPOSITORY, SANDBOX, RunningSandbox

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("listening"), pytest.mark.timeout(300)]


class _Consumer(HTTPServer):
    """Refuses its first event."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, _Consumer)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["Content-Type"], json.loads(body)))
        self.send_response(500 if len(self.server.got) == 1 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def consumer() -> Iterator[_Consumer]:
    with _Consumer() as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


def test_consumer_gets_each_event_until_the_sandbox_ends(sandbox: RunningSandbox, consumer: _Consumer) -> None:
    url = f"http://127.0.0.1:{consumer.server_port}/events"
    command = [*SANDBOX, "listen", "--forward-to", url, "--state", str(sandbox.state)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as listening:
        try:
            sandbox.do("create-team", "Listeners")
            assert eventually(lambda: len({event["id"] for _, event in consumer.got}) >= 2, seconds=60)
            first = consumer.got[0][1]["id"]
            assert eventually(lambda: [event["id"] for _, event in consumer.got].count(first) == 2, seconds=30)
            assert eventually(lambda: sandbox.stored("queue") == 0, seconds=30)
            sandbox.say("break", "queue")
            sandbox.say("mend", "queue")
            totals = " ".join(sandbox.ends_by(signal.SIGINT).split())
            said, errors = listening.communicate(timeout=30)
        finally:
            listening.kill()
    assert "Microsoft.Graph.TeamCreated" in {event["type"] for _, event in consumer.got}
    assert {content_type for content_type, _ in consumer.got} == {"application/cloudevents+json"}
    assert "you have broken something on the way" in totals
    assert "it comes again in 5 s" in said
    assert (listening.returncode, errors) == (2, "The sandbox has ended, and its queue with it.\n")
