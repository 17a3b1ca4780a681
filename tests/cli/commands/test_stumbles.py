"""What an operator's command says where there is nothing, or nothing of that name: one sentence, and a status."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from sandbox.azurite import Azurite
from tests.cli.operator import TEAMS, Operator
from tests.running_azurite import running_azurite

pytestmark = pytest.mark.slow

EMPTY: dict[str, str] = {
    "subscriptions list --state lapsed": ": 0 subscriptions, last checked ",
    "events tail --once": "The queue is empty.\n",
    "events tail --follow --once": "The queue is empty.\n",
    "events tail --once --type ChatCreated --since 2026-11-28": "The queue is empty.\n",
    "events poison list": "The poison queue is empty.\n",
    "events poison retry": "The poison queue is empty.\n",
    "parked list": "Nothing is parked.\n",
    "quarantine list": "Nothing is in quarantine.\n",
    "gaps list": "No gaps.\n",
    "audit": "No audits yet.\n",
}
WRONG: dict[str, tuple[int, str]] = {
    "subscriptions show /chats": (1, "No subscription watches /chats.\n"),
    "parked retry nothing": (1, "no stored POST is named nothing: the names are in the list\n"),
    "quarantine show nothing": (1, "no stored POST is named nothing: the names are in the list\n"),
    "quarantine retry nothing": (1, "no stored POST is named nothing: the names are in the list\n"),
}


@pytest.fixture(scope="module")
def azurite() -> Iterator[Azurite]:
    """An account that no other test has stored a POST in."""
    with running_azurite() as azurite:
        yield azurite


def test_command_with_nothing_to_show_says_so(operator: Operator) -> None:
    operator.watch(TEAMS)
    operator.world.app.environ["EVENT_SINK"] = f"queue:none-{uuid4().hex}"
    said = {command: operator.run(*command.split()) for command in EMPTY}
    assert {command: ran.exit_code for command, ran in said.items() if ran.exit_code} == {}
    assert [command for command, ran in said.items() if EMPTY[command] not in ran.stdout] == []


def test_command_with_a_wrong_name_says_which(operator: Operator) -> None:
    operator.watch(TEAMS)
    said = {command: operator.run(*command.split()) for command in WRONG}
    assert {command: (ran.exit_code, ran.stderr) for command, ran in said.items()} == WRONG
