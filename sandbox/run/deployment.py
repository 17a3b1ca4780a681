"""What a deployment of the app contains: a copy without what ``.funcignore`` leaves out.

The sandbox runs such a copy, so that a file which is missing in Azure is missing here too.

Source: https://learn.microsoft.com/azure/azure-functions/functions-core-tools-reference#func-azure-functionapp-publish
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

REPOSITORY = Path(__file__).parents[2]
_COMPILED = "__pycache__"


def stage(target: Path, subscriptions: Sequence[Mapping[str, Any]] | None, *, source: Path = REPOSITORY) -> Path:
    """Return ``target`` with the app in it; ``subscriptions`` take the place of those in ``subscriptions.json``."""
    ignored = GitIgnoreSpec.from_lines((source / ".funcignore").read_text(encoding="utf-8").splitlines())

    def leave_out(folder: str, names: list[str]) -> set[str]:
        relative = Path(folder).relative_to(source)
        left_out = {name for name in names if ignored.match_file(_as_pattern(relative / name, source))}
        # A package is made of sources alone.
        return left_out | {_COMPILED}.intersection(names)

    shutil.copytree(source, target, ignore=leave_out)
    if subscriptions is not None:
        document = json.dumps({"subscriptions": list(subscriptions)}, indent=2)
        (target / "subscriptions.json").write_text(document, encoding="utf-8")
    return target


def _as_pattern(path: Path, source: Path) -> str:
    return f"{path.as_posix()}/" if (source / path).is_dir() else path.as_posix()
