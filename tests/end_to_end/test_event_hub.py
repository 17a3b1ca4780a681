"""The scene with an event hub instead of the queue: every change arrives as typed, large ones by way of their blobs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.event_hubs import WHY_SKIPPED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("make_run")]

REPOSITORY = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "sandbox", "--once", "--sink", "event-hub"]


def test_scene_arrives_as_typed_by_way_of_an_event_hub() -> None:
    pytest.importorskip("proton", reason=WHY_SKIPPED)
    environment = os.environ | {"COLUMNS": "160", "NO_COLOR": "1"}
    done = subprocess.run(  # noqa: S603  fixed words
        COMMAND, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Azurite, Event Hubs, Entra ID, Key Vault and Graph are up on loopback" in done.stdout
    assert "Every change that Graph sent arrived exactly as typed." in done.stdout
    assert re.search(r"\(blob\)", done.stdout), done.stdout
