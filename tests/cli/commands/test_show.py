"""``python -m cli subscriptions show``, the order of ``--json``, and ``--version``."""

import tomllib
from pathlib import Path

import pytest

from cli.json_documents import ListDocument
from sandbox.serving import Fault
from tests.cli.operator import CHATS, TEAMS, Operator, invoke, matches

pytestmark = pytest.mark.slow


def test_show_has_graphs_id_and_nothing_of_other_paths(operator: Operator) -> None:
    operator.watch(CHATS, TEAMS)
    shown = operator.run("subscriptions", "show", "chats/getAllMessages")
    by_resource = {each.resource: each for each in operator.world.subscriptions()}
    assert (shown.exit_code, shown.stderr) == (0, "")
    lines = dict(line.strip().split(maxsplit=1) for line in shown.stdout.splitlines())
    assert lines["subscriptionId"] == by_resource["/chats/getAllMessages"].id
    assert (lines["state"], lines["includeResourceData"]) == ("active", "true")
    assert "failure.error" not in lines
    assert "/teams" not in shown.stdout
    document = matches(ListDocument, operator.run("subscriptions", "show", "/teams", "--json").stdout)
    assert [each["resource"] for each in document["subscriptions"]] == ["/teams"]


def test_show_has_the_words_of_a_failure(operator: Operator) -> None:
    operator.world.graph_service.faults.add(Fault(path="/subscriptions", method="POST", status=403))
    operator.watch(TEAMS)
    shown = operator.run("subscriptions", "show", "/teams").stdout
    assert "failure.error" in shown
    assert "403" in shown


def test_show_of_a_path_that_is_not_watched_exits_1(operator: Operator) -> None:
    operator.watch(TEAMS)
    shown = operator.run("subscriptions", "show", "/chats")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert shown.stderr == "No subscription watches /chats.\n"


def test_list_for_scripts_is_in_the_order_of_the_resources(operator: Operator) -> None:
    operator.watch(TEAMS, CHATS, {"resource": "/chats", "changeType": "created"})
    document = matches(ListDocument, operator.run("subscriptions", "list", "--json").stdout)
    assert [each["resource"] for each in document["subscriptions"]] == ["/chats", "/chats/getAllMessages", "/teams"]


def test_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert invoke("--version").stdout == f"{project['version']}\n"
