"""The rules of the sandbox's host that need no process: schedules, retries, settings, routes and keys."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.host.functions import Function, HttpTrigger, Retry, read_functions
from sandbox.host.keys import Keys
from sandbox.host.routes import Routes
from sandbox.host.schedules import check_schedule, occurrences
from sandbox.host.settings import BadSettings, HostJson, add_local_settings, resolve, time_span
from tests.sandbox.function_apps import OUT, http_trigger, timer_trigger, write_function, write_host_json

FRIDAY = datetime(2026, 11, 13, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param("0 */5 * * * *", ["2026-11-13T12:05:00", "2026-11-13T12:10:00"], id="seconds come first"),
        pytest.param("*/5 * * * *", ["2026-11-13T12:05:00", "2026-11-13T12:10:00"], id="five fields have none"),
        pytest.param("30 0 9 * * MON-WED", ["2026-11-16T09:00:30", "2026-11-17T09:00:30"], id="names of days"),
        pytest.param("0 0 0 13 * FRI", ["2027-08-13T00:00:00", "2028-10-13T00:00:00"], id="both days must fit"),
    ],
)
def test_a_schedule_means_what_ncrontab_says(schedule: str, expected: list[str]) -> None:
    check_schedule(schedule)
    assert [moment.isoformat()[:19] for moment in occurrences(schedule, FRIDAY, 2)] == expected


@pytest.mark.parametrize("schedule", ["", "x", "@daily", "00:05:00", "61 * * * * *", "* * * *", "0 0 0 1 1 * 2030"])
def test_what_is_not_ncrontab_is_refused(schedule: str) -> None:
    with pytest.raises(BadSettings, match="was not recognized as a valid cron expression"):
        check_schedule(schedule)


def test_exponential_backoff_doubles_up_to_its_maximum() -> None:
    retry = Retry(max_count=-1, minimum=timedelta(seconds=4), maximum=timedelta(seconds=30))
    assert [retry.pause(attempt).total_seconds() for attempt in (0, 1, 2, 3, 10_000)] == [4, 8, 16, 30, 30]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:05:00", timedelta(minutes=5)),
        ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("00:00:00.25", timedelta(milliseconds=250)),
    ],
)
def test_time_spans_are_dotnet_s(text: str, expected: timedelta) -> None:
    assert time_span(text) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param({}, HostJson(route_prefix="api", function_timeout=timedelta(minutes=30)), id="defaults"),
        pytest.param({"functionTimeout": "-1"}, HostJson(function_timeout=None), id="no limit"),
        pytest.param({"extensions": {"http": {"routePrefix": ""}}}, HostJson(route_prefix=""), id="no prefix"),
    ],
)
def test_host_json_has_the_documented_defaults(tmp_path: Path, content: dict[str, Any], expected: HostJson) -> None:
    assert HostJson.read(write_host_json(tmp_path, **content)) == expected


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"IsEncrypted": True}, "is encrypted"),
        ({"Values": {"A": {"nested": 1}}}, "the value of A is not text"),
        ([], "is not a JSON object"),
    ],
)
def test_local_settings_that_cannot_be_used_are_refused(tmp_path: Path, content: object, sentence: str) -> None:
    (tmp_path / "local.settings.json").write_text(json.dumps(content))
    with pytest.raises(BadSettings, match=sentence):
        add_local_settings(tmp_path, {})


def test_local_settings_may_be_missing_have_a_byte_order_mark_and_hold_nulls(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    add_local_settings(tmp_path, environment)
    (tmp_path / "local.settings.json").write_text('\ufeff{"Values": {"A": "1", "B": null}}', encoding="utf-8")
    add_local_settings(tmp_path, environment)
    assert environment == {"A": "1"}


def test_a_name_between_percent_signs_stands_for_a_setting() -> None:
    assert resolve("0 %MINUTES% * * * *", {"MINUTES": "*/5"}) == "0 */5 * * * *"
    with pytest.raises(BadSettings, match="'%MINUTES%' does not resolve to a value"):
        resolve("%MINUTES%", {"MINUTES": ""})


@pytest.mark.parametrize(
    ("bindings", "more", "reason"),
    [
        pytest.param((), {}, "At least one binding", id="no binding"),
        pytest.param((OUT,), {}, "No trigger binding", id="no trigger"),
        pytest.param((http_trigger(), timer_trigger("* * * * *")), {}, "Multiple trigger bindings", id="two triggers"),
        pytest.param(({"type": "httpTrigger"},), {}, "must have a name", id="no name"),
        pytest.param((http_trigger(authLevel="user"),), {}, "'user' is not an auth", id="authorization level"),
        pytest.param((timer_trigger("00:05:00"),), {}, "not recognized", id="schedule"),
        pytest.param((http_trigger(),), {"retry": {"strategy": "hope", "maxRetryCount": 1}}, "'hope'", id="strategy"),
        pytest.param((http_trigger(),), {"retry": {"strategy": "fixedDelay"}}, "maxRetryCount", id="retry count"),
    ],
)
def test_a_function_json_in_error_names_its_reason(
    tmp_path: Path, bindings: tuple[dict[str, Any], ...], more: dict[str, Any], reason: str
) -> None:
    write_function(tmp_path, "Bad", *bindings, source="", **more)
    write_function(tmp_path, "Good", http_trigger(), source="")
    functions, errors = read_functions(tmp_path, {})
    assert [function.name for function in functions] == ["Good"]
    assert reason in errors["Bad"]


def function(route: str, *methods: str) -> Function:
    return Function(
        name=route,
        script_file=Path("x"),
        entry_point="main",
        bindings=(),
        trigger_name="req",
        trigger=HttpTrigger(route=route, methods=frozenset(methods), auth_level="anonymous"),
        response=None,
        retry=None,
    )


def test_two_functions_may_share_a_route_by_method() -> None:
    routes = Routes("api")
    assert routes.add([function("{id}", "GET"), function("{name}", "PUT")]) == {}
    found = routes.find("PUT", "/api/x")
    assert found is not None
    assert found.params == {"name": "x"}
    assert routes.find("POST", "/api/x") is None


def test_a_route_with_a_constraint_is_an_error_not_a_wrong_match() -> None:
    errors = Routes("api").add([function("{id:int}"), function("x")])
    assert list(errors) == ["{id:int}"]


def test_keys_do_not_show_in_a_log() -> None:
    assert "hidden" not in repr(Keys(function_keys=("hidden",), master_key="hidden"))


def test_without_keys_everything_is_open() -> None:
    assert Keys().admit("", "admin")
