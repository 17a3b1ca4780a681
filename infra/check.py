"""``python -m infra.check``: the template builds without a word, is formatted, and is what its snapshots show.

``bicep build`` lints as well, and ends with 0 although it warns: every line that it writes counts. A diagnostic that is
wrong here is suppressed beside its line in the template, with the reason. ``--write`` formats, and makes new snapshots.

Source: https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-cli
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

INFRA = Path(__file__).parent
# Where a compiler may lie beside the repository.
_BESIDE = INFRA.parents[1] / "shared" / "tools" / "bicep"
_SNAPSHOTS = INFRA / "snapshots"
# Of nobody: they make the names in the snapshots.
_SUBSCRIPTION = "33333333-3333-4333-8333-333333333333"
_TENANT = "11111111-1111-4111-8111-111111111111"
_REGION = "westeurope"
# What main.bicepparam requires of azd.
_ENVIRONMENT = {"AZURE_ENV_NAME": "teams", "AZURE_LOCATION": _REGION, "TENANT_IDS": _TENANT}


def bicep() -> str | None:
    """Return the path of a compiler, or None."""
    return str(_BESIDE) if _BESIDE.exists() else shutil.which("bicep")


def templates(folder: Path = INFRA) -> Sequence[Path]:
    """Return the files that are formatted: templates and parameters."""
    return sorted([*folder.rglob("*.bicep"), *folder.rglob("*.bicepparam")])


def faults(program: str, folder: Path = INFRA) -> Iterator[str]:
    """Yield what is wrong with the template in ``folder``, a line each."""
    yield from _said(program, "build", str(folder / "main.bicep"), "--stdout")
    yield from _said(program, "build-params", str(folder / "main.bicepparam"), "--stdout")
    with tempfile.TemporaryDirectory(prefix="bicep-") as copied:
        copy = shutil.copytree(folder, Path(copied) / "infra", ignore=shutil.ignore_patterns("*.json", "*.py"))
        _format(program, copy)
        for file in templates(folder):
            name = file.relative_to(folder)
            if (copy / name).read_bytes() != file.read_bytes():
                yield f"{name} is not formatted: make infra ARGS=--write"
    for file in _parameters(folder):
        if _snapshot(program, file, "validate").returncode:
            yield f"{file.relative_to(folder)} leads to another snapshot: make infra ARGS=--write, and read the diff"


def write(program: str, folder: Path = INFRA) -> None:
    """Format the files and make the snapshots anew."""
    _format(program, folder)
    for file in _parameters(folder):
        _snapshot(program, file, "overwrite")


def _parameters(folder: Path) -> Sequence[Path]:
    return sorted((folder / "snapshots").glob("*.bicepparam"))


def _format(program: str, folder: Path) -> None:
    for ending in ("bicep", "bicepparam"):
        _run(program, "format", "--pattern", f"{folder}/**/*.{ending}")


def _said(program: str, *arguments: str) -> Iterator[str]:
    done = _run(program, *arguments)
    yield from (line for line in done.stderr.splitlines() if line.strip())
    if done.returncode and not done.stderr.strip():
        yield f"bicep {arguments[0]} ends with {done.returncode}"


def _snapshot(program: str, file: Path, mode: str) -> subprocess.CompletedProcess[str]:
    # Without a resource group: with one, it crashes for a template of a subscription.
    place = ["--subscription-id", _SUBSCRIPTION, "--tenant-id", _TENANT, "--location", _REGION]
    return _run(program, "snapshot", str(file), "--mode", mode, *place)


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | _ENVIRONMENT
    return subprocess.run(  # noqa: S603  fixed words
        [program, *arguments], capture_output=True, text=True, encoding="utf-8", check=False, env=environment
    )


def main(arguments: Sequence[str]) -> int:
    """Print what is wrong, and return the exit status."""
    program = bicep()
    if program is None:
        print("skipped: there is no bicep, https://learn.microsoft.com/azure/azure-resource-manager/bicep/install")
        return 0
    if "--write" in arguments:
        write(program)
    wrong = list(faults(program))
    print("\n".join(wrong) or f"{len(templates())} files build, are formatted, and lead to their snapshots")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
