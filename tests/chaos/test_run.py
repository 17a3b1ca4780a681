"""A short chaos run, and that it fails when a part of the app is disabled."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(300)]

REPOSITORY = Path(__file__).parents[2]


def _chaos(seed: int, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.chaos", "--minutes", "0.4", "--seed", f"{seed}", "--rate", "10"]
    environment = os.environ | {"COLUMNS": "160", "NO_COLOR": "1"}
    return subprocess.run(  # noqa: S603  fixed words
        [*command, *options], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=280, check=False
    )


def test_run_accounts_for_every_change() -> None:
    done = _chaos(1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything that happened in Teams is accounted for." in done.stdout
    counts = {name: int(count) for count, name in re.findall(r"(\d+) (live|redriven|recovered)", done.stdout)}
    assert all(counts[name] for name in ("live", "redriven", "recovered")), done.stdout


@pytest.mark.parametrize(("part", "outcome"), [("redrive", "lost"), ("catch-up", "not recovered")])
@pytest.mark.parametrize("seed", [1, 2])
def test_run_without_a_part_of_the_app_fails(part: str, outcome: str, seed: int) -> None:
    done = _chaos(seed, "--without", part)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"^{outcome}: (created|updated|deleted) ", done.stdout, re.MULTILINE), done.stdout
