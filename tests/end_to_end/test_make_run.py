"""The command that a newcomer runs first: it has to work, show the main job, and fail when the books do not agree."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
SANDBOX = [sys.executable, "-m", "sandbox"]


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    # Wide enough that no line of the feed is cut; no colours to search around.
    return os.environ | {"COLUMNS": "160", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def once(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [*SANDBOX, "--once"]
    return subprocess.run(  # noqa: S603  fixed words
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_scene_ends_with_everything_arrived_as_typed(once: subprocess.CompletedProcess[str]) -> None:
    assert once.returncode == 0, once.stdout + once.stderr
    assert "Every change that Graph sent arrived exactly as typed." in once.stdout


@pytest.mark.parametrize(
    "shown",
    [
        r"\+ Chat ",
        r"\+ ChatMessage ",
        r"~ ChatMessage ",
        r"- ChatMessage ",
        r"\+ Channel ",
        r"~ Team ",
        r"- Team ",
        r"\+ ConversationMember ",
        r"ids only",
        r"RSA-2048 v1",
        r"RSA-2048 v2",
        r"RSA-4096 v[12]",
        r"\(blob\)",
        r"Subscriptions\s+│ 10, with 20 handshakes",
        r"Key Vault has version [0-9a-f]{32} \(RSA-4096\)",
    ],
)
def test_the_scene_shows(once: subprocess.CompletedProcess[str], shown: str) -> None:
    assert re.search(shown, once.stdout), once.stdout


def test_the_scene_has_at_least_twenty_changes(once: subprocess.CompletedProcess[str]) -> None:
    changes = re.search(r"Changes in Teams\s+│ (\d+)", once.stdout)
    assert changes is not None
    assert int(changes[1]) >= 20


@pytest.fixture
def state(tmp_path: Path) -> list[str]:
    return ["--state", str(tmp_path / "running.json")]


@pytest.fixture
def serving(environment: dict[str, str], state: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603  fixed words
        [*SANDBOX, *state], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return line
    raise AssertionError(seen)


@pytest.mark.timeout(120)
def test_a_message_from_a_second_terminal_arrives_and_ctrl_c_ends_it_all(
    serving: subprocess.Popen[str], state: list[str]
) -> None:
    _wait_for(serving, "Ctrl-C ends the sandbox.")
    # Long enough to be told from the scene, short enough for its column.
    subprocess.run([*SANDBOX, "send", "hello there, all", *state], cwd=REPOSITORY, timeout=30, check=True)  # noqa: S603  fixed words
    assert "+ ChatMessage " in _wait_for(serving, "Alex: hello there, all")
    settings = Path(state[1]).with_name("local.settings.json")
    listed = _listed(settings)
    assert (listed.returncode, listed.stdout.count(" active ")) == (0, 10), listed.stdout + listed.stderr
    serving.send_signal(signal.SIGINT)
    assert "as typed" in _wait_for(serving, "Every change")
    assert serving.wait(timeout=30) == 0
    assert not settings.exists()


def _listed(settings: Path) -> subprocess.CompletedProcess[str]:
    """Return what an operator in a second terminal gets to see of the subscriptions."""
    command = [sys.executable, "-m", "cli", "--settings", str(settings), "subscriptions", "list"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  fixed words
