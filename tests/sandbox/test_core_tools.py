"""Core Tools in place of our host: the command line, the certificate and the environment that ``func`` is given.

The real ``func`` is in no package registry. The stand-in takes the options as documented, opens the PFX with the
password, and serves the app.
"""

import sys
from pathlib import Path
from textwrap import dedent

import pytest
import requests

from sandbox.child import ChildFailed
from sandbox.host.core_tools import CoreTools, CoreToolsMissing
from sandbox.tls import Tls
from tests.sandbox.background import running
from tests.sandbox.function_apps import hosting, write_host_json, write_http_function

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
ANSWERS = """
    import os

    def main(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(os.environ["COLOUR"] + " " + os.environ["FUNCTIONS_WORKER_RUNTIME"])
"""
FUNC = """
    import argparse, os, sys, tempfile
    from pathlib import Path
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["start"])
    parser.add_argument("--port")
    parser.add_argument("--useHttps", action="store_true", required=True)
    parser.add_argument("--cert", type=Path)
    parser.add_argument("--password")
    options = parser.parse_args()
    store = load_pkcs12(options.cert.read_bytes(), options.password.encode())
    folder = Path(tempfile.mkdtemp(dir=options.cert.parent))
    chain = [store.cert, *store.additional_certs]
    (folder / "cert.pem").write_bytes(b"".join(c.certificate.public_bytes(Encoding.PEM) for c in chain))
    (folder / "key.pem").write_bytes(store.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    os.environ["PYTHONPATH"] = REPOSITORY
    tls = ["--certificate", str(folder / "cert.pem"), "--key", str(folder / "key.pem")]
    os.execv(sys.executable, [sys.executable, "-m", "sandbox.host", "--port", options.port, *tls])
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    app = write_host_json(tmp_path / "app")
    write_http_function(app, "Answers", ANSWERS)
    return app


def install(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    file = folder / "func"
    file.write_text(f"#!{sys.executable}\nREPOSITORY = {str(REPOSITORY)!r}\n" + dedent(script))
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_func_serves_the_app_with_our_certificate_and_environment(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "bin", FUNC, monkeypatch)
    tls = Tls(tmp_path / "tls")
    host = CoreTools(app, {"COLOUR": "blue"}, tls)
    with hosting(host) as loop, requests.Session() as session:
        session.trust_env = False  # a REQUESTS_CA_BUNDLE of the machine would win over verify
        answer = session.get(f"{host.url}/api/Answers", verify=str(tls.ca_file), timeout=10)
        assert answer.text == "blue python"
        assert loop.run(host.stop()) == 0


def test_func_that_ends_is_reported_with_its_last_lines(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "bin", "raise SystemExit('Port 7071 is unavailable.')", monkeypatch)
    host = CoreTools(app, {}, None)
    with running() as loop, pytest.raises(ChildFailed, match=r"Port 7071 is unavailable\."):
        loop.run(host.start())


def test_missing_func_is_reported_with_its_address(app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    host = CoreTools(app, {}, None)
    with running() as loop:
        with pytest.raises(CoreToolsMissing, match="is not on the PATH: https://"):
            loop.run(host.start())
        loop.run(host.stop())
