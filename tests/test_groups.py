"""Tests that share a service which is slow to start stay together in one of the processes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[1]
GROUPED = """
import pytest

pytestmark = pytest.mark.xdist_group("together")


@pytest.mark.parametrize("number", range(6))
def test_one(number):
    pass
"""


def test_tests_of_one_group_run_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "test_grouped.py").write_text(GROUPED, encoding="utf-8")
    plugins = ["-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(  # noqa: S603  fixed words
        [sys.executable, "-m", "pytest", "-v", "-n", "2", "--dist", "loadgroup", *plugins, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    # By chance they could be in one process: the name of the group shows that it counts.
    workers = re.findall(r"\[(gw\d)\] .* PASSED .*@together", done.stdout)
    assert len(workers) == 6, done.stdout + done.stderr
    assert len(set(workers)) == 1
