"""What the real host does beside the ordinary: late timers, draining, encoded bodies, and starts from a placeholder."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from sandbox.host.process import FunctionsHost
from sandbox.host.server import DRAIN_TIME
from tests.eventually import eventually
from tests.sandbox.function_apps import hosting, write_host_json, write_http_function, write_timer_function

pytestmark = pytest.mark.slow

HOURLY = "0 0 * * * *"
LOGS = """
    import logging

    def main(timer: func.TimerRequest) -> None:
        logging.info("past due %s", timer.past_due)
"""
LASTS = """
    import time

    def main(timer: func.TimerRequest) -> None:
        time.sleep(1.3)
"""
ENDLESS = """
    import time

    def main(timer: func.TimerRequest) -> None:
        time.sleep(60)
"""
ECHO = """
    def main(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(req.get_body(), headers={"X-Encoding": req.headers.get("content-encoding", "")})
"""
THREADS = """
    import os, threading

    _LOCK, _TOGETHER, _now = threading.Lock(), threading.Event(), 0

    def main(req: func.HttpRequest) -> func.HttpResponse:
        global _now
        with _LOCK:
            _now += 1
            if _now == int(req.params["at_once"]):
                _TOGETHER.set()
        together = _TOGETHER.wait(float(req.params["seconds"]))
        with _LOCK:
            _now -= 1
        return func.HttpResponse(f"{os.environ['PYTHON_THREADPOOL_THREAD_COUNT']} {together}")
"""
AT_ONCE = 48


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return write_host_json(tmp_path / "app", extensions={"http": {"routePrefix": ""}})


def _status_file(app: Path) -> Path:
    return Path(f"{app}.timers.json")


def _recorded(app: Path, due: datetime) -> None:
    _status_file(app).write_text(json.dumps({"Hourly": due.isoformat()}))


def _runs(host: FunctionsHost, name: str) -> list[str]:
    return [line for line in host.lines if f"Executed 'Functions.{name}' (" in line]


def test_timer_that_was_due_while_the_host_was_down_runs_past_due(app: Path) -> None:
    write_timer_function(app, "Hourly", LOGS, schedule=HOURLY)
    _recorded(app, datetime.now(UTC) - timedelta(hours=3))
    host = FunctionsHost(app, {}, None)
    with hosting(host):
        assert eventually(lambda: len(_runs(host, "Hourly")) == 1)
        assert any(line.endswith("past due True") for line in host.lines)
        # Once for all the hours that have passed; then it is due within the hour.
        assert eventually(
            lambda: datetime.fromisoformat(json.loads(_status_file(app).read_text())["Hourly"]) > datetime.now(UTC)
        )
    assert len(_runs(host, "Hourly")) == 1


def test_timer_that_is_not_due_yet_waits(app: Path) -> None:
    write_timer_function(app, "Hourly", LOGS, schedule=HOURLY)
    write_timer_function(app, "Often", LOGS, schedule="* * * * * *")
    _recorded(app, datetime.now(UTC) + timedelta(minutes=1))
    host = FunctionsHost(app, {}, None)
    with hosting(host):
        assert eventually(lambda: len(_runs(host, "Often")) >= 2)
    assert _runs(host, "Hourly") == []
    # One that runs more often than once a minute is not recorded.
    assert json.loads(_status_file(app).read_text()).keys() == {"Hourly"}


def test_run_that_outlasts_its_interval_is_followed_by_another_at_once(app: Path) -> None:
    write_timer_function(app, "Long", LASTS, schedule="* * * * * *")
    host = FunctionsHost(app, {}, None)
    with hosting(host):
        assert eventually(lambda: len(_runs(host, "Long")) >= 3)
    times = [line[:23] for line in host.lines if "'Functions.Long' (" in line]
    ended, begun = (datetime.fromisoformat(each) for each in times[1:3])
    assert begun - ended < timedelta(seconds=0.2)


def test_invocation_longer_than_draining_is_cut_off(app: Path) -> None:
    write_timer_function(app, "Endless", ENDLESS)
    host = FunctionsHost(app, {}, None)
    with hosting(host) as loop:
        assert requests.post(f"{host.url}/admin/functions/Endless", json={}, timeout=10).status_code == 202
        assert eventually(lambda: any("Executing 'Functions.Endless'" in line for line in host.lines))
        began = time.monotonic()
        assert loop.run(host.stop()) == 1
    assert timedelta(seconds=time.monotonic() - began) == pytest.approx(DRAIN_TIME, abs=timedelta(seconds=3))


def test_gzip_body_arrives_as_it_was_sent(app: Path) -> None:
    write_http_function(app, "Echo", ECHO)
    body = gzip.compress(b'{"value": []}')
    host = FunctionsHost(app, {}, None)
    with hosting(host):
        answer = requests.post(f"{host.url}/Echo", data=body, headers={"Content-Encoding": "gzip"}, timeout=10)
    assert (answer.content, answer.headers["X-Encoding"]) == (body, "gzip")


@pytest.mark.parametrize(
    ("arguments", "seconds", "is_enough"),
    [([], 20, True), (["--from-placeholder"], 0.1, False)],
    ids=["with settings", "placeholder"],
)
def test_worker_from_a_placeholder_has_its_threads_before_its_settings(
    app: Path, arguments: list[str], seconds: float, *, is_enough: bool
) -> None:
    write_http_function(app, "Threads", THREADS)
    host = FunctionsHost(app, {"PYTHON_THREADPOOL_THREAD_COUNT": f"{AT_ONCE}"}, None, arguments=arguments)
    with hosting(host), ThreadPoolExecutor(AT_ONCE) as pool:
        url = f"{host.url}/Threads?at_once={AT_ONCE}&seconds={seconds}"
        answers = {answer.text for answer in pool.map(lambda _: requests.get(url, timeout=60), range(AT_ONCE))}
    assert answers == {f"{AT_ONCE} {is_enough}"}
