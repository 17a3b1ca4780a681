"""A new ``local.settings.json``: which only its owner can read, and which git does not track.

Source: https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from shared.errors import Misconfigured

_OWNER_ONLY = 0o600
_PATIENCE_SECONDS = 30
# Of git check-ignore: a path is not ignored, which a tracked one never is.
_NOT_IGNORED = 1


def check_new(file: Path, *, force: bool) -> None:
    """Refuse to replace a file, unless ``force`` says so.

    Raises:
        Misconfigured: the file exists.
    """
    if file.exists() and not force:
        raise Misconfigured(f"{file} exists: use --force to replace it, or name another file")


def check_untracked(file: Path) -> None:
    """Refuse a place for secrets from which the next commit would take them.

    Raises:
        Misconfigured: the file is in a git repository that does not ignore it.
    """
    git = shutil.which("git")
    if git is None:
        return
    try:
        done = subprocess.run(  # noqa: S603  fixed words, and a path that follows "--"
            [git, "check-ignore", "--quiet", "--", file.name],
            cwd=file.parent,
            capture_output=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if done.returncode == _NOT_IGNORED:
        raise Misconfigured(
            f"git does not ignore {file}: add it to .gitignore first, or a commit would hold its secrets"
        )


def write_settings(file: Path, values: Mapping[str, str]) -> None:
    """Write a settings file that only its owner can read.

    Raises:
        Misconfigured: the file cannot be written.
    """
    document = {"IsEncrypted": False, "Values": dict(sorted(values.items()))}
    try:
        # Beside it first: a file that was there before may be readable by others.
        new = file.with_name(f"{file.name}.new")
        new.unlink(missing_ok=True)
        new.touch(mode=_OWNER_ONLY, exist_ok=False)
        new.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        new.replace(file)
    except OSError as exc:
        raise Misconfigured(f"{file} cannot be written: {exc.strerror}") from exc
