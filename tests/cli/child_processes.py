"""The commands as child processes with a settings file, beside the services on loopback."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.fakes.user_logins import Login

REPOSITORY = Path(__file__).parents[2]
_PATIENCE_SECONDS = 30


def values(login: Login, **changes: str) -> dict[str, str]:
    """Return the settings of an app in the tenant of a login, including trust and managed identity."""
    outside = login.outside
    return (
        outside.environment()
        | {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "TENANT_IDS": login.tenant_id,
            "CLIENT_ID": login.application.client_id,
            "CLIENT_STATE_KEY": "x" * 32,
            "NOTIFICATION_URL": "https://app.example/api/ReceiveNotification",
            "LOGIN_URL": outside.login.url,
            "KEY_VAULT_URL": outside.vault_service.url,
        }
        | changes
    )


def write_settings(file: Path, settings: dict[str, str]) -> Path:
    file.write_text(json.dumps({"IsEncrypted": False, "Values": settings}), encoding="utf-8")
    return file


def start(*arguments: str, folder: Path, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a command in a folder; of this process's environment it gets only what finds Python and the code."""
    return subprocess.Popen(  # noqa: S603  this interpreter, with fixed words
        [sys.executable, "-m", "cli", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"} | (environment or {}),
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
