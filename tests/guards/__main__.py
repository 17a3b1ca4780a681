"""``python -m tests.guards [name...]``: remove each guard in a copy of the repository, and see its test fail.

Without names all guards are tried; a name is any part of a guard's. The exit status is 1 when any guard survived, that
is, when its test passed without it, or broke in another way than by failing.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import cache_from_source
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.table import Column, Table

from tests.guards.guard import REPOSITORY, Guard
from tests.guards.listed import GUARDS

_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "node_modules", "__pycache__")
_PACKAGES = Path("sandbox/node_modules")
_AT_A_TIME = 2
_PASSED, _FAILED = 0, 1
_WORDS = {_PASSED: "SURVIVED", _FAILED: "killed"}


def main(names: Sequence[str]) -> int:
    """Try the guards that ``names`` choose, and return the exit status."""
    console = Console()
    guards = [guard for guard in GUARDS if not names or any(name in guard.name for name in names)]
    if not guards:
        console.print("no guard has such a name")
        return 1
    with tempfile.TemporaryDirectory(prefix="guards-") as folder, ThreadPoolExecutor(_AT_A_TIME) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(_AT_A_TIME):
            copies.put(_copied(Path(folder) / str(number)))
        # In a copy, or a test that only fails there would pass for one that misses its guard.
        if _run(Path(folder) / "0", sorted({guard.test for guard in guards})) != _PASSED:
            console.print("the tests do not pass with all guards in place")
            return 1
        results = list(zip(guards, pool.map(lambda guard: _without(guard, copies), guards), strict=True))
    console.print(_table(results))
    return 0 if all(status == _FAILED for _, status in results) else 1


def _copied(copy: Path) -> Path:
    """Return a copy of the repository that tests can be run in."""
    shutil.copytree(REPOSITORY, copy, ignore=_LEFT_OUT)
    # Azurite, without which a test of the storage's edges would fail for a wrong reason.
    (copy / _PACKAGES).symlink_to(REPOSITORY / _PACKAGES, target_is_directory=True)
    return copy


def _without(guard: Guard, copies: SimpleQueue[Path]) -> int:
    """Return pytest's exit status for the guard's test in a copy without the guard."""
    copy = copies.get()
    module = copy / guard.module
    source = module.read_text(encoding="utf-8")
    try:
        _write(module, guard.mutated(source))
        return _run(copy, [guard.test])
    finally:
        _write(module, source)
        copies.put(copy)


def _write(module: Path, source: str) -> None:
    module.write_text(source, encoding="utf-8")
    # Python compares times in whole seconds and sizes: what was compiled of the text before could pass for this one's.
    Path(cache_from_source(str(module))).unlink(missing_ok=True)


def _run(folder: Path, tests: Sequence[str]) -> int:
    """Return pytest's exit status: 0 passed, 1 failed, anything else broke.

    Source: https://docs.pytest.org/en/stable/reference/exit-codes.html
    """
    options = ["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    finished = subprocess.run(command, cwd=folder, capture_output=True, check=False)  # noqa: S603  fixed words
    return finished.returncode


def _table(results: Sequence[tuple[Guard, int]]) -> Table:
    table = Table("guard", Column("test", overflow="fold"), "without it")
    for guard, status in results:
        table.add_row(guard.name, guard.test_name, _WORDS.get(status, f"BROKEN ({status})"))
    killed = sum(status == _FAILED for _, status in results)
    table.caption = f"{killed} of {len(results)} guards: without each of them its test fails"
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
