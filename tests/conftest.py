"""What all tests share: how many processes they run in, and one storage account in each of these."""

import gc
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sandbox.azurite import Azurite
from tests.running_azurite import running_azurite

_SLOW = re.compile(r"^pytestmark = \[?pytest\.mark\.slow\b", re.MULTILINE)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one a core, or half as many more where tests wait for services; none where two would take as long."""
    cores = os.process_cpu_count() or 1
    if _without_slow(config):
        # To collect thousands of tests twice, and to hand on what became of each, takes longer than half of them.
        return cores if cores > 2 else 0
    return (3 * cores + 1) // 2


def _without_slow(config: pytest.Config) -> bool:
    return "not slow" in config.option.markexpr


def pytest_configure(config: pytest.Config) -> None:
    # How long an example takes on a busy machine says nothing of the code; what hangs is ended by the time-out.
    settings.register_profile("tests", deadline=None, max_examples=50)
    settings.register_profile("unit", settings.get_profile("tests"), max_examples=20)
    settings.load_profile("unit" if _without_slow(config) else "tests")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out unread what is slow as a whole: to import those modules takes as long as to run the others' tests."""
    if not _without_slow(config) or collection_path.suffix != ".py":
        return None
    return True if _SLOW.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of one ``xdist_group`` in one process: pytest-xdist writes the group where pytest 9.2 never reads.

    Source: https://github.com/pytest-dev/pytest-xdist/issues/1386
    """
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        group = item.get_closest_marker("xdist_group")
        if group is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
            item._id = type(item.id).parse(f"{item.nodeid}@{group.args[0]}")


def pytest_collection() -> None:
    # Thousands of tests live to the end: to look for garbage among them takes a quarter of the collection's time.
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    # What leaves sockets open, and may, must not leave them to a test that may not.
    if any("unclosed" in mark.args[0] for mark in item.iter_markers("filterwarnings")):
        gc.collect()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # What is missing on this machine is one line, however many tests need it.
    reports = terminalreporter.getreports("skipped")
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason}")


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One account for all tests of a process: each takes names, or tenants, of its own."""
    with running_azurite() as azurite:
        yield azurite


@pytest.fixture(scope="session")
def borrowed(azurite: Azurite) -> Azurite:
    """The same account, for tests that take no names of their own: its start empties it."""
    from tests.borrowed import Borrowed  # noqa: PLC0415  the Azure SDKs would delay the start of every process

    return Borrowed(azurite)
