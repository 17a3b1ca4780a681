"""The sandbox's host as a process: its start, its stop, its kill, and the kill of its parent."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest
import requests

from sandbox.child import ChildFailed
from sandbox.host.process import FunctionsHost
from tests.eventually import eventually
from tests.sandbox.background import running
from tests.sandbox.function_apps import hosting, write_host_json, write_http_function, write_timer_function

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
SLOW = """
    import time

    def main(req: func.HttpRequest) -> func.HttpResponse:
        time.sleep(1)
        return func.HttpResponse("done")
"""
SLOW_TIMER = """
    import time

    def main(timer: func.TimerRequest) -> None:
        time.sleep(2)
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    app = write_host_json(tmp_path / "app")
    write_http_function(app, "Slow", SLOW)
    return app


def test_stop_waits_for_the_invocations_in_flight(app: Path) -> None:
    write_timer_function(app, "Timer", SLOW_TIMER)
    host = FunctionsHost(app, {}, None)
    with hosting(host) as loop, ThreadPoolExecutor() as pool:
        requests.post(f"{host.url}/admin/functions/Timer", json={}, timeout=10)
        answer = pool.submit(requests.get, f"{host.url}/api/Slow", timeout=10)
        assert eventually(lambda: sum("Executing 'Functions." in line for line in host.lines) == 2)
        assert loop.run(host.stop()) == 0
        assert answer.result().text == "done"
    assert sum("(Succeeded, Id=" in line for line in host.lines) == 2


def test_killed_host_refuses_connections_until_its_next_start(app: Path) -> None:
    host = FunctionsHost(app, {}, None)
    with hosting(host) as loop:
        loop.run(host.kill())
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{host.url}/api/Slow", timeout=10)
        loop.run(host.start())
        assert requests.get(f"{host.url}/api/Slow", timeout=10).text == "done"


def test_lines_are_passed_on_as_they_are_written(app: Path) -> None:
    passed_on: list[str] = []
    host = FunctionsHost(app, {}, None, on_line=passed_on.append)
    with hosting(host):
        assert any(line.endswith(f"Listening on {host.url}") for line in passed_on)
    assert passed_on == host.lines


@pytest.mark.parametrize(
    ("host_json", "sentence"),
    [
        pytest.param(None, "host.json in .* cannot be read", id="missing"),
        pytest.param("{}", "host.json must contain a 'version' property with value '2.0'.", id="no version"),
        pytest.param('{"version": "2.0", "functionTimeout": "5m"}', "'5m' is not a time span", id="time span"),
    ],
)
def test_bad_host_json_ends_the_start_with_a_sentence(tmp_path: Path, host_json: str | None, sentence: str) -> None:
    if host_json is not None:
        (tmp_path / "host.json").write_text(host_json)
    host = FunctionsHost(tmp_path, {}, None)
    with running() as loop, pytest.raises(ChildFailed, match=sentence):
        loop.run(host.start())
    assert not any("Traceback" in line for line in host.lines)


def test_stopping_a_host_that_was_never_started_is_harmless(app: Path) -> None:
    with running() as loop:
        assert loop.run(FunctionsHost(app, {}, None).stop()) is None


def test_host_ends_when_the_process_that_started_it_is_killed(app: Path) -> None:
    script = """
        import asyncio, sys
        from pathlib import Path
        from sandbox.host.process import FunctionsHost

        async def main():
            host = FunctionsHost(Path(sys.argv[1]), {}, None)
            await host.start()
            print(host.url, flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """
    command = [sys.executable, "-c", dedent(script), str(app)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert requests.get(f"{url}/admin/host/status", timeout=10).ok
        os.kill(parent.pid, signal.SIGKILL)

    def is_gone() -> bool:
        try:
            requests.get(f"{url}/admin/host/status", timeout=10)
        except requests.ConnectionError:
            return True
        return False

    assert eventually(is_gone)


def test_host_can_be_started_at_the_command_line(app: Path) -> None:
    command = [sys.executable, "-m", "sandbox.host", "--app-root", str(app), "--port", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as host:
        assert host.stderr is not None
        url = next(line for line in host.stderr if "Listening on " in line).split()[-1]
        assert requests.get(f"{url}/api/Slow", timeout=10).text == "done"
        host.send_signal(signal.SIGINT)
        assert host.wait(timeout=10) == 0
