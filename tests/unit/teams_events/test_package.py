"""The package that consumers install: built from its folder alone, and of use where nothing else is installed."""

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parents[3] / "teams_events"
MESSAGE = (
    '{"specversion": "1.0", "id": "1", "type": "Microsoft.Graph.Later", "source": "s", "subject": "s",'
    ' "time": "2026-11-21T09:30:00Z", "data": {}}'
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("setuptools", reason="setuptools is not installed, so no package can be built")
    folder = tmp_path_factory.mktemp("wheel")
    # Setuptools writes beside the sources.
    shutil.copytree(PACKAGE, folder / "sources", ignore=shutil.ignore_patterns("__pycache__"))
    # What pip asks of it: https://peps.python.org/pep-0517/
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", build, str(folder)]
    subprocess.run(command, cwd=folder / "sources", check=True, capture_output=True)  # noqa: S603  fixed words
    (built,) = folder.glob("*.whl")
    return built


def test_package_has_its_types_and_schemas_and_no_generator(wheel: Path) -> None:
    names = {name.removeprefix("teams_events/") for name in ZipFile(wheel).namelist()}
    assert names >= {"py.typed", "events.d.ts", "schemas/chatMessage.json", "parsing.py", "azure_blobs.py"}
    assert not [name for name in names if name.startswith("generate")]


def test_package_parses_where_nothing_else_is_installed(wheel: Path, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.path[:0] = [{str(wheel)!r}]; import teams_events; print(teams_events.parse(sys.argv[1]))"
    )
    # -I and -S: neither this folder nor what is installed is found.
    command = [sys.executable, "-I", "-S", "-c", program, MESSAGE]
    printed = subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, text=True)  # noqa: S603  fixed words
    assert printed.stdout.startswith("OtherEvent(id='1', type='Microsoft.Graph.Later'")
