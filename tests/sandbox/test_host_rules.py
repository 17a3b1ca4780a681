"""The rules of the sandbox's host that need no process: schedules, settings and the forms of its files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.host.functions import read_functions
from sandbox.host.schedules import check_schedule, next_occurrence
from sandbox.host.settings import BadSettings, HostJson, add_local_settings, time_span
from sandbox.host.web import Keys
from tests.sandbox.function_apps import write_function, write_host_json, write_http_function, write_timer_function

FRIDAY = datetime(2026, 11, 13, 12, 0, 0, tzinfo=UTC)
RETRY = {"strategy": "exponentialBackoff", "maxRetryCount": 1}


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param("0 */5 * * * *", "2026-11-13T12:05:00", id="seconds come first"),
        pytest.param("*/5 * * * *", "2026-11-13T12:05:00", id="five fields have none"),
        pytest.param("30 0 9 * * MON-WED", "2026-11-16T09:00:30", id="names of days"),
        pytest.param("0 0 0 13 * FRI", "2027-08-13T00:00:00", id="both days must fit"),
    ],
)
def test_schedule_has_the_meaning_of_ncrontab(schedule: str, expected: str) -> None:
    check_schedule(schedule)
    assert next_occurrence(schedule, FRIDAY).isoformat()[:19] == expected


@pytest.mark.parametrize("schedule", ["", "x", "@daily", "00:05:00", "61 * * * * *", "* * * *", "0 0 0 1 1 * 2030"])
def test_schedule_that_is_not_ncrontab_is_refused(schedule: str) -> None:
    with pytest.raises(BadSettings, match="was not recognized as a valid cron expression"):
        check_schedule(schedule)


@pytest.mark.parametrize(
    ("text", "expected"), [("00:05:00", timedelta(minutes=5)), ("01:00:00.25", timedelta(hours=1, milliseconds=250))]
)
def test_time_span_has_the_form_of_dotnet(text: str, expected: timedelta) -> None:
    assert time_span(text) == expected


def test_host_json_has_the_documented_defaults(tmp_path: Path) -> None:
    assert HostJson.read(write_host_json(tmp_path)) == HostJson(
        route_prefix="api", function_timeout=timedelta(minutes=30)
    )


def test_local_settings_may_be_missing_but_not_unreadable(tmp_path: Path) -> None:
    add_local_settings(tmp_path, {})
    (tmp_path / "local.settings.json").write_text("[]")
    with pytest.raises(BadSettings, match="is not a JSON object"):
        add_local_settings(tmp_path, {})


def test_function_in_error_leaves_the_others_working(tmp_path: Path) -> None:
    write_timer_function(tmp_path, "NoSetting", "", schedule="%MINUTES%")
    write_function(tmp_path, "NoTrigger", source="")
    write_http_function(tmp_path, "Good", "")
    functions, errors = read_functions(tmp_path, {"MINUTES": ""})
    assert [function.name for function in functions] == ["Good"]
    assert errors == {
        "NoSetting": "'%MINUTES%' does not resolve to a value.",
        "NoTrigger": "A function must have exactly one trigger binding.",
    }


@pytest.mark.parametrize(
    ("schedule", "more", "reason"),
    [
        pytest.param("0 %MINUTES% * * * *", {}, None, id="good"),
        pytest.param("00:05:00", {}, "not recognized", id="schedule"),
        pytest.param("* * * * *", {"retry": RETRY}, "no retry strategy 'exponentialBackoff'", id="retry"),
    ],
)
def test_function_json_is_read_or_names_its_error(
    tmp_path: Path, schedule: str, more: dict[str, Any], reason: str | None
) -> None:
    write_timer_function(tmp_path, "Timer", "", schedule=schedule, **more)
    functions, errors = read_functions(tmp_path, {"MINUTES": "*/5"})
    assert bool(functions) == (reason is None)
    assert (reason or "") in errors.get("Timer", "")


def test_keys_do_not_show_in_a_log() -> None:
    assert "hidden" not in repr(Keys(function_key="hidden", master_key="hidden"))
