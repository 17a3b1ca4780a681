"""A short chaos run with an event hub in place of the queue, whose faults befall the hub."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.event_hubs import WHY_SKIPPED

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(1260)]

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.chaos", "--minutes", "0.4", "--seed", "1", "--busy", "--sink", "event-hub"]


def test_run_with_an_event_hub_accounts_for_every_change() -> None:
    pytest.importorskip("proton", reason=WHY_SKIPPED)
    environment = os.environ | {"COLUMNS": "160", "NO_COLOR": "1"}
    done = subprocess.run(  # noqa: S603  fixed words
        COMMAND, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything that happened in Teams is accounted for." in done.stdout
