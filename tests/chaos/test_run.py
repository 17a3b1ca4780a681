"""A short chaos run, and that it fails when a part of the app is disabled."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

# A run takes a minute or two; on a machine with other work, many times that.
pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(1260)]

REPOSITORY = Path(__file__).parents[2]


def _chaos(seed: int, *options: str) -> subprocess.CompletedProcess[str]:
    # Several runs share the machine.
    command = [sys.executable, "-m", "tests.chaos", "--busy", "--minutes", "0.4", "--seed", f"{seed}", "--rate", "10"]
    environment = os.environ | {"COLUMNS": "160", "NO_COLOR": "1"}
    return subprocess.run(  # noqa: S603  fixed words
        [*command, *options], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=1200, check=False
    )


SERVED, NOT_SERVED = "strangers: in a tenant that is served", "strangers: in a tenant that is not served"
REFUSED = "the neighbouring tenant: refused"
MOVED = "people: NOTIFICATION_URL changed"
SILENT = "Key Vault: silent"
EMPTY, SHORT = "Graph's lists of subscriptions: empty", "Graph's lists of subscriptions: without some"
TROUBLES = (NOT_SERVED, SERVED, REFUSED, MOVED, SILENT, EMPTY, SHORT)
MET = (
    "items of strangers",
    "lists that forgot",
    "moves to another URL",
    "requests refused in a tenant",
    "requests to a silent vault",
)


def test_run_accounts_for_every_change() -> None:
    done = _chaos(1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything that happened in Teams is accounted for." in done.stdout
    counts = {name: int(count) for count, name in re.findall(r"(\d+) (live|redriven|recovered)", done.stdout)}
    assert all(counts[name] for name in ("live", "redriven", "recovered")), done.stdout


@pytest.mark.parametrize(("part", "outcome", "seed"), [("redrive", "lost", 1), ("catch-up", "not recovered", 2)])
def test_run_without_a_part_of_the_app_fails(part: str, outcome: str, seed: int) -> None:
    done = _chaos(seed, "--without", part)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"^{outcome}: (created|updated|deleted) ", done.stdout, re.MULTILINE), done.stdout


def test_run_meets_troubles_one_at_a_time_and_accounts_for_every_change() -> None:
    # Later options win. One trouble begins every eight seconds.
    done = _chaos(1, "--minutes", "1", *(word for trouble in TROUBLES for word in ("--only", trouble)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f" s  {trouble} (" in done.stdout for trouble in TROUBLES), done.stdout
    table = " ".join(" ".join(re.findall(r"│ ([^│]*) │$", done.stdout, re.MULTILINE)).split())
    assert [met for met in MET if not re.search(rf"[1-9]\d* x {met}", table)] == [], done.stdout


@pytest.mark.parametrize(
    ("trouble", "rule", "broken"),
    [
        (NOT_SERVED, "client states", "unfinished: parked"),
        (SERVED, "client states", "events come from a stranger's subscription"),
        (REFUSED, "gaps of removed subscriptions", "changes are missing"),
        (MOVED, "gaps of replaced subscriptions", "changes are missing"),
        (SILENT, "silence of the vault", "unfinished: quarantine"),
        (EMPTY, "known ids", "for a subscription that it knew"),
        (SHORT, "known ids", "for a subscription that it knew"),
    ],
)
def test_run_without_the_rule_that_a_trouble_is_for_fails(trouble: str, rule: str, broken: str) -> None:
    done = _chaos(1, "--only", trouble, "--without", rule)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"^.*({broken})", done.stdout, re.MULTILINE), done.stdout
