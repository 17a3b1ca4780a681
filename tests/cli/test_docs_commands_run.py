"""The runnable lines of ``python -m cli`` in README and docs, run as they stand beside a running app."""

import re
import shlex
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from shared.receiving.post_store import PARKED, QUARANTINE, StoredPost
from tests.cli.operator import CHATS, TEAMS, Operator
from tests.documented import Line, runnable_lines
from tests.fakes.time_limits import in_time
from tests.sender import basic_item, body

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PROGRAM = re.compile(r"(?:\.venv/bin/)?python -m cli (?:--settings \S+ )?(.*)")
# It waits for the timer, which tests/cli/commands/test_audit.py plays; tests/test_docs_commands.py parses it.
WAITS = "audit run"
USAGE = 2


def _commands() -> list[Line]:
    lines = {line.command: line for line in runnable_lines() if PROGRAM.fullmatch(line.command)}
    return [line for command, line in lines.items() if WAITS not in command]


def _stored(operator: Operator, container: str) -> str:
    name, tenant_id = f"{uuid4().hex}.json", operator.world.tenant_id
    now, reason = datetime.now(UTC), "certificate-unknown"
    post = StoredPost(name=name, tenant_id=tenant_id, reason=reason, received_at=now, fetch=None)
    store = operator.world.app.clients.post_store(container)
    store.store([(post, body(basic_item(tenantId=tenant_id)))], in_time())
    return name


def test_runnable_commands_of_the_pages_run_as_they_stand(operator: Operator) -> None:
    operator.watch(CHATS, TEAMS)
    assert len(_commands()) > 10
    for line in _commands():
        found = PROGRAM.fullmatch(line.command)
        assert found is not None
        container = QUARANTINE if "quarantine" in line.command else PARKED
        words = re.sub(r"\[[^\]]*\]", "", found[1])
        given = {"NAME": _stored(operator, container), "ID": operator.world.tenant_id}
        arguments = [given.get(word, word) for word in shlex.split(words)]
        ran = operator.run(*arguments, answers="y\n")
        assert ran.exit_code != USAGE, (str(line), ran.output)
        assert isinstance(ran.exception, SystemExit | None), (str(line), ran.exception)
        assert ran.output, str(line)
