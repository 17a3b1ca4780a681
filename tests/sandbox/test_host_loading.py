"""An app on the sandbox's host: how it is loaded, what settings it sees, and what the log says of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.sandbox.http_world import World, http_world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with http_world(tmp_path_factory.mktemp("http")) as world:
        yield world


def test_a_function_is_loaded_as_in_the_cloud(world: World) -> None:
    seen = world.echo()
    assert seen["module"] == "__app__.Echo"
    assert seen["path"][-1] == str(world.app)
    assert seen["path"].count(str(world.app)) == 1
    assert str(Path(__file__).parents[2]) not in seen["path"]
    assert seen["folder"] == str(world.app)
    assert seen["greeting"] == "hello"


def test_settings_come_from_the_file_unless_the_environment_has_them(world: World) -> None:
    environment = world.echo()["environment"]
    assert environment["FROM_FILE"] == "file"
    assert environment["FROM_BOTH"] == "environment"
    assert environment["EMPTY"] == "file"


def test_the_host_sees_only_the_environment_that_it_was_given(world: World) -> None:
    assert world.echo()["environment"].keys() - {"FROM_FILE", "FROM_BOTH", "EMPTY"} <= {
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TMPDIR",
        "TZ",
    }


def test_log_lines_name_the_function_and_the_invocation(world: World) -> None:
    invocation = world.echo()["id"]
    assert eventually(lambda: any("Executed" in line and invocation in line for line in world.host.lines))
    first, inside, last = (line for line in world.host.lines if f"[Echo {invocation}]" in line)
    reason = "This function was programmatically called via the host APIs."
    assert first.endswith(f"Executing 'Functions.Echo' (Reason='{reason}', Id={invocation})")
    assert " INFO echo [Echo" in inside
    assert f"Executed 'Functions.Echo' (Succeeded, Id={invocation}, Duration=" in last


def test_a_failure_is_logged_with_its_trace(world: World) -> None:
    begun = len(world.host.lines)
    world.post("/api/Raises")
    assert eventually(lambda: "ValueError: boom" in world.host.lines[begun:])
    assert any("Executed 'Functions.Raises' (Failed, Id=" in line for line in world.host.lines[begun:])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Echo: [GET,POST] {url}/api/Echo", id="methods"),
        pytest.param("Route: {url}/api/things/{{kind}}/{{*rest}}", id="template"),
        pytest.param("The 'Broken' function failed to load: ModuleNotFoundError", id="import"),
        pytest.param("The 'Misfit' function failed to load: FunctionLoadError", id="signature"),
        pytest.param("The 'Queue' function is in error: The binding type(s) 'queue' are not registered.", id="binding"),
        pytest.param("Listening on {url}", id="ready"),
    ],
)
def test_the_start_lists_what_there_is_and_what_is_wrong(world: World, text: str) -> None:
    expected = text.format(url=world.host.url)
    assert any(expected in line for line in world.host.lines)


def test_the_host_status_says_running(world: World) -> None:
    answer = world.session.get(world.host.url + "/admin/host/status", timeout=10)
    assert answer.json()["state"] == "Running"
