"""Sandboxes end at once and cleanly, whatever ends them; there is one at a time in a clone, and it can be found."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from sandbox.run.only_one import AlreadyRuns, only_one
from sandbox.run.send_endpoint import Address
from tests.sandbox.verbs.running_sandbox import ENVIRONMENT, REPOSITORY, SANDBOX, read_to, started

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ending"), pytest.mark.timeout(300)]


def test_scene_takes_verbs_tolerates_no_second_one_and_ends_at_once(tmp_path: Path) -> None:
    state = tmp_path / "running.json"
    with started(tmp_path) as process:
        try:
            read_to(tmp_path, "A chat")
            address = Address.read(state)
            assert address.ask("queue", {})["playing"] is True
            address.ask("do", {"verb": "write", "text": "in between", "as": "Alex", "in": "Stand-up"})
            read_to(tmp_path, "Alex: in between")
            second = subprocess.run(
                [*SANDBOX, "--state", str(state)],
                cwd=REPOSITORY,
                env=ENVIRONMENT,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 128 + signal.SIGINT
        finally:
            process.kill()
    assert second.returncode == 2
    where = rf"A sandbox runs in this clone already: process {process.pid}\b.* in {re.escape(str(REPOSITORY))}, since"
    assert re.fullmatch(rf"{where}.*\n", second.stderr)
    _ended_cleanly(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sandbox_that_starts_ends_with_the_status_of_the_signal(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as process:
        try:
            read_to(tmp_path, "are up on loopback")
            process.send_signal(number)
            assert process.wait(timeout=60) == 128 + number
        finally:
            process.kill()
    _ended_cleanly(tmp_path)


def test_sandbox_ends_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    command = [*SANDBOX, "--state", str(tmp_path / "running.json")]
    with (
        (tmp_path / "output.txt").open("wb") as errors,
        subprocess.Popen(command, cwd=REPOSITORY, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 128 + signal.SIGPIPE
    _ended_cleanly(tmp_path)


def _ended_cleanly(folder: Path) -> None:
    assert "Traceback" not in (folder / "output.txt").read_text()
    assert not (folder / "running.json").exists()


def test_lock_is_free_after_its_holder(tmp_path: Path) -> None:
    state = tmp_path / "running.json"
    with only_one(state), pytest.raises(AlreadyRuns), only_one(state):
        pass
    with only_one(state):
        pass
