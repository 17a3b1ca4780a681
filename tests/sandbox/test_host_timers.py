"""Timer functions on the sandbox's host: schedules, retries, the admin API; time limits and keys of both kinds."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox.host.process import FunctionsHost
from tests.eventually import eventually
from tests.sandbox.function_apps import hosting, write_host_json, write_http_function, write_timer_function

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("host_timers")]

EVERY_SECOND = "* * * * * *"
RETRY = {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:00.1"}
LOGS = """
    import logging

    def main(timer: func.TimerRequest, context: func.Context) -> None:
        retry = context.retry_context
        logging.info("past due %s, retry %s of %s", timer.past_due, retry.retry_count, retry.max_retry_count)
"""
FAILS = LOGS + "        raise ValueError('again')\n"
SLOW = """
    import time

    def main(timer: func.TimerRequest) -> None:
        time.sleep(1.2)
"""
SLEEPS = """
    import asyncio, time

    async def main(req: func.HttpRequest) -> func.HttpResponse:
        try:
            await asyncio.sleep(30)
        finally:
            print("cancelled")
"""
BLOCKS = """
    import time

    def main(req: func.HttpRequest) -> func.HttpResponse:
        time.sleep(3)
        return func.HttpResponse("late")
"""
TRIVIAL = "def main(req):\n    return func.HttpResponse()\n"


def write_app(app: Path) -> Path:
    write_host_json(app, functionTimeout="00:00:02", extensions={"http": {"routePrefix": ""}})
    write_timer_function(app, "EverySecond", LOGS, schedule="%SCHEDULE%")
    write_timer_function(app, "Slow", SLOW, schedule=EVERY_SECOND)
    write_timer_function(app, "ByHand", LOGS)
    write_timer_function(app, "Retried", FAILS, schedule=EVERY_SECOND, retry=RETRY)
    write_timer_function(app, "RetriedByHand", FAILS, retry=RETRY)
    write_timer_function(app, "NoSetting", LOGS, schedule="%NO_SUCH_SETTING%")
    write_http_function(app, "Sleeps", SLEEPS)
    write_http_function(app, "Blocks", BLOCKS)
    for level in ("anonymous", "function", "admin"):
        write_http_function(app, level.title(), TRIVIAL, authLevel=level)
    return app


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionsHost]:
    app = write_app(tmp_path_factory.mktemp("timers") / "app")
    keys = ["--function-key", "function", "--master-key", "master"]
    host = FunctionsHost(app, {"SCHEDULE": EVERY_SECOND}, None, arguments=keys)
    with hosting(host):
        yield host


def runs(host: FunctionsHost, name: str, word: str = "Executed") -> list[str]:
    return [line for line in host.lines if f"{word} 'Functions.{name}' (" in line]


def fire(
    host: FunctionsHost, name: str, *, key: str = "master", content_type: str = "application/json", data: str = "{}"
) -> int:
    headers = {"x-functions-key": key, "content-type": content_type}
    return requests.post(f"{host.url}/admin/functions/{name}", data=data, headers=headers, timeout=10).status_code


def test_timer_runs_on_its_schedule(host: FunctionsHost) -> None:
    assert eventually(lambda: len(runs(host, "EverySecond")) >= 3)
    assert "Reason='Timer fired at " in runs(host, "EverySecond", "Executing")[0]
    assert any("past due False, retry 0 of 0" in line for line in host.lines)


def test_runs_of_a_timer_never_overlap(host: FunctionsHost) -> None:
    assert eventually(lambda: len(runs(host, "Slow")) >= 2)
    words = [line.split(" 'Functions.Slow'")[0].split()[-1] for line in host.lines if "'Functions.Slow' (" in line]
    assert words[:4] == ["Executing", "Executed", "Executing", "Executed"]


def test_failed_run_is_retried_under_a_new_id_as_the_policy_says(host: FunctionsHost) -> None:
    assert eventually(lambda: len(runs(host, "Retried")) >= 3)
    failed = [match[1] for line in runs(host, "Retried") if (match := re.search(r"\(Failed, Id=([0-9a-f-]{36})", line))]
    attempts = [line[-6:] for id_ in failed[:3] for line in host.lines if f"[{id_}]" in line and "past due" in line]
    assert attempts == ["0 of 2", "1 of 2", "2 of 2"]


def test_timer_can_be_run_by_hand_whatever_the_case_of_its_name(host: FunctionsHost) -> None:
    assert fire(host, "byhand") == 202
    assert eventually(lambda: len(runs(host, "ByHand")) == 1)
    assert "via the host APIs" in runs(host, "ByHand", "Executing")[0]


def test_run_by_hand_is_not_retried(host: FunctionsHost) -> None:
    assert fire(host, "RetriedByHand") == 202
    # Two ticks of another timer are far more than the policy's pauses.
    ticks = len(runs(host, "EverySecond"))
    assert eventually(lambda: len(runs(host, "EverySecond")) >= ticks + 2)
    assert len(runs(host, "RetriedByHand")) == 1


@pytest.mark.parametrize(
    ("name", "more", "status"),
    [
        pytest.param("Unknown", {}, 404, id="no such function"),
        pytest.param("Anonymous", {}, 404, id="not a timer"),
        pytest.param("NoSetting", {}, 404, id="a function in error"),
        pytest.param("ByHand", {"key": "function"}, 401, id="a function key is not enough"),
        pytest.param("ByHand", {"content_type": "text/plain"}, 415, id="the body must say that it is JSON"),
        pytest.param("ByHand", {"data": ""}, 400, id="no body"),
    ],
)
def test_admin_api_refuses(host: FunctionsHost, name: str, more: dict[str, str], status: int) -> None:
    assert fire(host, name, **more) == status


@pytest.mark.parametrize("name", ["Sleeps", "Blocks"])
def test_run_over_the_time_limit_is_500(host: FunctionsHost, name: str) -> None:
    assert requests.get(f"{host.url}/{name}", timeout=10).status_code == 500
    limit = f"Timeout value of 00:00:02 was exceeded by function: Functions.{name}"
    # The answer may overtake the log.
    assert eventually(lambda: limit in host.lines)
    assert eventually(lambda: name == "Blocks" or "cancelled" in host.lines)


@pytest.mark.parametrize(
    ("name", "key", "status"),
    [
        ("Anonymous", "", 200),
        ("Function", "", 401),
        ("Function", "kéy", 401),
        ("Function", "function", 200),
        ("Function", "master", 200),
        ("Admin", "function", 401),
        ("Admin", "master", 200),
    ],
)
def test_key_opens_the_levels_it_is_for(host: FunctionsHost, name: str, key: str, status: int) -> None:
    answer = requests.get(f"{host.url}/{name}", params={"code": key}, timeout=10)
    assert (answer.status_code, answer.content) == (status, b"")
    header = {"x-functions-key": key.encode()}
    assert requests.get(f"{host.url}/{name}", headers=header, timeout=10).status_code == status


def test_key_in_the_header_wins_over_the_query(host: FunctionsHost) -> None:
    headers = {"x-functions-key": "wrong"}
    assert requests.get(f"{host.url}/Function?code=function", headers=headers, timeout=10).status_code == 401
