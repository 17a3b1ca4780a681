"""The package that is deployed: its contents, that it is always the same, and that the app runs from it."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from infra.package import FILES, FOLDERS, PACKAGES, REPOSITORY, NotPackaged, build, check_python
from sandbox.host.process import FunctionsHost
from tests.end_to_end.deployed import Deployed, deployed
from tests.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("package")]

# A package without requirements: all of its lines, and the first one without its hashes.
_ISODATE = cast(
    "re.Match[str]",
    re.search(
        r"^(isodate==\S+)[^\n]*\\\n(?: +--hash=\S+[^\n]*\n)+",
        (REPOSITORY / "requirements.txt").read_text(encoding="utf-8"),
        re.MULTILINE,
    ),
)

# Source: https://peps.python.org/pep-0552/ (the second word of a compiled file: 1 is a hash that is not checked)
_UNCHECKED = (1).to_bytes(4, "little")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def app(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("world")) as before:
        before.background.run(before.host.stop())
        host = FunctionsHost(unpacked, before.host.environment, before.world.tls)
        host.environment |= {
            "NOTIFICATION_URL": f"{host.url}/api/ReceiveNotification",
            "PYTHONPATH": str(unpacked / PACKAGES),
        }
        before.world.host = host
        before.background.run(host.start())
        yield before


def test_package_has_the_same_bytes_when_it_is_made_again(tmp_path: Path) -> None:
    """Of the app and one of its packages: to install and compile them all once more takes ten times as long."""
    source = _source(tmp_path / "source", _ISODATE[0])
    first, second = (build(tmp_path / name, source=source) for name in ("first", "second"))
    names = zipfile.ZipFile(first).namelist()
    assert {f"{PACKAGES}/isodate/__init__.py", "shared/errors.py"} <= set(names)
    assert first.read_bytes() == second.read_bytes()


def test_package_has_the_app_and_its_packages_and_nothing_else(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir()} == {*FILES, *FOLDERS, PACKAGES.parts[0]}
    own = {path for name in FOLDERS for path in (unpacked / name).rglob("*") if path.is_file()}
    assert {path.suffix for path in own} == {".py", ".pyc", ".json"}
    assert {path.name for path in own if path.suffix == ".json"} == {"function.json"}


def test_package_has_no_tests_and_nothing_of_the_machine(unpacked: Path, archive: Path) -> None:
    names = zipfile.ZipFile(archive).namelist()
    assert names == sorted(names)
    assert not [
        name for name in names if re.search(r"/tests/|/bin/|/(RECORD|INSTALLER|REQUESTED)$|\.funcignore$", name)
    ]
    places = str(REPOSITORY).encode(), str(archive.parent).encode()
    files = (path for path in unpacked.rglob("*.pyc"))
    assert not [path for path in files if any(place in path.read_bytes() for place in places)]


def test_all_code_of_the_package_is_compiled_and_never_compared(unpacked: Path) -> None:
    compiled = {path: path.read_bytes()[4:8] for path in unpacked.rglob("*.pyc")}
    assert set(compiled.values()) == {_UNCHECKED}
    assert len(compiled) == len(list(unpacked.rglob("*.py")))


def test_both_functions_are_imported_with_nothing_but_the_package(unpacked: Path) -> None:
    lines = "import sys; sys.path[:0] = sys.argv[1:]; import azure_functions_runtime_v1, shared.app.clients"
    functions = "import ReceiveNotification, RenewSubscriptions"
    command = [sys.executable, "-I", "-S", "-c", f"{lines}; {functions}", str(unpacked), str(unpacked / PACKAGES)]
    assert subprocess.run(command, cwd=unpacked, capture_output=True, text=True, check=False).stderr == ""  # noqa: S603


def test_app_from_the_package_answers_publishes_and_runs_the_timer(app: Deployed) -> None:
    handshake = app.session.post(f"{app.url}?validationToken=a%20b%2Bc", timeout=20)
    assert (handshake.status_code, handshake.text) == (200, "a b+c")
    sender = app.sender()
    assert eventually(lambda: app.takes(sender.rich_body()))
    assert app.count() == 1
    assert app.run_timer()


@pytest.mark.parametrize("held", [f" --hash=sha256:{'0' * 64}", ""], ids=["another", "none"])
def test_package_with_another_hash_or_none_is_not_installed(held: str, tmp_path: Path) -> None:
    source = _source(tmp_path / "source", f"{_ISODATE[1]}{held}\n")
    with pytest.raises(NotPackaged, match="isodate"):
        build(tmp_path / "dist", source=source)


def _source(folder: Path, requirements: str) -> Path:
    """Return a copy of the app that requires something else."""
    for name in FOLDERS:
        shutil.copytree(REPOSITORY / name, folder / name)
    for name in FILES:
        shutil.copyfile(REPOSITORY / name, folder / name)
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    return folder


def test_code_for_another_python_is_not_packaged() -> None:
    check_python((3, 13))
    with pytest.raises(NotPackaged, match=r"3\.13 has to compile the package, not 3\.12"):
        check_python((3, 12))
