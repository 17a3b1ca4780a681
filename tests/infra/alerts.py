"""What the alerts and the workbook of a snapshot lack: Azure takes other values than the compiler.

Source: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from infra.check import INFRA
from tests.infra.snapshot import Snapshot

QUERIES = {file.stem: file.read_text(encoding="utf-8") for file in (INFRA / "queries").glob("*.kql")}
RULE = "Microsoft.Insights/scheduledQueryRules"
WORKBOOK = "Microsoft.Insights/workbooks"
METRIC_ALERT = "Microsoft.Insights/metricAlerts"
# Minutes by the name of a span that Azure takes as a frequency or a window.
_MINUTES = {"PT5M": 5, "PT10M": 10, "PT15M": 15, "PT30M": 30, "PT1H": 60, "P1D": 1440}
_MOST_SEVERE, _LEAST_SEVERE = 0, 4


def descriptions(snapshot: Snapshot) -> Mapping[str, str]:
    """Return the description of each alert, by its name."""
    return {
        each["name"]: each["properties"]["description"]
        for kind in (RULE, METRIC_ALERT)
        for each in snapshot.of_type(kind)
    }


def tiles(snapshot: Snapshot) -> list[str]:
    """Return the queries of the workbook."""
    items = json.loads(snapshot.one(WORKBOOK).get("serializedData", '{"items": []}'))["items"]
    return [item["content"]["query"] for item in items if "query" in item["content"]]


def rule_identities(snapshot: Snapshot) -> set[str]:
    """Return the ids of the identities that the rules have."""
    return {each for rule in snapshot.of_type(RULE) for each in rule["identity"]["userAssignedIdentities"]}


def alert_faults(name: str, snapshot: Snapshot) -> Iterator[str]:
    rules = {each["name"]: each["properties"] for each in snapshot.of_type(RULE)}
    wanted = {stem: text for stem, text in QUERIES.items() if not stem.startswith("tile-")}
    if {stem: rule["criteria"]["allOf"][0]["query"] for stem, rule in rules.items()} != wanted:
        yield "the rules are not those of the queries"
    if sorted(tiles(snapshot)) != sorted(text for stem, text in QUERIES.items() if stem.startswith("tile-")):
        yield "the tiles are not those of the queries"
    if len(rule_identities(snapshot)) != 1:
        yield "the rules have not one identity"
    if len(snapshot.of_type(METRIC_ALERT)) != 1:
        yield "nobody is told that the public URL does not answer"
    groups = [each["id"] for each in snapshot.of_type("Microsoft.Insights/actionGroups")]
    if len(groups) != (name == "full"):
        yield "who is told is not what the parameter says"
    workspaces = [each["id"] for each in snapshot.of_type("Microsoft.OperationalInsights/workspaces")]
    for stem, rule in rules.items():
        if rule["scopes"] != workspaces or rule["actions"]["actionGroups"] != groups:
            yield f"{stem} does not look at the workspace, or tells nobody"
        yield from (f"{stem}: {fault}" for fault in _values(stem, rule))


def _values(stem: str, rule: Mapping[str, Any]) -> Iterator[str]:
    every, window = (_MINUTES.get(rule[key], 0) for key in ("evaluationFrequency", "windowSize"))
    if not 0 < every <= window:
        yield "Azure does not take its frequency or window"
    if not _MOST_SEVERE <= rule["severity"] <= _LEAST_SEVERE:
        yield "Azure does not take its severity"
    if not (rule["enabled"] and rule["autoMitigate"] and rule["skipQueryValidation"]):
        yield "it is off, fires again and again, or needs tables that are not there yet"
    [criterion] = rule["criteria"]["allOf"]
    fires_at = (criterion["timeAggregation"], criterion["operator"], criterion["threshold"])
    if fires_at != (("Count", "LessThan", 1) if stem == "timer-silent" else ("Count", "GreaterThan", 0)):
        yield "it does not fire at its rows"
