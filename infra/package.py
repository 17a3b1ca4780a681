"""``python -m infra.package [FOLDER]``: the app with its packages, as a tree and as a zip; nothing is built in Azure.

The tree is an allow-list: what is not named here is not deployed. Packages are wheels for Azure's machines, held to the
hashes of requirements.txt. The zip has the same bytes each time: names are sorted, times are fixed, and compiled code
goes by no time. It is in the package because Azure mounts that read-only, and would compile again at each start.

Sources: https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to (layout of the package) and
https://docs.python.org/3/library/compileall.html#cmdoption-compileall-invalidation-mode
"""

import compileall
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from py_compile import PycInvalidationMode

REPOSITORY = Path(__file__).parents[1]
PACKAGES = Path(".python_packages/lib/site-packages")
PYTHON = (3, 13)

FILES = ("host.json", "requirements.txt", "subscriptions.json")
FOLDERS = ("ReceiveNotification", "RenewSubscriptions", "shared")
_OF_A_FOLDER = ("*.py", "function.json")
# Azure's image has glibc 2.36: it loads wheels for an older one.
_PLATFORM = "x86_64-manylinux_2_28"
# Of packages: scripts and records that name the machine which installed them, and tests.
_LEFT_OUT = ("bin", "tests", "*/tests", "*.dist-info/INSTALLER", "*.dist-info/RECORD", "*.dist-info/REQUESTED")
# azd would read a parent's: an empty one says that everything belongs to the package.
_IGNORE_FILE = ".funcignore"
# The first year of a zip.
_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX, _MODE = 3, 0o100644 << 16


class NotPackaged(Exception):
    """There is no package; the message says why, and what to do."""


def build(target: Path, *, source: Path = REPOSITORY) -> Path:
    """Make ``target/app`` and ``target/app.zip`` anew, and return the zip.

    Raises:
        NotPackaged: this Python is not the app's, or a wheel with the right hash cannot be had.
    """
    check_python(sys.version_info[:2])
    tree = target / "app"
    shutil.rmtree(tree, ignore_errors=True)
    _copy(source, tree)
    _install(source / "requirements.txt", tree / PACKAGES)
    _compile(tree)
    (tree / _IGNORE_FILE).touch()
    return _zip(tree, target / "app.zip")


def check_python(version: tuple[int, int]) -> None:
    """Raise NotPackaged if code that this version of Python compiles is not for the app's."""
    if version != PYTHON:
        wanted, found = (".".join(map(str, each)) for each in (PYTHON, version))
        raise NotPackaged(f"Python {wanted} has to compile the package, not {found}")


def _copy(source: Path, tree: Path) -> None:
    tree.mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(source / name, tree / name)
    for folder in FOLDERS:
        for file in sorted(each for pattern in _OF_A_FOLDER for each in (source / folder).rglob(pattern)):
            copy = tree / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def _install(requirements: Path, packages: Path) -> None:
    options = ["--python-version", ".".join(map(str, PYTHON)), "--python-platform", _PLATFORM, "--link-mode", "copy"]
    only = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile-bytecode"]
    command = [*_uv(), "pip", "install", "--quiet", "--target", str(packages), *options, *only, "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  fixed words
    if done.returncode:
        raise NotPackaged(f"uv does not install requirements.txt: {done.stderr.strip()}")
    for pattern in _LEFT_OUT:
        for found in list(packages.glob(pattern)):
            shutil.rmtree(found) if found.is_dir() else found.unlink()
    (packages / ".lock").unlink(missing_ok=True)


def _uv() -> Sequence[str]:
    if importlib.util.find_spec("uv") is None:
        raise NotPackaged("uv is not installed: run `make package`, which installs it")
    return [sys.executable, "-m", "uv"]


def _compile(tree: Path) -> None:
    # Unchecked: the source cannot change beside it, and its time is no part of the package.
    if not compileall.compile_dir(
        tree,
        quiet=1,
        force=True,
        stripdir=str(tree),
        prependdir=".",
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    ):
        raise NotPackaged("some of the code does not compile: the lines before say which")


def contents(tree: Path) -> Iterator[Path]:
    """Yield the files of a tree that belong to its zip, sorted by name."""
    files = (each for each in tree.rglob("*") if each.is_file() and each.name != _IGNORE_FILE)
    yield from sorted(files, key=lambda file: file.relative_to(tree).as_posix())


def _zip(tree: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as zipped:
        for file in contents(tree):
            info = zipfile.ZipInfo(file.relative_to(tree).as_posix(), _TIME)
            info.create_system, info.external_attr = _UNIX, _MODE
            info.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(info, file.read_bytes(), compresslevel=9)
    return archive


def main(arguments: Sequence[str]) -> int:
    """Make the package in the folder that is named, or in ``dist``; return the exit status."""
    target = Path(arguments[0]) if arguments else REPOSITORY / "dist"
    try:
        archive = build(target)
    except NotPackaged as problem:
        print(problem, file=sys.stderr)
        return 1
    files = list(contents(target / "app"))
    size = sum(file.stat().st_size for file in files)
    print(f"{archive}: {archive.stat().st_size / 1e6:.1f} MB, {len(files)} files of {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
