"""``make vulnerabilities``: every file of pinned packages is looked up, by a tool that is pinned, where CI runs."""

import re
import shutil
import subprocess
from pathlib import Path

import yaml

from tests.documented import dry_run

REPOSITORY = Path(__file__).parents[2]
TOOL = "infra/audit-requirements.txt"


def _command() -> list[str]:
    """Return the words of the last line that make would run."""
    return dry_run("vulnerabilities").stdout.splitlines()[-1].split()


def test_every_file_of_pinned_packages_is_looked_up() -> None:
    program, *options = _command()
    listed = subprocess.run(  # noqa: S603  fixed words
        [shutil.which("git") or "git", "ls-files", "--cached", "--others", "--exclude-standard", "*requirements*.txt"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    assert program == ".venv/audit/bin/pip-audit"
    # Those of the examples say what a consumer's own project may ask for, and pin nothing.
    pinned = {name for name in listed.stdout.split() if "--hash=" in (REPOSITORY / name).read_text(encoding="utf-8")}
    assert len(pinned) > 3
    assert {options[place + 1] for place, word in enumerate(options) if word == "-r"} == pinned
    assert {"--strict", "--disable-pip", "--require-hashes"} <= set(options)


def test_tool_is_pinned_with_all_that_it_needs() -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (REPOSITORY / TOOL).read_text(encoding="utf-8"))[1:]
    assert any(entry.startswith("pip-audit==") for entry in entries)
    assert not [entry for entry in entries if not re.search(r"==.*--hash=sha256:[0-9a-f]{64}", entry, re.DOTALL)]


def test_workflow_looks_them_up() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["vulnerabilities"]
    assert job["steps"][-1] == {"run": "make vulnerabilities PYTHON=python"}
    assert job["permissions"] == {"contents": "read"}
