"""A function app with a function for each rule of HTTP functions, served over TLS, and a client for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from sandbox.host.process import FunctionsHost
from sandbox.tls import Tls
from tests.sandbox.function_apps import OUT, hosting, http_trigger, write_function, write_host_json

ECHO = """
    import json, logging, os, sys
    from greetings import GREETING

    def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        logging.getLogger("echo").info("inside")
        seen = {
            "method": req.method, "url": req.url, "headers": dict(req.headers), "query": dict(req.params),
            "route": dict(req.route_params), "body": req.get_body().decode(), "module": __name__,
            "path": sys.path, "folder": os.getcwd(), "environment": dict(os.environ), "greeting": GREETING,
            "id": context.invocation_id,
        }
        return func.HttpResponse(json.dumps(seen), mimetype="application/json")
"""
ANSWER = """
    def main(req: func.HttpRequest) -> func.HttpResponse:
        headers = {"X-Colour": "blue", "Set-Cookie": "a=1; Path=/; HttpOnly", "Content-Length": "999"}
        return func.HttpResponse("naïve", status_code=418, headers=headers, charset="utf-8")
"""
TRIVIAL = """
    def main(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(status_code=202)
"""


@dataclass(frozen=True, kw_only=True)
class World:
    host: FunctionsHost
    session: requests.Session
    app: Path
    tls: Tls

    def echo(self, path: str = "/api/Echo", method: str = "POST", **more: Any) -> dict[str, Any]:
        answer = self.session.request(method, self.host.url + path, timeout=10, **more)
        assert answer.status_code == 200
        seen: dict[str, Any] = answer.json()
        return seen

    def post(self, path: str) -> requests.Response:
        return self.session.post(self.host.url + path, timeout=10)


def write_app(app: Path) -> Path:
    write_host_json(app)
    (app / "greetings.py").write_text("GREETING = 'hello'\n")
    (app / "local.settings.json").write_text('{"Values": {"FROM_FILE": "file", "FROM_BOTH": "file", "EMPTY": "file"}}')
    write_function(app, "Echo", http_trigger(methods=["get", "post"]), OUT, source=ECHO)
    write_function(app, "Route", http_trigger(route="things/{kind}/{*rest}"), OUT, source=ECHO)
    # Behind "Route" in the alphabet, so that the order of loading does not do the work.
    write_function(app, "Special", http_trigger(route="things/special/one"), OUT, source=TRIVIAL)
    write_function(app, "Answer", http_trigger(), OUT, source=ANSWER)
    write_function(app, "Async", http_trigger(), OUT, source=TRIVIAL.replace("def main", "async def main"))
    write_function(
        app, "Text", http_trigger(), OUT, source='def main(req: func.HttpRequest) -> str:\n    return "text"'
    )
    write_function(app, "Raises", http_trigger(), OUT, source="def main(req):\n    raise ValueError('boom')")
    silent = {**OUT, "name": "res"}
    write_function(
        app, "Silent", http_trigger(), silent, source="def main(req, res: func.Out[func.HttpResponse]):\n    pass"
    )
    write_function(
        app, "Broken", http_trigger(), OUT, source="import no_such_module\n" + TRIVIAL.replace("\n    ", "\n")
    )
    write_function(app, "Misfit", http_trigger(), OUT, source="def main(request):\n    pass")
    write_function(app, "Queue", http_trigger(), {"type": "queue", "name": "q", "direction": "out"}, source="")
    return app


@contextmanager
def http_world(folder: Path) -> Iterator[World]:
    tls = Tls(folder / "tls")
    app = write_app(folder / "app")
    host = FunctionsHost(app, {"FROM_BOTH": "environment", "EMPTY": ""}, tls)
    with hosting(host), requests.Session() as session:
        session.trust_env = False  # a REQUESTS_CA_BUNDLE of the machine would win over verify
        session.verify = str(tls.ca_file)
        yield World(host=host, session=session, app=app, tls=tls)
