"""mypy on a consumer: to read data that may be in a blob is an error, until the code has asked where they are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[3]
CONSUMER = """
from teams_events import ChatMessageCreated, DataReference, TeamDeleted, open_data, parse


def text(message: bytes, blobs: dict[str, bytes]) -> str | None:
    match parse(message):
        case ChatMessageCreated() as event:
            {statement}
        case _:
            return None
"""
STATEMENTS: dict[str, tuple[str, str | None]] = {
    "opened": ('return open_data(event, blobs.__getitem__).get("content", {})["id"]', None),
    "asked": ('return None if isinstance(event.data, DataReference) else event.data["tenantId"]', None),
    "unchecked": ('return event.data["tenantId"]', "index"),
    "name-that-no-change-has": ('return str(open_data(event, blobs.__getitem__)["contents"])', "typeddict-item"),
    "property-that-graph-has-not": (
        'return str(open_data(event, blobs.__getitem__).get("content", {})["text"])',
        "typeddict-item",
    ),
    "type-that-is-not-of-the-event": ('return str(event.type == "Microsoft.Graph.TeamDeleted")', "comparison-overlap"),
}


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the codes of what mypy says of each statement; one run of it has them all."""
    folder = tmp_path_factory.mktemp("consumers")
    for name, (statement, _) in STATEMENTS.items():
        (folder / f"{name.replace('-', '_')}.py").write_text(CONSUMER.format(statement=statement), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(folder / "cache")]
    files = sorted(map(str, folder.glob("*.py")))
    environment = {"MYPYPATH": str(REPOSITORY)}
    printed = subprocess.run([*command, *files], capture_output=True, text=True, env=environment, check=False)  # noqa: S603  fixed words
    assert printed.returncode in {0, 1}, printed.stderr
    found: dict[str, list[str]] = {name: [] for name in STATEMENTS}
    for file, code in re.findall(r"(\w+)\.py:\d+: error: .*\[([\w-]+)\]$", printed.stdout, re.MULTILINE):
        found[file.replace("_", "-")].append(code)
    return found


@pytest.mark.parametrize("name", STATEMENTS)
def test_data_are_typed_and_not_read_before_they_are_there(name: str, errors: dict[str, list[str]]) -> None:
    code = STATEMENTS[name][1]
    assert errors[name] == ([] if code is None else [code])
