"""The commands as child processes with a settings file, beside the services on loopback."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_PATIENCE_SECONDS = 30


def write_settings(file: Path, settings: dict[str, str]) -> Path:
    file.write_text(json.dumps({"IsEncrypted": False, "Values": settings}), encoding="utf-8")
    return file


def start(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Start a command in a folder; of this process's environment it gets only what finds Python and the code."""
    return subprocess.Popen(  # noqa: S603  this interpreter, with fixed words
        [sys.executable, "-m", "cli", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(command: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a command, and return its result."""
    try:
        output, errors = command.communicate(timeout=_PATIENCE_SECONDS)
    finally:
        command.kill()
    return subprocess.CompletedProcess(command.args, command.returncode, output, errors)
