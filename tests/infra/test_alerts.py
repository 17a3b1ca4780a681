"""The queries of alerts and workbook against the lines that the code writes, Azure's dialect, and the runbook."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from cli.doctor.checks import selected
from infra.check import INFRA
from tests.infra.alerts import QUERIES, RULE, alert_faults, descriptions, tiles
from tests.infra.snapshot import NAMES, Snapshot

REPOSITORY = INFRA.parent
CHECKER = REPOSITORY.parent / "shared" / "tools" / "kql.cjs"
CODE = {
    str(file.relative_to(REPOSITORY)): file.read_text(encoding="utf-8")
    for folder in ("shared", "ReceiveNotification")
    for file in (REPOSITORY / folder).rglob("*.py")
}
SNAPSHOTS = {name: Snapshot.read(name) for name in NAMES}
# A line, by how it begins, and the folders or files of the code that write keys into it.
LINES = {
    "run ms=": ("shared/app/", "shared/subscriptions/", "shared/gaps/catch_up.py"),
    "post received=": ("shared/receiving/post_log.py",),
    "strangers ": ("shared/receiving/post_log.py",),
}
TEXTS = [
    pytest.param(stem, text, id=f"{stem}-{text.strip()}")
    for stem, query in QUERIES.items()
    for text in re.findall(r'Message !?(?:startswith|has) "([^"]+)"', query)
]
KEYS = [
    pytest.param(line, key, id=f"{stem}-{key}")
    for stem, query in QUERIES.items()
    for line in re.findall(r'Message startswith "([^"]+)"', query)[:1]
    for key in re.findall(r'@" (\w+)=\(', query)
]
# What Azure refuses in a rule, or reads otherwise. Source: .../alerts-create-log-alert-rule#limitations
DIALECT = {
    "a table of the component": r"\b(?:traces|requests|exceptions)\b\s*\n",
    "a number for the result": r"ResultCode\s*[=!]=\s*\d",
    "a time that is no literal": r"\bago\((?!\d+[mhd]\))",
    "what a rule refuses": r"\b(?:bag_unpack|pivot|narrow|search|union|take|AggregatedValue)\b",
    "a column that never arrives": r"\b(?:customDimensions|Properties)\b",
}


def _is_written(line: str, key: str) -> bool:
    """Return whether the code has ``key`` as a name of a count or in the text of ``line``."""
    code = "\n".join(text for file, text in CODE.items() if file.startswith(LINES[line]))
    prefix, _, name = key.partition("_")
    plain = re.search(rf'(?:"{key}"|\b{key}=[%{{\d])', code)
    return bool(plain or (f'prefix="{prefix}_"' in code and f'"{name}"' in code))


@pytest.mark.parametrize(("line", "key"), KEYS)
def test_key_of_a_query_is_one_that_the_code_writes(line: str, key: str) -> None:
    assert _is_written(line, key)


@pytest.mark.parametrize("line", LINES)
def test_key_that_nobody_writes_is_found_out(line: str) -> None:
    assert not _is_written(line, "gaps_nosuch")


@pytest.mark.parametrize(("stem", "text"), TEXTS)
def test_text_of_a_query_is_in_the_code(stem: str, text: str) -> None:
    del stem
    name, is_fact, value = text.partition("=")
    words = [f'"{name}"', f'"{value}"'] if is_fact and value else [text.rstrip(":")]
    assert all(any(word in code for code in CODE.values()) for word in words)


@pytest.mark.parametrize("stem", QUERIES)
def test_query_says_what_it_finds_and_reads_a_line_or_requests(stem: str) -> None:
    comment, table = QUERIES[stem].splitlines()[:2]
    assert comment.startswith("// ")
    assert table in {"AppTraces", "AppRequests"}
    assert table == "AppRequests" or any(each.values[0] == stem for each in TEXTS)


@pytest.mark.parametrize("what", DIALECT)
def test_queries_are_of_the_dialect_of_a_workspace(what: str) -> None:
    bare = {stem: re.sub(r'//.*|"[^"\n]*"', "", query) for stem, query in QUERIES.items()}
    assert not [stem for stem, query in bare.items() if re.search(DIALECT[what], query)]


def test_queries_pass_the_language_service() -> None:
    node = shutil.which("node")
    folders = [REPOSITORY / "sandbox" / "node_modules", *map(Path, os.environ.get("NODE_PATH", "").split(os.pathsep))]
    found = [folder for folder in folders if (folder / "@kusto/language-service-next").exists()]
    if node is None or not CHECKER.exists() or not found:
        pytest.skip("Node.js, the checker beside the repository or @kusto/language-service-next is not there")
    done = subprocess.run(  # noqa: S603  fixed words
        [node, str(CHECKER), *map(str, sorted((INFRA / "queries").glob("*.kql")))],
        env=os.environ | {"NODE_PATH": str(found[0])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_sampling_drops_no_line_that_an_alert_reads() -> None:
    host = json.loads((REPOSITORY / "host.json").read_text(encoding="utf-8"))
    excluded = host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")
    assert {"Trace", "Request"} <= set(excluded)


def test_workbook_has_seven_tiles() -> None:
    assert len(tiles(SNAPSHOTS["default"])) == 7


@pytest.mark.parametrize("name", NAMES)
def test_alert_names_a_check_of_the_doctor_and_a_heading_of_the_runbook(name: str) -> None:
    page = (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    said = descriptions(SNAPSHOTS[name])
    assert said
    for alert, text in said.items():
        command = re.search(r" Run: python -m cli doctor --only ([\w-]+)\. See docs/operations\.md#([\w-]+)$", text)
        assert command, alert
        assert selected([command[1]])
        assert command[2] == f"alert-{alert}"
        assert command[2] in headings


def _with(rule: str, change: Callable[[dict[str, Any]], object]) -> Snapshot:
    resources = deepcopy(SNAPSHOTS["full"].resources)
    for each in resources:
        if (each["type"], each["name"]) == (RULE, rule):
            change(each["properties"])
    return Snapshot(resources=resources)


@pytest.mark.parametrize(
    "changed",
    [
        {"windowSize": "PT7M"},
        {"windowSize": "P7D"},
        {"evaluationFrequency": "PT1H"},
        {"severity": 9},
        {"enabled": False},
        {"autoMitigate": False},
        {"skipQueryValidation": False},
        {"scopes": []},
        {"actions": {"actionGroups": []}},
        {"criteria": {"allOf": [{"query": "", "timeAggregation": "Count", "operator": "LessThan", "threshold": 1}]}},
    ],
    ids=str,
)
def test_another_value_of_a_rule_is_found_out(changed: dict[str, Any]) -> None:
    assert list(alert_faults("full", SNAPSHOTS["full"])) == []
    assert list(alert_faults("full", _with("slow", lambda rule: rule.update(changed))))
